//! The second pass: the texts of all documents to chunks.
//!
//! Enters: lines of JSON as [`extract`](crate::extract()) makes them. Leaves: marks
//! through the callback, then the chunks as JSON, each with where it comes from and
//! what can be said of it. It never asks what the chunks are for.

use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use text_splitter::{ChunkConfig, MarkdownSplitter};

use super::chunker::Chunker;
use super::outline::Outline;
use super::{MARKS, begins, blocks, too_large};
use crate::error::{Error, ErrorKind};
use crate::extract::{Extract, Facts, Text};
use crate::language;
use crate::mark::{Counted, Mark, Pace, Phase};
use crate::options::Limits;

/// What is embedded of a chunk, and what its hash is of: its headings, the
/// outermost first, and its text, each on lines of its own.
pub fn embedded_text(headings: &[impl AsRef<str>], text: &str) -> String {
    let mut whole = String::new();
    for heading in headings {
        whole.push_str(heading.as_ref());
        whole.push('\n');
    }
    whole + text
}

/// A chunk as it is kept.
#[derive(Serialize)]
struct Chunk<'a> {
    id: String,
    /// The place of its text among all.
    document: usize,
    source: &'a str,
    /// From 0, in its text.
    index: usize,
    text: &'a str,
    /// The headings that it stands under, the outermost first.
    headings: Vec<&'a str>,
    /// The first and the last page that it stands on.
    pages: Option<[u32; 2]>,
    language: Option<&'a str>,
    keywords: Vec<String>,
    characters: usize,
    /// Words, at white space.
    words: usize,
    tokens: Option<usize>,
    hash: String,
    metadata: Option<&'a RawValue>,
}

/// What is kept of a text as a whole.
#[derive(Serialize)]
struct Source<'a> {
    place: usize,
    /// The line that it came with, from 0.
    line: usize,
    source: &'a str,
    key: Option<&'a str>,
    #[serde(flatten)]
    facts: &'a Facts,
    language: Option<&'a str>,
    media_type: Option<&'a str>,
    pages: Option<u32>,
    chunks: usize,
    metadata: Option<&'a RawValue>,
}

/// Cuts texts into chunks; JSON.
///
/// `extracts` has what [`extract`](crate::extract()) made of each document on a line
/// of its own; an empty line stands for one that could not be read. `tokenizer` is
/// the `tokenizer.json` of the collection's embedder, where that has one.
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
    let _ = tokenizer;
    let mut texts: Vec<(usize, Text)> = Vec::new();
    for (line, json) in extracts.split(|byte| *byte == b'\n').enumerate() {
        if !json.trim_ascii().is_empty() {
            let Extract { texts: more } = serde_json::from_slice(json).map_err(damaged)?;
            texts.extend(more.into_iter().map(|text| (line, text)));
        }
    }
    on_mark(begins(Phase::Chunking, Counted::Chunk, None, None));
    let config = ChunkConfig::new(chunker.max.max(1) as usize);
    let config = config.with_overlap(chunker.overlap as usize).map_err(damaged)?;
    let splitter = MarkdownSplitter::new(config);
    let mut pace = Pace::new(MARKS, None);
    let mut cut = Vec::new();
    for (place, (_, text)) in texts.iter().enumerate() {
        let mut index = 0;
        for part in &text.parts {
            let mut outline = Outline::new(&part.markdown);
            for (offset, block) in blocks(&part.markdown) {
                for (at, chunk) in splitter.chunk_indices(block) {
                    if chunk.trim().is_empty() {
                        continue;
                    }
                    let pages = part.page.map(|page| [page, page]);
                    cut.push((place, index, chunk, outline.at(offset + at), pages));
                    index += 1;
                    pace.mark(cut.len() as u64).map(&mut *on_mark);
                }
            }
        }
    }
    let total = cut.len() as u64;
    on_mark(Mark::Done { done: total, total: Some(total) });
    on_mark(begins(Phase::Enriching, Counted::Chunk, Some(total), None));
    let mut pace = Pace::new(MARKS, Some(total));
    let mut json = "{\"chunks\":[".to_owned();
    let mut counts = vec![0; texts.len()];
    for (done, (place, index, chunk, headings, pages)) in (1..).zip(cut) {
        let (_, text) = &texts[place];
        counts[place] += 1;
        let hash = Sha256::digest(embedded_text(&headings, chunk));
        let chunk = Chunk {
            id: format!("{place}-{index}"),
            document: place,
            source: &text.source,
            index,
            text: chunk,
            headings,
            pages,
            language: language::surely(chunk).or(text.language.as_deref()),
            keywords: Vec::new(),
            characters: chunk.chars().count(),
            words: language::words(chunk),
            tokens: None,
            hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            metadata: text.metadata.as_deref(),
        };
        if done > 1 {
            json.push(',');
        }
        json += &serde_json::to_string(&chunk).map_err(|error| too_large(limits).because(error))?;
        if json.len() as u64 > limits.max_output_bytes {
            return Err(too_large(limits));
        }
        pace.mark(done).map(&mut *on_mark);
    }
    let sources: Vec<_> = texts
        .iter()
        .zip(counts)
        .enumerate()
        .map(|(place, ((line, text), chunks))| Source {
            place,
            line: *line,
            source: &text.source,
            key: text.key.as_deref(),
            facts: &text.facts,
            language: text.language.as_deref(),
            media_type: text.media_type.as_deref(),
            pages: text.pages,
            chunks,
            metadata: text.metadata.as_deref(),
        })
        .collect();
    let sources = serde_json::to_string(&sources).map_err(damaged)?;
    json += &format!("],\"documents\":{},\"sources\":{sources}}}", texts.len());
    Ok(json)
}

fn damaged(cause: impl ToString) -> Error {
    let message = "What was read of the documents cannot be cut into chunks; convert them anew.";
    Error::new(ErrorKind::Damaged, message).because(cause)
}
