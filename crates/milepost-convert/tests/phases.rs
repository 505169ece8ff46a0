//! Sentences: marks in order, pages that fail, the same bytes each
//! time, and hostile documents.

mod common;

use common::fixture;
use milepost_convert::{
    Document, Error, ErrorKind, Limits, Mark, Options, Phase, Sentences, sentences,
};
use serde_json::Value;

fn document(name: &str) -> Document {
    Document { filename: name.into(), bytes: fixture(name) }
}

fn of(document: Document, options: &Options) -> (Result<Sentences, Error>, Vec<Mark>) {
    let mut marks = Vec::new();
    let made = sentences(document, options, &Limits::default(), &mut |mark| marks.push(mark));
    (made, marks)
}

fn json(made: &Sentences) -> Value {
    serde_json::from_str(&made.json).expect("it is JSON")
}

#[test]
fn phases_come_in_order_and_each_chunk_is_marked() {
    let (made, marks) = of(document("long.pdf"), &Options::default());
    let chunks = json(&made.expect("it has sentences"))["chunks"].as_array().unwrap().len();
    assert_eq!(chunks, 40);
    let phases: Vec<_> = marks
        .iter()
        .filter_map(|mark| match mark {
            Mark::Begins { phase, total, .. } => Some((*phase, *total)),
            _ => None,
        })
        .collect();
    use Phase::{Analyzing, Merging, Processing, Splitting};
    let total = Some(40);
    let expected = [(Analyzing, None), (Splitting, total), (Processing, total), (Merging, None)];
    assert_eq!(phases, expected);
    let done = |mark: &Mark| if let Mark::Done { done, .. } = mark { Some(*done) } else { None };
    assert_eq!(marks.iter().filter_map(done).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
    assert_eq!(marks.iter().filter(|mark| matches!(mark, Mark::Read { .. })).count(), 200);
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    for name in ["report.pdf", "slides.pptx", "letter.docx", "notes.md"] {
        let make = || of(document(name), &Options::default()).0.expect(name);
        assert_eq!(make().json, make().json, "{name}");
    }
}

#[test]
fn a_page_that_fails_fails_its_chunk_alone() {
    // Of three pages the last two are damaged.
    let damaged = || document("hostile/page-tree-shared.pdf");
    let chunks_of = |chunk_pages| {
        let options = Options { chunk_pages: Some(chunk_pages), ..Options::default() };
        json(&of(damaged(), &options).0.expect("one page is whole"))["chunks"].clone()
    };
    let made = chunks_of(1);
    let statuses: Vec<_> = made.as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["success", "failed", "failed"]);
    assert_eq!((&made[0]["error"], &made[1]["sentences"]), (&Value::Null, &Value::Array(vec![])));
    assert!(made[1]["error"].as_str().unwrap().contains("Page 2 could not"), "{made}");
    // What can be read of a chunk is there all the same.
    let made = chunks_of(2);
    assert_eq!((&made[0]["status"], &made[1]["status"]), (&"failed".into(), &"failed".into()));
    assert!(made[0].to_string().contains("A stone") && !made.to_string().contains("<!--"));
    let none = Options { pages: Some("2-3".parse().unwrap()), ..Options::default() };
    assert_eq!(of(damaged(), &none).0.err().map(|error| error.kind), Some(ErrorKind::PageFailed));
}

#[test]
fn results_are_bounded() {
    let limits = Limits { max_output_bytes: 20_000, ..Limits::default() };
    let whole = Options::default();
    let made = sentences(document("report.pdf"), &whole, &limits, &mut |_| {});
    assert_eq!(made.err().map(|error| error.kind), Some(ErrorKind::TooLarge));
}
