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

use crate::convert::{Document, Step};
use crate::error::{Error, ErrorKind};
use crate::extract::{Extract, Text, extract};
use crate::mark::{Counted, Found, Mark, Pace, Phase};
use crate::options::{Limits, Options};
pub use chunker::{Chunker, ChunkerKind, SizeUnit, Tokenizer};
use cut::Cuts;
pub use enrich::embedded_text;
use size::Sizer;
pub use texts::{TEXTS, is_texts, text_fits};
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

/// Reads a document and cuts it in one go.
///
/// # Errors
///
/// As [`extract`](crate::extract()) and [`chunk`].
pub fn chunks(
    document: Document,
    media_type: &str,
    options: &Options,
    limits: &Limits,
    on_mark: &mut dyn FnMut(Mark),
) -> Result<String, Error> {
    let several = is_texts(media_type, &document.filename);
    let mut pace = Pace::new(MARKS, None);
    let mut done = 0;
    let extract =
        extract(document, media_type, options, limits, Vec::new(), &mut |step| match step {
            Step::Detected { format, pages, selected } => {
                let total = Some(selected.len() as u64);
                pace = Pace::new(MARKS, total);
                let counted = if several { Counted::Document } else { Counted::Page };
                let found = (!several).then_some(Found { format, pages });
                on_mark(Mark::Begins { phase: Phase::Extracting, counted, total, found });
            }
            Step::Page(page) => {
                done += 1;
                on_mark(Mark::Read { page: page.number });
                pace.mark(done).map(&mut *on_mark);
            }
            Step::Assembling => {}
        })?;
    let chunker = match options.chunk_chars {
        Some(max) => Chunker { kind: ChunkerKind::Markdown, max, overlap: 0, ..Chunker::default() },
        None => options.chunker.clone().unwrap_or_default(),
    };
    let made = chunk(extract.as_bytes(), &chunker, None, limits, on_mark)?;
    on_mark(begins(Phase::Indexing, None));
    Ok(made)
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
