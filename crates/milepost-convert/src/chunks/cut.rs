//! Texts to pieces, as the chunker wants it.
//!
//! Enters: texts in parts. Leaves: pieces in order, each with its headings and its
//! pages, and a mark now and then. It never holds more than may come out.

use std::ops::Range;

use text_splitter::{ChunkConfig, MarkdownSplitter};

use super::chunker::{Chunker, ChunkerKind};
use super::content::{Content, Kind};
use super::merge::{both, fitting};
use super::outline::Outline;
use super::pack::{Draft, Packer};
use super::sections::sections;
use super::size::Sizer;
use super::{MARKS, damaged, too_large};
use crate::error::Error;
use crate::extract::Text;
use crate::format::Format;
use crate::mark::{Mark, Pace};
use crate::options::Limits;

/// Longer texts are cut in blocks of this size first, at blank lines: what the
/// splitter takes grows with the square of it.
const BLOCK_BYTES: usize = 64 * 1024;
/// What is kept of a piece beside its text takes about as much.
const PIECE_BYTES: u64 = 300;

/// A part of a text that becomes a chunk.
pub(super) struct Piece {
    /// The place of its text among all.
    pub(super) place: usize,
    /// From 0, in its text.
    pub(super) index: usize,
    pub(super) text: String,
    /// The outermost first.
    pub(super) headings: Vec<String>,
    /// The first and the last page that it stands on.
    pub(super) pages: Option<[u32; 2]>,
}

/// Cuts texts, and takes their parts.
pub(super) struct Cuts<'a> {
    pub(super) chunker: &'a Chunker,
    pub(super) sizer: &'a Sizer,
    pub(super) limits: &'a Limits,
    pieces: Vec<Piece>,
    bytes: u64,
    pace: Pace,
}

impl<'a> Cuts<'a> {
    pub(super) fn new(chunker: &'a Chunker, sizer: &'a Sizer, limits: &'a Limits) -> Self {
        let (pieces, pace) = (Vec::new(), Pace::new(MARKS, None));
        Self { chunker, sizer, limits, pieces, bytes: 0, pace }
    }

    /// All pieces of all texts.
    pub(super) fn finish(self) -> Vec<Piece> {
        self.pieces
    }

    /// Cuts the text at this place.
    pub(super) fn text(
        &mut self,
        place: usize,
        text: &mut Text,
        on_mark: &mut dyn FnMut(Mark),
    ) -> Result<(), Error> {
        let written = [Format::Markdown, Format::Text, Format::Ipynb, Format::Asciidoc];
        let written = written.iter().any(|format| {
            text.media_type.as_deref().is_none_or(|kind| kind == format.media_type())
        });
        let content = Content::of(&std::mem::take(&mut text.parts), written);
        if self.chunker.kind == ChunkerKind::Markdown {
            return self.plain(place, &content, on_mark);
        }
        let language = text.language.clone().unwrap_or_else(|| "en".to_owned());
        let mut packer = Packer::new(&content, self.chunker, self.sizer, &language);
        let joins = self.chunker.kind == ChunkerKind::Hybrid;
        let mut index = 0;
        let mut held: Option<Draft> = None;
        for section in sections(&content) {
            for next in packer.drafts(&section) {
                held = match held.take() {
                    Some(last) => match both(&packer, &last, &next).filter(|_| joins) {
                        Some(both) => Some(both),
                        None => {
                            self.draft(place, &mut index, &packer, last, on_mark)?;
                            Some(next)
                        }
                    },
                    None => Some(next),
                };
            }
        }
        match held {
            Some(last) => self.draft(place, &mut index, &packer, last, on_mark),
            None => Ok(()),
        }
    }

    fn draft(
        &mut self,
        place: usize,
        index: &mut usize,
        packer: &Packer<'_>,
        draft: Draft,
        on_mark: &mut dyn FnMut(Mark),
    ) -> Result<(), Error> {
        let content = packer.content;
        for Draft { range, path, around, .. } in fitting(packer, draft) {
            let range = trimmed(&content.text, range);
            let body = &content.text[range.clone()];
            if body.is_empty() {
                continue;
            }
            let text = match around {
                Some((before, behind)) => {
                    let between = if behind.is_empty() { "" } else { "\n" };
                    [&content.text[before], body, between, &behind].concat()
                }
                None => body.to_owned(),
            };
            let headings = path.iter().map(|at| content.blocks[*at].title.clone()).collect();
            let pages = content.pages(&range);
            self.piece(Piece { place, index: *index, text, headings, pages }, on_mark)?;
            *index += 1;
        }
        Ok(())
    }

    /// Cuts a text wherever the Markdown allows it.
    fn plain(
        &mut self,
        place: usize,
        content: &Content,
        on_mark: &mut dyn FnMut(Mark),
    ) -> Result<(), Error> {
        let config = ChunkConfig::new(self.chunker.max as usize).with_sizer(self.sizer);
        let config = config.with_overlap(self.chunker.overlap as usize).map_err(damaged)?;
        let splitter = MarkdownSplitter::new(config);
        let mut outline =
            Outline::new(content.blocks.iter().filter_map(|block| match block.kind {
                Kind::Heading(level) => Some((block.range.start, level, block.title.as_str())),
                _ => None,
            }));
        let mut index = 0;
        for (offset, block) in blocks(&content.text) {
            for (at, chunk) in splitter.chunk_indices(block) {
                let start = offset + at;
                let range = trimmed(&content.text, start..start + chunk.len());
                if range.is_empty() {
                    continue;
                }
                // Those that it begins with stand in it.
                let headings = outline.before(range.start);
                let headings = headings.into_iter().map(str::to_owned).collect();
                let (text, pages) = (content.text[range.clone()].to_owned(), content.pages(&range));
                self.piece(Piece { place, index, text, headings, pages }, on_mark)?;
                index += 1;
            }
        }
        Ok(())
    }

    fn piece(&mut self, piece: Piece, on_mark: &mut dyn FnMut(Mark)) -> Result<(), Error> {
        self.bytes += piece.text.len() as u64 + PIECE_BYTES;
        if self.bytes > self.limits.max_output_bytes {
            return Err(too_large(self.limits));
        }
        self.pieces.push(piece);
        self.pace.mark(self.pieces.len() as u64).map(on_mark);
        Ok(())
    }
}

/// A part of a text without the white space at its ends, but for that which sets its
/// first line in.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = text[range.clone()].trim_end();
    let rest = part.trim_start();
    let line = part[..part.len() - rest.len()].rfind('\n').map_or(0, |at| at + 1);
    if rest.is_empty() {
        return range.start..range.start;
    }
    let set_in = line > 0 || range.start == 0 || text[..range.start].ends_with('\n');
    let start = if set_in { line } else { part.len() - rest.len() };
    range.start + start..range.start + part.len()
}

/// A text in blocks that the splitter takes at a time, each with its offset.
fn blocks(text: &str) -> Vec<(usize, &str)> {
    let mut blocks = Vec::new();
    let mut start = 0;
    while text.len() - start > BLOCK_BYTES {
        let rest = &text[start..];
        let most = rest.floor_char_boundary(BLOCK_BYTES);
        let end = ["\n\n", "\n", " "]
            .iter()
            .find_map(|gap| rest[..most].rfind(gap).filter(|at| *at > 0).map(|at| at + gap.len()));
        let end = end.unwrap_or(most);
        blocks.push((start, &rest[..end]));
        start += end;
    }
    blocks.push((start, &text[start..]));
    blocks
}
