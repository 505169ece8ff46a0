//! A text's blocks: paragraphs, items of lists, rows of tables.
//!
//! Enters: a page's text, without markup but for lists and tables. Leaves: its
//! blocks in order, without what the layout added: marks of lists, bars of
//! tables, a page's number. It never drops a word of the text.

use std::borrow::Cow;

/// A block of text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block<'a> {
    /// A paragraph or a heading; it may go on in the next one.
    Prose(&'a str),
    /// An item of a list, or a row of a table.
    Alone(Cow<'a, str>),
}

impl Block<'_> {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Prose(text) => text,
            Self::Alone(text) => text,
        }
    }
}

/// The blocks of `text`. Where it is a `numbered` page, its number is left out.
pub(super) fn of(text: &str, numbered: bool) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    for paragraph in paragraphs(text) {
        let mut rest = paragraph;
        // Lines of prose stay together.
        while !rest.is_empty() {
            let mut end = 0;
            let mut alone = None;
            for line in rest.split_inclusive('\n') {
                alone = item(line);
                if alone.is_some() {
                    break;
                }
                end += line.len();
            }
            let prose = rest[..end].trim();
            if !prose.is_empty() {
                blocks.push(Block::Prose(prose));
            }
            rest = &rest[end..];
            if let Some(alone) = alone {
                rest = rest.find('\n').map_or("", |at| &rest[at + 1..]);
                if !alone.is_empty() {
                    blocks.push(Block::Alone(alone));
                }
            }
        }
    }
    if numbered {
        drop_page_number(&mut blocks);
    }
    blocks
}

/// `text` in parts of about `bytes` bytes, each ending where a paragraph does or,
/// in a longer paragraph, where a word does. None is empty.
pub(super) fn parts(text: &str, bytes: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut end = 0;
    for paragraph in paragraphs(text) {
        let at = paragraph.as_ptr() as usize - text.as_ptr() as usize;
        for piece in pieces(paragraph, bytes) {
            let from = at + (piece.as_ptr() as usize - paragraph.as_ptr() as usize);
            if end > start && from + piece.len() - start > bytes {
                parts.push(&text[start..end]);
                start = from;
            }
            end = from + piece.len();
        }
    }
    if end > start {
        parts.push(&text[start..end]);
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// A text in pieces of at most `bytes` bytes that end where words do, if words
/// are no longer than that.
pub(super) fn pieces(text: &str, bytes: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > bytes {
        let most = rest.floor_char_boundary(bytes.max(4));
        let end = rest[..most].rfind(char::is_whitespace).filter(|at| *at > 0).unwrap_or(most);
        pieces.push(&rest[..end]);
        rest = &rest[end..];
    }
    pieces.push(rest);
    pieces
}

fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let (paragraph, behind) = match blank_line(rest) {
                Some((end, next)) => (&rest[..end], &rest[next..]),
                None => (rest, ""),
            };
            rest = behind;
            let paragraph = paragraph.trim_matches(['\n', '\r']);
            if !paragraph.trim().is_empty() {
                return Some(paragraph);
            }
        }
    })
}

/// Where the first blank line begins and where it ends.
fn blank_line(text: &str) -> Option<(usize, usize)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() {
            return Some((at, at + line.len()));
        }
        at += line.len();
    }
    None
}

/// What stands on a line that is an item of a list or a row of a table.
fn item(line: &str) -> Option<Cow<'_, str>> {
    let line = line.trim();
    if let Some(row) = line.strip_prefix('|').and_then(|row| row.strip_suffix('|')) {
        if row.chars().all(|c| matches!(c, '|' | '-' | ':') || c.is_whitespace()) {
            return Some(Cow::Borrowed(""));
        }
        let cells: Vec<_> = row.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
        return Some(Cow::Owned(cells.join(" | ")));
    }
    for mark in ["- ", "* ", "+ "] {
        if let Some(item) = line.strip_prefix(mark) {
            return Some(Cow::Borrowed(item.trim()));
        }
    }
    (numeral(line) > 0).then_some(Cow::Borrowed(line))
}

/// The length of the `12. ` with which an item of a list begins.
pub(super) fn numeral(text: &str) -> usize {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &text[digits..];
    let marked = (1..=3).contains(&digits) && (rest.starts_with(". ") || rest.starts_with(") "));
    if marked { digits + 2 } else { 0 }
}

/// A page that has more than one block may begin or end with its number.
fn drop_page_number(blocks: &mut Vec<Block<'_>>) {
    if blocks.len() > 1 && blocks.last().is_some_and(|block| is_page_number(block.text())) {
        blocks.pop();
    }
    if blocks.len() > 1 && blocks.first().is_some_and(|block| is_page_number(block.text())) {
        blocks.remove(0);
    }
}

/// `12`, `- 12 -`, `Page 12 of 40`, `12/40`.
pub(crate) fn is_page_number(text: &str) -> bool {
    let mut numbers = 0;
    let fits = text.split(|c: char| c.is_whitespace() || "-–—/|".contains(c)).all(|word| {
        let number =
            !word.is_empty() && word.len() <= 4 && word.bytes().all(|b| b.is_ascii_digit());
        numbers += usize::from(number);
        number
            || matches!(word, "" | "Page" | "page" | "p." | "of" | "sur" | "de" | "von" | "Seite")
    });
    fits && (1..=2).contains(&numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, numbered: bool) -> Vec<String> {
        of(text, numbered).iter().map(|block| block.text().to_owned()).collect()
    }

    #[test]
    fn blocks_are_paragraphs_items_and_rows() {
        let text = "A title\n\nOne line\nand another.\n- an item\n- a second\n1. first\n\n\
                    | a | b |\n| - | - |\n| 1 |   |\nbehind it";
        let blocks = [
            "A title",
            "One line\nand another.",
            "an item",
            "a second",
            "1. first",
            "a | b",
            "1",
            "behind it",
        ];
        assert_eq!(texts(text, false), blocks);
        assert!(matches!(of(text, false)[1], Block::Prose(_)));
        assert!(matches!(of(text, false)[2], Block::Alone(_)));
        assert_eq!(texts(" \n\r\n\n", true), [""; 0]);
    }

    #[test]
    fn a_page_loses_its_number_and_nothing_else() {
        assert_eq!(texts("Text.\n\n12", true), ["Text."]);
        assert_eq!(texts("Page 3 sur 40\n\nText.\n\n- 3 -", true), ["Text."]);
        assert_eq!(texts("3/40\n\nText.", true), ["Text."]);
        for kept in ["12", "Text.\n\n12 345 678", "Text.\n\nChapter 3"] {
            assert_eq!(texts(kept, true), texts(kept, false));
        }
        assert_eq!(texts("Text.\n\n12", false), ["Text.", "12"]);
    }

    #[test]
    fn parts_are_short_and_lose_nothing() {
        let paragraph = "word ".repeat(50);
        let text = format!("{paragraph}\n\n").repeat(20) + &"é".repeat(3000);
        let parts = parts(&text, 600);
        assert!(parts.len() > 8);
        assert!(parts.iter().all(|part| part.len() <= 600 && !part.is_empty()));
        let dense = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(dense(&parts.concat()), dense(&text));
        assert_eq!(super::parts("", 10), [""; 0]);
        assert_eq!(super::parts("\n \n", 10), [""; 0]);
    }
}
