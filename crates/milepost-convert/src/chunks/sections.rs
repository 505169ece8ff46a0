//! Which headings stand above which blocks.
//!
//! Enters: a text in blocks. Leaves: its sections, each with its path of headings
//! and the blocks under it. A heading with nothing under it stands in the text that
//! follows, or at the end by itself: no heading is lost.

use std::ops::Range;

use super::content::{Content, Kind};

/// Blocks under the same headings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// Its headings, the outermost first: their places among the text's blocks.
    pub(super) path: Vec<usize>,
    /// Its blocks.
    pub(super) blocks: Range<usize>,
    /// How many of its headings stand somewhere before it rather than directly above
    /// it.
    pub(super) inherited: usize,
    /// Where its text begins, and how many of its headings are not in that, if
    /// headings stand above it that lead nowhere.
    pub(super) lead: Option<(usize, usize)>,
}

/// The sections of a text, in order.
pub(super) fn sections(content: &Content) -> Vec<Section> {
    let blocks = &content.blocks;
    let mut sections: Vec<Section> = Vec::new();
    let mut path: Vec<(u8, usize)> = Vec::new();
    let mut at = 0;
    while at < blocks.len() {
        // The headings directly above the next blocks.
        let first = at;
        let mut lead: Option<(usize, usize)> = None;
        while let Some(Kind::Heading(level)) = blocks.get(at).map(|block| block.kind) {
            // What closes a heading of these, closes one that has nothing under it.
            let closed = path.iter().find(|(above, place)| *above >= level && *place >= first);
            if let Some((_, place)) = closed {
                lead.get_or_insert((blocks[*place].range.start, 0));
            }
            path.retain(|(above, _)| *above < level);
            path.push((level, at));
            if let Some((start, outer)) = &mut lead {
                // Those that stand before it are not in the text.
                *outer = path.iter().filter(|(_, p)| blocks[*p].range.start < *start).count();
            }
            at += 1;
        }
        let start = at;
        while blocks.get(at).is_some_and(|block| !matches!(block.kind, Kind::Heading(_))) {
            at += 1;
        }
        let mut places: Vec<usize> = path.iter().map(|(_, place)| *place).collect();
        let mut range = start..at;
        if range.is_empty() {
            // The text ends with headings: they are what there is to read.
            let outer = places.iter().filter(|place| **place < first).count();
            places.truncate(outer);
            range = first..at;
            lead = None;
        }
        let inherited = places.iter().filter(|place| **place < first).count();
        sections.push(Section { path: places, blocks: range, inherited, lead });
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::super::content::Content;
    use super::*;
    use crate::extract::Part;

    type Shown = (Vec<String>, String, usize, Option<(String, usize)>);

    fn of(markdown: &str) -> Vec<Shown> {
        let part = Part { page: None, markdown: markdown.to_owned() };
        let content = Content::of(&[part], true);
        let titles = |path: &[usize]| {
            path.iter().map(|at| content.blocks[*at].title.clone()).collect::<Vec<_>>()
        };
        sections(&content)
            .into_iter()
            .map(|section| {
                let blocks = &content.blocks[section.blocks];
                let texts = blocks.iter().map(|block| &content.text[block.range.clone()]);
                let lead = section.lead.map(|(start, outer)| {
                    (content.text[start..].lines().next().unwrap().to_owned(), outer)
                });
                let texts: Vec<_> = texts.collect();
                (titles(&section.path), texts.join("+"), section.inherited, lead)
            })
            .collect()
    }

    fn path(titles: &[&str]) -> Vec<String> {
        titles.iter().map(|title| (*title).to_owned()).collect()
    }

    #[test]
    fn blocks_stand_under_their_headings() {
        let found =
            of("a\n\n# B\n\nb\n\nbb\n\n## C\n\nc\n\n### D\n\nd\n\n## E\n\ne\n\n# F\n\n## G\n\ng");
        let expected = [
            (path(&[]), "a".into(), 0, None),
            (path(&["B"]), "b+bb".into(), 0, None),
            (path(&["B", "C"]), "c".into(), 1, None),
            (path(&["B", "C", "D"]), "d".into(), 2, None),
            (path(&["B", "E"]), "e".into(), 1, None),
            (path(&["F", "G"]), "g".into(), 0, None),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn no_heading_is_lost() {
        let found = of("# A\n\n## B\n\n## C\n\nc\n\n## D\n\n# E\n\ne\n\n## F\n\n## G");
        let expected = [
            (path(&["A", "C"]), "c".into(), 0, Some(("## B".into(), 1))),
            (path(&["E"]), "e".into(), 0, Some(("## D".into(), 0))),
            (path(&["E"]), "## F+## G".into(), 1, None),
        ];
        assert_eq!(found, expected);
        assert_eq!(of("# A\n\n## B"), [(path(&[]), "# A+## B".into(), 0, None)]);
        assert_eq!(of(""), []);
    }
}
