//! A document's sentences, chunk by chunk.
//!
//! Enters: a document, options, limits. Leaves: marks through the callback, then
//! the sentences as JSON and as text. A chunk is a few pages, or a part of a
//! document that has none, and ends where a sentence may not: what runs across
//! is joined at last. One chunk's failure never ends the rest.

mod blocks;
mod normal;
mod split;
mod unfinished;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;

use crate::convert::{Document, Step, convert};
use crate::error::{Error, ErrorKind};
use crate::format::{Format, OutputFormat};
use crate::language;
use crate::mark::{Counted, Found, Mark, Pace, Phase};
use crate::options::{Limits, Options};
use crate::page::Page;
use crate::render::parse_markdown;
pub(crate) use blocks::is_page_number;
use normal::{Words, normalize};
use split::Piece;
pub(crate) use split::sentence_starts;

/// A long document's chunks have so many pages, a short one's have one.
const MAX_PAGES: usize = 5;
/// Below this there are more chunks rather than longer ones.
const FINE: usize = 20;
/// The length of a chunk, in bytes, where there are no pages.
const CHUNK_BYTES: usize = 8 * 1024;
/// Marks of finished chunks, about.
const MARKS: u64 = 1_000;

/// The sentences of a document, in each format.
pub struct Sentences {
    /// As JSON: the language, all sentences, and each chunk.
    pub json: String,
    /// One sentence on each line.
    pub text: String,
}

/// Splits a document into sentences.
///
/// # Errors
///
/// As [`convert`]. A chunk that fails is no error as long as another one does
/// not.
pub fn sentences(
    document: Document,
    options: &Options,
    limits: &Limits,
    on_mark: &mut dyn FnMut(Mark),
) -> Result<Sentences, Error> {
    let read = Options { formats: vec![OutputFormat::Markdown], ..options.clone() };
    let mut work = Work { chunk_pages: options.chunk_pages, ..Work::default() };
    on_mark(Mark::Begins {
        phase: Phase::Analyzing,
        counted: Counted::Page,
        total: None,
        found: None,
    });
    convert(document, &read, limits, Vec::new(), &mut |step| work.step(step, on_mark))?;
    work.merge(limits)
}

#[derive(Default)]
struct Work {
    chunk_pages: Option<u32>,
    found: Option<Found>,
    /// Pages to read, and those of one chunk; 0 where the document has none.
    pages: usize,
    size: usize,
    read: usize,
    language: Option<&'static str>,
    pace: Option<Pace>,
    /// The chunk that pages are added to is the last one.
    chunks: Vec<Chunk>,
}

#[derive(Default)]
struct Chunk {
    pieces: Vec<Piece>,
    language: Option<&'static str>,
    bytes: usize,
    error: Option<String>,
}

impl Work {
    fn step(&mut self, step: Step, on_mark: &mut dyn FnMut(Mark)) {
        match step {
            Step::Detected { format, pages, selected } => {
                self.found = Some(Found { format, pages });
                if pages > 1 || format == Format::Pdf {
                    let even = selected.len().div_ceil(FINE).clamp(1, MAX_PAGES);
                    let asked = self.chunk_pages.map(|pages| pages.max(1) as usize);
                    (self.pages, self.size) = (selected.len(), asked.unwrap_or(even));
                    self.begin(self.pages.div_ceil(self.size), on_mark);
                }
            }
            Step::Page(page) if self.size == 0 => self.parts(&page, on_mark),
            Step::Page(page) => {
                if self.read.is_multiple_of(self.size) {
                    self.chunks.push(Chunk::default());
                }
                self.read += 1;
                self.add(page.error.clone(), page.number, || plain(&page.markdown), true);
                on_mark(Mark::Read { page: page.number });
                if self.read.is_multiple_of(self.size) || self.read == self.pages {
                    self.finish(on_mark);
                }
            }
            Step::Assembling => on_mark(begins(Phase::Merging, None)),
        }
    }

    /// The whole of a document without pages.
    fn parts(&mut self, page: &Page, on_mark: &mut dyn FnMut(Mark)) {
        let text = plain(&page.markdown).unwrap_or_else(|_| page.markdown.clone());
        let parts = blocks::parts(&text, CHUNK_BYTES);
        self.begin(parts.len(), on_mark);
        for part in parts {
            self.chunks.push(Chunk::default());
            self.add(None, 1, || Ok(part.to_owned()), false);
            self.finish(on_mark);
        }
    }

    fn begin(&mut self, chunks: usize, on_mark: &mut dyn FnMut(Mark)) {
        let total = Some(chunks as u64);
        on_mark(Mark::Begins {
            phase: Phase::Splitting,
            counted: Counted::Chunk,
            total,
            found: self.found,
        });
        self.pace = Some(Pace::new(MARKS, total));
        on_mark(begins(Phase::Processing, total));
    }

    /// Adds a page's text to the present chunk.
    fn add(
        &mut self,
        error: Option<String>,
        page: u32,
        text: impl FnOnce() -> Result<String, Error>,
        numbered: bool,
    ) {
        let Some(chunk) = self.chunks.last_mut() else { return };
        let known = self.language;
        let split = || {
            let text = text()?;
            let blocks = blocks::of(&text, numbered);
            let prose: String = blocks.iter().flat_map(|block| [block.text(), "\n"]).collect();
            // What a title page or a table is in is anybody's guess.
            let own = match known {
                None => language::of(&prose),
                Some(_) => language::surely(&prose),
            };
            let pieces = split::pieces(&blocks, own.or(known).unwrap_or("en"));
            Ok::<_, Error>((own.or(known), pieces, prose.len()))
        };
        let error = match error {
            Some(error) => Some(error),
            None => match catch_unwind(AssertUnwindSafe(split)) {
                Ok(Ok((language, pieces, bytes))) => {
                    self.language = language;
                    chunk.language = chunk.language.or(language);
                    chunk.bytes += bytes;
                    split::join(&mut chunk.pieces, pieces);
                    None
                }
                _ => Some(format!("The text of page {page} could not be split into sentences.")),
            },
        };
        if let Some(error) = error {
            let before = chunk.error.take().map(|before| before + " ").unwrap_or_default();
            // Of many broken pages the first ones tell enough.
            chunk.error = Some(if before.len() < 500 { before + &error } else { before });
        }
    }

    /// The present chunk is done.
    fn finish(&mut self, on_mark: &mut dyn FnMut(Mark)) {
        let done = self.chunks.len() as u64;
        if let Some(mark) = self.pace.as_mut().and_then(|pace| pace.mark(done)) {
            on_mark(mark);
        }
    }

    fn merge(mut self, limits: &Limits) -> Result<Sentences, Error> {
        let failed = self.chunks.iter().filter(|chunk| chunk.error.is_some()).count();
        if failed > 0 && self.chunks.iter().all(|c| c.error.is_some() && c.pieces.is_empty()) {
            let message = "No chunk of the document could be split into sentences.";
            return Err(Error::new(ErrorKind::PageFailed, message));
        }
        self.join_across();
        let mut bytes = BTreeMap::<_, usize>::new();
        for chunk in &self.chunks {
            if let Some(language) = chunk.language {
                *bytes.entry(language).or_default() += chunk.bytes;
            }
        }
        let language = bytes.into_iter().max_by_key(|(_, bytes)| *bytes).map(|(name, _)| name);
        let pieces = self.chunks.iter().flat_map(|chunk| &chunk.pieces);
        // It stands in the list of all and in its chunk, each time in two ways.
        let estimate = pieces.map(|piece| 4 * piece.text.len() as u64).sum::<u64>();
        within(estimate, limits)?;
        let words = Words::of(self.chunks.iter().flat_map(|chunk| &chunk.pieces));
        let result = |(id, chunk)| ChunkResult::new(id, chunk, &words);
        let chunks: Vec<_> = self.chunks.into_iter().enumerate().map(result).collect();
        let all = || chunks.iter().flat_map(|chunk| &chunk.sentences);
        let text: String = all().flat_map(|one| [one.normalized.as_str(), "\n"]).collect();
        let whole = Whole { language, sentences: all().collect(), chunks: &chunks };
        let json = serde_json::to_string(&whole).map_err(|error| {
            Error::new(ErrorKind::TooLarge, "The sentences cannot be written.").because(error)
        })?;
        within((json.len() + text.len()) as u64, limits)?;
        Ok(Sentences { json, text })
    }

    /// Joins the sentences that run from one chunk into the next: they belong to
    /// that in which they begin.
    fn join_across(&mut self) {
        let mut before: Option<usize> = None;
        for index in 0..self.chunks.len() {
            if self.chunks[index].error.is_some() {
                before = None;
            }
            if let Some(before) = before {
                let (head, tail) = self.chunks.split_at_mut(index);
                split::join_ends(&mut head[before].pieces, &mut tail[0].pieces);
            }
            if !self.chunks[index].pieces.is_empty() && self.chunks[index].error.is_none() {
                before = Some(index);
            }
        }
    }
}

fn begins(phase: Phase, total: Option<u64>) -> Mark {
    Mark::Begins { phase, counted: Counted::Chunk, total, found: None }
}

fn within(bytes: u64, limits: &Limits) -> Result<(), Error> {
    if bytes <= limits.max_output_bytes {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::TooLarge,
        format!(
            "The document's sentences are larger than the {} MB that this server allows; select \
             fewer pages with options.pages.",
            limits.max_output_bytes.div_ceil(1024 * 1024)
        ),
    ))
}

/// A page's Markdown without its markup. Bold that the PDF reader has not closed
/// as Markdown wants it stays behind as stars.
fn plain(markdown: &str) -> Result<String, Error> {
    Ok(parse_markdown("page", markdown)?.export_to_text().replace("**", ""))
}

/// A sentence.
#[derive(Serialize)]
struct Sentence {
    normalized: String,
    original: String,
}

#[derive(Serialize)]
struct ChunkResult {
    chunk_id: usize,
    status: &'static str,
    sentences: Vec<Sentence>,
    /// Words, at white space.
    tokens: usize,
    error: Option<String>,
}

#[derive(Serialize)]
struct Whole<'a> {
    language: Option<&'static str>,
    sentences: Vec<&'a Sentence>,
    chunks: &'a [ChunkResult],
}

impl ChunkResult {
    fn new(chunk_id: usize, chunk: Chunk, words: &Words) -> Self {
        let sentence = |piece: Piece| Sentence {
            normalized: words.rejoined(normalize(&piece.text)),
            original: piece.text,
        };
        let sentences: Vec<_> = chunk.pieces.into_iter().map(sentence).collect();
        Self {
            chunk_id,
            status: if chunk.error.is_some() { "failed" } else { "success" },
            tokens: sentences.iter().map(|one| language::words(&one.normalized)).sum(),
            sentences,
            error: chunk.error,
        }
    }
}
