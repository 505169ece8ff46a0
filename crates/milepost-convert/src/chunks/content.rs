//! A text as blocks of Markdown, on the pages that they stand on.
//!
//! Enters: the parts of a text. Leaves: one text with where each block of it begins
//! and ends, and which page is where. It never changes a word; what nobody sees in
//! Markdown (comments, the data of pictures, escapes) is left out, and so are lines
//! that stand at the edge of most pages.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag};

use super::clean::clean;
use super::edges::Edges;
use crate::extract::{Part, front_matter};

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A heading of this level, from 1.
    Heading(u8),
    /// A paragraph, a quote.
    Prose,
    /// A list with all of its items.
    List,
    /// A table.
    Table,
    /// Code, with its fences.
    Code,
}

impl Kind {
    /// Whether it is cut only where it is far too long.
    pub(super) fn is_whole(self) -> bool {
        matches!(self, Self::Table | Self::Code)
    }
}

/// A block of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) kind: Kind,
    /// Where it stands in the text.
    pub(super) range: Range<usize>,
    /// The words of a heading.
    pub(super) title: String,
    /// Where the items of a list begin.
    pub(super) items: Vec<usize>,
}

/// A text in blocks.
#[derive(Default)]
pub(super) struct Content {
    pub(super) text: String,
    pub(super) blocks: Vec<Block>,
    /// From where on the text stands on which page, ascending.
    pages: Vec<(usize, Option<u32>)>,
}

/// Headings are as long as this, in characters; what is longer stands in the text.
const TITLE_CHARACTERS: usize = 200;

impl Content {
    /// The blocks of all parts. `written` says that somebody wrote the Markdown:
    /// then lines that are set in are code.
    pub(super) fn of(parts: &[Part], written: bool) -> Self {
        let found: Vec<Vec<Found<'_>>> = parts
            .iter()
            .enumerate()
            .map(|(place, part)| {
                let markdown = part.markdown.as_str();
                let body = match front_matter(markdown).filter(|_| place == 0 && written) {
                    Some(matter) => &markdown[matter.len()..],
                    None => markdown,
                };
                find(body, written)
            })
            .collect();
        let edges = Edges::of(parts.iter().zip(&found).filter_map(|(part, found)| {
            part.page?;
            Some(found.iter().map(|found| found.text).collect())
        }));
        let mut content = Self::default();
        for (part, found) in parts.iter().zip(found) {
            let texts: Vec<&str> = found.iter().map(|found| found.text).collect();
            let own = match part.page {
                Some(_) => edges.own(&texts),
                None => vec![true; found.len()],
            };
            let own = found.iter().zip(own).filter_map(|(found, own)| own.then_some(found));
            for (place, found) in own.enumerate() {
                content.push(found, part.page, place == 0 && part.page.is_some());
            }
        }
        content
    }

    fn push(&mut self, found: &Found<'_>, page: Option<u32>, joins: bool) {
        // Each item by itself: cleaning moves what stands behind it.
        let mut cleaned = String::new();
        let mut items = Vec::new();
        let edges = found.items.iter().copied().chain([found.text.len()]);
        let mut from = 0;
        for to in edges {
            cleaned += &clean(&found.text[from..to], found.kind);
            items.push(cleaned.len());
            from = to;
        }
        items.pop();
        let text = cleaned.trim_end();
        if text.trim().is_empty() {
            return;
        }
        let runs_on = joins
            && found.kind == Kind::Prose
            && self.blocks.last().is_some_and(|last| {
                last.kind == Kind::Prose && runs_on(&self.text[last.range.clone()], text)
            });
        if !self.text.is_empty() {
            self.text.push_str(if runs_on { "\n" } else { "\n\n" });
        }
        let start = self.text.len();
        self.text.push_str(text);
        let end = self.text.len();
        if self.pages.last().is_none_or(|(_, last)| *last != page) {
            self.pages.push((start, page));
        }
        if let (true, Some(last)) = (runs_on, self.blocks.last_mut()) {
            last.range.end = end;
            return;
        }
        self.blocks.push(Block {
            kind: found.kind,
            range: start..end,
            title: clean(&found.title, Kind::Prose).into_owned(),
            items: items.into_iter().map(|at| start + at).filter(|at| *at < end).collect(),
        });
    }

    /// The first and the last page that a part of the text stands on.
    pub(super) fn pages(&self, range: &Range<usize>) -> Option<[u32; 2]> {
        let page = |at: usize| {
            let behind = self.pages.partition_point(|(start, _)| *start <= at);
            self.pages.get(behind.checked_sub(1)?)?.1
        };
        Some([page(range.start)?, page(range.end.saturating_sub(1).max(range.start))?])
    }
}

/// A block as it stands in the Markdown.
struct Found<'a> {
    kind: Kind,
    text: &'a str,
    title: String,
    items: Vec<usize>,
}

/// The blocks of one part.
fn find(markdown: &str, written: bool) -> Vec<Found<'_>> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES;
    let mut found: Vec<Found<'_>> = Vec::new();
    let (mut depth, mut end) = (0_usize, 0);
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                depth += 1;
                if depth == 1 {
                    let mut range = range;
                    if let Tag::CodeBlock(CodeBlockKind::Indented) = tag {
                        // What sets it in belongs to it.
                        range.start = markdown[..range.start].trim_end_matches([' ', '\t']).len();
                    }
                    gap(markdown, end..range.start, &mut found);
                    end = range.end;
                    let kind = kind_of(&tag, written);
                    let text = markdown.get(range).unwrap_or_default();
                    // Not the lines in front: the first one may be set in.
                    let text = text.trim_start_matches('\n').trim_end();
                    found.push(Found { kind, text, title: String::new(), items: Vec::new() });
                } else if let (2, Tag::Item, Some(last)) = (depth, tag, found.last_mut()) {
                    let at =
                        range.start - (last.text.as_ptr() as usize - markdown.as_ptr() as usize);
                    if at > 0 && at < last.text.len() {
                        last.items.push(at);
                    }
                }
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Rule if depth == 0 => {
                gap(markdown, end..range.start, &mut found);
                end = range.end;
            }
            Event::Text(words) | Event::Code(words) => {
                if let Some(last) = found.last_mut().filter(|last| last.kind.is_heading()) {
                    last.title += &words;
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some(last) = found.last_mut().filter(|last| last.kind.is_heading()) {
                    last.title.push(' ');
                }
            }
            _ => {}
        }
    }
    gap(markdown, end..markdown.len(), &mut found);
    for found in &mut found {
        if found.kind.is_heading() {
            found.title = found.title.split_whitespace().collect::<Vec<_>>().join(" ");
            if found.title.is_empty() || found.title.chars().count() > TITLE_CHARACTERS {
                found.kind = Kind::Prose;
            }
        }
    }
    found
}

/// Adds what makes no block: where links lead.
fn gap<'a>(markdown: &'a str, range: Range<usize>, found: &mut Vec<Found<'a>>) {
    let text = markdown.get(range).unwrap_or_default().trim_matches('\n');
    if !text.trim().is_empty() {
        let (title, items) = (String::new(), Vec::new());
        found.push(Found { kind: Kind::Prose, text, title, items });
    }
}

impl Kind {
    fn is_heading(self) -> bool {
        matches!(self, Self::Heading(_))
    }
}

fn kind_of(tag: &Tag<'_>, written: bool) -> Kind {
    match tag {
        Tag::Heading { level, .. } => Kind::Heading(match level {
            HeadingLevel::H1 => 1,
            HeadingLevel::H2 => 2,
            HeadingLevel::H3 => 3,
            HeadingLevel::H4 => 4,
            HeadingLevel::H5 => 5,
            HeadingLevel::H6 => 6,
        }),
        Tag::List(_) => Kind::List,
        Tag::Table(_) => Kind::Table,
        Tag::CodeBlock(CodeBlockKind::Indented) if !written => Kind::Prose,
        Tag::CodeBlock(_) => Kind::Code,
        _ => Kind::Prose,
    }
}

/// Whether a paragraph at the end of a page obviously goes on with the first of the
/// next one.
fn runs_on(before: &str, after: &str) -> bool {
    let open =
        before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || ",-—–".contains(c));
    open && after.starts_with(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(pages: &[&str]) -> Content {
        let part = |(page, markdown): (u32, &&str)| Part {
            page: Some(page),
            markdown: (*markdown).to_owned(),
        };
        Content::of(&(1..).zip(pages).map(part).collect::<Vec<_>>(), false)
    }

    fn written(markdown: &str) -> Content {
        Content::of(&[Part { page: None, markdown: markdown.to_owned() }], true)
    }

    fn shown(content: &Content) -> Vec<(Kind, &str)> {
        content.blocks.iter().map(|b| (b.kind, &content.text[b.range.clone()])).collect()
    }

    #[test]
    fn every_kind_of_block_is_known() {
        let content = written(
            "---\ntitle: x\n---\n# A `b` *c*\n\nText\nhere.\n\n<!-- image -->\n\n- one\n  - two\n- three\n\n\
             | a | b |\n| - | - |\n| 1 | 2 |\n\n```rs\nlet x;\n```\n\n    set in\n\n> a quote\n\n---\n\n\
             <b>bold</b>\n\n[1]: https://example.org/\n\nTitle\n=====\n",
        );
        let expected = [
            (Kind::Heading(1), "# A `b` *c*"),
            (Kind::Prose, "Text\nhere."),
            (Kind::List, "- one\n  - two\n- three"),
            (Kind::Table, "| a | b |\n| - | - |\n| 1 | 2 |"),
            (Kind::Code, "```rs\nlet x;\n```"),
            (Kind::Code, "    set in"),
            (Kind::Prose, "> a quote"),
            (Kind::Prose, "<b>bold</b>"),
            (Kind::Prose, "[1]: https://example.org/"),
            (Kind::Heading(1), "Title\n====="),
        ];
        assert_eq!(shown(&content), expected);
        assert_eq!(content.blocks[0].title, "A b c");
        let items = &content.blocks[2].items;
        assert_eq!(
            items.iter().map(|at| &content.text[*at..*at + 7]).collect::<Vec<_>>(),
            ["- three"]
        );
        assert_eq!(content.pages(&(0..5)), None);
    }

    #[test]
    fn pages_are_where_they_are() {
        let content = pages(&["# A\n\nThis runs", "on. And ends", "", "Here it begins"]);
        let blocks = [
            (Kind::Heading(1), "# A"),
            (Kind::Prose, "This runs\non. And ends"),
            (Kind::Prose, "Here it begins"),
        ];
        assert_eq!(shown(&content), blocks);
        let of = |words: &str| {
            let at = content.text.find(words).unwrap();
            content.pages(&(at..at + words.len())).unwrap()
        };
        assert_eq!(of("This runs"), [1, 1]);
        assert_eq!(of("runs\non."), [1, 2]);
        assert_eq!(of("on. And"), [2, 2]);
        assert_eq!(of("Here"), [4, 4]);
        assert_eq!(content.pages(&(0..content.text.len())), Some([1, 4]));
    }

    #[test]
    fn lines_at_the_edge_of_most_pages_are_left_out() {
        let page = |n: u32| format!("Survey of the Road\n\nWhat stands on it, {n}.\n\nPage {n}\n");
        let texts: Vec<String> = (1..=5).map(page).collect();
        let content = pages(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let expected: Vec<String> = (1..=5).map(|n| format!("What stands on it, {n}.")).collect();
        assert_eq!(content.text, expected.join("\n\n"));
        // Not where a page would be empty without.
        let content = pages(&["Page 1", "Page 2", "Page 3", "Page 4"]);
        assert_eq!(content.blocks.len(), 4);
    }
}
