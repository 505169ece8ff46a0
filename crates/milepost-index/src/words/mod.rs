//! Words as they are compared. Enters: any text. Leaves: its words in the one form in
//! which they are indexed, looked for and highlighted, with where they stand. It never
//! fails, and takes no time beyond what the length of the text asks for.
//!
//! - Case and the diacritics of Latin, Greek and Cyrillic letters do not count; nor does
//!   how wide or in which style a letter is written.
//! - English endings are taken off words in ASCII letters. Words of other languages go
//!   through the same; their forms mean nothing, but are equal on both sides.
//! - Scripts that put no spaces between words (Chinese, Japanese, Thai, Lao, Khmer,
//!   Burmese), and Korean with its particles, are cut into pairs of letters: each letter
//!   with its successor, the last one alone.
//! - An identifier is found as it is written and by its parts: `foo_bar` is two words in
//!   a row, `HTTP2Server` is one, and has the parts `http` and `server`.

mod porter;
mod stop;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

pub(crate) use stop::is_stop_word;

/// No form has more characters than this; the rest of a longer word is as good as not
/// there.
const LONGEST: usize = 64;

/// A word of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Word {
    /// As it is compared: letters, digits and marks, so never a quotation mark.
    pub form: String,
    /// Where it begins in the text, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What it is.
    pub kind: Kind,
}

/// What stands for a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word between spaces.
    Whole,
    /// Two letters of a script without spaces.
    Pair,
    /// The last letter of some in a script without spaces.
    Last,
}

/// Scripts that put no spaces between words, and Korean.
fn is_unspaced(letter: char) -> bool {
    matches!(u32::from(letter),
        0x0E00..=0x0EFF // Thai, Lao
        | 0x1000..=0x109F // Burmese
        | 0x1100..=0x11FF // Hangul
        | 0x1780..=0x17FF // Khmer
        | 0x3005..=0x3007 | 0x3031..=0x3035
        | 0x3040..=0x30FA | 0x30FC..=0x318F // Kana, Bopomofo, Hangul
        | 0x31A0..=0x31BF | 0x31F0..=0x31FF
        | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xA960..=0xA97F
        | 0xAC00..=0xD7FF | 0xF900..=0xFAFF | 0xFF66..=0xFFDC
        | 0x20000..=0x323AF)
        && (letter.is_alphanumeric() || is_combining_mark(letter))
}

fn goes_on(letter: char) -> bool {
    // A soft hyphen shows only where a line ends in it.
    (letter.is_alphanumeric() && !is_unspaced(letter))
        || is_combining_mark(letter)
        || letter == '\u{ad}'
}

/// The words of `text`, in order.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::with_capacity(text.len() / 6);
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        if is_unspaced(letter) {
            let length = length_of(rest, |letter| is_unspaced(letter) || is_combining_mark(letter));
            pairs(&rest[..length], at, &mut found);
            at += length;
        } else if letter.is_alphanumeric() {
            let length = number(rest).unwrap_or_else(|| length_of(rest, goes_on));
            let form = form_of(&rest[..length]);
            if !form.is_empty() {
                found.push(Word { form, start: at, end: at + length, kind: Kind::Whole });
            }
            at += length + contracted(&rest[length..]);
        } else {
            at += letter.len_utf8();
        }
    }
    found
}

fn length_of(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !belongs(letter)).unwrap_or(text.len())
}

/// The length of a number with commas between its thousands.
fn number(text: &str) -> Option<usize> {
    let digits = |text: &str| length_of(text, |letter| letter.is_ascii_digit());
    let mut length = digits(text);
    if !(1..=3).contains(&length) {
        return None;
    }
    let mut groups = 0;
    while let Some(group) = text[length..].strip_prefix(',') {
        if digits(group) != 3 {
            break;
        }
        length += 4;
        groups += 1;
    }
    let ends = !text[length..].starts_with(goes_on);
    (groups > 0 && ends).then_some(length)
}

/// The length of an English ending with its apostrophe: `'s`, `'ll`.
fn contracted(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(['\'', '\u{2019}']) else { return 0 };
    let letters = length_of(rest, goes_on);
    let ending = rest[..letters].to_ascii_lowercase();
    match ending.as_str() {
        "s" | "t" | "d" | "m" | "ll" | "re" | "ve" => text.len() - rest.len() + letters,
        _ => 0,
    }
}

fn pairs(run: &str, offset: usize, found: &mut Vec<Word>) {
    // A mark belongs to its letter; those of half-width kana are letters by their kind.
    let is_mark = |letter| is_combining_mark(letter) || matches!(letter, '\u{FF9E}' | '\u{FF9F}');
    let letters = run.char_indices();
    let starts: Vec<usize> =
        letters.filter(|&(at, letter)| at == 0 || !is_mark(letter)).map(|(at, _)| at).collect();
    for (place, &start) in starts.iter().enumerate() {
        let end = starts.get(place + 2).copied().unwrap_or(run.len());
        let kind = if place + 1 < starts.len() { Kind::Pair } else { Kind::Last };
        let form = normal(&run[start..end]);
        if !form.is_empty() {
            found.push(Word { form, start: offset + start, end: offset + end, kind });
        }
    }
}

fn form_of(word: &str) -> String {
    if !word.is_ascii() {
        return normal(word);
    }
    let kept = word.bytes().filter(u8::is_ascii_alphanumeric).take(LONGEST);
    let mut form: String = kept.map(|byte| char::from(byte.to_ascii_lowercase())).collect();
    if form.bytes().all(|byte| byte.is_ascii_lowercase()) {
        porter::stem(&mut form);
    }
    form
}

/// Without case, style and diacritics; and an ending, where only ASCII letters are left.
fn normal(word: &str) -> String {
    let mut form = String::with_capacity(word.len());
    let plain = word
        .chars()
        .take(LONGEST)
        .nfkd()
        .filter(|letter| !matches!(letter, '\u{300}'..='\u{36F}'))
        .nfc()
        .flat_map(char::to_lowercase)
        .filter(|&letter| letter.is_alphanumeric() || is_combining_mark(letter));
    for letter in plain.take(LONGEST) {
        match letter {
            '\u{300}'..='\u{36F}' => {}
            'ß' => form.push_str("ss"),
            'æ' => form.push_str("ae"),
            'œ' => form.push_str("oe"),
            'ø' => form.push('o'),
            'đ' | 'ð' => form.push('d'),
            'ł' => form.push('l'),
            'ı' => form.push('i'),
            'ς' => form.push('σ'),
            other => form.push(other),
        }
    }
    if form.bytes().all(|byte| byte.is_ascii_lowercase()) {
        porter::stem(&mut form);
    }
    form
}

/// The parts of an identifier that is written as one word, where it has several: at a
/// change of case, and between letters and digits. Single letters are none.
pub(crate) fn parts(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().take(4 * LONGEST).collect();
    let mut cuts = vec![0];
    for at in 1..letters.len() {
        let (before, here) = (letters[at - 1], letters[at]);
        let next = letters.get(at + 1);
        let hump = before.is_lowercase() && here.is_uppercase();
        // The last capital of several begins the next part: `HTTPServer`.
        let word_begins = before.is_uppercase()
            && here.is_uppercase()
            && next.is_some_and(|next| next.is_lowercase());
        if hump || word_begins || before.is_numeric() != here.is_numeric() {
            cuts.push(at);
        }
    }
    if cuts.len() == 1 {
        return Vec::new();
    }
    cuts.push(letters.len());
    let pieces = cuts.windows(2).map(|cut| &letters[cut[0]..cut[1]]);
    pieces
        .filter(|piece| piece.len() > 1)
        .map(|piece| form_of(&piece.iter().collect::<String>()))
        .filter(|form| !form.is_empty())
        .collect()
}

/// `text` as it is indexed: its words in a row; and the parts of its identifiers.
pub(crate) fn indexed(text: &str) -> (String, String) {
    let (mut row, mut all_parts) = (String::with_capacity(text.len()), String::new());
    for word in words(text) {
        if !row.is_empty() {
            row.push(' ');
        }
        row.push_str(&word.form);
        if word.kind == Kind::Whole {
            for part in parts(&text[word.start..word.end]) {
                all_parts.push_str(&part);
                all_parts.push(' ');
            }
        }
    }
    (row, all_parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> String {
        indexed(text).0
    }

    #[test]
    fn case_accents_and_endings_do_not_count() {
        assert_eq!(row("Connections, CONNECTED"), "connect connect");
        assert_eq!(row("Café cafe CAFÉ cafe\u{301}"), "cafe cafe cafe cafe");
        assert_eq!(row("Straße STRASSE"), "strass strass");
        assert_eq!(row("Ελλάς ΕΛΛΑΣ"), "ελλασ ελλασ");
        assert_eq!(row("ﬁne ｆｕｌｌ"), "fine full");
        assert_eq!(row("co\u{ad}operate"), row("cooperate"));
    }

    #[test]
    fn apostrophes_and_thousands() {
        assert_eq!(row("Lincoln's don't we'll l'eau O'Brien"), "lincoln don we l eau o brien");
        assert_eq!(row("1,234,567 and 12,34 1,2345"), "1234567 and 12 34 1 2345");
    }

    #[test]
    fn scripts_without_spaces_become_pairs() {
        assert_eq!(row("東京都は"), "東京 京都 都は は");
        assert_eq!(row("C言語"), "c 言語 語");
        assert_eq!(row("한국어 검색"), "한국 국어 어 검색 색");
        assert_eq!(row("ｶﾞｽ"), row("ガス"));
        // A vowel above and a tone mark belong to the letter below them.
        assert_eq!(words("ที่นี่").len(), 2);
    }

    #[test]
    fn identifiers_have_parts() {
        assert_eq!(row("foo_bar"), "foo bar");
        assert_eq!(indexed("HTTP2Server"), ("http2server".into(), "http server ".into()));
        assert_eq!(indexed("parseHTTPRequest").1, "pars http request ");
        assert_eq!(indexed("word Word WORD 42").1, "");
    }

    #[test]
    fn places_are_those_of_the_text() {
        let text = "«Größe» 東京都 x";
        let pieces: Vec<&str> =
            words(text).iter().map(|word| &text[word.start..word.end]).collect();
        assert_eq!(pieces, ["Größe", "東京", "京都", "都", "x"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_forms_without_spaces_and_quotes(text in "\\PC{0,200}") {
            for word in words(&text) {
                let clean = |letter: char| letter.is_alphanumeric() || is_combining_mark(letter);
                assert!(word.form.chars().all(clean) && !word.form.is_empty(), "{:?}", word);
                assert!(text.is_char_boundary(word.start) && text.is_char_boundary(word.end));
            }
            for part in parts(&text) {
                assert!(!part.contains([' ', '"']));
            }
        }
    }
}
