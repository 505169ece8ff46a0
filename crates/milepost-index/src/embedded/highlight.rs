//! The part of a text that shows why it was found. Enters: a text, what was looked for.
//! Leaves: HTML, in which nothing of the text is markup. It never cuts a word, but for
//! one that is longer than the whole part.

use super::keyword::Plan;
use crate::words::{Kind, Word, parts, words};

/// About how long the part is, in characters.
const LENGTH: usize = 300;
/// What is shown before the first word that was looked for.
const BEFORE: usize = 60;
/// Of a longer text, only the beginning is looked at, in bytes.
const LONGEST: usize = 256 * 1024;

/// The best part of `text`, with `<mark>` around what `plan` looks for; its beginning,
/// where nothing of that is in it.
pub(super) fn highlight(text: &str, plan: &Plan) -> String {
    let text = &text[..text.floor_char_boundary(LONGEST)];
    let marks = marks(text, plan);
    let range = best_part(text, &marks);
    render(text, range, &marks)
}

/// A stretch of the text that was looked for, in bytes.
struct Mark {
    start: usize,
    end: usize,
    form: String,
}

fn marks(text: &str, plan: &Plan) -> Vec<Mark> {
    let wanted = |word: &Word| {
        plan.wants(word)
            || (word.kind == Kind::Whole
                && parts(&text[word.start..word.end]).iter().any(|part| plan.wants_part(part)))
    };
    let mut marks: Vec<Mark> = Vec::new();
    for word in words(text).into_iter().filter(wanted) {
        marks.push(Mark { start: word.start, end: word.end, form: word.form });
    }
    marks
}

/// The stretch with the most different words; of equals, the one with the most, then the
/// first.
fn best_part(text: &str, marks: &[Mark]) -> (usize, usize) {
    // Bytes stand for characters where there are only marks to compare.
    let length = LENGTH * text.len() / text.chars().count().max(1);
    let (mut best, mut best_count) = (0, (0, 0));
    let mut last = 0;
    for first in 0..marks.len() {
        last = last.max(first);
        while last + 1 < marks.len() && marks[last + 1].end <= marks[first].start + length {
            last += 1;
        }
        let within = &marks[first..=last];
        // Long rows of one word need not be counted to the end.
        let within = &within[..within.len().min(100)];
        let mut forms: Vec<&str> = within.iter().map(|mark| mark.form.as_str()).collect();
        let count = forms.len();
        forms.sort_unstable();
        forms.dedup();
        if (forms.len(), count) > best_count {
            (best, best_count) = (first, (forms.len(), count));
        }
    }
    let wanted = marks.get(best).map_or(0, |mark| mark.start);
    let start = back(text, wanted, BEFORE);
    let end = forward(text, start, LENGTH);
    // At the end of the text there may be room before.
    let start = if end == text.len() { back(text, end, LENGTH).min(start) } else { start };
    (start, end)
}

/// The beginning of a word at most `characters` before `from`; a little more where the
/// text begins there.
fn back(text: &str, from: usize, characters: usize) -> usize {
    let Some((earliest, _)) = text[..from].char_indices().rev().nth(characters) else { return 0 };
    let before = &text[earliest..from];
    match before.find(char::is_whitespace) {
        Some(space) => {
            let rest = &before[space..];
            earliest + space + (rest.len() - rest.trim_start().len())
        }
        None => earliest,
    }
}

/// The end of a word at most `characters` behind `from`.
fn forward(text: &str, from: usize, characters: usize) -> usize {
    let Some((latest, _)) = text[from..].char_indices().nth(characters) else { return text.len() };
    let part = &text[from..from + latest];
    let end = part.rfind(char::is_whitespace).map_or(part.len(), |space| {
        // A script without spaces has one only by chance.
        if space > part.len() / 2 { space } else { part.len() }
    });
    from + part[..end].trim_end().len()
}

fn render(text: &str, (start, end): (usize, usize), marks: &[Mark]) -> String {
    let mut html = String::with_capacity(end - start + 64);
    if start > 0 {
        html.push_str("… ");
    }
    let mut at = start;
    let mut within = marks.iter().filter(|mark| mark.start >= start && mark.end <= end).peekable();
    while let Some(mark) = within.next() {
        let mut until = mark.end;
        // Pairs of letters overlap.
        while let Some(next) = within.next_if(|next| next.start < until) {
            until = until.max(next.end);
        }
        escape(&text[at..mark.start], &mut html);
        html.push_str("<mark>");
        escape(&text[mark.start..until], &mut html);
        html.push_str("</mark>");
        at = until;
    }
    escape(&text[at..end], &mut html);
    if end < text.len() {
        html.push_str(" …");
    }
    html
}

fn escape(text: &str, html: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, query: &str) -> String {
        highlight(text, &Plan::of(query))
    }

    #[test]
    fn marks_words_in_all_their_forms() {
        assert_eq!(
            of("Two Cafés, connected & <b>bold</b>", "connection café"),
            "Two <mark>Cafés</mark>, <mark>connected</mark> &amp; &lt;b&gt;bold&lt;/b&gt;"
        );
        assert_eq!(of("call HTTP2Server now", "server"), "call <mark>HTTP2Server</mark> now");
    }

    #[test]
    fn marks_scripts_without_spaces_as_one() {
        assert_eq!(of("私は東京都に住む", "東京都"), "私は<mark>東京都</mark>に住む");
        assert_eq!(of("住む都", "都"), "住む<mark>都</mark>");
    }

    #[test]
    fn shows_where_most_of_the_words_are() {
        let filler = "lorem ipsum dolor ".repeat(60);
        let text = format!("whale {filler} the white whale swims {filler}");
        let shown = of(&text, "white whale");
        assert!(shown.contains("<mark>white</mark> <mark>whale</mark>"), "{shown}");
        assert!(shown.starts_with("… ") && shown.ends_with(" …"), "{shown}");
        assert!(shown.chars().count() < LENGTH + 60, "{shown}");
    }

    #[test]
    fn shows_the_beginning_where_nothing_matches() {
        let text = "word ".repeat(200);
        let shown = of(&text, "nothing");
        assert!(shown.starts_with("word word") && shown.ends_with("word …"), "{shown}");
        assert_eq!(of("", "nothing"), "");
        assert_eq!(of(&"x".repeat(5000), "nothing").chars().count(), LENGTH + 2);
    }

    proptest::proptest! {
        #[test]
        fn any_text_stays_text(text in "\\PC{0,600}", query in "\\PC{0,40}") {
            let shown = of(&text, &query);
            let plain = shown.replace("<mark>", "").replace("</mark>", "");
            assert!(!plain.contains(['<', '>']), "{shown}");
        }
    }
}
