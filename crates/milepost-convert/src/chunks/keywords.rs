//! What a chunk is about, in a few words of its own.
//!
//! Enters: a text and its language. Leaves: phrases that stand in it, the most
//! telling first; none in a language whose small words are not known. It never reads
//! more than a sample of a long text.

use std::collections::HashMap;

use yake_rust::{Config, StopWords, get_n_best};

/// How many there are at most.
const MOST: usize = 5;
/// What is read of a text, in bytes.
const SAMPLE_BYTES: usize = 4 * 1024;
/// Longer phrases, in bytes, are no words.
const PHRASE_BYTES: usize = 60;

/// Finds keywords; keeps the small words of each language that it met.
#[derive(Default)]
pub(super) struct Keywords {
    small: HashMap<String, Option<StopWords>>,
}

impl Keywords {
    /// The keywords of a text.
    pub(super) fn of(&mut self, text: &str, language: Option<&str>) -> Vec<String> {
        let Some(language) = language else { return Vec::new() };
        // Without spaces between words there is nothing to count.
        if matches!(language, "zh" | "ja" | "th" | "km" | "my" | "lo") {
            return Vec::new();
        }
        let small = self.small.entry(language.to_owned()).or_insert_with(|| {
            StopWords::predefined(match language {
                "cs" => "cz",
                "nb" | "nn" => "no",
                other => other,
            })
        });
        let Some(small) = small else { return Vec::new() };
        let text = plain(&text[..text.floor_char_boundary(SAMPLE_BYTES)]);
        let config = Config { ngrams: 2, only_alphanumeric_and_hyphen: true, ..Config::default() };
        let mut found: Vec<String> = Vec::new();
        for item in get_n_best(4 * MOST, &text, small, &config) {
            let phrase = item.raw;
            let lower = phrase.to_lowercase();
            let known = |other: &String| {
                let other = other.to_lowercase();
                other.contains(&lower) || lower.contains(&other)
            };
            let letters = phrase.chars().filter(|c| c.is_alphabetic()).count();
            if letters >= 3 && phrase.len() <= PHRASE_BYTES && !found.iter().any(known) {
                found.push(phrase);
            }
            if found.len() == MOST {
                break;
            }
        }
        found
    }
}

/// The words without marks of Markdown, and without where links lead; what is too
/// long is no word.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for line in text.lines() {
        for word in line.split_whitespace() {
            let word = word.split_once("](").map_or(word, |(shown, _)| shown);
            let marks = |c: char| matches!(c, '*' | '_' | '`' | '#' | '|' | '[' | ']' | '>' | '~');
            let word = word.trim_matches(marks);
            if word.is_empty() || word.len() > PHRASE_BYTES || word.contains("://") {
                // A cell's end is a sentence's.
                if word.is_empty() && !plain.ends_with(['.', ' ']) && !plain.is_empty() {
                    plain.push('.');
                }
                continue;
            }
            plain.push(' ');
            plain.push_str(word);
        }
        plain.push('\n');
    }
    plain
}
