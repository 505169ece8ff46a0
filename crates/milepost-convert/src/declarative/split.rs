//! A document's slides or sheets, one by one.
//!
//! Enters: docling's model of the whole, in which a marker opens each slide of a
//! presentation and each sheet of a workbook. Leaves: a model for each of them,
//! and for any choice of them. It never splits what carries no true numbers.

use std::borrow::Cow;
use std::ops::Range;

use docling::{DoclingDocument, Node};

pub(super) struct Pages {
    document: DoclingDocument,
    /// Each numbered page's nodes, ascending; empty where the document has no
    /// pages and is one.
    parts: Vec<(u32, Range<usize>)>,
}

impl Pages {
    pub(super) fn of(document: DoclingDocument) -> Self {
        let mut parts: Vec<(u32, Range<usize>)> = Vec::new();
        for (index, node) in document.nodes.iter().enumerate() {
            let Node::PageInfo { page_no, .. } = node else {
                continue;
            };
            let number = u32::try_from(*page_no).unwrap_or(0);
            let rising = parts.last().is_none_or(|(last, _)| *last < number);
            // Content before the first marker: the markers are a list of
            // sizes at the end (as in ODS), and nothing tells what is where.
            if number == 0 || !rising || (parts.is_empty() && index > 0) {
                parts.clear();
                break;
            }
            if let Some((_, range)) = parts.last_mut() {
                range.end = index;
            }
            parts.push((number, index..document.nodes.len()));
        }
        Self { document, parts }
    }

    /// How many pages the document has.
    pub(super) fn total(&self) -> u32 {
        self.parts.last().map_or(1, |(number, _)| *number)
    }

    /// The document has no pages and is one: page and whole are the same.
    pub(super) fn undivided(&self) -> bool {
        self.parts.is_empty()
    }

    /// One page. A slide that the file lists and lacks is empty.
    pub(super) fn page(&self, number: u32) -> Cow<'_, DoclingDocument> {
        self.of_numbers(|n| n == number)
    }

    /// The selected pages together.
    pub(super) fn whole(&self, selected: &[u32]) -> Cow<'_, DoclingDocument> {
        if selected.len() == self.total() as usize {
            return Cow::Borrowed(&self.document);
        }
        self.of_numbers(|number| selected.binary_search(&number).is_ok())
    }

    fn of_numbers(&self, wanted: impl Fn(u32) -> bool) -> Cow<'_, DoclingDocument> {
        if self.parts.is_empty() {
            return Cow::Borrowed(&self.document);
        }
        // The tree is the whole's; without one the nodes tell the structure.
        let mut page = DoclingDocument::new(&self.document.name);
        page.strict_markdown = self.document.strict_markdown;
        page.compact_tables = self.document.compact_tables;
        page.nodes = self
            .parts
            .iter()
            .filter(|(number, _)| wanted(*number))
            .flat_map(|(_, range)| self.document.nodes[range.clone()].iter().cloned())
            .collect();
        Cow::Owned(page)
    }
}
