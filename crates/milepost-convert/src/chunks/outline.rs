//! The headings that a part of a text stands under.
//!
//! Enters: headings in order, and places in the text. Leaves: the headings in force
//! there.

/// The headings of a text, in order.
pub(super) struct Outline<'a> {
    /// Where each begins, its level, its words.
    headings: Vec<(usize, u8, &'a str)>,
    /// How many of them are passed, and which are in force.
    passed: usize,
    open: Vec<(u8, &'a str)>,
}

impl<'a> Outline<'a> {
    pub(super) fn new(headings: impl Iterator<Item = (usize, u8, &'a str)>) -> Self {
        Self { headings: headings.collect(), passed: 0, open: Vec::new() }
    }

    /// The headings that begin before `offset` and are in force there.
    pub(super) fn before(&mut self, offset: usize) -> Vec<&'a str> {
        let before = self.headings.partition_point(|(start, ..)| *start < offset);
        if before < self.passed {
            // What overlaps goes back a little.
            (self.passed, self.open) = (0, Vec::new());
        }
        for (_, level, title) in &self.headings[self.passed..before] {
            self.open.retain(|(above, _)| above < level);
            self.open.push((*level, title));
        }
        self.passed = before;
        self.open.iter().map(|(_, title)| *title).collect()
    }
}
