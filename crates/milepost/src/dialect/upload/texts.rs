//! The texts of an upload. Enters: JSON. Leaves: all of them as one document, and which
//! collection they go into. Never: a text that could not be stored with its fields.

use std::borrow::Cow;

use milepost_core::CollectionName;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::dialect::detail;
use crate::http::extract::{self, parse_json, parse_object};
use crate::http::problem::{Code, Problem};

/// Texts in one upload.
const MAX_TEXTS: usize = 10_000;
/// The collection where the client names none.
const DEFAULT: &str = "rag_documents";

#[derive(Deserialize)]
struct Wanted<'a> {
    collection_name: Option<String>,
    #[serde(borrow)]
    documents: Option<&'a RawValue>,
    #[serde(default)]
    force_recreate: Option<bool>,
}

/// A text as it is sent and, with all its fields, as it is stored.
#[derive(Deserialize, Serialize)]
struct Text<'a> {
    #[serde(borrow)]
    content: Cow<'a, str>,
    #[serde(borrow, default = "unknown")]
    source: Cow<'a, str>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
}

const fn unknown() -> Cow<'static, str> {
    Cow::Borrowed("unknown")
}

/// What an upload brings.
pub struct Texts {
    /// All of them, as one document.
    pub stored: String,
    /// How many.
    pub count: usize,
    /// Their length in characters.
    pub characters: u64,
    /// Where they go.
    pub collection: CollectionName,
    /// Whether that is made anew.
    pub force_recreate: bool,
}

/// Reads an upload.
///
/// # Errors
/// `invalid_field`.
pub fn read(body: &[u8]) -> Result<Texts, Problem> {
    let whole: &RawValue = parse_json(body, "").map_err(unreadable)?;
    let wanted: Wanted<'_> = parse_object(whole, "")?;
    let documents = wanted.documents.ok_or_else(|| detail::missing("documents"))?;
    if !documents.get().starts_with('[') {
        return Err(Problem::field("documents", "Input should be a valid list"));
    }
    let elements = extract::elements(documents.get(), MAX_TEXTS)?;
    let elements = elements.ok_or_else(|| {
        let detail = format!(
            "One upload takes {MAX_TEXTS} documents at most; send the others with further uploads \
             into the same collection"
        );
        Problem::field("documents", detail)
    })?;
    let mut texts = Vec::with_capacity(elements.len());
    for (index, element) in elements.into_iter().enumerate() {
        let place = format!("documents[{index}]");
        let text = parse_object::<Text<'_>>(element, &place)?;
        let metadata = text.metadata.map_or("null", RawValue::get);
        if !milepost_convert::text_fits(&text.source, metadata) {
            let detail = "The source or the metadata is too large, or nested too deeply";
            return Err(Problem::field(place, detail));
        }
        if !milepost_convert::metadata_keeps(metadata) {
            let detail = "The metadata has a number that cannot be kept, or half of a character";
            return Err(Problem::field(place, detail));
        }
        texts.push(text);
    }
    let collection = collection(wanted.collection_name)?;
    let characters = texts.iter().map(|text| text.content.chars().count() as u64).sum();
    let stored = serde_json::to_string(&Stored { documents: &texts });
    let stored = stored.map_err(|_| Problem::field("documents", "These cannot be stored"))?;
    let force_recreate = wanted.force_recreate.unwrap_or(false);
    Ok(Texts { stored, count: texts.len(), characters, collection, force_recreate })
}

/// The collection that a client names, or the one that is meant where it names none.
///
/// # Errors
/// `invalid_field`.
pub fn collection(name: Option<String>) -> Result<CollectionName, Problem> {
    name.as_deref().unwrap_or(DEFAULT).parse().map_err(|_| {
        let most = CollectionName::MAX_CHARS;
        let detail = format!(
            "A name has 1 to {most} characters, none of them control, and no space at its ends"
        );
        Problem::field("collection_name", detail)
    })
}

#[derive(Serialize)]
struct Stored<'a> {
    documents: &'a [Text<'a>],
}

/// The original says of a body that is no JSON that a field is wrong.
pub fn unreadable(problem: Problem) -> Problem {
    match problem.code {
        Code::InvalidRequest => Problem::field("", "JSON decode error"),
        _ => problem,
    }
}
