//! The project's own documents, and PDFs as long as a test needs.

use std::fmt::Write as _;
use std::path::PathBuf;

/// The folder of documents.
pub fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// A document's bytes.
pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What a document is known to become.
pub fn expected(name: &str) -> Vec<u8> {
    fixture(&format!("expected/{name}.md"))
}

/// A PDF of `pages` pages of text, each of which says its number.
pub fn pdf_of(pages: usize) -> Vec<u8> {
    let line = |page, line| format!("Page {page}, line {line}: the road goes on and on.");
    pdf_with((1..=pages).map(|page| (1..=30).map(|number| line(page, number)).collect()))
}

/// A PDF of these pages, each of these lines.
pub fn pdf_with(pages: impl IntoIterator<Item = Vec<String>>) -> Vec<u8> {
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        String::new(),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
            .to_owned(),
    ];
    let mut kids = String::new();
    let mut count = 0;
    for lines in pages {
        count += 1;
        let number = objects.len() + 1;
        let _ = write!(kids, "{number} 0 R ");
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {} 0 R \
             /Resources << /Font << /F1 3 0 R >> >> >>",
            number + 1
        ));
        let mut text = String::from("BT /F1 11 Tf 14 TL 72 770 Td");
        for line in lines {
            let _ = write!(text, " ({}) Tj T*", escaped(&line));
        }
        text.push_str(" ET");
        objects.push(format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()));
    }
    objects[1] = format!("<< /Type /Pages /Count {count} /Kids [{kids}] >>");

    let mut file = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(file.len());
        let _ = write!(file, "{} 0 obj\n{object}\nendobj\n", index + 1);
    }
    let table = file.len();
    let _ = write!(file, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for place in places {
        let _ = writeln!(file, "{place:010} 00000 n ");
    }
    let size = objects.len() + 1;
    let _ = write!(file, "trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
    file.into_bytes()
}

/// A line as a PDF's string holds it.
fn escaped(line: &str) -> String {
    let mut escaped = String::new();
    for c in line.chars() {
        match c {
            '(' | ')' | '\\' => escaped.extend(['\\', c]),
            ' '..='~' => escaped.push(c),
            '—' => escaped.push_str("\\227"),
            _ => drop(write!(escaped, "\\{:03o}", u32::from(c))),
        }
    }
    escaped
}
