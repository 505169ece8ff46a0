//! Porter's stemmer (M. F. Porter, 1980): `connections` and `connected` are `connect`.
//! Enters: a word in lower-case ASCII letters. Leaves: its stem. It never makes a word
//! longer than by a letter, and never looks a word up.

/// The stem of `word`, which is lower-case ASCII letters, and no more than some dozens.
pub fn stem(word: &mut String) {
    // Shorter ones have nothing that could be taken off.
    if word.len() < 3 {
        return;
    }
    let mut letters = std::mem::take(word).into_bytes();
    plural(&mut letters);
    past(&mut letters);
    final_y(&mut letters);
    replace(&mut letters, LONG, 1);
    replace(&mut letters, MIDDLE, 1);
    endings(&mut letters);
    final_e(&mut letters);
    *word = String::from_utf8(letters).expect("only ASCII letters are cut and added");
}

/// Endings and what takes their place, the longer before those that they end in.
type Rules = &'static [(&'static str, &'static str)];

const LONG: Rules = &[
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("logi", "log"),
];

const MIDDLE: Rules = &[
    ("icate", "ic"),
    ("ative", ""),
    ("alize", "al"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ful", ""),
    ("ness", ""),
];

const ENDINGS: &[&str] = &[
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou",
    "ism", "ate", "iti", "ous", "ive", "ize",
];

fn is_consonant(letters: &[u8], at: usize) -> bool {
    match letters[at] {
        b'a' | b'e' | b'i' | b'o' | b'u' => false,
        b'y' => at == 0 || !is_consonant(letters, at - 1),
        _ => true,
    }
}

/// How many times consonants follow vowels.
fn measure(letters: &[u8]) -> usize {
    let kinds = (0..letters.len()).map(|at| is_consonant(letters, at));
    let mut vowel = false;
    let mut count = 0;
    for consonant in kinds {
        count += usize::from(consonant && vowel);
        vowel = !consonant;
    }
    count
}

fn has_vowel(letters: &[u8]) -> bool {
    (0..letters.len()).any(|at| !is_consonant(letters, at))
}

fn ends_double(letters: &[u8]) -> bool {
    let length = letters.len();
    length >= 2 && letters[length - 1] == letters[length - 2] && is_consonant(letters, length - 1)
}

/// Consonant, vowel, consonant other than w, x and y at the end: as in `hop`.
fn ends_short(letters: &[u8]) -> bool {
    let length = letters.len();
    length >= 3
        && is_consonant(letters, length - 3)
        && !is_consonant(letters, length - 2)
        && is_consonant(letters, length - 1)
        && !matches!(letters[length - 1], b'w' | b'x' | b'y')
}

fn cut<'a>(letters: &'a [u8], ending: &str) -> Option<&'a [u8]> {
    letters.strip_suffix(ending.as_bytes())
}

fn plural(letters: &mut Vec<u8>) {
    let off = if cut(letters, "sses").is_some() || cut(letters, "ies").is_some() {
        2
    } else if cut(letters, "ss").is_some() {
        0
    } else {
        usize::from(letters.ends_with(b"s"))
    };
    letters.truncate(letters.len() - off);
}

fn past(letters: &mut Vec<u8>) {
    if let Some(before) = cut(letters, "eed") {
        if measure(before) > 0 {
            letters.pop();
        }
        return;
    }
    let before = cut(letters, "ed").or_else(|| cut(letters, "ing"));
    let Some(kept) = before.filter(|before| has_vowel(before)).map(<[u8]>::len) else {
        return;
    };
    letters.truncate(kept);
    if ["at", "bl", "iz"].iter().any(|ending| letters.ends_with(ending.as_bytes())) {
        letters.push(b'e');
    } else if ends_double(letters) && !matches!(letters.last(), Some(b'l' | b's' | b'z')) {
        letters.pop();
    } else if measure(letters) == 1 && ends_short(letters) {
        letters.push(b'e');
    }
}

fn final_y(letters: &mut [u8]) {
    if cut(letters, "y").is_some_and(has_vowel) {
        let last = letters.len() - 1;
        letters[last] = b'i';
    }
}

fn replace(letters: &mut Vec<u8>, rules: Rules, above: usize) {
    // The longest ending decides, whether it may be taken off or not.
    let longest = rules
        .iter()
        .filter(|(ending, _)| letters.ends_with(ending.as_bytes()))
        .max_by_key(|(ending, _)| ending.len());
    let Some((ending, instead)) = longest else { return };
    let kept = letters.len() - ending.len();
    if measure(&letters[..kept]) >= above {
        letters.truncate(kept);
        letters.extend_from_slice(instead.as_bytes());
    }
}

fn endings(letters: &mut Vec<u8>) {
    let longest = ENDINGS
        .iter()
        .filter(|ending| letters.ends_with(ending.as_bytes()))
        .max_by_key(|ending| ending.len());
    let Some(ending) = longest else { return };
    let kept = &letters[..letters.len() - ending.len()];
    let fits = *ending != "ion" || matches!(kept.last(), Some(b's' | b't'));
    if fits && measure(kept) > 1 {
        letters.truncate(kept.len());
    }
}

fn final_e(letters: &mut Vec<u8>) {
    if let Some(before) = cut(letters, "e") {
        let measured = measure(before);
        if measured > 1 || (measured == 1 && !ends_short(before)) {
            letters.pop();
        }
    }
    if letters.ends_with(b"ll") && measure(letters) > 1 {
        letters.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words and stems from Porter's paper, and others of his vocabulary.
    #[test]
    fn stems_as_porter_does() {
        for (word, expected) in [
            ("caresses", "caress"),
            ("ponies", "poni"),
            ("ties", "ti"),
            ("cats", "cat"),
            ("feed", "feed"),
            ("agreed", "agre"),
            ("plastered", "plaster"),
            ("bled", "bled"),
            ("motoring", "motor"),
            ("sing", "sing"),
            ("conflated", "conflat"),
            ("troubled", "troubl"),
            ("sized", "size"),
            ("hopping", "hop"),
            ("falling", "fall"),
            ("hissing", "hiss"),
            ("failing", "fail"),
            ("filing", "file"),
            ("happy", "happi"),
            ("sky", "sky"),
            ("relational", "relat"),
            ("conditional", "condit"),
            ("digitizer", "digit"),
            ("vietnamization", "vietnam"),
            ("hopefulness", "hope"),
            ("electricity", "electr"),
            ("goodness", "good"),
            ("revival", "reviv"),
            ("adjustable", "adjust"),
            ("replacement", "replac"),
            ("adoption", "adopt"),
            ("probate", "probat"),
            ("rate", "rate"),
            ("cease", "ceas"),
            ("controller", "control"),
            ("roll", "roll"),
            ("generalizations", "gener"),
            ("oscillators", "oscil"),
            ("connections", "connect"),
            ("syzygy", "syzygi"),
            ("yyyyyy", "yyyyyi"),
            ("is", "is"),
        ] {
            let mut stemmed = word.to_owned();
            stem(&mut stemmed);
            assert_eq!(stemmed, expected, "{word}");
        }
    }

    #[test]
    fn takes_any_letters() {
        for word in ["sss", "eed", "ing", "ion", "eee", "yyy", "ational", "ies", "bbb", "ation"] {
            let mut stemmed = word.to_owned();
            stem(&mut stemmed);
            assert!(stemmed.len() <= word.len() + 1, "{word}");
        }
    }
}
