//! Every document in `fixtures/` gives the result that stands beside it.
//!
//! Where a result changes for the better, `UPDATE_FIXTURES=1 cargo test -p
//! milepost-convert` writes it anew; look at the difference before committing.

mod common;

use std::path::Path;

use common::{MIB, convert_all, convert_with, fixture, fixtures};
use milepost_convert::{ErrorKind, Format, Limits, Options, OutputFormat};

/// A document of each format, and what it is found to be.
const DOCUMENTS: [(&str, Format, u32); 27] = [
    ("report.pdf", Format::Pdf, 12),
    ("no-index.pdf", Format::Pdf, 12),
    ("owner-password.pdf", Format::Pdf, 2),
    ("blank.pdf", Format::Pdf, 2),
    ("markup.pdf", Format::Pdf, 1),
    ("letter.docx", Format::Docx, 1),
    ("slides.pptx", Format::Pptx, 3),
    ("workbook.xlsx", Format::Xlsx, 2),
    ("letter.doc", Format::Doc, 1),
    ("slides.ppt", Format::Ppt, 1),
    ("workbook.xls", Format::Xls, 1),
    ("letter.odt", Format::Odt, 1),
    ("workbook.ods", Format::Ods, 1),
    ("slides.odp", Format::Odp, 1),
    ("note.rtf", Format::Rtf, 1),
    ("page.html", Format::Html, 1),
    ("book.epub", Format::Epub, 1),
    ("message.eml", Format::Eml, 1),
    ("notes.md", Format::Markdown, 1),
    ("guide.adoc", Format::Asciidoc, 1),
    ("counts.csv", Format::Csv, 1),
    ("paper.tex", Format::Latex, 1),
    ("article.xml", Format::Jats, 1),
    ("other.xml", Format::Xml, 1),
    ("notebook.ipynb", Format::Ipynb, 1),
    ("talk.vtt", Format::Webvtt, 1),
    ("plain.txt", Format::Text, 1),
];

/// Documents that are refused, why, and a word of what the user is told.
const REFUSED: [(&str, ErrorKind, &str); 10] = [
    ("empty.pdf", ErrorKind::Empty, "empty"),
    ("truncated.pdf", ErrorKind::Damaged, "PDF"),
    ("truncated.docx", ErrorKind::Damaged, "zip"),
    ("unknown.bin", ErrorKind::Unsupported, "Supported are"),
    ("scanned.pdf", ErrorKind::OcrUnavailable, "no OCR engine"),
    ("encrypted.pdf", ErrorKind::Encrypted, "options.password"),
    ("encrypted-rc4.pdf", ErrorKind::Encrypted, "options.password"),
    ("encrypted.docx", ErrorKind::Encrypted, "options.password"),
    ("hostile/lying-size.docx", ErrorKind::Damaged, "DOCX"),
    ("hostile/paths.zip", ErrorKind::Unsupported, "zip archive"),
];

#[test]
fn every_format_gives_its_expected_markdown() {
    let mut wrong = Vec::new();
    for (name, format, pages) in DOCUMENTS {
        let (output, steps) = convert_all(name).expect(name);
        assert_eq!(output.format, format, "{name}");
        assert_eq!(steps.total, pages, "{name}");
        assert_eq!(steps.pages.len(), pages as usize, "{name}");
        assert_eq!(output.failed_pages, [0u32; 0], "{name}");
        let markdown = &output.rendered[&OutputFormat::Markdown];
        let expected = fixtures().join("expected").join(format!("{name}.md"));
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            std::fs::write(&expected, markdown).expect("the result can be written");
        } else if let Some(difference) = difference(&expected, markdown) {
            wrong.push(format!("{name}\n{difference}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first lines that differ, `-` as expected and `+` as made.
fn difference(expected: &Path, made: &str) -> Option<String> {
    let expected = std::fs::read_to_string(expected).unwrap_or_default();
    if expected == made {
        return None;
    }
    let (mut old, mut new) = (expected.lines(), made.lines());
    let mut line = 0;
    loop {
        line += 1;
        match (old.next(), new.next()) {
            (None, None) => return Some("  differs in its line ends".into()),
            (a, b) if a == b => {}
            (a, b) => {
                return Some(format!(
                    "  line {line}\n  - {}\n  + {}",
                    a.unwrap_or("(end)"),
                    b.unwrap_or("(end)")
                ));
            }
        }
    }
}

#[test]
fn every_format_has_all_outputs_and_true_page_numbers() {
    for (name, format, pages) in DOCUMENTS {
        let (output, steps) = convert_all(name).expect(name);
        let json: serde_json::Value =
            serde_json::from_str(&output.rendered[&OutputFormat::Json]).expect(name);
        assert_eq!(json["schema_name"], "DoclingDocument", "{name}");
        assert_eq!(json["origin"]["mimetype"], format.media_type(), "{name}");
        assert_eq!(json["origin"]["filename"], name, "{name}");
        if format.paged() {
            let listed = json["pages"].as_object().expect("a map of pages");
            assert_eq!(listed.len(), pages as usize, "{name}");
            for item in json["texts"].as_array().expect("texts") {
                let number = item["prov"][0]["page_no"].as_u64();
                let layer = item["content_layer"] != "body";
                assert!(
                    number.is_some_and(|n| (1..=u64::from(pages)).contains(&n)) || layer,
                    "{name}: {item}"
                );
            }
        }
        let html = &output.rendered[&OutputFormat::Html];
        assert!(html.starts_with("<!DOCTYPE html>"), "{name}");
        for (number, page) in (1..).zip(&steps.pages) {
            assert_eq!(page.number, number, "{name}");
            assert_eq!(page.rendered.len(), 3, "{name}");
        }
    }
}

#[test]
fn nothing_outside_the_document_gets_in_and_no_script_gets_out() {
    for name in ["page.html", "notes.md", "paper.tex", "markup.pdf", "slides.pptx"] {
        let (output, _) = convert_all(name).expect(name);
        for (format, text) in &output.rendered {
            assert!(!text.contains("base64"), "{name} as {format}");
            if *format == OutputFormat::Html {
                assert!(!text.contains("<script"), "{name} as {format}");
                assert!(!text.contains("<img"), "{name} as {format}");
            }
        }
    }
    let error = convert_all("hostile/outside.xml").expect_err("it is refused");
    assert_eq!(error.kind, ErrorKind::Damaged);
}

#[test]
fn what_cannot_be_converted_says_why() {
    for (name, kind, word) in REFUSED {
        let error = convert_all(name).expect_err("it is refused");
        assert_eq!(error.kind, kind, "{name}: {error:?}");
        assert!(error.message.contains(word), "{name}: {error}");
    }
}

#[test]
fn passwords_open_and_wrong_ones_do_not() {
    let with = |name: &str, password: &str| {
        let options = Options { password: Some(password.into()), ..Options::default() };
        convert_with(name, fixture(name), &options, &Limits::default(), Vec::new())
    };
    let plain = |name| convert_all(name).expect(name).0.rendered;
    for name in ["encrypted.pdf", "encrypted-rc4.pdf"] {
        let (output, steps) = with(name, "milepost").expect(name);
        assert_eq!(steps.total, 2);
        assert_eq!(
            output.rendered[&OutputFormat::Markdown],
            plain("owner-password.pdf")[&OutputFormat::Markdown]
        );
    }
    let (output, _) = with("encrypted.docx", "milepost").expect("it opens");
    assert_eq!(
        output.rendered[&OutputFormat::Markdown],
        plain("letter.docx")[&OutputFormat::Markdown]
    );
    for name in ["encrypted.pdf", "encrypted-rc4.pdf", "encrypted.docx"] {
        let error = with(name, "wrong").expect_err("it is refused");
        assert_eq!(error.kind, ErrorKind::Encrypted, "{name}");
        assert!(error.message.contains("does not open"), "{name}: {error}");
    }
}

#[test]
fn an_extension_does_not_matter_where_the_content_tells() {
    for (name, as_name, format) in [
        ("report.pdf", "report.txt", Format::Pdf),
        ("letter.docx", "letter.xlsx", Format::Docx),
        ("workbook.xls", "workbook.doc", Format::Xls),
        ("letter.odt", "letter", Format::Odt),
        ("book.epub", "book.zip", Format::Epub),
    ] {
        let (output, _) = convert_with(
            as_name,
            fixture(name),
            &Options::default(),
            &Limits::default(),
            Vec::new(),
        )
        .expect(name);
        assert_eq!(output.format, format);
    }
}

#[test]
fn limits_are_named() {
    let limited = |name: &str, limits: Limits| {
        let error = convert_with(name, fixture(name), &Options::default(), &limits, Vec::new())
            .expect_err("it is refused");
        assert_eq!(error.kind, ErrorKind::TooLarge, "{error:?}");
        error.message
    };
    let pages = Limits { max_pages: 10, ..Limits::default() };
    assert!(limited("report.pdf", pages).contains("more than the 10"));
    let output = Limits { max_output_bytes: 1000, ..Limits::default() };
    assert!(limited("report.pdf", output.clone()).contains("options.formats"));
    assert!(limited("letter.docx", output).contains("options.formats"));
    let unpacked = Limits { max_unpacked_bytes: 10 * MIB, ..Limits::default() };
    assert!(limited("hostile/inflating.docx", unpacked).contains("10 MB"));
}
