//! Pages come one by one, and what is finished stays finished.

mod common;

use common::{convert_all, convert_with, fixture};
use milepost_convert::{Document, ErrorKind, Limits, Options, OutputFormat, Step, convert};

fn pages(selection: &str) -> Options {
    Options { pages: Some(selection.parse().expect("a selection")), ..Options::default() }
}

#[test]
fn steps_come_in_order_and_pages_as_they_are_ready() {
    let mut seen = Vec::new();
    let document = Document { filename: "long.pdf".into(), bytes: fixture("long.pdf") };
    convert(document, &Options::default(), &Limits::default(), Vec::new(), &mut |step| {
        seen.push(match step {
            Step::Detected { pages, .. } => format!("detected {pages}"),
            Step::Page(page) => format!("page {}", page.number),
            Step::Assembling => "assembling".into(),
        });
    })
    .expect("it converts");
    let mut expected = vec!["detected 200".to_owned()];
    expected.extend((1..=200).map(|number| format!("page {number}")));
    expected.push("assembling".into());
    assert_eq!(seen, expected);
}

#[test]
fn a_resumed_conversion_gives_the_same_bytes() {
    for name in ["report.pdf", "slides.pptx", "workbook.xlsx", "letter.docx", "notes.md"] {
        let (whole, steps) = convert_all(name).expect(name);
        for keep in 0..=steps.pages.len() {
            let finished: Vec<_> = steps.pages[..keep].to_vec();
            let (resumed, rest) = convert_with(
                name,
                fixture(name),
                &Options::default(),
                &Limits::default(),
                finished,
            )
            .expect(name);
            assert_eq!(rest.pages.len(), steps.pages.len() - keep, "{name}");
            assert_eq!(resumed, whole, "{name} from page {keep}");
            assert_eq!(rest.pages[..], steps.pages[keep..], "{name}");
        }
    }
}

#[test]
fn finished_pages_are_part_of_the_result_as_they_are() {
    let (_, mut steps) = convert_all("report.pdf").expect("it converts");
    steps.pages[4].markdown = "What the first attempt read.".into();
    let finished = vec![steps.pages[4].clone()];
    let (output, rest) = convert_with(
        "report.pdf",
        fixture("report.pdf"),
        &Options::default(),
        &Limits::default(),
        finished,
    )
    .expect("it converts");
    assert_eq!(rest.pages.len(), 11);
    for text in output.rendered.values() {
        assert!(text.contains("What the first attempt read."));
    }
}

#[test]
fn only_selected_pages_are_converted() {
    for (name, selection, selected) in [
        ("report.pdf", "2-3,12-", vec![2, 3, 12]),
        ("slides.pptx", "3,1", vec![1, 3]),
        ("workbook.xlsx", "2-", vec![2]),
        ("letter.docx", "1-5", vec![1]),
    ] {
        let (output, steps) =
            convert_with(name, fixture(name), &pages(selection), &Limits::default(), Vec::new())
                .expect(name);
        assert_eq!(steps.selected, selected, "{name}");
        let numbers: Vec<u32> = steps.pages.iter().map(|page| page.number).collect();
        assert_eq!(numbers, selected, "{name}");
        let whole = &output.rendered[&OutputFormat::Markdown];
        for page in &steps.pages {
            assert!(whole.contains(page.markdown.trim()), "{name}");
        }
    }
}

#[test]
fn a_selection_of_nothing_says_how_many_pages_there_are() {
    for (name, selection, word) in [
        ("report.pdf", "13-", "12 pages"),
        ("slides.pptx", "4", "3 pages"),
        ("letter.docx", "2", "1 page."),
    ] {
        let error =
            convert_with(name, fixture(name), &pages(selection), &Limits::default(), Vec::new())
                .expect_err("it is refused");
        assert_eq!(error.kind, ErrorKind::InvalidPages, "{name}");
        assert!(error.message.contains(word), "{name}: {error}");
    }
}

#[test]
fn only_the_formats_asked_for_are_made() {
    let options = Options { formats: vec![OutputFormat::Text], ..Options::default() };
    for name in ["report.pdf", "letter.docx"] {
        let (output, steps) =
            convert_with(name, fixture(name), &options, &Limits::default(), Vec::new())
                .expect(name);
        assert_eq!(output.rendered.len(), 1, "{name}");
        assert!(output.rendered.contains_key(&OutputFormat::Text), "{name}");
        let page = &steps.pages[0];
        assert!(!page.markdown.is_empty() && page.rendered.len() == 1, "{name}");
    }
}

#[test]
fn a_damaged_page_does_not_end_the_rest() {
    let (output, steps) = convert_all("hostile/page-tree-shared.pdf").expect("one page is whole");
    assert_eq!(output.failed_pages, [2, 3]);
    assert!(steps.pages[0].error.is_none());
    assert!(steps.pages[1].error.as_ref().is_some_and(|e| e.contains("Page 2")));
    let markdown = &output.rendered[&OutputFormat::Markdown];
    assert!(markdown.contains("A stone"));
    assert!(markdown.contains("<!-- page 2 could not be converted -->"));
    assert!(!output.rendered[&OutputFormat::Text].contains("could not"));

    let error = convert_all("hostile/page-tree-loop.pdf").expect_err("it is refused");
    assert_eq!(error.kind, ErrorKind::PageFailed);
    assert!(error.message.contains("page 1"), "{error}");
}
