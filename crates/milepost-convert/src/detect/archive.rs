//! Zip archives: which format one is, and how much is in it.
//!
//! Enters: bytes that begin with a zip's signature. Leaves: a format by the
//! archive's parts, or an error. It reads names and the small `mimetype` entry,
//! and counts what the rest unpacks to without keeping it.

use std::io::{BufReader, Cursor, Read};

use zip::ZipArchive;

use crate::error::{Error, ErrorKind};
use crate::format::Format;

use super::expansion;

/// More entries than this in an archive is no document.
const MAX_ENTRIES: usize = 100_000;

pub(super) fn detect(bytes: &[u8]) -> Result<Format, Error> {
    let mut archive = open(bytes)?;
    let has = |archive: &ZipArchive<_>, prefix: &str| {
        archive.file_names().flatten().any(|name| name.starts_with(prefix))
    };
    // A part of another kind that a document embeds lies under `embeddings`,
    // so the folder at the root tells.
    for (prefix, format) in [("word/", Format::Docx), ("ppt/", Format::Pptx), ("xl/", Format::Xlsx)]
    {
        if has(&archive, prefix) {
            return Ok(format);
        }
    }
    let mut declared = read_start(&mut archive, "mimetype");
    if declared.trim().is_empty() {
        declared = read_start(&mut archive, "META-INF/manifest.xml");
    }
    for (name, format) in [
        ("application/epub+zip", Format::Epub),
        ("application/vnd.oasis.opendocument.text", Format::Odt),
        ("application/vnd.oasis.opendocument.spreadsheet", Format::Ods),
        ("application/vnd.oasis.opendocument.presentation", Format::Odp),
    ] {
        if declared.contains(name) {
            return Ok(format);
        }
    }
    if has(&archive, "META-INF/container.xml") {
        return Ok(Format::Epub);
    }
    Err(super::unsupported(
        "The document is a zip archive that holds none of the supported formats; send the files \
         in it one by one",
    ))
}

/// Refuses an archive that unpacks to more than `limit` bytes, or whose parts
/// ask for more table cells than that. The sizes that it declares may lie, so
/// what is compressed is unpacked once, into nothing.
pub(crate) fn check_archive(bytes: &[u8], limit: u64) -> Result<(), Error> {
    let mut archive = open(bytes)?;
    let too_large = || {
        Error::new(
            ErrorKind::TooLarge,
            format!(
                "The document unpacks to more than the {} MB that this server allows; send it in \
                 parts.",
                limit.div_ceil(1024 * 1024)
            ),
        )
    };
    if archive.len() > MAX_ENTRIES {
        return Err(too_large().because(format!("{} entries", archive.len())));
    }
    let mut left = limit;
    for index in 0..archive.len() {
        // What cannot be read here (an unknown compression, a password) cannot
        // be read later either, so it unpacks to nothing.
        let Ok(entry) = archive.by_index(index) else {
            continue;
        };
        if entry.size() > left {
            return Err(too_large().because(format!("{} declared", entry.size())));
        }
        let name = entry.name().map(|name| name.to_string()).unwrap_or_default();
        let mut part = entry.take(left + 1);
        if expansion::may_expand(&name) {
            expansion::check(BufReader::new(&mut part))?;
        }
        // What cannot be unpacked further is not unpacked later either.
        let _ = std::io::copy(&mut part, &mut std::io::sink());
        let unpacked = left + 1 - part.limit();
        left = left.checked_sub(unpacked).ok_or_else(too_large)?;
    }
    Ok(())
}

fn open(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, Error> {
    ZipArchive::new(Cursor::new(bytes)).map_err(|error| {
        Error::new(
            ErrorKind::Damaged,
            "The document is a zip archive, as Office, OpenDocument and EPUB files are, that \
             cannot be opened: it is damaged or incomplete. Send it again from a good copy.",
        )
        .because(error)
    })
}

/// The first KiB of an entry; empty where there is none.
fn read_start(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> String {
    let mut start = Vec::new();
    if let Ok(entry) = archive.by_name(name) {
        // A damaged entry gives what could be read of it.
        let _ = entry.take(1024).read_to_end(&mut start);
    }
    String::from_utf8_lossy(&start).into_owned()
}
