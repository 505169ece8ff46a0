//! Blocks to sentences.
//!
//! Enters: blocks of text and their language. Leaves: sentences as they stand
//! there, those joined that run on. It never loses a word.

use super::blocks::{Block, numeral, pieces as cut};
use super::unfinished::unfinished;

/// Longer paragraphs are taken apart first: a rule that looks far ahead must not
/// look for ever.
const PARAGRAPH_BYTES: usize = 16 * 1024;
/// What is longer is no sentence, so nothing more is joined to it.
const SENTENCE_BYTES: usize = 2_000;

/// A sentence as it stands in the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    /// It may run on from or into its neighbour.
    prose: bool,
}

/// The sentences of a page's blocks.
pub(super) fn pieces(blocks: &[Block<'_>], language: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for block in blocks {
        let prose = matches!(block, Block::Prose(_));
        for paragraph in cut(block.text(), PARAGRAPH_BYTES) {
            let sentences = segment(paragraph, language).into_iter();
            let sentences = sentences.map(|text| Piece { text: text.to_owned(), prose });
            join(&mut pieces, sentences.collect());
        }
    }
    pieces
}

/// Appends sentences to those before them.
pub(super) fn join(before: &mut Vec<Piece>, mut after: Vec<Piece>) {
    join_ends(before, &mut after);
    before.append(&mut after);
}

/// Moves what `before` leaves unfinished from the head of `after` to where it
/// begins.
pub(super) fn join_ends(before: &mut [Piece], after: &mut Vec<Piece>) {
    let (Some(last), Some(first)) = (before.last_mut(), after.first()) else { return };
    if last.prose && first.prose && runs_on(&last.text, &first.text) {
        last.text.push('\n');
        last.text.push_str(&after.remove(0).text);
    }
}

/// The sentences of one paragraph. The number of an item belongs to what it
/// stands before.
fn segment<'a>(paragraph: &'a str, language: &str) -> Vec<&'a str> {
    let head = numeral(paragraph);
    let mut start = 0;
    let mut sentences = Vec::new();
    for found in sentencex::get_sentence_boundaries(language, &paragraph[head..]) {
        let end = head + found.end_byte;
        let (Some(sentence), Some(after)) = (paragraph.get(start..end), paragraph.get(end..))
        else {
            continue;
        };
        let only_numeral = start == 0 && paragraph[head..end].trim().is_empty();
        if !only_numeral && !sentence.trim().is_empty() && !unfinished(language, sentence, after) {
            sentences.push(sentence.trim());
            start = end;
        }
    }
    let rest = paragraph.get(start..).unwrap_or_default().trim();
    if !rest.is_empty() {
        sentences.push(rest);
    }
    sentences
}

/// Where the sentences of a text begin that is no list and no table, but for the
/// first.
pub(crate) fn sentence_starts(text: &str, language: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    for paragraph in cut(text, PARAGRAPH_BYTES / 4) {
        for sentence in segment(paragraph, language) {
            starts.push(sentence.as_ptr() as usize - text.as_ptr() as usize);
        }
    }
    starts.retain(|start| *start > 0);
    starts
}

/// Whether a sentence that ends with `before` goes on with `after`.
fn runs_on(before: &str, after: &str) -> bool {
    let end = before.trim_end_matches(|c: char| c.is_whitespace() || "\"'”’»)]".contains(c));
    let ended = end.ends_with(['.', '!', '?', '…', ':', '。', '！', '？']);
    let first = after.chars().find(|c| !"\"'“‘«([ \u{a0}\u{202f}".contains(*c));
    !ended && first.is_some_and(char::is_lowercase) && before.len() <= SENTENCE_BYTES
}

#[cfg(test)]
mod tests {
    use super::super::blocks;
    use super::*;

    fn split(language: &str, text: &str) -> Vec<String> {
        let pieces = pieces(&blocks::of(text, false), language);
        pieces.into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn french_is_split_where_a_reader_would() {
        for (text, sentences) in [
            (
                "M. Dupont est arrivé. Mme Durand l'attendait.",
                &["M. Dupont est arrivé.", "Mme Durand l'attendait."][..],
            ),
            (
                "Le Dr Martin habite au n° 12 de l'av. Foch. Il y reste.",
                &["Le Dr Martin habite au n° 12 de l'av. Foch.", "Il y reste."],
            ),
            (
                "« Il pleut », dit-elle. « Rentrons ! »",
                &["« Il pleut », dit-elle.", "« Rentrons ! »"],
            ),
            (
                "— Bonjour, dit-il.\n\n— Bonsoir, répondit-elle.",
                &["— Bonjour, dit-il.", "— Bonsoir, répondit-elle."],
            ),
            (
                "Cela coûte 3,50 euros. Est-ce cher ? Non !",
                &["Cela coûte 3,50 euros.", "Est-ce cher ?", "Non !"],
            ),
            ("Il hésita… puis il partit. Fin.", &["Il hésita… puis il partit.", "Fin."]),
            (
                "Né en 40 av. J.-C. à Rome, il mourut. J. Verne, t. 2, p. ex. ici. Oui.",
                &["Né en 40 av. J.-C. à Rome, il mourut.", "J. Verne, t. 2, p. ex. ici.", "Oui."],
            ),
        ] {
            assert_eq!(split("fr", text), sentences, "{text}");
        }
    }

    #[test]
    fn english_is_split_where_a_reader_would() {
        for (text, sentences) in [
            (
                "Mr. Smith lives in the U.S. with Dr. Brown. He is 3.5 feet tall.",
                &["Mr. Smith lives in the U.S. with Dr. Brown.", "He is 3.5 feet tall."][..],
            ),
            ("Wait... what? Yes.", &["Wait... what?", "Yes."]),
            (
                "\"Come in,\" she said. \"It is cold.\"",
                &["\"Come in,\" she said.", "\"It is cold.\""],
            ),
            ("See Fig. 3, e.g. the left one. Done.", &["See Fig. 3, e.g. the left one.", "Done."]),
            ("1. Measure it. Twice.\n2. Clean it.", &["1. Measure it.", "Twice.", "2. Clean it."]),
        ] {
            assert_eq!(split("en", text), sentences, "{text}");
        }
    }

    #[test]
    fn what_runs_on_is_joined() {
        let joined = split("en", "The stone stands on\n\nthe left bank.\n\nFindings\n\nNone.");
        assert_eq!(joined, ["The stone stands on\nthe left bank.", "Findings", "None."]);
        assert_eq!(split("en", "- one stone\n- two stones").len(), 2);
    }

    #[test]
    fn no_word_is_lost_whatever_the_text() {
        let words = [
            "M.", "Dupont", "«", "»", "a", "U.S.", "3.14", "…", "?!", "\n", "\n\n", "- x", "(",
            ")", "\"", "1. ", "é", "。", "— ", "-\n", ". . .", "| a |", "\u{a0}", "Il", "Etc.",
            "'", "“",
        ];
        let dense = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let mut state = 7_u64;
        for round in 0..3_000 {
            let mut text = String::new();
            for _ in 0..round % 40 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                text += words[(state >> 33) as usize % words.len()];
                text += if state >> 62 == 0 { "" } else { " " };
            }
            let blocks = blocks::of(&text, false);
            let cleaned: String = blocks.iter().map(blocks::Block::text).collect();
            for language in ["fr", "en", "ja"] {
                let split: String = pieces(&blocks, language).iter().map(|p| &*p.text).collect();
                assert_eq!(dense(&split), dense(&cleaned), "{language}: {text:?}");
            }
        }
    }
}
