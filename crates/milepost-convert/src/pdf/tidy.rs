//! Small repairs to a page's Markdown.
//!
//! Enters: Markdown as the PDF reader wrote it. Leaves: the same text with its
//! layout's leftovers gone and nothing in it that Markdown would take for HTML.
//! It never changes a word and leaves fenced code alone.

/// A bold line longer than this, in characters, is a sentence in bold.
const HEADING_CHARACTERS: usize = 90;

/// Tidies one page.
pub(super) fn tidy(markdown: &str) -> String {
    promote_headings(&tidy_lines(markdown))
}

/// A short bold line that stands alone is a heading whose letters are no larger
/// than the text's. It is put one level below the page's last proper heading.
fn promote_headings(markdown: &str) -> String {
    let lines: Vec<&str> = markdown.lines().collect();
    let is_blank =
        |at: Option<usize>| at.and_then(|at| lines.get(at)).is_none_or(|line| line.is_empty());
    let mut promoted = String::with_capacity(markdown.len());
    let (mut level, mut fenced) = (1, false);
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            promoted.push('\n');
        }
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let hashes = line.bytes().take_while(|&byte| byte == b'#').count();
        if !fenced && (1..=6).contains(&hashes) {
            level = hashes;
        }
        match heading_in_bold(line) {
            Some(title)
                if !fenced
                    && is_blank(at.checked_sub(1))
                    && is_blank(Some(at + 1))
                    && lines.get(at + 2).is_none_or(|next| heading_in_bold(next).is_none()) =>
            {
                promoted.push_str(&"#".repeat((level + 1).min(6)));
                promoted.push(' ');
                promoted.push_str(title);
            }
            _ => promoted.push_str(line),
        }
    }
    promoted
}

fn heading_in_bold(line: &str) -> Option<&str> {
    let title = line.strip_prefix("**")?.strip_suffix("**")?.trim();
    let short = (3..=HEADING_CHARACTERS).contains(&title.chars().count());
    let plain = !title.contains("**") && title.contains(char::is_alphabetic);
    (short && plain && !title.ends_with(['.', ',', ';'])).then_some(title)
}

fn tidy_lines(markdown: &str) -> String {
    let mut tidied = String::with_capacity(markdown.len());
    let mut fenced = false;
    let mut blank = 0;
    for line in markdown.trim_end().trim_start_matches(['\n', '\r']).lines() {
        let line = line.trim_end();
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        blank = if line.is_empty() { blank + 1 } else { 0 };
        if blank > 1 && !fenced {
            continue;
        }
        if !tidied.is_empty() {
            tidied.push('\n');
        }
        if fenced {
            tidied.push_str(line);
        } else {
            tidied.push_str(&tidy_line(line));
        }
    }
    tidied
}

fn tidy_line(line: &str) -> String {
    let line = escape_markup(line);
    if line.starts_with('|') || line.contains('`') {
        return line;
    }
    join_bold(&mend_emphasis(&single_spaces(&line)))
}

/// What a page says is text: neither `<b>` on it nor `&lt;` is markup.
fn escape_markup(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, from) = rest.split_at(at);
        escaped.push_str(before);
        rest = &from[1..];
        let opens_a_tag = rest.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        escaped.push_str(match from.as_bytes()[0] {
            b'<' if opens_a_tag => "&lt;",
            b'<' => "<",
            _ if is_entity(rest) => "&amp;",
            _ => "&",
        });
    }
    escaped.push_str(rest);
    escaped
}

/// `rest`, after an ampersand, makes it a character reference.
fn is_entity(rest: &str) -> bool {
    let name = rest.strip_prefix('#').unwrap_or(rest);
    let length = name.bytes().take_while(u8::is_ascii_alphanumeric).count();
    length > 0 && name[length..].starts_with(';')
}

/// Gaps between words come from the layout; the indent of a list item means
/// something.
fn single_spaces(line: &str) -> String {
    let text = line.trim_start_matches(' ');
    let mut single = line[..line.len() - text.len()].to_owned();
    let mut previous = ' ';
    for c in text.chars() {
        if !(c == ' ' && previous == ' ') {
            single.push(c);
        }
        previous = c;
    }
    single
}

/// `* Title*` would be a list item; it is an emphasis whose space stands on
/// the wrong side.
fn mend_emphasis(line: &str) -> String {
    match line.strip_prefix("* ") {
        Some(rest) if rest.matches('*').count() == 1 && !rest.starts_with('*') => {
            format!("*{rest}")
        }
        _ => line.to_owned(),
    }
}

/// Bold words one by one become one bold phrase: `**a** **b**`.
fn join_bold(line: &str) -> String {
    if !line.contains("** **") || line.contains("***") || line.contains("\\*") {
        return line.to_owned();
    }
    let parts: Vec<&str> = line.split("**").collect();
    let mut joined = parts[0].to_owned();
    let mut index = 1;
    while index < parts.len() {
        // Odd parts are bold. A lone space between two of them joins them.
        let between = index % 2 == 0 && parts[index] == " " && index + 1 < parts.len();
        if between {
            joined.push(' ');
            joined.push_str(parts[index + 1]);
            index += 2;
        } else {
            joined.push_str("**");
            joined.push_str(parts[index]);
            index += 1;
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_what_the_layout_left() {
        for (line, tidied) in [
            ("a  b   c", "a b c"),
            ("  - a  b", "  - a b"),
            ("**a** **b**  **c** d", "**a b c** d"),
            ("x **a** y **b** z", "x **a** y **b** z"),
            ("* Island Studies*, Vol. 6", "*Island Studies*, Vol. 6"),
            ("* an item", "* an item"),
            ("| a  b | c |", "| a  b | c |"),
            ("a < b && c > d", "a < b && c > d"),
            ("<script>x</script>", "&lt;script>x&lt;/script>"),
            ("AT&T &lt; &#60; & b", "AT&T &amp;lt; &amp;#60; & b"),
            ("`a  b`", "`a  b`"),
        ] {
            assert_eq!(tidy(line), tidied, "{line}");
        }
    }

    #[test]
    fn a_short_bold_line_alone_is_a_heading() {
        for (markdown, tidied) in [
            ("# A\n\n**Findings:**\n\ntext", "# A\n\n## Findings:\n\ntext"),
            ("**1.** **Counts**", "## 1. Counts"),
            ("#### A\n\n**b c**", "#### A\n\n##### b c"),
            ("**Findings** and more", "**Findings** and more"),
            ("**It is a sentence.**", "**It is a sentence.**"),
            ("text\n**Findings**", "text\n**Findings**"),
            ("**12**", "**12**"),
            ("```\n\n**b c**\n\n```", "```\n\n**b c**\n\n```"),
        ] {
            assert_eq!(tidy(markdown), tidied);
        }
    }

    #[test]
    fn leaves_code_and_one_blank_line() {
        assert_eq!(tidy("a\n\n\n\nb  \n"), "a\n\nb");
        assert_eq!(tidy("```\na  <b>\n\n\n```\n"), "```\na  <b>\n\n\n```");
    }
}
