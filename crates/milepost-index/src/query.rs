//! What is asked of collections, and what is answered. Enters: a checked request.
//! Leaves: plain values. Never: an unbounded list.

use milepost_core::CollectionName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chunk::{Chunk, Entry};

/// By what is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// By words: BM25.
    Keyword,
    /// By meaning: the nearest vectors.
    Vector,
    /// By both, fused by their ranks.
    Hybrid,
}

/// A question to one or several collections of one owner.
#[derive(Clone, Debug)]
pub struct Query {
    /// What is looked for, in words.
    pub text: String,
    /// How many hits at most.
    pub k: usize,
    /// By what.
    pub mode: Mode,
    /// The vector of `text`, by the collection's embedder; for every mode but
    /// `Keyword`.
    pub vector: Option<Vec<f32>>,
    /// What every hit must be.
    pub filter: Filter,
}

/// Conditions that all hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter(pub Vec<Condition>);

/// One condition on one field: `document`, `filename`, `title`, `author`, `date`,
/// `language`, `media_type`, `page`, `keyword`, `heading`, or `metadata.KEY`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The field.
    pub field: String,
    /// What must be true of it; for a field with several values, of one of them.
    pub test: Test,
}

/// What must be true of a value. Strings compare by code points, numbers as numbers;
/// values of different kinds are never equal, smaller or greater.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is this.
    Equal(Value),
    /// It is one of these.
    In(Vec<Value>),
    /// It is within these bounds, of which at least one is set.
    Range {
        /// It is this or greater; with `true`, only greater.
        from: Option<(Value, bool)>,
        /// It is this or smaller; with `true`, only smaller.
        to: Option<(Value, bool)>,
    },
}

/// A chunk that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    /// In which collection.
    pub collection: CollectionName,
    /// The document, as the collection has it.
    pub entry: Entry,
    /// The chunk.
    pub chunk: Chunk,
    /// The better the greater. Only within one answer can scores be compared: BM25 in
    /// `Keyword`, nearness in `Vector` (cosine: 1 is equal), the sum of reciprocal ranks
    /// in `Hybrid`.
    pub score: f64,
    /// Its place among those found by words, from 1.
    pub keyword_rank: Option<usize>,
    /// Its place among those found by meaning, from 1.
    pub vector_rank: Option<usize>,
    /// The best part of its text as HTML: escaped, the words that were looked for in
    /// `<mark>`.
    pub highlight: String,
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The best first.
    pub hits: Vec<Hit>,
}
