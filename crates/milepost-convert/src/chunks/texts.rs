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
/// What stands in each chunk of a text is small, in bytes: its source, and its
/// metadata as JSON.
const MAX_LABEL: usize = 16 * 1024;
/// Who reads the chunks may not read deeper.
const MAX_DEPTH: usize = 32;
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
pub(crate) struct Text {
    pub(crate) content: String,
    #[serde(default = "unknown")]
    pub(crate) source: String,
    #[serde(default)]
    pub(crate) metadata: Option<Box<RawValue>>,
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// Whether a text of this source and with this metadata, as JSON, is taken.
pub fn text_fits(source: &str, metadata: &str) -> bool {
    source.len().max(metadata.len()) <= MAX_LABEL && depth(metadata) <= MAX_DEPTH
}

/// Whether metadata, as JSON, can be kept: no number is too large, and no character half.
pub fn metadata_keeps(metadata: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(metadata).is_ok()
}

/// The texts in a document.
///
/// # Errors
/// `Damaged`, `TooLarge`.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Text>, Error> {
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
    for (place, Text { source, metadata, .. }) in documents.iter().enumerate() {
        let metadata = metadata.as_deref().map_or("", RawValue::get);
        if !text_fits(source, metadata) {
            let message = format!(
                "The source or the metadata of text {} is larger than {} KiB, or nested deeper \
                 than {MAX_DEPTH} levels.",
                place + 1,
                MAX_LABEL / 1024
            );
            return Err(Error::new(ErrorKind::TooLarge, message));
        }
        if !metadata.is_empty() && !metadata_keeps(metadata) {
            let message = format!(
                "The metadata of text {} has a number that cannot be kept, or half of a \
                 character; write a number of so many digits as a string.",
                place + 1
            );
            return Err(Error::new(ErrorKind::Damaged, message));
        }
    }
    Ok(documents)
}

/// How deep JSON is nested, which is known to be JSON.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_each_chunk_is_small() {
        let texts = |metadata: &str| {
            let json = format!(r#"{{"documents":[{{"content":"a","metadata":{metadata}}}]}}"#);
            parse(json.as_bytes()).map(|texts| texts.len()).map_err(|error| error.kind)
        };
        assert_eq!(texts(r#"{"a": ["[[[[", "\"]"]}"#), Ok(1));
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(texts(&deep(MAX_DEPTH)), Ok(1));
        assert_eq!(texts(&deep(MAX_DEPTH + 1)), Err(ErrorKind::TooLarge));
        assert_eq!(texts(&format!("\"{}\"", "x".repeat(MAX_LABEL))), Err(ErrorKind::TooLarge));
    }

    #[test]
    fn metadata_is_what_can_be_read_again() {
        let texts = |metadata: &str| {
            let json = format!(r#"{{"documents":[{{"content":"a","metadata":{metadata}}}]}}"#);
            parse(json.as_bytes()).map(|texts| texts.len()).map_err(|error| error.kind)
        };
        let digits = |count: usize| format!(r#"{{"a":[{}]}}"#, "1".repeat(count));
        assert_eq!(texts(&digits(30)), Ok(1));
        for metadata in [&digits(400), r#"{"a":-1e999}"#, r#"{"a":"\ud800"}"#] {
            assert_eq!(texts(metadata), Err(ErrorKind::Damaged), "{metadata}");
        }
        let json = r#"{"documents":[{"content":"a"},{"content":"b","metadata":null}]}"#;
        assert_eq!(parse(json.as_bytes()).map(|texts| texts.len()).ok(), Some(2));
    }

    #[test]
    fn depth_is_that_of_brackets_outside_of_strings() {
        assert_eq!(depth(r#"{"a": [1, {"b": "[[["}], "c\\": "\"{"}"#), 3);
        assert_eq!(depth(""), 0);
    }
}
