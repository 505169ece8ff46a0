//! Which format a document is.
//!
//! Enters: its bytes and its name. Leaves: a [`Format`], or the error that
//! names what is wrong. The content decides and the name only between kinds of
//! text; it never trusts an extension over a signature.

mod archive;
mod compound;
mod expansion;
mod text;

pub(crate) use archive::check_archive;
pub(crate) use compound::is_encrypted_package;
pub(crate) use expansion::check_table;

use docling::InputFormat;

use crate::error::{Error, ErrorKind};
use crate::format::Format;

/// Where readers accept a PDF's header after junk (ISO 32000-1, note 13 of the
/// Adobe implementation notes).
const PDF_HEADER_WITHIN: usize = 1024;

/// Finds out which format a document is: content first, name second.
///
/// # Errors
///
/// `Empty`, `Damaged` (a container that cannot be opened, a name that promises
/// what the content is not) or `Unsupported`.
pub fn detect(bytes: &[u8], filename: &str) -> Result<Format, Error> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::new(ErrorKind::Empty, "The document is empty; send one with content."));
    }
    let extension = extension(filename);
    if is_pdf(bytes) {
        return Ok(Format::Pdf);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return archive::detect(bytes);
    }
    if bytes.starts_with(compound::SIGNATURE) {
        return compound::detect(bytes, &extension);
    }
    if bytes.starts_with(b"{\\rtf") {
        return Ok(Format::Rtf);
    }
    if text::is_text(bytes) {
        return match promised(&extension) {
            // Text where a container was promised: a truncated or mangled one,
            // unless it evidently is another kind of text (HTML "saved as" DOC).
            Some(format) => {
                text::by_content(bytes).ok_or_else(|| damaged(format, "the content is plain text"))
            }
            None => Ok(text::detect(bytes, &extension)),
        };
    }
    if let Some(format) = promised(&extension) {
        return Err(damaged(format, "no signature of the format"));
    }
    Err(match InputFormat::detect(bytes) {
        Some(InputFormat::Image) => {
            unsupported("The document is an image, and this server has no OCR engine to read it")
        }
        Some(InputFormat::Audio | InputFormat::Video) => unsupported("The document is a recording"),
        _ => unsupported("The document's format is not known"),
    })
}

/// Whether a file's name says that it is a document. What it says may be wrong, and
/// a document may have any name: only [`detect`] knows.
pub fn is_named_as_document(filename: &str) -> bool {
    let extension = extension(filename);
    let plain = matches!(extension.as_str(), "txt" | "text" | "rtf" | "msg");
    plain || promised(&extension).is_some() || text::named(&extension).is_some()
}

/// The lower-case extension of a file name, empty where there is none.
fn extension(filename: &str) -> String {
    match filename.rsplit_once('.') {
        Some((_, extension)) if extension.len() <= 10 => extension.to_ascii_lowercase(),
        _ => String::new(),
    }
}

/// A header in the first KiB. One that is not at the very start could also be
/// text that speaks of PDF, so there the file must have a PDF's parts as well.
fn is_pdf(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(PDF_HEADER_WITHIN)];
    match find(head, b"%PDF-") {
        Some(0) => true,
        Some(at) => {
            !matches!(bytes[at - 1], b'"' | b'\'' | b'`' | b'(')
                && (find(bytes, b"endobj").is_some() || find(bytes, b"startxref").is_some())
        }
        None => false,
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

/// The binary format that an extension promises.
fn promised(extension: &str) -> Option<Format> {
    Some(match extension {
        "pdf" => Format::Pdf,
        "docx" | "docm" | "dotx" | "dotm" => Format::Docx,
        "pptx" | "pptm" | "potx" | "ppsx" | "ppsm" => Format::Pptx,
        "xlsx" | "xlsm" | "xltx" | "xltm" | "xlsb" => Format::Xlsx,
        "doc" | "dot" => Format::Doc,
        "ppt" | "pot" | "pps" => Format::Ppt,
        "xls" | "xlt" => Format::Xls,
        "odt" | "ott" => Format::Odt,
        "ods" | "ots" => Format::Ods,
        "odp" | "otp" => Format::Odp,
        "epub" => Format::Epub,
        _ => return None,
    })
}

pub(crate) fn damaged(format: Format, cause: impl ToString) -> Error {
    Error::new(
        ErrorKind::Damaged,
        format!(
            "The document cannot be read as {}: it is damaged or incomplete. Send it again from a \
             good copy.",
            format.title()
        ),
    )
    .because(cause)
}

pub(crate) fn unsupported(what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "{what}. Supported are PDF; DOCX, PPTX, XLSX, DOC, PPT, XLS; ODT, ODS, ODP; RTF; \
             HTML; EPUB; EML; Markdown, AsciiDoc, LaTeX, CSV, XML (JATS), WebVTT, Jupyter \
             notebooks and plain text."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bytes: &[u8], name: &str) -> ErrorKind {
        detect(bytes, name).unwrap_err().kind
    }

    #[test]
    fn a_signature_beats_the_name() {
        assert_eq!(detect(b"%PDF-1.7\n", "a.docx").unwrap(), Format::Pdf);
        assert_eq!(detect(b"junk\n%PDF-1.7\n1 0 obj\nendobj", "a").unwrap(), Format::Pdf);
        assert_eq!(detect(b"{\\rtf1 x}", "a.doc").unwrap(), Format::Rtf);
        assert_eq!(detect(b"<!DOCTYPE html><html></html>", "a.doc").unwrap(), Format::Html);
    }

    #[test]
    fn documents_are_known_by_their_names() {
        for name in ["a.pdf", "A.PDF", "b.c.docx", "notes.md", "x.txt", "mail.eml", "t.tsv"] {
            assert!(is_named_as_document(name), "{name}");
        }
        for name in ["a.jpg", "a.zip", "Makefile", "pdf", "a.pdf.exe", ""] {
            assert!(!is_named_as_document(name), "{name}");
        }
    }

    #[test]
    fn text_that_speaks_of_pdf_is_text() {
        let text = b"A PDF begins with %PDF-1.7 and ends with %%EOF.";
        assert_eq!(detect(text, "notes.txt").unwrap(), Format::Text);
    }

    #[test]
    fn what_is_nothing_is_said_to_be_so() {
        assert_eq!(kind(b"", "a.pdf"), ErrorKind::Empty);
        assert_eq!(kind(b" \n\t", "a.docx"), ErrorKind::Empty);
        assert_eq!(kind(b"hello", "a.pdf"), ErrorKind::Damaged);
        assert_eq!(kind(b"\0\x01\x02\x03", "a.docx"), ErrorKind::Damaged);
        assert_eq!(kind(b"PK\x03\x04rest", "a"), ErrorKind::Damaged);
        assert_eq!(kind(b"\0\x01\x02\x03", "a.bin"), ErrorKind::Unsupported);
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n\0\0", "a.png"), ErrorKind::Unsupported);
        let error = detect(b"\0\x01", "a.bin").unwrap_err();
        assert!(error.message.contains("Supported are PDF"));
    }
}
