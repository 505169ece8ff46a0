//! Kinds of text.
//!
//! Enters: bytes that no binary signature claims. Leaves: whether they are
//! text, and which kind: by what only one kind begins with, else by the name,
//! else plain text. It never decodes more than the head.

use docling::InputFormat;

use crate::format::Format;

/// How much is looked at to see an XML root or a message's header.
const HEAD: usize = 4096;

/// No NUL byte and hardly a control character, or a byte-order mark of UTF-16
/// or UTF-32.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return true;
    }
    if bytes.starts_with(b"\0\0\xFE\xFF") {
        return true;
    }
    let mut control = 0usize;
    for &byte in bytes {
        match byte {
            0 => return false,
            b'\t' | b'\n' | b'\r' | 0x0C | 0x1B => {}
            0x01..=0x1F | 0x7F => control += 1,
            _ => {}
        }
    }
    control * 100 <= bytes.len()
}

/// The kind of text that an extension stands for.
pub(super) fn named(extension: &str) -> Option<Format> {
    match extension {
        "md" | "markdown" | "qmd" | "rmd" => Some(Format::Markdown),
        "adoc" | "asciidoc" => Some(Format::Asciidoc),
        "csv" | "tsv" => Some(Format::Csv),
        "tex" | "latex" => Some(Format::Latex),
        "html" | "htm" | "xhtml" => Some(Format::Html),
        "eml" => Some(Format::Eml),
        "xml" | "nxml" => Some(Format::Xml),
        "vtt" => Some(Format::Webvtt),
        "ipynb" => Some(Format::Ipynb),
        _ => None,
    }
}

/// The format of a text by its content or, where that leaves it open, by its
/// name's extension.
pub(super) fn detect(bytes: &[u8], extension: &str) -> Format {
    let named = named(extension);
    // Text in a markup of its own may well begin with a line of HTML or of
    // `Name: value` pairs.
    let own_markup =
        matches!(named, Some(Format::Markdown | Format::Asciidoc | Format::Csv | Format::Latex));
    if own_markup && !is_html_document(bytes) {
        return named.unwrap_or(Format::Text);
    }
    match (by_content(bytes), named) {
        // XML of no known kind says less than a name does.
        (Some(Format::Xml), Some(named)) => named,
        (content, named) => content.or(named).unwrap_or(Format::Text),
    }
}

/// The format that only the content can tell; `None` for prose, Markdown, CSV
/// and the like.
pub(super) fn by_content(bytes: &[u8]) -> Option<Format> {
    match InputFormat::detect(bytes)? {
        InputFormat::Html => Some(Format::Html),
        InputFormat::Email => Some(Format::Eml),
        InputFormat::Latex => Some(Format::Latex),
        InputFormat::Ipynb => Some(Format::Ipynb),
        InputFormat::Vtt => Some(Format::Webvtt),
        InputFormat::Rtf => Some(Format::Rtf),
        InputFormat::Xml | InputFormat::XmlJats | InputFormat::Svg | InputFormat::Feed => {
            Some(if is_jats(bytes) { Format::Jats } else { Format::Xml })
        }
        _ => None,
    }
}

fn head(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD)]).to_ascii_lowercase()
}

/// Begins as a whole HTML document does.
fn is_html_document(bytes: &[u8]) -> bool {
    let head = head(bytes);
    let head = head.trim_start_matches('\u{feff}').trim_start();
    head.starts_with("<!doctype html") || head.starts_with("<html")
}

/// A JATS DTD in the document type, or an `article` at the root.
fn is_jats(bytes: &[u8]) -> bool {
    let head = head(bytes);
    head.contains("//dtd jats")
        || head.contains("jats-journalpublishing")
        || head.contains("jats-archiv")
        || head.contains("//nlm//dtd")
        || root(&head).is_some_and(|name| name == "article")
}

/// The name of an XML document's root element, as far as the head shows it.
fn root(head: &str) -> Option<&str> {
    let mut rest = head.trim_start_matches('\u{feff}');
    loop {
        rest = &rest[rest.find('<')? + 1..];
        rest = if let Some(comment) = rest.strip_prefix("!--") {
            &comment[comment.find("-->")? + 3..]
        } else if rest.starts_with(['?', '!']) {
            &rest[rest.find('>')? + 1..]
        } else {
            return rest.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next();
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_then_name() {
        let mail = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\n\r\nHello\r\n";
        let cases: [(&[u8], &str, Format); 13] = [
            (b"<div>x</div>", "html", Format::Html),
            (b"# Title\n", "md", Format::Markdown),
            (b"# Title\n", "", Format::Text),
            (b"a,b\n1,2\n", "csv", Format::Csv),
            (b"\\documentclass{article}\n", "", Format::Latex),
            (b"<html><body>x</body></html>", "md", Format::Html),
            (b"<p align=center>x</p>\n# y", "md", Format::Markdown),
            (mail, "", Format::Eml),
            (mail, "txt", Format::Eml),
            (mail, "md", Format::Markdown),
            (b"<?xml version=\"1.0\"?><!-- c --><article/>", "xml", Format::Jats),
            (b"<?xml version=\"1.0\"?><other/>", "xml", Format::Xml),
            (b"WEBVTT\n\n00:00.000 --> 00:01.000\nHi\n", "", Format::Webvtt),
        ];
        for (bytes, extension, format) in cases {
            assert_eq!(
                detect(bytes, extension),
                format,
                "{extension}: {}",
                String::from_utf8_lossy(bytes)
            );
        }
    }

    #[test]
    fn text_has_no_nul() {
        assert!(is_text("Größe\n".as_bytes()));
        assert!(is_text(b"caf\xe9"));
        assert!(is_text(b"\xFF\xFEa\0"));
        assert!(!is_text(b"a\0b"));
        assert!(!is_text(b"\x01\x02\x03\x04"));
    }
}
