//! OLE compound files: Office before 2007, Outlook, and newer Office files
//! that are encrypted.
//!
//! Enters: bytes that begin with the signature. Leaves: a format by the streams
//! inside, or an error. It never reads a stream's content.

use docling::InputFormat;

use crate::error::Error;
use crate::format::Format;

/// [MS-CFB] 2.2.
pub(super) const SIGNATURE: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

pub(super) fn detect(bytes: &[u8], extension: &str) -> Result<Format, Error> {
    match InputFormat::detect(bytes) {
        Some(InputFormat::Doc) => return Ok(Format::Doc),
        Some(InputFormat::Ppt) => return Ok(Format::Ppt),
        Some(InputFormat::Xls) => return Ok(Format::Xls),
        Some(InputFormat::Email) => return Ok(Format::Eml),
        _ => {}
    }
    let promised = super::promised(extension);
    if is_encrypted_package(bytes) {
        // What is inside shows only after decryption; until then the name is
        // the best guess.
        return Ok(match promised {
            Some(format @ (Format::Pptx | Format::Xlsx)) => format,
            _ => Format::Docx,
        });
    }
    match promised {
        Some(format) => Err(super::damaged(format, "no stream of the format")),
        None => Err(super::unsupported("The document is an OLE compound file of an unknown kind")),
    }
}

/// Whether it is an encrypted DOCX, PPTX or XLSX: a compound file with a stream
/// `EncryptedPackage` ([MS-OFFCRYPTO] 2.3.4.4), whose name stands in the
/// directory in UTF-16.
pub(crate) fn is_encrypted_package(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.starts_with(SIGNATURE) && super::find(bytes, &name).is_some()
}
