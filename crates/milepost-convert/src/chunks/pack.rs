//! Blocks to chunks: together as far as they fit, apart where they do not.
//!
//! Enters: a text in sections. Leaves: drafts, each a part of the text under some of
//! its headings. A table and a piece of code stay whole up to [`WHOLE_BYTES`]; prose
//! is never larger than it may be.

use std::ops::Range;

use super::atoms::{Atom, Cutter, lines, word_starts};
use super::chunker::{Chunker, ChunkerKind};
use super::content::{Block, Content, Kind};
use super::sections::Section;
use super::size::Sizer;
use crate::sentences::sentence_starts;

/// A table or a piece of code stays whole up to this many bytes, however small
/// chunks are to be. What is longer is more than embedders read and people look
/// through.
pub(super) const WHOLE_BYTES: usize = 16 * 1024;

/// A chunk to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Draft {
    /// Where it stands in the text.
    pub(super) range: Range<usize>,
    /// Its headings, as places among the text's blocks.
    pub(super) path: Vec<usize>,
    /// What is written before it again and behind it: a table's head, the fences of
    /// code.
    pub(super) around: Option<(Range<usize>, String)>,
    /// About.
    pub(super) size: usize,
    /// It may be larger than others.
    pub(super) whole: bool,
    /// How many of its headings stand elsewhere in the text; `None` where it is not
    /// all of its section.
    pub(super) inherited: Option<usize>,
}

/// What a draft that is still open has.
#[derive(Clone)]
struct Open {
    range: Range<usize>,
    size: usize,
    /// Nothing but headings yet.
    bare: bool,
    /// Where its last block begins, if that is prose.
    prose: Option<usize>,
}

pub(super) struct Packer<'a> {
    pub(super) content: &'a Content,
    pub(super) chunker: &'a Chunker,
    pub(super) sizer: &'a Sizer,
    pub(super) language: &'a str,
    drafts: Vec<Draft>,
}

impl<'a> Packer<'a> {
    pub(super) fn new(
        content: &'a Content,
        chunker: &'a Chunker,
        sizer: &'a Sizer,
        language: &'a str,
    ) -> Self {
        Self { content, chunker, sizer, language, drafts: Vec::new() }
    }

    /// The drafts of one section, in order.
    pub(super) fn drafts(&mut self, section: &Section) -> Vec<Draft> {
        self.section(section);
        let mut drafts = std::mem::take(&mut self.drafts);
        if let (Some((start, outer)), Some(first)) = (section.lead, drafts.first_mut())
            && first.range.start == start
        {
            first.path.truncate(outer);
        }
        if let [only] = drafts.as_mut_slice() {
            let stands = section.inherited.min(only.path.len());
            only.inherited = only.around.is_none().then_some(stands);
        }
        drafts
    }

    /// How large the text under these headings may be.
    pub(super) fn room(&self, path: &[usize]) -> usize {
        let max = self.chunker.max as usize;
        let titles: usize =
            path.iter().map(|at| self.sizer.size(&self.content.blocks[*at].title) + 1).sum();
        max.saturating_sub(titles + self.sizer.around()).max(max / 2)
    }

    fn section(&mut self, section: &Section) {
        let room = self.room(&section.path);
        let joins = self.chunker.kind == ChunkerKind::Hybrid;
        let gap = if self.sizer.counts_tokens() { 1 } else { 2 };
        let mut open = section.lead.map(|(start, _)| {
            let range = start..self.content.blocks[section.blocks.start].range.start;
            let size = self.sizer.size(self.content.text[range.clone()].trim_end());
            Open { range, size, bare: true, prose: None }
        });
        for block in &self.content.blocks[section.blocks.clone()] {
            let size = self.cutter(room).size(block.range.clone());
            let prose = (block.kind == Kind::Prose).then_some(block.range.start);
            let fits =
                |open: &Open| open.bare && size <= room || joins && open.size + gap + size <= room;
            // A few words before a large table say what it is.
            let leads = |open: &Open| open.bare || joins && open.size <= room / 4;
            if let Some(open) = open.as_mut().filter(|open| fits(open)) {
                open.range.end = block.range.end;
                open.size += gap + size;
                (open.bare, open.prose) = (false, prose);
            } else if size <= room {
                if !joins {
                    self.end(open.take(), section);
                }
                open = Some(self.begin(open.take(), section, block.range.clone(), size));
                open.iter_mut().for_each(|open| open.prose = prose);
            } else if block.kind.is_whole() {
                let led = open.take_if(|open| leads(open));
                self.end(open.take(), section);
                self.whole(block, size, led, section, room);
            } else {
                open = self.cut(block, size, open.take(), section, room);
                open.iter_mut().for_each(|open| open.prose = prose);
            }
        }
        self.end(open, section);
    }

    /// Ends the open draft and begins another one with `range`, which has `size`,
    /// and before it what of the ended one stands in both.
    fn begin(
        &mut self,
        open: Option<Open>,
        section: &Section,
        range: Range<usize>,
        size: usize,
    ) -> Open {
        let prose = open.as_ref().and_then(|open| open.prose);
        self.end(open, section);
        let room = self.room(&section.path);
        let again = prose.and_then(|from| self.overlap(from, range.start, room.checked_sub(size)?));
        let (start, more) = again.unwrap_or((range.start, 0));
        Open { range: start..range.end, size: size + more, bare: false, prose: None }
    }

    fn end(&mut self, open: Option<Open>, section: &Section) {
        let Some(Open { range, size, .. }) = open else { return };
        let path = section.path.clone();
        self.drafts.push(Draft { range, path, size, ..Draft::default() });
    }

    /// Where what is repeated of the text before `at` begins, and its size: whole
    /// sentences if one is short enough, else words.
    fn overlap(&self, from: usize, at: usize, room: usize) -> Option<(usize, usize)> {
        let most = (self.chunker.overlap as usize).min(room);
        // A character has four bytes at most, and a token is rarely longer than this.
        let near = at.saturating_sub(most * 12).max(from);
        let near = self.content.text.floor_char_boundary(near).max(from);
        if most == 0 || near >= at {
            return None;
        }
        let cutter = self.cutter(most);
        let sized = |start: usize| (start, cutter.size(start..at));
        let text = &self.content.text[near..at];
        let sentences = sentence_starts(text, self.language).into_iter().map(|start| near + start);
        let starts: Vec<_> = (near == from).then_some(from).into_iter().chain(sentences).collect();
        let first = |starts: &[usize]| {
            let place = starts.partition_point(|start| sized(*start).1 > most);
            starts.get(place).map(|start| sized(*start))
        };
        let sentence = first(&starts);
        // Where a sentence ends anyway, half of it is no help.
        let ended = |c: char| c.is_whitespace() || ".!?…:;。！？\"'”’»)]$|".contains(c);
        let inside = text.trim_end_matches(' ').chars().next_back().is_some_and(|c| !ended(c));
        let words = || {
            if !inside {
                return None;
            }
            first(&word_starts(&self.content.text, near..at).collect::<Vec<_>>())
        };
        sentence.or_else(words)
    }

    /// A table or a piece of code that is larger than a chunk.
    fn whole(
        &mut self,
        block: &Block,
        size: usize,
        led: Option<Open>,
        section: &Section,
        room: usize,
    ) {
        if block.range.len() <= WHOLE_BYTES {
            let start = led.as_ref().map_or(block.range.start, |led| led.range.start);
            let size = size + led.map_or(0, |led| led.size);
            let (range, path) = (start..block.range.end, section.path.clone());
            self.drafts.push(Draft { range, path, size, whole: true, ..Draft::default() });
            return;
        }
        let (head, body, behind) = self.frame(block);
        let least = self.sizer.size(&self.content.text[head.clone()]);
        let most = room.max(least * 4) - least;
        let cutter = self.cutter(most);
        let mut atoms = Vec::new();
        let starts = lines(&self.content.text, &body);
        let ends = starts.iter().copied().skip(1).chain([body.end]);
        for line in starts.iter().copied().zip(ends).map(|(start, end)| start..end) {
            match line.len() > WHOLE_BYTES {
                true => atoms.extend(cutter.prose(line)),
                false => {
                    let size = cutter.size(line.clone());
                    atoms.push(Atom { range: line, size });
                }
            }
        }
        // What leads to it is left to its first piece.
        let mut lead = led.map(|led| led.range.start);
        for Atom { range, size } in packed(atoms, most) {
            let (range, around) = match lead.take() {
                // The head stands there already.
                Some(start) => (start..range.end, (head.end..head.end, behind.clone())),
                None => (range, (head.clone(), behind.clone())),
            };
            let path = section.path.clone();
            let around = Some(around);
            self.drafts.push(Draft { range, path, around, size, whole: true, inherited: None });
        }
    }

    /// What is repeated before each piece of a block, what is cut, and what is
    /// repeated behind each piece.
    fn frame(&self, block: &Block) -> (Range<usize>, Range<usize>, String) {
        let text = &self.content.text[block.range.clone()];
        let Range { start, end } = block.range;
        let line = |from: usize| text[from..].find('\n').map_or(text.len(), |at| from + at + 1);
        let first = line(0);
        let fence: String =
            text.chars().take_while(|c| matches!(c, '`' | '~')).take(WHOLE_BYTES / 64).collect();
        match block.kind {
            Kind::Table if line(first) < text.len() && line(first) < WHOLE_BYTES / 4 => {
                (start..start + line(first), start + line(first)..end, String::new())
            }
            Kind::Code if fence.len() >= 3 && first < WHOLE_BYTES / 4 => {
                let body = text.strip_suffix(fence.as_str()).map_or(text.len(), str::len);
                (start..start + first, start + first..start + body.max(first), fence)
            }
            _ => (start..start, start..end, String::new()),
        }
    }

    /// Prose or a list that is larger than a chunk, in drafts of about one size; the
    /// last one stays open.
    fn cut(
        &mut self,
        block: &Block,
        size: usize,
        mut open: Option<Open>,
        section: &Section,
        room: usize,
    ) -> Option<Open> {
        // Some more than an even share, since pieces do not end where they are cut.
        let aim = (size.div_ceil(size.div_ceil(room.max(1)).max(1)) * 9 / 8).clamp(1, room.max(1));
        let joins = self.chunker.kind == ChunkerKind::Hybrid;
        if open.as_ref().is_some_and(|open| !open.bare && (!joins || open.size > room / 4)) {
            self.end(open.take(), section);
        }
        for Atom { range, size } in self.cutter(aim).block(block) {
            match &mut open {
                Some(open) if open.bare || open.size + size <= aim => {
                    open.range.end = range.end;
                    open.size += size;
                    open.bare = false;
                }
                _ => open = Some(self.begin(open.take(), section, range, size)),
            }
            if let (Some(open), Kind::Prose) = (&mut open, block.kind) {
                open.prose = Some(open.range.start.max(block.range.start));
            }
        }
        if !joins {
            self.end(open.take(), section);
        }
        open
    }

    pub(super) fn cutter(&self, most: usize) -> Cutter<'a> {
        let Self { content, sizer, language, .. } = *self;
        Cutter { text: &content.text, sizer, language, most: most.max(1) }
    }
}

/// Pieces put together up to `most`.
pub(super) fn packed(atoms: Vec<Atom>, most: usize) -> Vec<Atom> {
    let mut packed: Vec<Atom> = Vec::new();
    for atom in atoms {
        match packed.last_mut() {
            Some(last) if last.size + atom.size <= most => {
                last.range.end = atom.range.end;
                last.size += atom.size;
            }
            _ => packed.push(atom),
        }
    }
    packed
}
