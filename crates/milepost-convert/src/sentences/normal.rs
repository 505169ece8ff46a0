//! The normal form of a sentence.
//!
//! Enters: a sentence as it stands in a document. Leaves: the same without what
//! the layout did to it. It never guesses: a hyphen goes where the document shows
//! that it may.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;

use super::split::Piece;

/// A sentence in its normal form: composed characters, single spaces, straight
/// quotes without the spaces that French sets inside, no hyphens from the ends of
/// lines.
pub(super) fn normalize(sentence: &str) -> String {
    let mut plain = String::with_capacity(sentence.len());
    let mut chars = sentence.nfc().peekable();
    let mut space = false;
    while let Some(c) = chars.next() {
        let after = chars.peek().copied();
        let c = match c {
            '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}' => continue,
            c if c.is_whitespace() => {
                space = !plain.is_empty();
                continue;
            }
            '-' | '‐' if after == Some('\n') && !space && plain.ends_with(char::is_alphabetic) => {
                while chars.next_if(|c| c.is_whitespace()).is_some() {}
                // What goes on large was written with its hyphen.
                if chars.peek().is_some_and(|c| c.is_lowercase()) {
                    continue;
                }
                '-'
            }
            // German has them the other way round.
            '«' if space || plain.is_empty() => {
                while chars.next_if(|c| c.is_whitespace()).is_some() {}
                '"'
            }
            '»' if !after.is_some_and(char::is_alphanumeric) => {
                space = false;
                '"'
            }
            '“' | '”' | '„' | '‟' | '«' | '»' => '"',
            '‘' | '’' | '‚' | '‛' | '‹' | '›' => '\'',
            '‐' | '\u{2011}' => '-',
            c => c,
        };
        if space {
            plain.push(' ');
        }
        space = false;
        plain.push(c);
    }
    plain
}

/// The words of a document, in small letters, by which a hyphen from the end of a
/// line is told from one that belongs there.
pub(super) struct Words(HashSet<String>);

impl Words {
    pub(super) fn of<'a>(pieces: impl Iterator<Item = &'a Piece>) -> Self {
        // Only where there is something to tell.
        let pieces: Vec<_> = pieces.collect();
        let mut known = HashSet::new();
        if pieces.iter().any(|piece| piece.text.contains('-')) {
            for piece in pieces {
                let words = piece.text.split(|c: char| !c.is_alphabetic() && c != '-');
                let plain = words.filter(|word| !word.is_empty() && !word.contains('-'));
                known.extend(plain.map(str::to_lowercase));
            }
        }
        Self(known)
    }

    /// The sentence with those words in one that stand so elsewhere.
    pub(super) fn rejoined(&self, sentence: String) -> String {
        if self.0.is_empty() || !sentence.contains('-') {
            return sentence;
        }
        let mut joined = String::with_capacity(sentence.len());
        for word in sentence.split_inclusive(|c: char| !c.is_alphabetic() && c != '-') {
            let bare = word.trim_end_matches(|c: char| !c.is_alphabetic());
            match bare.split_once('-') {
                Some((head, tail)) if self.are_one(head, tail) => {
                    joined.extend([head, tail, &word[bare.len()..]]);
                }
                _ => joined.push_str(word),
            }
        }
        joined
    }

    fn are_one(&self, head: &str, tail: &str) -> bool {
        let long = |part: &str| part.chars().count() > 1;
        let small = tail.chars().all(char::is_lowercase);
        long(head)
            && long(tail)
            && small
            && self.0.contains(&format!("{head}{tail}").to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_normal_form_has_no_layout() {
        for (sentence, normal) in [
            ("The  left\nbank.", "The left bank."),
            ("An exam-\nple of exam\u{ad}ples.", "An example of examples."),
            ("Jean-\nPaul", "Jean-Paul"),
            ("«\u{a0}Oui\u{202f}!\u{a0}», dit-il", "\"Oui !\", dit-il"),
            ("Er rief »Halt« und ging.", "Er rief \"Halt\" und ging."),
            ("“It’s” – e\u{301}te\u{301}", "\"It's\" – été"),
        ] {
            assert_eq!(normalize(sentence), normal, "{sentence}");
        }
    }

    #[test]
    fn a_word_that_stands_elsewhere_in_one_is_one() {
        let words = Words(["fossé", "exemplaire", "ilest"].map(str::to_owned).into());
        for (sentence, rejoined) in [
            ("Le fos-sé, l'exem-plaire.", "Le fossé, l'exemplaire."),
            ("Peut-être dit-il oui.", "Peut-être dit-il oui."),
            ("Fos-sé (fos-sé)", "Fossé (fossé)"),
            ("fos-Sé - a-b-c", "fos-Sé - a-b-c"),
        ] {
            assert_eq!(words.rejoined(sentence.to_owned()), rejoined);
        }
    }
}
