//! What can be said of each chunk, and of each text as a whole.
//!
//! Enters: pieces of texts. Leaves: a mark now and then, and JSON. It never changes
//! a piece.

use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::cut::Piece;
use super::keywords::Keywords;
use super::size::Sizer;
use super::{MARKS, damaged, too_large};
use crate::error::Error;
use crate::extract::{Facts, Text};
use crate::language;
use crate::mark::{Mark, Pace};
use crate::options::Limits;

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
    headings: &'a [String],
    /// The first and the last page that it stands on.
    pages: Option<[u32; 2]>,
    language: Option<&'a str>,
    keywords: Vec<String>,
    characters: usize,
    /// Words, at white space.
    words: usize,
    /// Of what is embedded, where tokens are counted.
    tokens: Option<usize>,
    /// Of what is embedded: SHA-256, in hexadecimal.
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

/// All pieces as they are kept; each text comes with the line that it came with.
pub(super) fn enrich(
    texts: &[(usize, Text)],
    pieces: &[Piece],
    sizer: &Sizer,
    limits: &Limits,
    on_mark: &mut dyn FnMut(Mark),
) -> Result<String, Error> {
    let mut pace = Pace::new(MARKS, Some(pieces.len() as u64));
    let mut keywords = Keywords::default();
    let mut counts = vec![0; texts.len()];
    let mut json = "{\"chunks\":[".to_owned();
    for (done, piece) in (1..).zip(pieces) {
        let Piece { place, index, text, headings, pages } = piece;
        let Some((_, of)) = texts.get(*place) else { continue };
        let embedded = embedded_text(headings, text);
        let language = language::surely(text).or(of.language.as_deref());
        let chunk = Chunk {
            id: format!("{place}-{index}"),
            document: *place,
            source: &of.source,
            index: *index,
            text,
            headings,
            pages: *pages,
            language,
            keywords: keywords.of(text, language),
            characters: text.chars().count(),
            words: language::words(text),
            tokens: sizer.counts_tokens().then(|| sizer.around() + sizer.size(&embedded)),
            hash: hash(&embedded),
            metadata: of.metadata.as_deref(),
        };
        counts[*place] += 1;
        if done > 1 {
            json.push(',');
        }
        json += &serde_json::to_string(&chunk).map_err(damaged)?;
        if json.len() as u64 > limits.max_output_bytes {
            return Err(too_large(limits));
        }
        pace.mark(done).map(&mut *on_mark);
    }
    let source = |(place, ((line, text), chunks)): (usize, (&'_ (usize, Text), usize))| {
        serde_json::to_string(&Source {
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
    };
    let sources = texts.iter().zip(counts).enumerate().map(source).collect::<Result<Vec<_>, _>>();
    let sources = sources.map_err(damaged)?.join(",");
    json += &format!("],\"documents\":{},\"sources\":[{sources}]}}", texts.len());
    match json.len() as u64 > limits.max_output_bytes {
        true => Err(too_large(limits)),
        false => Ok(json),
    }
}

/// SHA-256, in hexadecimal.
fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
