//! What is too large, in pieces that may be put together again.
//!
//! Enters: a part of a text and how large a piece may be. Leaves: pieces that
//! together are the part: items of a list, sentences, words, a few characters, each
//! no finer than it must be. It never cuts in the middle of a character.

use std::ops::Range;

use unicode_normalization::char::is_combining_mark;

use super::content::{Block, Kind};
use super::size::Sizer;
use crate::sentences::sentence_starts;

/// Words that are too large are cut in pieces of so many characters.
const CHARACTERS: usize = 16;

/// A piece and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Atom {
    pub(super) range: Range<usize>,
    pub(super) size: usize,
}

/// Cuts parts of one text.
pub(super) struct Cutter<'a> {
    pub(super) text: &'a str,
    pub(super) sizer: &'a Sizer,
    pub(super) language: &'a str,
    /// How large a piece may be.
    pub(super) most: usize,
}

impl Cutter<'_> {
    /// A block in pieces.
    pub(super) fn block(&self, block: &Block) -> Vec<Atom> {
        let mut atoms = Vec::new();
        match block.kind {
            Kind::List => {
                let starts = block.items.iter().copied();
                self.each(block.range.clone(), starts, &mut atoms, Self::item);
            }
            Kind::Table | Kind::Code => {
                let starts = lines(self.text, &block.range);
                self.each(block.range.clone(), starts.into_iter(), &mut atoms, Self::words);
            }
            Kind::Prose | Kind::Heading(_) => self.sentences(block.range.clone(), &mut atoms),
        }
        atoms
    }

    /// Any part in pieces.
    pub(super) fn prose(&self, range: Range<usize>) -> Vec<Atom> {
        let mut atoms = Vec::new();
        self.sentences(range, &mut atoms);
        atoms
    }

    /// The size of a part among others: with the space before it, not behind it,
    /// since that is how tokens are cut.
    pub(super) fn size(&self, range: Range<usize>) -> usize {
        let before = self.text[..range.start].chars().next_back();
        let space = before.filter(|c| c.is_whitespace()).map_or(0, char::len_utf8);
        self.sizer.size(self.text[range.start - space..range.end].trim_end())
    }

    /// One item of a list: cut before the items within.
    fn item(&self, range: Range<usize>, atoms: &mut Vec<Atom>) {
        let starts = lines(self.text, &range);
        let starts = starts.into_iter().filter(|at| {
            let line = self.text[*at..range.end].trim_start();
            let line = line.trim_start_matches(|c: char| c.is_ascii_digit());
            ["- ", "* ", "+ ", ". ", ") "].iter().any(|mark| line.starts_with(mark))
        });
        self.each(range.clone(), starts.collect::<Vec<_>>().into_iter(), atoms, Self::sentences);
    }

    fn sentences(&self, range: Range<usize>, atoms: &mut Vec<Atom>) {
        let starts = sentence_starts(&self.text[range.clone()], self.language);
        let starts = starts.into_iter().map(|at| range.start + at);
        self.each(range.clone(), starts, atoms, Self::words);
    }

    fn words(&self, range: Range<usize>, atoms: &mut Vec<Atom>) {
        let mut starts = word_starts(self.text, range.clone()).peekable();
        let mut start = range.start;
        loop {
            let end = starts.peek().copied().unwrap_or(range.end);
            let word = self.size(start..end);
            if word > self.most {
                self.characters(start..end, atoms);
            } else {
                atoms.push(Atom { range: start..end, size: word });
            }
            start = end;
            if starts.next().is_none() {
                break;
            }
        }
    }

    fn characters(&self, range: Range<usize>, atoms: &mut Vec<Atom>) {
        let mut start = range.start;
        while start < range.end {
            let rest = &self.text[start..range.end];
            let end = rest
                .char_indices()
                .skip(CHARACTERS)
                .find(|(_, c)| !is_combining_mark(*c) && *c != '\u{200d}')
                .map_or(range.end, |(at, _)| start + at);
            // Marks without end are cut like everything else.
            let end = match end - start > 64 * CHARACTERS {
                true => start + rest.floor_char_boundary(64 * CHARACTERS),
                false => end,
            };
            let size = self.size(start..end);
            atoms.push(Atom { range: start..end, size });
            start = end;
        }
    }

    /// Pieces from each start to the next, those that are too large as `finer` has
    /// them.
    fn each(
        &self,
        range: Range<usize>,
        starts: impl Iterator<Item = usize>,
        atoms: &mut Vec<Atom>,
        finer: fn(&Self, Range<usize>, &mut Vec<Atom>),
    ) {
        let mut start = range.start;
        for end in starts.filter(|at| range.contains(at)).chain([range.end]) {
            if end <= start {
                continue;
            }
            let size = self.size(start..end);
            match size > self.most {
                true => finer(self, start..end, atoms),
                false => atoms.push(Atom { range: start..end, size }),
            }
            start = end;
        }
    }
}

/// Where lines begin.
pub(super) fn lines(text: &str, range: &Range<usize>) -> Vec<usize> {
    let lines = text[range.clone()].split_inclusive('\n');
    lines
        .scan(range.start, |at, line| {
            let start = *at;
            *at += line.len();
            Some(start)
        })
        .collect()
}

/// Where words begin behind white space.
pub(super) fn word_starts(text: &str, range: Range<usize>) -> impl Iterator<Item = usize> {
    let mut space = false;
    text[range.clone()].char_indices().filter_map(move |(at, c)| {
        let begins = space && !c.is_whitespace();
        space = c.is_whitespace();
        begins.then_some(range.start + at)
    })
}
