//! What a collection is. Enters: what its owner wants. Leaves: plain values. Never:
//! the chunks themselves.

use milepost_core::{CollectionName, Timestamp};
use serde::{Deserialize, Serialize};

/// How far two vectors are from each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// By the angle between them.
    #[default]
    Cosine,
    /// By their inner product; the larger the nearer.
    Dot,
    /// By the straight line between them.
    L2,
}

/// Which embedder made a collection's vectors. Only vectors of the same one can be
/// compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedderId {
    /// What the operator calls it.
    pub name: String,
    /// Which model it is: its name or, where it is read from a folder, its name with a
    /// hash of its weights.
    pub model: String,
    /// How many numbers a vector has.
    pub dimensions: u32,
}

/// What is fixed about a collection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// How documents are cut, as JSON of whoever cuts them; nothing here reads it.
    pub chunker: serde_json::Value,
    /// What makes its vectors; without one it is searched by words alone.
    pub embedder: Option<EmbedderId>,
    /// How vectors are compared.
    pub distance: Distance,
}

/// A collection as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collection {
    /// Unique among those of its owner.
    pub name: CollectionName,
    /// What is fixed.
    pub settings: Settings,
    /// Documents in it that can be found.
    pub documents: u64,
    /// Their chunks.
    pub chunks: u64,
    /// What it takes on disk, in bytes.
    pub bytes: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When what is in it, or its settings, changed last.
    pub updated_at: Timestamp,
}
