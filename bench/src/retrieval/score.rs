//! How well questions are answered. Enters: for each question, the place of the first
//! hit that has its answer. Leaves: recall and mean reciprocal rank. Never: a hit of
//! another text that happens to have the words.

use milepost_index::Hit;

use super::set::Question;

/// How many hits are looked at.
pub const DEPTH: usize = 10;

/// The place, from 1, of the first of these hits that has the answer.
pub fn place(question: &Question, hits: &[Hit]) -> Option<usize> {
    let wanted = words(&question.quote);
    let right = |hit: &Hit| {
        hit.entry.facts.filename == format!("{}.md", question.document)
            && words(&hit.chunk.text).contains(&wanted)
    };
    hits.iter().position(right).map(|index| index + 1)
}

/// Without what a chunker may change: white space.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Of several questions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// The share that is answered within the first five hits.
    pub five: f64,
    /// Within the first ten.
    pub ten: f64,
    /// The mean of 1 / place, 0 where it is none of the first ten.
    pub reciprocal: f64,
}

impl Score {
    pub fn of(places: &[Option<usize>]) -> Self {
        let count = places.len().max(1) as f64;
        let within = |most: usize| {
            places.iter().flatten().filter(|place| **place <= most).count() as f64 / count
        };
        let places = places.iter().flatten().filter(|place| **place <= DEPTH);
        let reciprocal = places.map(|place| 1.0 / *place as f64).sum::<f64>() / count;
        Self { five: within(5), ten: within(DEPTH), reciprocal }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_found_early_for_more() {
        let score = Score::of(&[Some(1), Some(4), Some(10), Some(11), None]);
        assert_eq!(score.five, 0.4);
        assert_eq!(score.ten, 0.6);
        assert!((score.reciprocal - (1.0 + 0.25 + 0.1) / 5.0).abs() < 1e-9);
        assert_eq!(Score::of(&[]), Score::default());
    }
}
