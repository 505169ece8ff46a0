//! Several texts in one document.
//!
//! Enters: JSON. Leaves: texts, each with where it comes from. It never reads more
//! of them than are allowed.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind};

/// The media type of several texts in one document.
pub const TEXTS: &str = "application/vnd.milepost.texts+json";
/// How the name of one may end, where the media type is not known.
const TEXTS_ENDING: &str = ".texts.json";
/// More texts than this come in several documents.
const MAX_TEXTS: usize = 100_000;
/// Whether a document is several texts in one.
pub fn is_texts(media_type: &str, filename: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(TEXTS) || filename.to_ascii_lowercase().ends_with(TEXTS_ENDING)
}

/// Several texts in one document.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    documents: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    pub(super) content: String,
    #[serde(default = "unknown")]
    pub(super) source: String,
    #[serde(default)]
    pub(super) metadata: Option<Box<RawValue>>,
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// The texts in a document.
///
/// # Errors
/// `Damaged`, `TooLarge`.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Text>, Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let Texts { documents } = serde_json::from_slice(bytes).map_err(|error| {
        let message = "The document is not a list of texts: send JSON like {\"documents\": \
                       [{\"content\": \"…\", \"source\": \"…\", \"metadata\": null}]}.";
        Error::new(ErrorKind::Damaged, message).because(error)
    })?;
    if documents.len() > MAX_TEXTS {
        let message = format!(
            "The document has {} texts, more than the {MAX_TEXTS} that are allowed; send them in \
             several.",
            documents.len()
        );
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    Ok(documents)
}
