//! What an article in JATS says of itself before its text.
//!
//! Enters: XML. Leaves: its title, its authors, when it was published. It reads no
//! further than to the body, and resolves nothing.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::Facts;

/// What stands before an article's body is not longer than this, in bytes.
const FRONT_BYTES: usize = 512 * 1024;

/// The facts of an article.
pub(super) fn facts(xml: &str) -> Facts {
    let mut reader = Reader::from_str(&xml[..xml.floor_char_boundary(FRONT_BYTES)]);
    let mut path: Vec<String> = Vec::new();
    let (mut title, mut authors) = (String::new(), Vec::<(String, String)>::new());
    // Year, month, day, of the first date that has a year.
    let mut date: [String; 3] = Default::default();
    let mut dated = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                let name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
                if name == "body" || path.len() > 100 {
                    break;
                }
                if name == "contrib" {
                    authors.push(Default::default());
                }
                path.push(name);
            }
            Ok(Event::End(tag)) => {
                dated |= tag.local_name().as_ref() == b"pub-date" && !date[0].is_empty();
                path.pop();
            }
            Ok(Event::Text(text)) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                let within = |name: &str| path.iter().any(|one| one == name);
                if !within("article-meta") || within("ref-list") {
                    continue;
                }
                let last = path.last().map(String::as_str).unwrap_or_default();
                match last {
                    _ if within("article-title") => title += &text,
                    "surname" | "given-names" if within("contrib") => {
                        if let Some((given, surname)) = authors.last_mut() {
                            *if last == "surname" { surname } else { given } += &text;
                        }
                    }
                    "year" | "month" | "day" if within("pub-date") && !dated => {
                        let place = ["year", "month", "day"].iter().position(|one| *one == last);
                        date[place.unwrap_or_default()] = text.trim().to_owned();
                    }
                    _ => {}
                }
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let names: Vec<String> =
        authors.iter().map(|(given, surname)| format!("{given} {surname}")).collect();
    let [year, month, day] = &date;
    let date = match (month.is_empty(), day.is_empty()) {
        (true, _) => year.clone(),
        (false, true) => format!("{year}-{month}"),
        (false, false) => format!("{year}-{month}-{day}"),
    };
    let title = Some(title.as_str()).filter(|title| !title.trim().is_empty());
    Facts::of(title, names.iter().map(String::as_str), [date.as_str()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_is_read_up_to_its_body() {
        let article = "<?xml version='1.0'?><!DOCTYPE article><article><front><journal-meta>\
            <journal-title>J</journal-title></journal-meta><article-meta><title-group><article-title>The \
            <italic>Road</italic></article-title></title-group><contrib-group><contrib><name><surname>Surveyor\
            </surname><given-names>Ada</given-names></name></contrib></contrib-group><pub-date><day>3</day>\
            <month>3</month><year>2025</year></pub-date><pub-date><year>1999</year></pub-date></article-meta>\
            </front><body><article-meta><article-title>no</article-title></article-meta></body></article>";
        let found = facts(article);
        assert_eq!(found.title.as_deref(), Some("The Road"));
        assert_eq!(found.authors, ["Ada Surveyor"]);
        assert_eq!(found.date.as_deref(), Some("2025-03-03"));
        for broken in ["", "<", "<article-meta><year>", "<a><b></a>", "&x;"] {
            assert_eq!(facts(broken), Facts::default(), "{broken}");
        }
    }
}
