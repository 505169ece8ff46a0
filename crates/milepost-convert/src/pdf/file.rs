//! A PDF as it lies in memory.
//!
//! Enters: its bytes and a password. Leaves: the count and the size of its
//! pages, each one's Markdown, and whether it carries images. Pages have their
//! numbers here, from 1. It never decodes an image.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_oxide::converters::ConversionOptions;
use pdf_oxide::extractors::xmp::XmpExtractor;
use pdf_oxide::optional_content::decode_pdf_text_string;
use pdf_oxide::{PdfDocument, set_global_font_cache_capacity};

use crate::detect::damaged;
use crate::error::{Error, ErrorKind};
use crate::extract::Facts;
use crate::format::Format;

/// How near to the end its marker stands in a complete file: generous, as some
/// programs and transfers append to it.
const END_WITHIN: usize = 2048;
/// What is read of a title or a list of authors, in bytes.
const STRING_BYTES: usize = 8 * 1024;

pub(super) struct File {
    pdf: PdfDocument,
    cut_off: bool,
}

impl File {
    pub(super) fn open(bytes: Vec<u8>, password: Option<&str>) -> Result<Self, Error> {
        // The reader takes fonts that look alike for the same, and would read this
        // document with those of another. Within a document it keeps them elsewhere.
        set_global_font_cache_capacity(0);
        let tail = &bytes[bytes.len().saturating_sub(END_WITHIN)..];
        let cut_off = !tail.windows(5).any(|window| window == b"%%EOF");
        let pdf = PdfDocument::from_bytes(bytes).map_err(|error| match error {
            pdf_oxide::Error::EncryptedPdf => missing_or_wrong(password),
            // The one thing that it does not support before the pages.
            pdf_oxide::Error::Unsupported(_) => cannot_decrypt(error),
            error => damaged(Format::Pdf, error),
        })?;
        if pdf.is_encrypted() && !pdf.is_authenticated() {
            unlock(&pdf, password)?;
        }
        Ok(Self { pdf, cut_off })
    }

    pub(super) fn page_count(&self) -> Result<u32, Error> {
        let pages = self.pdf.page_count().map_err(|error| damaged(Format::Pdf, error))?;
        match u32::try_from(pages) {
            Ok(0) if self.cut_off => Err(damaged(Format::Pdf, "no end-of-file marker, no pages")),
            Ok(0) => Err(Error::new(ErrorKind::Empty, "The PDF has no pages.")),
            Ok(pages) => Ok(pages),
            Err(_) => Ok(u32::MAX),
        }
    }

    /// The file ends before its end-of-file marker.
    pub(super) fn is_cut_off(&self) -> bool {
        self.cut_off
    }

    /// What the file says of itself: in its information dictionary, or in XMP where
    /// that is silent.
    pub(super) fn facts(&self) -> Facts {
        // A bug in a parser costs these facts and nothing else.
        catch_unwind(AssertUnwindSafe(|| self.find_facts())).unwrap_or_default()
    }

    fn find_facts(&self) -> Facts {
        let info = self.pdf.trailer().as_dict().and_then(|trailer| trailer.get("Info"));
        let info = info.and_then(|info| self.pdf.resolve_object(info).ok());
        let value = |name: &str| {
            let value = self.pdf.resolve_object(info.as_ref()?.as_dict()?.get(name)?).ok()?;
            value
                .as_string()
                .map(|bytes| decode_pdf_text_string(&bytes[..bytes.len().min(STRING_BYTES)]))
        };
        let authors = value("Author").unwrap_or_default();
        let dates = [value("CreationDate"), value("ModDate")];
        let dates = dates.iter().flatten().map(String::as_str);
        let facts = Facts::of(value("Title").as_deref(), names(&authors), dates);
        if facts.title.is_some() && !facts.authors.is_empty() && facts.date.is_some() {
            return facts;
        }
        let Ok(Some(xmp)) = XmpExtractor::extract(&self.pdf) else { return facts };
        let authors = xmp.dc_creator.iter().map(String::as_str);
        let dates = [&xmp.xmp_create_date, &xmp.xmp_modify_date].into_iter().flatten();
        facts.or(Facts::of(xmp.dc_title.as_deref(), authors, dates.map(String::as_str)))
    }

    pub(super) fn page_markdown(
        &self,
        number: u32,
        options: &ConversionOptions,
    ) -> pdf_oxide::Result<String> {
        self.pdf.to_markdown(index(number), options)
    }

    /// Whether the page draws an image.
    pub(super) fn has_images(&self, number: u32) -> bool {
        // Only asked of pages without text, where a parser's bug is no loss.
        catch_unwind(AssertUnwindSafe(|| {
            self.pdf.page_image_handles(index(number)).is_ok_and(|images| !images.is_empty())
        }))
        .unwrap_or(false)
    }

    /// Width and height in points, as the page is shown. US Letter where it
    /// does not say.
    pub(super) fn page_size(&self, number: u32) -> (f32, f32) {
        let Ok((left, bottom, right, top)) = self.pdf.get_page_visible_box(index(number)) else {
            return (612.0, 792.0);
        };
        let (width, height) = ((right - left).abs(), (top - bottom).abs());
        match self.pdf.get_page_rotation(index(number)) {
            Ok(turned) if turned.rem_euclid(180) == 90 => (height, width),
            _ => (width, height),
        }
    }
}

/// The names in a list of authors.
fn names(authors: &str) -> Vec<&str> {
    if authors.contains([';', '\n']) {
        return authors.split([';', '\n']).collect();
    }
    // `Surveyor, Ada` is one.
    let parts: Vec<&str> = authors.split(", ").flat_map(|part| part.split(" and ")).collect();
    match parts.iter().all(|part| part.trim().contains(' ')) {
        true => parts,
        false => authors.split(" and ").collect(),
    }
}

fn index(number: u32) -> usize {
    number as usize - 1
}

/// Opens an encrypted PDF, or says why it stays shut.
fn unlock(pdf: &PdfDocument, password: Option<&str>) -> Result<(), Error> {
    // An empty password tells whether any would do.
    let given = password.unwrap_or_default();
    for bytes in [Some(given.as_bytes().to_vec()), latin1(given)].into_iter().flatten() {
        match pdf.authenticate(&bytes) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error @ pdf_oxide::Error::Unsupported(_)) => return Err(cannot_decrypt(error)),
            Err(error) => return Err(missing_or_wrong(password).because(error)),
        }
    }
    Err(missing_or_wrong(password))
}

fn cannot_decrypt(cause: pdf_oxide::Error) -> Error {
    Error::new(
        ErrorKind::Encrypted,
        "The PDF is encrypted in a way that this server cannot open; send it without encryption.",
    )
    .because(cause)
}

/// Before PDF 2.0 a password is bytes in PDFDocEncoding, which is Latin-1 for
/// what people type.
fn latin1(password: &str) -> Option<Vec<u8>> {
    password.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

fn missing_or_wrong(password: Option<&str>) -> Error {
    Error::new(
        ErrorKind::Encrypted,
        match password {
            None => "The PDF is encrypted; send its password in options.password.",
            Some(_) => "The password in options.password does not open this PDF.",
        },
    )
}
