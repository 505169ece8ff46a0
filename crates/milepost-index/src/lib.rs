//! Chunks in, search out: collections of documents in chunks, found by their words
//! and by their meaning.
//!
//! Enters: chunks with where they come from, their vectors, queries. Leaves: hits.
//! It never reads a document, knows no jobs, and answers nobody with what belongs to
//! another owner: there is no call without one.

mod chunk;
mod collection;
mod embed;
mod embedded;
mod error;
mod index;
mod query;
mod words;

pub use chunk::{Chunk, Entry, EntryId, Facts, Staged};
pub use collection::{Collection, Distance, EmbedderId, Settings};
pub use embed::{
    EmbedError, EmbedErrorKind, Embedder, EmbedderConfig, Embedders, Key, Reranker, RerankerConfig,
    Rerankers,
};
pub use embedded::{Embedded, EmbeddedBuilder, Limits};
pub use error::IndexError;
pub use index::{Build, Builder, Index};
pub use query::{Condition, Filter, Found, Hit, Mode, Query, Test};
