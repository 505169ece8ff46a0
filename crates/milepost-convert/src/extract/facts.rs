//! What a document says of itself: its title, its authors, its date.
//!
//! Enters: properties of a document, or its first page. Leaves: the same, clean and
//! short. It never guesses where a document says nothing, and drops what a program
//! said in its author's place.

mod date;
mod front;
mod jats;
mod web;

use docling::DocumentMetadata;
use serde::{Deserialize, Serialize};

use crate::format::Format;
pub(crate) use front::front_matter;

/// The longest title and the longest name, in characters.
const TITLE_CHARACTERS: usize = 300;
const NAME_CHARACTERS: usize = 120;
/// The most authors.
const AUTHORS: usize = 50;

/// What is known of a document as a whole.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    #[serde(default)]
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) authors: Vec<String>,
    /// As ISO 8601, as far as it is known.
    #[serde(default)]
    pub(crate) date: Option<String>,
}

impl Facts {
    /// Those that properties name.
    pub(crate) fn of<'a, 'd>(
        title: Option<&str>,
        authors: impl IntoIterator<Item = &'a str>,
        dates: impl IntoIterator<Item = &'d str>,
    ) -> Self {
        let mut names: Vec<String> = Vec::new();
        for name in authors.into_iter().filter_map(name) {
            if names.len() < AUTHORS && !names.contains(&name) {
                names.push(name);
            }
        }
        Self {
            title: title.and_then(self::title),
            authors: names,
            date: dates.into_iter().find_map(date::normal),
        }
    }

    /// Those that docling finds in an archive.
    pub(crate) fn of_properties(found: &DocumentMetadata) -> Self {
        let authors: Vec<&str> = found.authors.iter().map(String::as_str).collect();
        // `Surveyor, Ada` was one name.
        let single = |name: &&str| !name.contains(' ');
        let dates = [&found.date, &found.created, &found.modified];
        let dates = dates.into_iter().flatten().map(String::as_str);
        if authors.len() == 2 && authors.iter().all(single) {
            let name = authors.join(", ");
            return Self::of(found.title.as_deref(), [name.as_str()], dates);
        }
        Self::of(found.title.as_deref(), authors, dates)
    }

    /// Those of an article in JATS.
    pub(crate) fn of_jats(xml: &str) -> Self {
        jats::facts(xml)
    }

    /// Those of a web page.
    pub(crate) fn of_html(html: &str) -> Self {
        web::facts(html)
    }

    /// The same, with what the beginning of the text tells where nothing is known
    /// yet.
    pub(crate) fn or_from(self, format: Format, markdown: &str) -> Self {
        let found = match format {
            Format::Eml => of_mail(markdown),
            Format::Markdown | Format::Text => front::facts(markdown),
            _ => Self::default(),
        };
        let found = self.or(found);
        let table = matches!(format, Format::Xlsx | Format::Xls | Format::Ods | Format::Csv);
        let heading = || heading(markdown).filter(|_| !table);
        Self { title: found.title.or_else(heading), ..found }
    }

    /// The same, with others where nothing is known yet.
    pub(crate) fn or(self, others: Self) -> Self {
        Self {
            title: self.title.or(others.title),
            authors: if self.authors.is_empty() { others.authors } else { self.authors },
            date: self.date.or(others.date),
        }
    }
}

/// The lines that stand before a mail message's text.
fn of_mail(markdown: &str) -> Facts {
    let line = |name: &str| {
        let lines = markdown.lines().filter(|line| !line.trim().is_empty()).take(4);
        lines.filter_map(|line| line.strip_prefix(name)).map(unescaped).next()
    };
    let from = line("From: ").unwrap_or_default();
    let name = from.split_once('<').map_or(from.as_str(), |(name, _)| name).trim();
    let address = from.trim_matches(['<', '>', ' ']);
    let author = if name.is_empty() { address } else { name };
    Facts::of(None, [author.trim_matches('"')], line("Date: ").as_deref())
}

fn unescaped(text: &str) -> String {
    text.replace('\\', "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The heading of level 1 that a text begins with.
fn heading(markdown: &str) -> Option<String> {
    let body = front_matter(markdown).map_or(markdown, |matter| &markdown[matter.len()..]);
    let mut lines = body
        .lines()
        .map(str::trim)
        .filter(|line| !(line.is_empty() || line.starts_with("<!--") && line.ends_with("-->")));
    let first = lines.next()?.strip_prefix("# ")?;
    let second = lines.next().unwrap_or_default();
    // Two in a row may be one title in two lines.
    if second.starts_with("# ") && first.split_whitespace().count() < 3 {
        return None;
    }
    let marks = |c: char| matches!(c, '*' | '_' | '`' | '#' | ' ');
    title(unescaped(first).trim_matches(marks))
}

/// A title that says something.
fn title(title: &str) -> Option<String> {
    let title = clean(title, TITLE_CHARACTERS);
    let lower = title.to_lowercase();
    // What programs put before a file's name.
    let own = ["microsoft word - ", "microsoft powerpoint - ", "microsoft excel - ", "slide 1"];
    let rest = own.iter().find_map(|tool| lower.strip_prefix(tool)).map(str::len);
    let title = match rest {
        Some(length) => title.get(title.len() - length..).unwrap_or_default(),
        None => &title,
    };
    let endings = [
        "doc", "docx", "odt", "rtf", "pdf", "ppt", "pptx", "xls", "xlsx", "txt", "md", "html",
        "htm",
    ];
    let title = match title.rsplit_once('.') {
        Some((stem, ending)) if endings.contains(&ending.to_ascii_lowercase().as_str()) => stem,
        Some((_, "dvi" | "tex" | "indd" | "qxd" | "pmd" | "cdr" | "fm" | "ps" | "ai")) => {
            return None;
        }
        _ => title,
    };
    let title = title.trim();
    let lower = title.to_lowercase();
    let first = lower.trim_end_matches(|c: char| c.is_ascii_digit() || " -_()".contains(c));
    let first = first.trim_start_matches('(');
    let nothing = matches!(
        first,
        "" | "untitled"
            | "untitled document"
            | "document"
            | "title"
            | "word document"
            | "powerpoint presentation"
            | "presentation"
            | "présentation powerpoint"
            | "powerpoint-präsentation"
            | "new document"
            | "no title"
            | "sans titre"
            | "sans nom"
            | "ohne titel"
            | "unbenannt"
            | "dokument"
            | "book"
            | "workbook"
            | "unspecified"
            | "microsoft word"
            | "index"
            | "home"
            | "anonymous"
            | "none"
            | "null"
    );
    let path = title.contains(":\\") || title.starts_with('/') || lower.starts_with("file:");
    let letters = title.chars().filter(|c| c.is_alphabetic()).count();
    // The name of a file, or a number in somebody's list.
    let file = !title.contains(' ')
        && title.len() > 8
        && title.contains(['_', '-', '.'])
        && title.contains(|c: char| c.is_ascii_digit());
    (!nothing && !path && !file && letters > 0).then(|| title.to_owned())
}

/// Somebody's name, or that of an office.
fn name(name: &str) -> Option<String> {
    let name = clean(name, NAME_CHARACTERS);
    let name = name.trim_matches([',', ';', ' ']);
    let nobody = matches!(
        name.to_lowercase().as_str(),
        "unknown"
            | "anonymous"
            | "author"
            | "user"
            | "admin"
            | "administrator"
            | "owner"
            | "python-docx"
            | "openpyxl"
            | "python-pptx"
            | "microsoft office user"
            | "(anonymous)"
            | "(unspecified)"
            | "none"
            | "null"
            | "windows user"
            | "default"
            | "root"
            | "user1"
    );
    let letters = name.chars().filter(|c| c.is_alphabetic()).count();
    let account = !name.contains(' ') && name.contains(|c: char| c.is_ascii_digit());
    (!nobody && !account && letters >= 2).then(|| name.to_owned())
}

/// Without control characters, white space as single spaces, and not longer than
/// `most` characters.
fn clean(text: &str, most: usize) -> String {
    let near = &text[..text.floor_char_boundary(most * 16)];
    let hidden = |c: &char| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffd}');
    let words: String =
        near.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(hidden).collect();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(most).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_of_programs_are_dropped_or_tidied() {
        for (said, kept) in [
            ("Survey of the  Road\u{0}", Some("Survey of the Road")),
            ("untitled", None),
            ("Document1", None),
            ("(anonymous)", None),
            ("(Untitled)", None),
            ("Microsoft Word - Final Report.doc", Some("Final Report")),
            ("Microsoft Word - Document2", None),
            ("thesis.dvi", None),
            ("PowerPoint Presentation", None),
            ("C:\\temp\\x", None),
            ("file:///tmp/x.html", None),
            ("?!", None),
            ("1984 by Orwell", Some("1984 by Orwell")),
        ] {
            assert_eq!(title(said).as_deref(), kept, "{said}");
        }
        assert_eq!(title(&"é".repeat(1_000)).unwrap().chars().count(), TITLE_CHARACTERS);
    }

    #[test]
    fn names_are_of_people() {
        let of = |authors: &[&str]| Facts::of(None, authors.iter().copied(), []).authors;
        assert_eq!(of(&["Ada  Surveyor", "", "Ada Surveyor", "python-docx"]), ["Ada Surveyor"]);
        let two = DocumentMetadata {
            authors: vec!["Surveyor".into(), "Ada".into()],
            ..DocumentMetadata::default()
        };
        assert_eq!(Facts::of_properties(&two).authors, ["Surveyor, Ada"]);
    }

    #[test]
    fn the_beginning_tells_where_nothing_else_does() {
        let of = |format, markdown: &str| Facts::default().or_from(format, markdown);
        let title = |markdown: &str| of(Format::Pdf, markdown).title;
        assert_eq!(title("# The *Road*\n\ntext").as_deref(), Some("The *Road"));
        assert_eq!(title("text\n\n# The Road"), None);
        assert_eq!(title("# The\n\n# Road"), None);
        assert_eq!(title("## Road"), None);
        assert_eq!(of(Format::Csv, "# Road").title, None);
        let mail = "# The stone\n\nFrom: Ada S &lt;ada@example.org&gt;\n\nTo: b\n\n\
                    Date: 2025-03-03T09:30:00+00:00\n\nFrom: no";
        let facts = of(Format::Eml, mail);
        assert_eq!(
            (facts.title.as_deref(), &facts.authors[..]),
            (Some("The stone"), &["Ada S".to_owned()][..])
        );
        assert_eq!(facts.date.as_deref(), Some("2025-03-03T09:30:00+00:00"));
    }
}
