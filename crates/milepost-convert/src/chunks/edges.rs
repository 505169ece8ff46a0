//! Lines that stand at the edge of most pages: running titles, page numbers.
//!
//! Enters: the blocks of each page. Leaves: which of a page's blocks are its own. It
//! never leaves a page empty that is not.

use std::collections::{HashMap, HashSet};

use crate::sentences::is_page_number;

/// Blocks at the top of a page, and at its bottom, that may be such lines.
const BLOCKS: usize = 2;
/// Longer ones, in bytes, are not.
const BYTES: usize = 160;
/// Fewer pages, out of how few soever, say nothing.
const PAGES: usize = 4;

/// What stands at the edges.
pub(super) struct Edges {
    top: HashSet<String>,
    bottom: HashSet<String>,
}

impl Edges {
    /// Those of a document with these pages.
    pub(super) fn of<'a>(pages: impl Iterator<Item = Vec<&'a str>>) -> Self {
        let (mut top, mut bottom) = (HashMap::new(), HashMap::new());
        let mut total = 0;
        for blocks in pages.filter(|blocks| !blocks.is_empty()) {
            total += 1;
            let count = |seen: &mut HashMap<String, usize>, block: &str| {
                if let Some(line) = line(block) {
                    *seen.entry(line).or_default() += 1;
                }
            };
            // What is a page's only block is at no edge of it.
            let most = BLOCKS.min(blocks.len().saturating_sub(1));
            blocks[..most].iter().for_each(|block| count(&mut top, block));
            blocks[blocks.len() - most..].iter().for_each(|block| count(&mut bottom, block));
        }
        // Left and right pages have different ones, and not all are read alike.
        let least = (total / 4).max(PAGES);
        let often = |seen: HashMap<String, usize>| {
            seen.into_iter().filter(|(_, times)| *times >= least).map(|(line, _)| line).collect()
        };
        Self { top: often(top), bottom: often(bottom) }
    }

    /// Which of a page's blocks are its own.
    pub(super) fn own(&self, blocks: &[&str]) -> Vec<bool> {
        let is = |lines: &HashSet<String>, block: &str| {
            is_page_number(block) || line(block).is_some_and(|line| lines.contains(&line))
        };
        let last = blocks.len().saturating_sub(BLOCKS);
        let own = |(place, block): (usize, &&str)| {
            !(place < BLOCKS && is(&self.top, block) || place >= last && is(&self.bottom, block))
        };
        let own: Vec<bool> = blocks.iter().enumerate().map(own).collect();
        if own.contains(&true) { own } else { vec![true; blocks.len()] }
    }
}

/// A block as it is on other pages, if it can be a line at an edge.
fn line(block: &str) -> Option<String> {
    // A sentence is text, however often it stands there.
    if block.len() > BYTES || block.ends_with(['.', '!', '?', ':']) {
        return None;
    }
    Some(block.split_whitespace().collect::<Vec<_>>().join(" "))
}
