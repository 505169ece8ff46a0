//! What is put into a collection. Enters: chunks, and the facts of the document that
//! they come from. Leaves: plain values. Never: a vector that is not of the
//! collection's embedder.

use milepost_core::{DocumentId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

/// A document in a collection, for as long as it is this version of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub Uuid);

/// A part of a document that can be found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its place in its document, from 0.
    pub index: u32,
    /// What is shown.
    pub text: String,
    /// The headings that it stands under, the outermost first.
    pub headings: Vec<String>,
    /// The first and the last page that it stands on, from 1.
    pub pages: Option<(u32, u32)>,
    /// ISO 639-1, where it is sure.
    pub language: Option<String>,
    /// What it is about.
    pub keywords: Vec<String>,
    /// Its length in characters.
    pub characters: u32,
    /// Its length in tokens of the chunker's tokenizer, where that counted tokens.
    pub tokens: Option<u32>,
    /// SHA-256, in hexadecimal, of what is embedded: the headings and the text.
    pub hash: String,
}

/// What is known of a document as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// What makes it the same document: one with an equal key takes its place.
    pub key: String,
    /// The stored document, where it is one.
    pub document: Option<DocumentId>,
    /// Its name, or where a text says it is from.
    pub filename: String,
    /// Its title.
    pub title: Option<String>,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// When it was written, as ISO 8601, as far as it is known.
    pub date: Option<String>,
    /// The language of most of it.
    pub language: Option<String>,
    /// What kind of document it is.
    pub media_type: Option<String>,
    /// How many pages it has.
    pub pages: Option<u32>,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: Option<String>,
    /// What its owner attached.
    pub metadata: Map<String, Value>,
}

/// A document that is in a collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Of this version.
    pub id: EntryId,
    /// What is known of it.
    pub facts: Facts,
    /// How many chunks it has.
    pub chunks: u64,
    /// The length of their texts in bytes.
    pub bytes: u64,
    /// When it could first be found.
    pub indexed_at: Timestamp,
}

/// A chunk that is ready: with its vector, where the collection has an embedder.
#[derive(Clone, Debug, PartialEq)]
pub struct Staged {
    /// The chunk.
    pub chunk: Chunk,
    /// As many numbers as the collection's embedder makes.
    pub vector: Option<Vec<f32>>,
}
