//! Which language a text is in, and how many words it has.
//!
//! Enters: text. Leaves: a language's two-letter code (ISO 639-1), or nothing
//! where there is too little to tell. It never tells by more than a sample.

use whatlang::{Detector, Lang};

/// More of a text says nothing new.
const SAMPLE_CHARS: usize = 4_000;
/// Fewer letters could be anything.
const MIN_LETTERS: usize = 20;
/// Fewer letters do not speak against what stands around them.
const SURE_LETTERS: usize = 200;
/// What a short text is most likely to be in.
const LIKELY: [Lang; 7] =
    [Lang::Eng, Lang::Fra, Lang::Deu, Lang::Spa, Lang::Ita, Lang::Por, Lang::Nld];

/// What the language of `text` most likely is.
pub(crate) fn of(text: &str) -> Option<&'static str> {
    let sample = sample(text, MIN_LETTERS)?;
    let sure = whatlang::detect(&sample).filter(whatlang::Info::is_reliable);
    let likely = || Detector::with_allowlist(LIKELY.to_vec()).detect(&sample);
    sure.or_else(likely).map(|info| code(info.lang()))
}

/// What the language of a text in parts most likely is.
pub(crate) fn of_parts<'a>(parts: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let mut sample = String::new();
    // Some for titles and tables of contents, which say little.
    for part in parts {
        sample.extend(part.chars().take(SAMPLE_CHARS));
        sample.push('\n');
        if sample.len() >= 4 * SAMPLE_CHARS {
            break;
        }
    }
    of(&sample)
}

/// The language of `text`, where it is long enough to leave no doubt.
pub(crate) fn surely(text: &str) -> Option<&'static str> {
    let sample = sample(text, SURE_LETTERS)?;
    whatlang::detect(&sample).filter(whatlang::Info::is_reliable).map(|info| code(info.lang()))
}

/// The beginning of `text`, if that has so many letters.
fn sample(text: &str, letters: usize) -> Option<String> {
    let sample: String = text.chars().take(SAMPLE_CHARS).collect();
    let enough = sample.chars().filter(|c| c.is_alphabetic()).take(letters).count() == letters;
    enough.then_some(sample)
}

/// Words, at white space.
pub(crate) fn words(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count()
}

/// The two-letter code.
fn code(language: Lang) -> &'static str {
    // By three-letter code, as the library names them.
    match language.code() {
        "afr" => "af",
        "aka" => "ak",
        "amh" => "am",
        "ara" => "ar",
        "aze" => "az",
        "bel" => "be",
        "ben" => "bn",
        "bul" => "bg",
        "cat" => "ca",
        "ces" => "cs",
        "cmn" => "zh",
        "cym" => "cy",
        "dan" => "da",
        "deu" => "de",
        "ell" => "el",
        "eng" => "en",
        "epo" => "eo",
        "est" => "et",
        "fin" => "fi",
        "fra" => "fr",
        "guj" => "gu",
        "heb" => "he",
        "hin" => "hi",
        "hrv" => "hr",
        "hun" => "hu",
        "hye" => "hy",
        "ind" => "id",
        "ita" => "it",
        "jav" => "jv",
        "jpn" => "ja",
        "kan" => "kn",
        "kat" => "ka",
        "khm" => "km",
        "kor" => "ko",
        "lat" => "la",
        "lav" => "lv",
        "lit" => "lt",
        "mal" => "ml",
        "mar" => "mr",
        "mkd" => "mk",
        "mya" => "my",
        "nep" => "ne",
        "nld" => "nl",
        "nob" => "nb",
        "ori" => "or",
        "pan" => "pa",
        "pes" => "fa",
        "pol" => "pl",
        "por" => "pt",
        "ron" => "ro",
        "rus" => "ru",
        "sin" => "si",
        "slk" => "sk",
        "slv" => "sl",
        "sna" => "sn",
        "spa" => "es",
        "srp" => "sr",
        "swe" => "sv",
        "tam" => "ta",
        "tel" => "te",
        "tgl" => "tl",
        "tha" => "th",
        "tuk" => "tk",
        "tur" => "tr",
        "ukr" => "uk",
        "urd" => "ur",
        "uzb" => "uz",
        "vie" => "vi",
        "yid" => "yi",
        "zul" => "zu",
        // None as of this version; its own code is still a true one.
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_and_english_are_told_apart() {
        for (text, language) in [
            ("The stone stands on the left bank, two paces from the ditch.", Some("en")),
            ("La borne se dresse sur la rive gauche, à deux pas du fossé.", Some("fr")),
            ("M. Dupont est arrivé hier soir à la gare.", Some("fr")),
            ("Dr. Smith arrived at the station last night.", Some("en")),
            ("Der Stein steht am linken Ufer, zwei Schritte vom Graben.", Some("de")),
            ("12 | 14 | 3", None),
            ("", None),
        ] {
            assert_eq!(of(text), language, "{text}");
        }
    }

    #[test]
    fn each_language_has_a_code_of_two_letters() {
        for language in Lang::all() {
            assert_eq!(code(*language).len(), 2, "{language}");
        }
    }
}
