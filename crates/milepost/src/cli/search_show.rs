//! Hits for people. Enters: hits, with their texts from any document. Leaves: lines
//! that fit the terminal, the words that were looked for in bold. Never: a character
//! of a document that could control the terminal.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use console::measure_text_width;
use serde::Deserialize;

use super::text::clean;

const INDENT: &str = "   ";
/// Lines of text of one hit on a terminal.
const MAX_LINES: usize = 6;
/// A text that is wider is hard to read.
const MAX_COLUMNS: usize = 100;

/// A chunk that was found.
#[derive(Debug, Deserialize)]
pub struct Hit {
    #[serde(default)]
    pub collection: String,
    pub score: f64,
    pub text: String,
    /// HTML.
    #[serde(default)]
    pub highlight: Option<String>,
    pub document: Document,
    #[serde(default)]
    pub pages: Option<Pages>,
    #[serde(default)]
    pub headings: Vec<String>,
}

/// Where it is from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Document {
    pub filename: Option<String>,
    pub title: Option<String>,
}

/// On which pages it stands.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Pages {
    pub first: u32,
    pub last: u32,
}

/// How hits look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Whether words can be bold.
    bold: bool,
    /// Where lines end; a program gets each text on one line.
    columns: Option<usize>,
    /// Whether each hit says its collection.
    collections: bool,
}

impl Look {
    /// As stdout can show it.
    pub fn of_stdout(collections: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        // https://no-color.org: set, and not empty.
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let columns = console::Term::stdout().size_checked().map(|(_, columns)| columns.into());
        Self { bold: terminal && !plain, columns: columns.filter(|_| terminal), collections }
    }

    /// The lines of a hit, without the last line end.
    pub fn hit(&self, place: usize, hit: &Hit) -> String {
        let name = hit.document.filename.as_ref().or(hit.document.title.as_ref());
        let name = name.map_or_else(|| "(no name)".to_owned(), |name| clean(name));
        let mut head = vec![self.strong(&name)];
        if self.collections {
            head.insert(0, clean(&hit.collection));
        }
        head.extend(hit.pages.map(|pages| match pages.first == pages.last {
            true => format!("page {}", pages.first),
            false => format!("pages {}-{}", pages.first, pages.last),
        }));
        if !hit.headings.is_empty() {
            let headings: Vec<_> = hit.headings.iter().map(|heading| clean(heading)).collect();
            head.push(headings.join(" > "));
        }
        let mut text = format!("{place}. {}  {}", score(hit.score), head.join("  "));
        for line in self.text(hit) {
            let _ = write!(text, "\n{INDENT}{line}");
        }
        text
    }

    fn text(&self, hit: &Hit) -> Vec<String> {
        let pieces = match &hit.highlight {
            Some(html) => marked(html),
            None => vec![(false, hit.text.clone())],
        };
        let words = self.words(&pieces);
        let Some(columns) = self.columns else { return vec![words.join(" ")] };
        let most = columns.min(MAX_COLUMNS).saturating_sub(INDENT.len()).max(20);
        let mut lines: Vec<String> = Vec::new();
        let mut used = 0;
        for word in words {
            let width = measure_text_width(&word);
            match lines.last_mut() {
                Some(line) if used + 1 + width <= most => {
                    line.push(' ');
                    line.push_str(&word);
                    used += 1 + width;
                }
                _ => {
                    lines.push(console::truncate_str(&word, most, "…").into_owned());
                    used = width.min(most);
                }
            }
        }
        if lines.len() > MAX_LINES {
            lines.truncate(MAX_LINES);
            lines.last_mut().expect("there are some").push('…');
        }
        lines
    }

    /// Words, parts of which may be bold.
    fn words(&self, pieces: &[(bool, String)]) -> Vec<String> {
        let (mut words, mut open) = (Vec::<String>::new(), false);
        for (bold, piece) in pieces {
            let piece = clean(piece);
            let apart = piece.starts_with(char::is_whitespace);
            for (place, part) in piece.split_whitespace().enumerate() {
                let part = if *bold { self.strong(part) } else { part.to_owned() };
                match words.last_mut() {
                    Some(word) if open && place == 0 && !apart => word.push_str(&part),
                    _ => words.push(part),
                }
            }
            if !piece.is_empty() {
                open = !piece.ends_with(char::is_whitespace);
            }
        }
        words
    }

    fn strong(&self, text: &str) -> String {
        if self.bold { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn score(score: f64) -> String {
    match score.abs() {
        10.0.. => format!("{score:.1}"),
        // Of words that stand nearly everywhere.
        0.0..0.0005 if score != 0.0 => format!("{score:.1e}"),
        _ => format!("{score:.3}"),
    }
}

/// The text of a highlight, in pieces of which each is marked or not.
fn marked(html: &str) -> Vec<(bool, String)> {
    let mut pieces = Vec::new();
    for (place, part) in html.split("<mark>").enumerate() {
        let (inside, behind) = match (place, part.split_once("</mark>")) {
            (0, None) => ("", part),
            (_, Some((inside, behind))) => (inside, behind),
            (_, None) => (part, ""),
        };
        pieces.push((true, unescaped(inside)));
        pieces.push((false, unescaped(behind)));
    }
    pieces.retain(|(_, text)| !text.is_empty());
    pieces
}

fn unescaped(html: &str) -> String {
    // The ampersand last, so that nothing is unescaped twice.
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(html.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hit(highlight: &str) -> Hit {
        serde_json::from_value(json!({
            "id": "x", "collection": "papers", "score": 0.03252, "text": "whole",
            "highlight": highlight, "document": {"id": null, "filename": "a\u{1b}[2J.pdf"},
            "pages": {"first": 3, "last": 4}, "headings": ["Results", "Acc\u{9b}uracy"],
        }))
        .unwrap()
    }

    fn plain() -> Look {
        Look { bold: false, columns: None, collections: false }
    }

    #[test]
    fn a_hit_says_where_it_is_from() {
        let look = Look { collections: true, ..plain() };
        assert_eq!(
            look.hit(1, &hit("the <mark>best</mark>\n &lt;b&gt; &amp;lt;")),
            "1. 0.033  papers  a[2J.pdf  pages 3-4  Results > Accuracy\n   the best <b> &lt;"
        );
    }

    #[test]
    fn marks_are_bold_within_words_and_nothing_else_controls_the_terminal() {
        let look = Look { bold: true, ..plain() };
        let shown =
            look.text(&hit("un<mark>bear</mark>able <mark>two words</mark>, \u{1b}[31mred"));
        let bold = |text: &str| format!("\u{1b}[1m{text}\u{1b}[0m");
        let expected =
            [&format!("un{}able", bold("bear")), &bold("two"), &format!("{},", bold("words"))];
        assert_eq!(shown, [format!("{} {} {} [31mred", expected[0], expected[1], expected[2])]);
    }

    #[test]
    fn lines_fit_the_terminal_by_its_columns() {
        let look = Look { bold: true, columns: Some(24), ..plain() };
        let lines = look.text(&hit(&"<mark>論文</mark> text ".repeat(40)));
        assert_eq!(lines.len(), MAX_LINES);
        assert!(lines.iter().all(|line| measure_text_width(line) <= 22), "{lines:?}");
        assert!(lines[5].ends_with('…'));
        let long = look.text(&hit(&"x".repeat(500)));
        assert!(long.len() == 1 && measure_text_width(&long[0]) <= 22);
    }

    #[test]
    fn what_is_not_closed_still_shows() {
        assert_eq!(marked("a <mark>b"), [(false, "a ".to_owned()), (true, "b".to_owned())]);
        assert_eq!(marked("<mark></mark>"), []);
    }
}
