//! The way through: detect, convert page by page, assemble.
//!
//! Enters: a document, options, limits and the pages that an earlier attempt
//! finished. Leaves: steps through the callback, then the whole. It never
//! converts a page twice and never changes a finished one.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::detect::detect;
use crate::error::{Error, ErrorKind};
use crate::extract::Facts;
use crate::format::{Format, OutputFormat};
use crate::options::{Limits, Options};
use crate::page::Page;
use crate::{declarative, pdf};

/// A document as it was sent.
#[derive(Clone)]
pub struct Document {
    /// Its name, used where the content leaves the format open.
    pub filename: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("filename", &self.filename)
            .field("bytes", &self.bytes.len())
            .finish()
    }
}

/// What happened.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The format is known and so are the pages to convert.
    Detected {
        /// What the document is.
        format: Format,
        /// How many pages the document has.
        pages: u32,
        /// The numbers of those to convert, finished ones included, ascending.
        selected: Vec<u32>,
    },
    /// A page is ready.
    Page(Page),
    /// All pages are ready; the whole is being put together.
    Assembling,
}

/// The whole document, converted.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// What the document was.
    pub format: Format,
    /// The whole in each format that was asked for.
    pub rendered: BTreeMap<OutputFormat, String>,
    /// Pages that could not be converted, ascending.
    pub failed_pages: Vec<u32>,
}

/// Converts a document.
///
/// `finished` are pages of an earlier attempt with the same document and
/// options; they are not converted again, and the result is the same, byte for
/// byte, as that of one attempt without a break. `on_step` is called on the
/// caller's thread, in page order.
///
/// # Errors
///
/// See [`ErrorKind`]. A page that fails is no error as long as another one does
/// not.
pub fn convert(
    document: Document,
    options: &Options,
    limits: &Limits,
    finished: Vec<Page>,
    on_step: &mut dyn FnMut(Step),
) -> Result<Output, Error> {
    convert_telling(document, options, limits, finished, None, on_step)
}

/// The same, with what the document says of itself put into `facts`.
pub(crate) fn convert_telling(
    document: Document,
    options: &Options,
    limits: &Limits,
    finished: Vec<Page>,
    facts: Option<&mut Facts>,
    on_step: &mut dyn FnMut(Step),
) -> Result<Output, Error> {
    match detect(&document.bytes, &document.filename)? {
        Format::Pdf => pdf::convert(document, options, limits, finished, facts, on_step),
        format => declarative::convert(format, document, options, limits, finished, facts, on_step),
    }
}

/// The numbers of the pages to convert in a document of `total`.
pub(crate) fn select(total: u32, options: &Options, limits: &Limits) -> Result<Vec<u32>, Error> {
    let count = match &options.pages {
        Some(pages) => pages.count(total),
        None => total,
    };
    if let (0, Some(pages)) = (count, &options.pages) {
        return Err(Error::new(
            ErrorKind::InvalidPages,
            match total {
                1 => format!("options.pages {pages} selects nothing: the document has 1 page."),
                _ => format!(
                    "options.pages {pages} selects nothing: the document has {total} pages."
                ),
            },
        ));
    }
    if count > limits.max_pages {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!(
                "The conversion would cover {count} pages, more than the {} that this server \
                 allows; select fewer with options.pages.",
                limits.max_pages
            ),
        ));
    }
    Ok(match &options.pages {
        Some(pages) => pages.select(total),
        None => (1..=total).collect(),
    })
}
