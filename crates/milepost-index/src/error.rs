//! What can go wrong with an index, as far as a caller can act on it.

use milepost_core::CollectionName;

use crate::collection::EmbedderId;

/// An index's answer where it has none. Display texts are for people, but for those of
/// `Unavailable` and `Damaged`, which are for the log.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The owner has no such collection.
    #[error("There is no collection `{0}`.")]
    NoCollection(CollectionName),
    /// Its vectors are of another embedder.
    #[error(
        "The collection `{collection}` holds vectors of the embedder `{}` ({}, {} dimensions), \
         not of `{}` ({}, {} dimensions). Use that one, or make the collection anew with \
         `force_recreate`.", wants.name, wants.model, wants.dimensions, got.name, got.model,
         got.dimensions
    )]
    OtherEmbedder {
        /// The collection.
        collection: CollectionName,
        /// What it holds.
        wants: Box<EmbedderId>,
        /// What was offered.
        got: Box<EmbedderId>,
    },
    /// It has no vectors, and was asked for some; or the other way round.
    #[error("The collection `{0}` has no embedder: search it by `keyword`.")]
    NoEmbedder(CollectionName),
    /// A vector has another length than the collection's.
    #[error("A vector has {got} dimensions where the collection `{collection}` has {wants}.")]
    WrongDimensions {
        /// The collection.
        collection: CollectionName,
        /// How many it has.
        wants: u32,
        /// How many came.
        got: usize,
    },
    /// The filter names a field that nothing in the collection has.
    #[error("Nothing in the collection has the field `{field}`; it has {}.", known.join(", "))]
    UnknownField {
        /// The field.
        field: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// An owner has as many collections as may be.
    #[error("You have {most} collections, as many as one may have; delete one first.")]
    TooMany {
        /// How many are allowed.
        most: u64,
    },
    /// A vector cannot be compared.
    #[error("A vector for the collection `{collection}` {why}.")]
    BadVector {
        /// The collection.
        collection: CollectionName,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A collection with documents keeps its embedder and its distance.
    #[error(
        "The collection `{0}` has documents, so its embedder and distance stay as they are. Make \
         it anew with `force_recreate`, or delete it first."
    )]
    Fixed(CollectionName),
    /// What a build was filling is no longer there.
    #[error(
        "The collection `{0}` was deleted or made anew by somebody else while it was being \
         filled. Try again to fill what is there now."
    )]
    Replaced(CollectionName),
    /// It cannot be reached or used now.
    #[error("the index is not available: {0}")]
    Unavailable(String),
    /// What is stored makes no sense.
    #[error("the index is damaged: {0}")]
    Damaged(String),
}
