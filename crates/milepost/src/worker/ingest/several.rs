//! Several documents of one job, read one after the other. Enters: a lease, a converter.
//! Leaves: the text of each, or why it could not be read. Never: gives up the others for
//! one that cannot be read.

use milepost_convert::Options;
use milepost_core::{EventKind, Failure, FailureCode, Unit};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::talk::{Heard, Said};
use super::{Part, advanced};
use crate::pipeline::ingest::EXTRACTING;
use crate::store::{Decision, DocumentRow, EXTRACT, Lease, TextRow, UNREAD};
use crate::worker::converter::{Converter, Gone, Task};
use crate::worker::run::{Outcome, Runner, Stop, limits};
use crate::worker::verdict;
use crate::worker::watch::Allowance;

/// A document that could not be read, as the result tells of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Unread {
    /// Its place among the job's sources, from 0.
    pub place: u32,
    /// Its name.
    pub source: String,
    /// For a program.
    pub code: FailureCode,
    /// For a person.
    pub message: String,
}

impl Runner {
    /// Reads those that were not read before. `None`: at least one is there to go on with.
    pub(super) async fn extract_all(
        &self,
        lease: &Lease,
        converter: &mut Converter,
        draining: &CancellationToken,
        options: &Options,
        parts: &[Part],
    ) -> Result<Option<Outcome>, Stop> {
        let mut open = Vec::new();
        let (mut read, mut unread) = (0, Vec::new());
        for part in parts {
            if self.made(lease, part.place, EXTRACT).await?.is_some() {
                read += 1;
            } else if let Some(text) = self.made(lease, part.place, UNREAD).await? {
                let bytes = self.bytes(&text.content).await?;
                unread.push(serde_json::from_slice::<Unread>(&bytes).map_err(into_damaged)?);
            } else {
                open.push(part);
            }
        }
        let mut done = read + unread.len() as u64;
        let begins = EventKind::Stage {
            stage: EXTRACTING.to_owned(),
            unit: Some(Unit::document()),
            total: Some(parts.len() as u64),
            document: None,
        };
        let events = vec![begins, advanced(done, None)];
        self.report(lease, Decision { events, ..Decision::default() }).await?;
        for part in open {
            if draining.is_cancelled() {
                return Ok(Some(Outcome::GivenBack));
            }
            done += 1;
            match self.extract_part(lease, converter, draining, options, part).await? {
                Read::Stopped => return Ok(Some(Outcome::GivenBack)),
                Read::Text(texts) => {
                    let events = vec![advanced(done, None)];
                    self.keep(lease, texts, EXTRACT, part.place, events).await?;
                    read += 1;
                }
                Read::Failed(source, Failure { code, message, .. }) => {
                    let one = Unread { place: part.place, source, code, message };
                    let json = serde_json::to_vec(&one).map_err(into_damaged)?;
                    let id = self.journal.clock().new_id();
                    let content = self.blobs.store(id, json.into()).await?;
                    let format = UNREAD.to_owned();
                    let texts = vec![TextRow { page: part.place, format, content }];
                    let events = vec![advanced(done, None)];
                    self.report(lease, Decision { events, texts, ..Decision::default() }).await?;
                    unread.push(one);
                }
            }
        }
        Ok(match unread.first() {
            Some(first) if read == 0 => Some(Outcome::Failed(Failure::permanent(
                first.code,
                format!(
                    "None of the {} documents could be read. The first, `{}`: {}",
                    parts.len(),
                    first.source,
                    first.message
                ),
            ))),
            _ => None,
        })
    }

    /// The documents that could not be read, in order.
    pub(super) async fn unread(&self, lease: &Lease, parts: &[Part]) -> Result<Vec<Unread>, Stop> {
        let mut unread = Vec::new();
        for part in parts {
            if let Some(text) = self.made(lease, part.place, UNREAD).await? {
                let bytes = self.bytes(&text.content).await?;
                unread.push(serde_json::from_slice(&bytes).map_err(into_damaged)?);
            }
        }
        Ok(unread)
    }

    async fn extract_part(
        &self,
        lease: &Lease,
        converter: &mut Converter,
        draining: &CancellationToken,
        options: &Options,
        part: &Part,
    ) -> Result<Read, Stop> {
        let Some(row) = self.store.document(part.document).await? else {
            let detail = "The document is gone from the store; submit it again.";
            let failure = Failure::permanent(FailureCode::Internal, detail);
            return Ok(Read::Failed(String::new(), failure));
        };
        let mut again = true;
        loop {
            let said = self.converse(lease, converter, draining, options, &row).await;
            let gone = match said {
                Ok(Said::Made(texts)) => return Ok(Read::Text(texts)),
                Ok(Said::Stopped) => return Ok(Read::Stopped),
                Ok(Said::Failed(failure)) => return Ok(Read::Failed(row.info.filename, failure)),
                Err(Stop::Gone(Gone::Store(error))) => return Err(error.into()),
                Err(Stop::Gone(gone)) => converter.conclude(gone).await,
                Err(stop) => return Err(stop),
            };
            tracing::warn!(job = %lease.snapshot.id, cause = %gone, "the converter is gone");
            let fresh = (self.start)().map_err(|error| Stop::Store(error.into()))?;
            let fresh = std::mem::replace(converter, fresh);
            converter.owner.clone_from(&fresh.owner);
            converter.jobs = fresh.jobs;
            fresh.bury().await;
            // It may have been lost while it waited, and not through the document.
            if !(std::mem::take(&mut again) && matches!(gone, Gone::Crashed(_))) {
                let failure =
                    verdict::failure(&gone, lease.snapshot.pipeline, &(&self.config).into());
                return Ok(Read::Failed(row.info.filename, failure));
            }
        }
    }

    async fn converse(
        &self,
        lease: &Lease,
        converter: &mut Converter,
        draining: &CancellationToken,
        options: &Options,
        row: &DocumentRow,
    ) -> Result<Said, Stop> {
        let document = self.blobs.open(&row.content, 0..row.content.bytes).await?;
        let (may, limits) = (Allowance::from(&self.config), limits(&self.config));
        let task = Task {
            pipeline: lease.snapshot.pipeline,
            filename: &row.info.filename,
            media_type: &row.info.media_type,
            options,
            limits: &limits,
            finished: Vec::new(),
            bytes: row.content.bytes,
            pages: false,
        };
        converter.begin(may.silence, task, document).await?;
        let may_stop = || Ok(Heard { may_stop: true, ..Heard::default() });
        self.listen(lease, converter, draining, |_| may_stop()).await
    }
}

/// What became of a document.
enum Read {
    Text(Vec<TextRow>),
    Failed(String, Failure),
    Stopped,
}

fn into_damaged(error: serde_json::Error) -> Stop {
    Stop::Store(error.into())
}
