//! What is made of a document does not depend on what was read before it.
//!
//! Alone in its binary: what it is about is a cache of the process.

use milepost_convert::{Document, Limits, Options, OutputFormat, convert};

/// A page that shows two words' parts, set in a font that looks like its namesake but for
/// how wide a letter is, in thousandths of its size.
fn page(width: u32) -> Vec<u8> {
    let content = "BT /F1 12 Tf 72 700 Td (Exchange) Tj 48 0 Td (s) Tj ET";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /TrueType /BaseFont /Helvetica /Encoding /WinAnsiEncoding \
         /FirstChar 32 /LastChar 126 /Widths 6 0 R >>"
            .to_owned(),
        format!("[{}]", format!("{width} ").repeat(95)),
    ];
    let mut pdf = "%PDF-1.4\n".to_owned();
    let mut places = Vec::new();
    for (number, object) in (1..).zip(objects) {
        places.push(pdf.len());
        pdf += &format!("{number} 0 obj\n{object}\nendobj\n");
    }
    let table = pdf.len();
    pdf += "xref\n0 7\n0000000000 65535 f \n";
    for place in places {
        pdf += &format!("{place:010} 00000 n \n");
    }
    pdf += &format!("trailer\n<< /Size 7 /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
    pdf.into_bytes()
}

fn read(width: u32) -> String {
    let document = Document { filename: "page.pdf".to_owned(), bytes: page(width) };
    let options = Options { formats: vec![OutputFormat::Markdown], ..Options::default() };
    let read = convert(document, &options, &Limits::default(), Vec::new(), &mut |_| {});
    read.expect("the page is sound").rendered[&OutputFormat::Markdown].trim().to_owned()
}

#[test]
fn fonts_of_one_document_are_not_taken_for_those_of_another() {
    assert_eq!(read(500), "Exchanges");
    // Its letters end long before the last one begins.
    assert_eq!(read(200), "Exchange s");
    assert_eq!(read(500), "Exchanges");
}
