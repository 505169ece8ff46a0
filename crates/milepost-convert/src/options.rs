//! What the user asks for and what the operator allows.
//!
//! Enters: JSON, or values set in code. Leaves: plain data that the converters
//! read. It never prints a password.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::chunks::Chunker;
use crate::format::OutputFormat;
use crate::pages::PageSelection;

/// What the user asks for.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Only these pages; `None` is all of them.
    pub pages: Option<PageSelection>,
    /// Opens an encrypted PDF or Office document; unused where none is needed.
    pub password: Option<String>,
    /// The formats to make. Empty means all, as does leaving it out.
    pub formats: Vec<OutputFormat>,
    /// Pages of one chunk, for sentences; `None` leaves it to the document's length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk_pages: Option<u32>,
    /// How a document is cut, for chunks; `None` leaves it to the collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunker: Option<Chunker>,
    /// The embedder of a collection that this makes, by the operator's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedder: Option<String>,
    /// Whether the collection is made anew.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force_recreate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pages: None,
            password: None,
            formats: OutputFormat::ALL.to_vec(),
            chunk_pages: None,
            chunker: None,
            embedder: None,
            force_recreate: false,
        }
    }
}

impl Options {
    /// How many pages one chunk may have.
    pub const CHUNK_PAGES: RangeInclusive<u32> = 1..=100;

    /// The formats to make, each once, in their canonical order.
    pub fn wanted(&self) -> Vec<OutputFormat> {
        OutputFormat::ALL
            .into_iter()
            .filter(|format| self.formats.is_empty() || self.formats.contains(format))
            .collect()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("pages", &self.pages)
            .field("password", &self.password.as_ref().map(|_| "(hidden)"))
            .field("formats", &self.formats)
            .field("chunk_pages", &self.chunk_pages)
            .field("chunker", &self.chunker)
            .field("embedder", &self.embedder)
            .field("force_recreate", &self.force_recreate)
            .finish()
    }
}

/// What the operator allows for one document.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Pages that one conversion may select.
    pub max_pages: u32,
    /// Bytes of all results together: every page and the whole, in every
    /// format.
    pub max_output_bytes: u64,
    /// Bytes that an archive (every Office, OpenDocument and EPUB file is one)
    /// may unpack to.
    pub max_unpacked_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_pages: 20_000,
            max_output_bytes: 512 * 1024 * 1024,
            max_unpacked_bytes: 512 * 1024 * 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_password() {
        let options = Options { password: Some("milepost".into()), ..Options::default() };
        let shown = format!("{options:?}");
        assert!(shown.contains("(hidden)") && !shown.contains("milepost"));
    }

    #[test]
    fn left_out_fields_have_defaults_and_unknown_ones_are_refused() {
        let options: Options = serde_json::from_str("{}").unwrap();
        assert_eq!(options.wanted(), OutputFormat::ALL);
        let options: Options =
            serde_json::from_str(r#"{"formats":["text","markdown","text"],"pages":"2-3"}"#)
                .unwrap();
        assert_eq!(options.wanted(), [OutputFormat::Markdown, OutputFormat::Text]);
        assert!(serde_json::from_str::<Options>(r#"{"page":"1"}"#).is_err());
    }
}
