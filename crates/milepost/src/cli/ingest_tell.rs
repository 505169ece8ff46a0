//! What went into a collection. Enters: jobs that have ended. Leaves: how many
//! documents and chunks, and a line for each document that could not be read. Never:
//! holds the chunks themselves, which may be very many.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use milepost_core::{CollectionName, JobId};
use serde::Deserialize;

use super::client::Client;
use super::exit::Exit;
use super::out;
use super::text::clean;
use super::trouble::{Thing, Trouble};
use super::wire::Snapshot;

/// All of a result but its chunks is far below this.
const MAX_REST_BYTES: usize = 64 << 20;

/// The jobs of one command.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The keys of each job's documents, by their places.
    names: HashMap<JobId, Vec<String>>,
    /// Those that completed.
    completed: Vec<Snapshot>,
}

/// A job's result without its chunks.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Rest {
    failures: Vec<Failed>,
}

/// A document that is not in the collection.
#[derive(Debug, Deserialize)]
struct Failed {
    place: usize,
    #[serde(default)]
    source: String,
    code: String,
    message: String,
}

impl Outcome {
    /// Which documents a job is about.
    pub fn is_about(&mut self, job: JobId, names: Vec<String>) {
        self.names.insert(job, names);
    }

    /// Takes in jobs that completed.
    pub fn take<'a>(&mut self, jobs: impl Iterator<Item = &'a Snapshot>) {
        self.completed.extend(jobs.cloned());
    }

    /// Whether every job so far has.
    pub fn all_completed(&self) -> bool {
        self.completed.len() == self.names.len()
    }

    /// Tells it; with `json` only what went wrong.
    ///
    /// # Errors
    /// Where a result cannot be had, or stdout takes nothing.
    pub async fn tell(
        &self,
        client: &Client,
        collection: &CollectionName,
        json: bool,
    ) -> anyhow::Result<Exit> {
        let (mut documents, mut chunks, mut failed) = (0, 0, 0);
        for job in &self.completed {
            let stage = job.stages.iter().find(|stage| stage.name == "indexing");
            chunks += stage.and_then(|stage| stage.done).unwrap_or_default();
            let (total, done) =
                job.documents.map_or((1, 1), |documents| (documents.total, documents.done));
            if done < total {
                for failure in rest(client, job.id).await?.failures {
                    out::error(&self.failure(job.id, &failure));
                    failed += 1;
                }
            }
            documents += done;
        }
        if !json && !self.completed.is_empty() {
            let counts = [count(documents, "document"), count(chunks, "chunk")].join(", ");
            let failed = match failed {
                0 => String::new(),
                failed => format!("; {} could not be read", count(failed, "document")),
            };
            out::line(&format!("{collection}: {counts}{failed}"))?;
        }
        Ok(if failed > 0 { Exit::Failed } else { Exit::Done })
    }

    fn failure(&self, job: JobId, failure: &Failed) -> anyhow::Error {
        let name = self.names.get(&job).and_then(|names| names.get(failure.place));
        let name = name.unwrap_or(&failure.source);
        anyhow::anyhow!("{}: {} ({})", clean(name), clean(&failure.message), clean(&failure.code))
    }
}

fn count(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}

/// The result, of which the chunks are let go as they come.
async fn rest(client: &Client, job: JobId) -> Result<Rest, Trouble> {
    let request = client.get_job(job, &["result"]).query(&[("format", "chunks")]);
    let response = client.send(request, Thing::Job(job)).await?;
    let mut pieces = response.bytes_stream();
    let mut thinner = Thinner::default();
    while let Some(piece) = pieces.next().await {
        thinner.push(&piece.map_err(|error| client.broken(&error))?);
        if thinner.kept.len() > MAX_REST_BYTES {
            return Err(client.foreign(&"the answer is far too long"));
        }
    }
    serde_json::from_slice(&thinner.kept).map_err(|error| client.foreign(&error))
}

/// Empties the array `chunks` of a JSON object that comes in pieces.
#[derive(Debug, Default)]
struct Thinner {
    kept: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The last string that began in the object itself.
    key: Vec<u8>,
    skipping: bool,
}

impl Thinner {
    fn push(&mut self, piece: &[u8]) {
        for &byte in piece {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ if self.depth == 1 => self.key.push(byte),
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => {
                        self.in_string = true;
                        if self.depth == 1 {
                            self.key.clear();
                        }
                    }
                    b'[' | b'{' => {
                        self.depth += 1;
                        if self.depth == 2 && byte == b'[' && self.key == b"chunks" {
                            self.kept.push(byte);
                            self.skipping = true;
                        }
                    }
                    b']' | b'}' => {
                        if self.depth == 2 {
                            self.skipping = false;
                        }
                        self.depth = self.depth.saturating_sub(1);
                    }
                    _ => {}
                }
            }
            if !self.skipping {
                self.kept.push(byte);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_let_go_wherever_the_answer_was_cut() {
        let whole = r#"{"documents": 2, "chunks": [{"text": "a ] \" [ b", "headings": ["x"]}, {}],
            "sources": [{"source": "chunks", "n": [1]}], "failures": [{"place": 1,
            "code": "document_damaged", "message": "It is \"damaged\"."}]}"#;
        for cut in 0..whole.len() {
            let mut thinner = Thinner::default();
            thinner.push(&whole.as_bytes()[..cut]);
            thinner.push(&whole.as_bytes()[cut..]);
            let kept: serde_json::Value = serde_json::from_slice(&thinner.kept).unwrap();
            assert_eq!(kept["chunks"], serde_json::json!([]));
            assert_eq!(kept["sources"][0]["n"][0], 1);
            let rest: Rest = serde_json::from_value(kept).unwrap();
            assert_eq!((rest.failures.len(), rest.failures[0].place), (1, 1));
        }
    }

    #[test]
    fn a_document_that_failed_is_named_as_it_was_given() {
        let job = "01990000-0000-7000-8000-000000000001".parse().unwrap();
        let mut outcome = Outcome::default();
        outcome.is_about(job, vec!["a.pdf".to_owned(), "b/c.pdf".to_owned()]);
        let failed = |place| Failed {
            place,
            source: "c.pdf".to_owned(),
            code: "document_damaged".to_owned(),
            message: "It is \u{1b}[31mdamaged.".to_owned(),
        };
        let said = outcome.failure(job, &failed(1)).to_string();
        assert_eq!(said, "b/c.pdf: It is [31mdamaged. (document_damaged)");
        assert!(outcome.failure(job, &failed(7)).to_string().starts_with("c.pdf: "));
    }
}
