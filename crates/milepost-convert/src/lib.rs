//! Document in, document out, page by page, with a progress callback.
//!
//! Enters: a document's bytes with its name, what the user asked for
//! ([`Options`]) and what the operator allows ([`Limits`]). Leaves: a [`Step`]
//! for everything that a watcher may want to know, a finished [`Page`] as soon
//! as there is one, and the assembled [`Output`], or an [`Error`] whose message
//! is written for the person who sent the document.
//!
//! It never opens a path or a socket, never starts a program or a task, and
//! knows nothing of jobs: what it is fed is all that it reads. Links, images
//! and files that a document refers to stay references.

/// The same for the same code over the same libraries. What another one makes of
/// a document may differ.
pub const FINGERPRINT: &str = env!("MILEPOST_CONVERTER");

mod chunks;
mod convert;
mod declarative;
mod detect;
mod error;
mod extract;
mod format;
mod language;
mod mark;
mod options;
mod page;
mod pages;
mod pdf;
mod provenance;
mod render;
mod sentences;
mod threads;

pub use chunks::{
    Chunker, ChunkerKind, SizeUnit, TEXTS, Tokenizer, chunk, embedded_text, is_texts,
    metadata_keeps, text_fits,
};
pub use convert::{Document, Output, Step, convert};
pub use detect::{detect, is_named_as_document};
pub use error::{Error, ErrorKind};
pub use extract::extract;
pub use format::{Format, OutputFormat, UnknownFormat};
pub use mark::{Counted, Found, Mark, Phase};
pub use options::{Limits, Options};
pub use page::Page;
pub use pages::{InvalidSelection, PageSelection};
pub use sentences::{Sentences, sentences};
pub use threads::{AlreadySpread, stay_on_this_thread};
