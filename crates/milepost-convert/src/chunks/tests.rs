//! What holds for chunks whatever they are made of.

use serde_json::{Value, json};

use super::*;
use crate::convert::Document;
use crate::extract::extract;
use crate::options::Options;

fn extract_of(name: &str, media_type: &str, bytes: &str) -> Result<String, Error> {
    let document = Document { filename: name.to_owned(), bytes: bytes.as_bytes().to_vec() };
    let (options, limits) = (Options::default(), Limits::default());
    extract(document, media_type, &options, &limits, Vec::new(), &mut |_| {})
}

fn of(name: &str, media_type: &str, bytes: &str, chunker: Value) -> Value {
    let extract = extract_of(name, media_type, bytes).unwrap();
    let chunker: Chunker = serde_json::from_value(chunker).unwrap();
    assert_eq!(chunker.check(), Ok(()));
    let limits = Limits::default();
    let made = chunk(extract.as_bytes(), &chunker, None, &limits, &mut |_| {}).unwrap();
    let again = chunk(extract.as_bytes(), &chunker, None, &limits, &mut |_| {}).unwrap();
    assert_eq!(made, again);
    serde_json::from_str(&made).unwrap()
}

/// The headings and the text of each chunk.
fn shown(made: &Value) -> Vec<(String, &str)> {
    let chunks = made["chunks"].as_array().unwrap();
    let path = |chunk: &Value| {
        let headings = chunk["headings"].as_array().unwrap();
        headings.iter().map(|one| one.as_str().unwrap()).collect::<Vec<_>>().join(" / ")
    };
    chunks.iter().map(|chunk| (path(chunk), chunk["text"].as_str().unwrap())).collect()
}

const SENTENCE: &str = "The stone stands on the left bank of it. ";

#[test]
fn several_texts_come_in_one_document() {
    let texts = json!({"documents": [
        {"content": "# A\n\nThe stone stands on the left bank.", "source": "a",
         "metadata": {"year": 1920}},
        {"content": " \r\n"},
        {"content": "La borne se dresse sur la rive gauche, à deux pas du fossé.", "source": "c", "metadata": null},
    ]});
    let made = of("x.json", TEXTS, &texts.to_string(), json!({}));
    assert_eq!(made["documents"], 3);
    let first = &made["chunks"][0];
    let text = "The stone stands on the left bank.";
    let expected = json!({
        "id": "0-0", "document": 0, "source": "a", "index": 0, "language": "en",
        "headings": ["A"], "text": text, "characters": 34, "words": 7, "tokens": null,
        "pages": null, "metadata": {"year": 1920}, "keywords": first["keywords"],
        "hash": hash(&format!("A\n{text}")),
    });
    assert_eq!(*first, expected);
    assert!(first["keywords"].to_string().contains("stone"), "{first}");
    assert_eq!(
        (&made["chunks"][1]["id"], &made["chunks"][1]["language"]),
        (&json!("2-0"), &json!("fr"))
    );
    assert_eq!(made["chunks"][2], Value::Null);
    let sources = made["sources"].as_array().unwrap();
    let counts: Vec<_> = sources.iter().map(|one| one["chunks"].as_u64().unwrap()).collect();
    assert_eq!(counts, [1, 0, 1]);
    assert_eq!(sources[0]["title"], "A");
    assert!(sources[2]["key"].as_str().unwrap().starts_with("c#"), "{}", sources[2]);
    assert_eq!(sources[2]["key"].as_str().unwrap().len(), 18);
}

fn hash(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn texts_are_known_by_type_or_by_name() {
    assert!(is_texts("Application/vnd.milepost.TEXTS+json; charset=utf-8", "x"));
    assert!(is_texts("application/json", "Documents.texts.json"));
    assert!(!is_texts("application/json", "texts.json"));
}

#[test]
fn nothing_to_chunk_is_no_error() {
    let made = of("a.texts.json", "", r#"{"documents":[]}"#, json!({}));
    assert_eq!(made, json!({"chunks": [], "documents": 0, "sources": []}));
}

#[test]
fn what_is_no_list_of_texts_is_refused() {
    for bytes in ["", "{}", "[]", r#"{"documents":[{}]}"#, r#"{"documents":[{"content":1}]}"#] {
        let error = extract_of("", TEXTS, bytes).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Damaged, "{bytes}");
    }
    let error = chunk(b"{}", &Chunker::default(), None, &Limits::default(), &mut |_| {});
    assert_eq!(error.unwrap_err().kind, ErrorKind::Damaged);
}

#[test]
fn lines_of_documents_keep_their_places() {
    let text = |name: &str| extract_of(name, "text/markdown", "A stone.").unwrap();
    let lines = [text("a.md"), String::new(), text("b.md")].join("\n");
    let made = chunk(lines.as_bytes(), &Chunker::default(), None, &Limits::default(), &mut |_| {});
    let made: Value = serde_json::from_str(&made.unwrap()).unwrap();
    let of = |place: usize, field: &str| made["sources"][place][field].clone();
    assert_eq!((of(0, "line"), of(0, "source")), (json!(0), json!("a.md")));
    assert_eq!(
        (of(1, "line"), of(1, "source"), of(1, "place")),
        (json!(2), json!("b.md"), json!(1))
    );
    assert_eq!(made["chunks"][1]["document"], 1);
}

#[test]
fn blocks_under_one_heading_are_together_as_far_as_they_fit() {
    let paragraph = SENTENCE.repeat(10);
    let text =
        format!("# A\n\n## B\n\n{paragraph}\n\n{paragraph}\n\n{paragraph}\n\n## C\n\n{paragraph}");
    let made = of("a.md", "", &text, json!({"overlap": 0}));
    let paragraph = paragraph.trim_end();
    let two = format!("{paragraph}\n\n{paragraph}");
    let expected =
        [("A / B".into(), two.as_str()), ("A / B".into(), paragraph), ("A / C".into(), paragraph)];
    assert_eq!(shown(&made), expected);
    // What overlaps is of the same section.
    let made = of("a.md", "", &text, json!({"overlap": 50}));
    let again = format!("{}\n\n{paragraph}", SENTENCE.trim_end());
    assert_eq!(shown(&made)[1].1, again);
    assert_eq!(shown(&made)[2].1, paragraph);
    // A block is a chunk where structure alone counts.
    let made = of("a.md", "", &text, json!({"kind": "hierarchical"}));
    assert_eq!(
        shown(&made),
        vec![("A / B".to_owned(), paragraph); 3]
            .into_iter()
            .chain([("A / C".to_owned(), paragraph)])
            .collect::<Vec<_>>()
    );
}

#[test]
fn small_sections_stand_together_under_what_they_share() {
    let text = "# A\n\nFew words.\n\n## B\n\nb.\n\n### C\n\nc.\n\n# D\n\nd.";
    let made = of("a.md", "", text, json!({}));
    assert_eq!(shown(&made), [(String::new(), text)]);
    let large = SENTENCE.repeat(20);
    let text = format!(
        "# A\n\n## B\n\nb.\n\n## C\n\nc.\n\n## D\n\n{large}\n\n# E\n\ne.\n\n## F\n\n## G\n\ng."
    );
    let made = of("a.md", "", &text, json!({}));
    let expected = [
        ("A".into(), "## B\n\nb.\n\n## C\n\nc."),
        ("A / D".into(), large.trim_end()),
        ("E".into(), "e.\n\n## F\n\n## G\n\ng."),
    ];
    assert_eq!(shown(&made), expected);
}

#[test]
fn tables_and_code_stay_whole_up_to_a_bound() {
    let rows = |count: usize| "| Alderbrook | 14 |\n".repeat(count);
    let text = |count| format!("Places:\n\n| Place | Stones |\n| - | - |\n{}\nAfter.", rows(count));
    let made = of("a.md", "", &text(100), json!({"max": 200}));
    assert_eq!(shown(&made).len(), 2);
    assert!(shown(&made)[0].1.starts_with("Places:\n\n| Place") && shown(&made)[1].1 == "After.");
    let made = of("a.md", "", &text(2_000), json!({"max": 300}));
    let parts = shown(&made);
    let head = "| Place | Stones |\n| - | - |\n";
    let of_rows: Vec<_> = parts.iter().filter(|(_, text)| text.contains("Alder")).collect();
    assert!(of_rows.len() > 100);
    let mut count = 0;
    for (_, text) in of_rows {
        let body = text.strip_prefix("Places:\n\n").unwrap_or(text).strip_prefix(head).expect(text);
        assert!(text.len() <= 300 + 50 && body.lines().all(|row| row == "| Alderbrook | 14 |"));
        count += body.lines().count();
    }
    assert_eq!(count, 2_000);
    let code = format!("````rs\n{}````", "let stone = 14;\n".repeat(2_000));
    let made = of("a.md", "", &code, json!({"kind": "hierarchical", "max": 500}));
    for (_, text) in shown(&made) {
        assert!(text.starts_with("````rs\nlet") && text.ends_with("14;\n````"), "{text}");
        assert!(text.len() <= 550);
    }
}

#[test]
fn large_prose_is_cut_between_sentences_and_overlaps() {
    let text: String = (0..100).map(|n| format!("Stone {n} stands on the left bank. ")).collect();
    let made = of("a.md", "", &text, json!({"max": 400, "overlap": 80}));
    let parts = shown(&made);
    for (_, text) in &parts {
        assert!(text.starts_with("Stone") && text.ends_with("bank."), "{text}");
        assert!((200..=400).contains(&text.len()), "{}", text.len());
    }
    for (one, next) in parts.iter().zip(&parts[1..]) {
        let first = next.1.split_once(". ").unwrap().0;
        assert!(one.1.contains(first), "{} {}", one.1, next.1);
    }
    let list: String = (0..100).map(|n| format!("- item {n} of it\n  - with one\n")).collect();
    let made = of("a.md", "", &list, json!({"max": 400, "overlap": 0}));
    assert!(shown(&made).iter().all(|(_, text)| text.starts_with("- item")));
}

#[test]
fn the_plain_splitter_knows_what_it_stands_under() {
    let text = format!("# A\n\n{}\n\n## B\n\n{}", SENTENCE.repeat(4), SENTENCE.repeat(8));
    let made = of("a.md", "", &text, json!({"kind": "markdown", "max": 200, "overlap": 50}));
    let parts = shown(&made);
    assert_eq!(parts[0].0, "");
    assert!(parts[0].1.starts_with("# A\n\nThe stone"));
    assert_eq!(parts.last().unwrap().0, "A / B");
    assert!(parts.iter().all(|(_, text)| text.chars().count() <= 200));
}
