//! The headings that a part of a Markdown text stands under.
//!
//! Enters: a text, and places in it that do not go back. Leaves: the headings in
//! force there.

/// The headings of a Markdown text, in order.
pub(super) struct Outline<'a> {
    /// Each heading that is still to come: where it begins, its level, its words.
    ahead: std::iter::Peekable<std::vec::IntoIter<(usize, usize, &'a str)>>,
    /// Those in force.
    open: Vec<(usize, &'a str)>,
}

impl<'a> Outline<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let (mut headings, mut at, mut fenced) = (Vec::new(), 0, false);
        for line in text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let line = line.trim_end();
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            let level = line.bytes().take_while(|&byte| byte == b'#').count();
            let title = line[level..].trim();
            if !fenced && (1..=6).contains(&level) && line[level..].starts_with(' ') {
                headings.push((start, level, title));
            }
        }
        Self { ahead: headings.into_iter().peekable(), open: Vec::new() }
    }

    /// The headings in force at `offset`, which must not go back.
    pub(super) fn at(&mut self, offset: usize) -> Vec<&'a str> {
        while let Some((_, level, title)) = self.ahead.next_if(|(start, ..)| *start <= offset) {
            self.open.retain(|(above, _)| *above < level);
            self.open.push((level, title));
        }
        self.open.iter().map(|(_, title)| *title).collect()
    }
}
