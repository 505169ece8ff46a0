//! Texts in chunks that can be searched.
//!
//! Enters: lines of JSON as [`extract`](crate::extract()) makes them, and how they
//! are to be cut. Leaves: marks through the callback, then the chunks as JSON, each
//! with where it comes from and what can be said of it. It never asks what the
//! chunks are for.

mod atoms;
mod chunker;
mod clean;
mod content;
mod cut;
mod edges;
mod enrich;
mod keywords;
mod merge;
mod outline;
mod pack;
mod sections;
mod size;
mod texts;

use crate::error::{Error, ErrorKind};
use crate::extract::{Extract, Text};
use crate::mark::{Counted, Mark, Phase};
use crate::options::Limits;
pub use chunker::{Chunker, ChunkerKind, SizeUnit, Tokenizer};
use cut::Cuts;
pub use enrich::embedded_text;
use size::Sizer;
pub use texts::{TEXTS, is_texts, metadata_keeps, text_fits};
pub(crate) use texts::{Text as Given, parse as parse_texts};

/// Marks of small steps, about.
const MARKS: u64 = 100;

/// Cuts texts into chunks; JSON.
///
/// `extracts` has what [`extract`](crate::extract()) made of each document on a line
/// of its own; an empty line stands for one that could not be read. `tokenizer` is
/// the `tokenizer.json` of the collection's embedder, where that has one. The same
/// gives the same, byte for byte.
///
/// # Errors
///
/// `TooLarge`; `Damaged` where a line is not what `extract` makes, or the tokenizer
/// cannot be read.
pub fn chunk(
    extracts: &[u8],
    chunker: &Chunker,
    tokenizer: Option<&[u8]>,
    limits: &Limits,
    on_mark: &mut dyn FnMut(Mark),
) -> Result<String, Error> {
    on_mark(begins(Phase::Chunking, None));
    let sizer = Sizer::of(chunker, tokenizer)?;
    let mut texts: Vec<(usize, Text)> = Vec::new();
    let mut cuts = Cuts::new(chunker, &sizer, limits);
    for (line, json) in extracts.split(|byte| *byte == b'\n').enumerate() {
        if json.trim_ascii().is_empty() {
            continue;
        }
        // One document at a time: of those that are cut the chunks are enough.
        let Extract { texts: more } = serde_json::from_slice(json).map_err(damaged)?;
        for mut text in more {
            cuts.text(texts.len(), &mut text, on_mark)?;
            texts.push((line, text));
        }
    }
    let pieces = cuts.finish();
    let total = pieces.len() as u64;
    on_mark(Mark::Done { done: total, total: Some(total) });
    on_mark(begins(Phase::Enriching, Some(total)));
    enrich::enrich(&texts, &pieces, &sizer, limits, on_mark)
}

fn begins(phase: Phase, total: Option<u64>) -> Mark {
    Mark::Begins { phase, counted: Counted::Chunk, total, found: None }
}

fn too_large(limits: &Limits) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!(
            "The chunks are larger than the {} MB that this server allows; send fewer documents \
             at a time, or cut them into larger chunks.",
            limits.max_output_bytes.div_ceil(1024 * 1024)
        ),
    )
}

fn damaged(cause: impl ToString) -> Error {
    let message = "What was read of the documents cannot be cut into chunks; send them again.";
    Error::new(ErrorKind::Damaged, message).because(cause)
}

#[cfg(test)]
mod tests;
