//! How texts are cut, as users say it.
//!
//! Enters: JSON, with what was left out. Leaves: a whole and checked choice. It
//! never cuts anything.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// What cuts texts into chunks.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum ChunkerKind {
    /// By structure and by size: blocks under one heading together as far as they
    /// fit, long prose cut between sentences.
    #[default]
    Hybrid,
    /// By structure alone: a chunk for each paragraph, list, table, quote and piece
    /// of code.
    Hierarchical,
    /// By size, wherever the Markdown allows it.
    Markdown,
}

/// What the size of a chunk is counted in.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum SizeUnit {
    /// Unicode characters.
    #[default]
    Characters,
    /// Tokens of a tokenizer.
    Tokens,
}

/// What counts tokens.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Tokenizer {
    /// That of OpenAI's embedding models, built in.
    #[default]
    #[serde(rename = "cl100k_base")]
    Cl100kBase,
    /// That of the collection's embedder; where this has none, as an endpoint has
    /// none, the built-in one.
    Embedder,
}

/// How texts are cut into chunks. What is left out of its JSON gets a default that
/// suits the rest, so that its JSON is always whole.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(from = "Wanted")]
pub struct Chunker {
    /// What cuts.
    pub kind: ChunkerKind,
    /// The largest size of a chunk, its headings included, in `unit`.
    pub max: u32,
    /// What sizes are counted in.
    pub unit: SizeUnit,
    /// What counts tokens; `None` where characters are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<Tokenizer>,
    /// How much of a chunk may stand in the next one again, in `unit`.
    pub overlap: u32,
}

/// A chunker as users write it.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    kind: ChunkerKind,
    max: Option<u32>,
    unit: SizeUnit,
    tokenizer: Option<Tokenizer>,
    overlap: Option<u32>,
}

impl From<Wanted> for Chunker {
    fn from(Wanted { kind, max, unit, tokenizer, overlap }: Wanted) -> Self {
        let tokens = unit == SizeUnit::Tokens;
        let max = max.unwrap_or(if tokens { Self::MAX_TOKENS } else { Self::MAX_CHARACTERS });
        Self {
            kind,
            max,
            unit,
            tokenizer: tokenizer.or(tokens.then(Tokenizer::default)),
            overlap: overlap.unwrap_or(max / 10),
        }
    }
}

impl Default for Chunker {
    fn default() -> Self {
        Wanted::default().into()
    }
}

impl Chunker {
    /// How many characters a chunk may be allowed.
    pub const CHARACTERS: RangeInclusive<u32> = 100..=20_000;
    /// How many tokens a chunk may be allowed.
    pub const TOKENS: RangeInclusive<u32> = 16..=8_192;
    /// `max` where it is left out: what a small sentence model reads of most
    /// languages.
    const MAX_CHARACTERS: u32 = 1_000;
    const MAX_TOKENS: u32 = 256;

    /// Whether these values go together.
    ///
    /// # Errors
    /// The field below `chunker` that does not, and what is allowed.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let (range, unit) = match self.unit {
            SizeUnit::Characters => (Self::CHARACTERS, "characters"),
            SizeUnit::Tokens => (Self::TOKENS, "tokens"),
        };
        if !range.contains(&self.max) {
            let (least, most) = range.into_inner();
            return Err(("max", format!("It is a number of {unit} from {least} to {most}.")));
        }
        if self.overlap >= self.max.div_ceil(2) {
            let most = self.max.div_ceil(2) - 1;
            let detail = format!("It is less than half of `max`: a number from 0 to {most}.");
            return Err(("overlap", detail));
        }
        if self.unit == SizeUnit::Characters && self.tokenizer.is_some() {
            let detail = "It goes with the `unit` `tokens` alone.".to_owned();
            return Err(("tokenizer", detail));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(json: Value) -> Chunker {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_left_out_suits_the_rest() {
        assert_eq!(of(json!({})), Chunker::default());
        let whole = json!({"kind": "hybrid", "max": 1000, "unit": "characters", "overlap": 100});
        assert_eq!(serde_json::to_value(Chunker::default()).unwrap(), whole);
        let tokens = of(json!({"unit": "tokens", "kind": "markdown"}));
        let whole = json!({
            "kind": "markdown", "max": 256, "unit": "tokens", "tokenizer": "cl100k_base",
            "overlap": 25,
        });
        assert_eq!(serde_json::to_value(&tokens).unwrap(), whole);
        assert_eq!(of(whole), tokens);
        assert!(serde_json::from_value::<Chunker>(json!({"size": 1})).is_err());
        assert!(serde_json::from_value::<Chunker>(json!({"tokenizer": "gpt2"})).is_err());
    }

    #[test]
    fn values_out_of_their_bounds_are_named() {
        let wrong = |json| of(json).check().err().map(|(field, _)| field);
        for json in [
            json!({}),
            json!({"max": 100}),
            json!({"max": 20_000, "overlap": 9_999}),
            json!({"unit": "tokens", "max": 16, "tokenizer": "embedder"}),
            json!({"unit": "tokens", "max": 8_192}),
        ] {
            assert_eq!(wrong(json.clone()), None, "{json}");
        }
        for (json, field) in [
            (json!({"max": 99}), "max"),
            (json!({"max": 20_001}), "max"),
            (json!({"unit": "tokens", "max": 15}), "max"),
            (json!({"unit": "tokens", "max": 8_193}), "max"),
            (json!({"max": 100, "overlap": 50}), "overlap"),
            (json!({"tokenizer": "embedder"}), "tokenizer"),
        ] {
            assert_eq!(wrong(json.clone()), Some(field), "{json}");
        }
    }
}
