//! Small repairs to a page's Markdown.
//!
//! Enters: Markdown as the PDF reader wrote it. Leaves: the same text with its
//! layout's leftovers gone and nothing in it that Markdown would take for HTML.
//! It never changes a word and leaves fenced code alone.

/// Tidies one page.
pub(super) fn tidy(markdown: &str) -> String {
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
    let line = escape_tags(line);
    if line.starts_with('|') || line.contains('`') {
        return line;
    }
    join_bold(&mend_emphasis(&single_spaces(&line)))
}

/// What a page says is text: `<b>` on it is no markup.
fn escape_tags(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('<') {
        let tag =
            rest[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
        escaped.push_str(&rest[..at]);
        // One that is escaped already stays as it is.
        let bare = escaped.len() - escaped.trim_end_matches('\\').len();
        escaped.push_str(if tag && bare % 2 == 0 { "\\<" } else { "<" });
        rest = &rest[at + 1..];
    }
    escaped.push_str(rest);
    escaped
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
            ("<script>x</script>", "\\<script>x\\</script>"),
            ("\\<b>", "\\<b>"),
            ("`a  b`", "`a  b`"),
        ] {
            assert_eq!(tidy(line), tidied, "{line}");
        }
    }

    #[test]
    fn leaves_code_and_one_blank_line() {
        assert_eq!(tidy("a\n\n\n\nb  \n"), "a\n\nb");
        assert_eq!(tidy("```\na  <b>\n\n\n```\n"), "```\na  <b>\n\n\n```");
    }
}
