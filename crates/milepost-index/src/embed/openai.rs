//! Vectors from an endpoint that speaks OpenAI's `/v1/embeddings`. Enters: texts.
//! Leaves: a vector for each, in their order, all of one length. Never: more requests
//! at a time than the operator allows, in the whole server.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::config::{EmbedderConfig, MAX_DIMENSIONS};
use super::endpoint::{Endpoint, NoAnswer, Target};
use super::error::{EmbedError, EmbedErrorKind};
use super::words::is_about_length;

/// How often a text that is too long is cut in half.
const MAX_CUTS: u32 = 8;
/// What a number of a vector takes as text, at most, in bytes.
const NUMBER_BYTES: usize = 32;
/// What an answer may have beside its vectors, in bytes.
const MAX_AROUND: usize = 64 << 10;

/// One endpoint with one model.
pub(super) struct OpenAi {
    endpoint: Endpoint,
    model: String,
    /// What is asked for.
    wanted: Option<u32>,
    /// What is so, once it is known.
    dimensions: OnceLock<u32>,
    batch: usize,
    concurrency: usize,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    /// Absent at a few, which keep the order.
    index: Option<usize>,
    embedding: Vec<f32>,
}

impl OpenAi {
    /// Checks the settings; calls nobody.
    pub(super) fn open(name: &str, config: EmbedderConfig) -> Result<Self, EmbedError> {
        let EmbedderConfig::OpenAi {
            url,
            key,
            model,
            dimensions,
            batch,
            concurrency,
            timeout,
            retries,
            ..
        } = config
        else {
            unreachable!("it is opened as what it is")
        };
        let endpoint = Endpoint::open(Target {
            what: "embedder",
            name: name.to_owned(),
            url,
            path: Some("embeddings"),
            key,
            timeout,
            retries,
            concurrency,
        })?;
        let known = dimensions.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Self { endpoint, model, wanted: dimensions, dimensions: known, batch, concurrency })
    }

    pub(super) fn model(&self) -> &str {
        &self.model
    }

    pub(super) fn batch(&self) -> usize {
        self.batch
    }

    pub(super) fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// How long its vectors are; asks where nobody has said so.
    pub(super) async fn dimensions(&self) -> Result<u32, EmbedError> {
        if let Some(known) = self.dimensions.get() {
            return Ok(*known);
        }
        let vectors = self.batch_of(&["dimensions".to_owned()], true).await?;
        Ok(u32::try_from(vectors[0].len()).expect("an answer's length is bounded"))
    }

    /// One vector for each text.
    pub(super) async fn embed(
        self: &Arc<Self>,
        texts: Vec<String>,
        hurry: bool,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        if texts.len() <= self.batch {
            return self.batch_of(&texts, hurry).await;
        }
        // Dropped, the set stops what it began.
        let mut calls = JoinSet::new();
        for (place, batch) in texts.chunks(self.batch).enumerate() {
            let (this, batch) = (Arc::clone(self), batch.to_vec());
            calls.spawn(async move { (place, this.batch_of(&batch, hurry).await) });
        }
        let mut batches = Vec::new();
        while let Some(ended) = calls.join_next().await {
            let (place, vectors) =
                ended.map_err(|error| self.endpoint.unusable(&error.to_string()))?;
            batches.push((place, vectors?));
        }
        batches.sort_by_key(|(place, _)| *place);
        Ok(batches.into_iter().flat_map(|(_, vectors)| vectors).collect())
    }

    /// The same for as many texts as one request may bring. Where it is refused it is
    /// split, so that one odd text does not keep the others out; what is too long by
    /// itself is cut, as a local model would cut it.
    async fn batch_of(&self, texts: &[String], hurry: bool) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut texts: Vec<String> = texts.iter().map(|text| presentable(text)).collect();
        let mut vectors = vec![Vec::new(); texts.len()];
        let mut todo = vec![(0..texts.len(), 0)];
        while let Some((part, cuts)) = todo.pop() {
            match self.request(&texts[part.clone()], hurry).await {
                Ok(found) => {
                    for (place, vector) in part.zip(found) {
                        vectors[place] = vector;
                    }
                }
                Err(NoAnswer::Other(error)) => return Err(error),
                Err(NoAnswer::Input(..)) if part.len() > 1 => {
                    let (first, second) = halves(part);
                    todo.push((second, 0));
                    todo.push((first, 0));
                }
                Err(NoAnswer::Input(status, said)) => {
                    let text = &mut texts[part.start];
                    if cuts == MAX_CUTS || !is_about_length(status.as_u16(), &said) || !cut(text) {
                        return Err(self.refused(status.as_u16(), &said, text));
                    }
                    todo.push((part, cuts + 1));
                }
            }
        }
        Ok(vectors)
    }

    async fn request(&self, texts: &[String], hurry: bool) -> Result<Vec<Vec<f32>>, NoAnswer> {
        let request = Request {
            model: &self.model,
            input: texts,
            encoding_format: "float",
            dimensions: self.wanted,
        };
        let body = serde_json::to_vec(&request).expect("it is made of texts and numbers");
        let longest = self.dimensions.get().map_or(MAX_DIMENSIONS, |known| (*known).max(1024));
        let most = MAX_AROUND + texts.len() * longest as usize * NUMBER_BYTES;
        let answer = self.endpoint.call(body, most, hurry).await?;
        self.vectors(&answer, texts.len()).map_err(NoAnswer::Other)
    }

    fn vectors(&self, answer: &[u8], count: usize) -> Result<Vec<Vec<f32>>, EmbedError> {
        let unusable = |why: &str| self.endpoint.unusable(why);
        let answer: Answer = serde_json::from_slice(answer)
            .map_err(|_| unusable("not a list of vectors as JSON"))?;
        if answer.data.len() != count {
            return Err(unusable(&format!("{} vectors for {count} texts", answer.data.len())));
        }
        let mut vectors = vec![Vec::new(); count];
        for (place, item) in answer.data.into_iter().enumerate() {
            let slot = vectors.get_mut(item.index.unwrap_or(place));
            let Some(slot) = slot.filter(|slot| slot.is_empty()) else {
                return Err(unusable("vectors whose places are wrong"));
            };
            let got = item.embedding.len();
            if !(1..=MAX_DIMENSIONS as usize).contains(&got) {
                return Err(unusable(&format!("a vector of {got} numbers")));
            }
            if !item.embedding.iter().all(|number| number.is_finite()) {
                return Err(unusable("a vector with numbers that are none"));
            }
            let first = u32::try_from(got).expect("it is bounded");
            let wants = *self.dimensions.get_or_init(|| first);
            if first != wants {
                return Err(self.wrong_dimensions(wants, first));
            }
            *slot = item.embedding;
        }
        Ok(vectors)
    }

    fn wrong_dimensions(&self, wants: u32, got: u32) -> EmbedError {
        let title = self.endpoint.title();
        let message = format!(
            "{title} sends vectors of {got} dimensions instead of {wants}; the operator has to \
             check its `model` and `dimensions`, and to restart the server where the model \
             changed."
        );
        EmbedError::new(EmbedErrorKind::WrongDimensions, message, format!("{got} of {wants}"))
    }

    fn refused(&self, status: u16, said: &str, text: &str) -> EmbedError {
        let title = self.endpoint.title();
        let quoted = if said.is_empty() { String::new() } else { format!(" (“{said}”)") };
        let message = format!(
            "{title} refuses with {status}{quoted}, and a text of {} characters by itself; the \
             operator has to check its settings, or the document is not for it.",
            text.chars().count()
        );
        EmbedError::new(EmbedErrorKind::Refused, message, format!("{status}{quoted}"))
    }
}

/// Endpoints refuse a text that is empty.
fn presentable(text: &str) -> String {
    if text.trim().is_empty() { ".".to_owned() } else { text.to_owned() }
}

fn halves(part: Range<usize>) -> (Range<usize>, Range<usize>) {
    let middle = part.start + part.len() / 2;
    (part.start..middle, middle..part.end)
}

/// Keeps the first half; says whether that changes anything.
fn cut(text: &mut String) -> bool {
    let mut middle = text.len() / 2;
    while !text.is_char_boundary(middle) {
        middle -= 1;
    }
    if text[..middle].trim().is_empty() {
        return false;
    }
    text.truncate(middle);
    true
}
