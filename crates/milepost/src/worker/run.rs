//! One job on one converter. Enters: a lease. Leaves: events, and the
//! converter, if it can serve again. Never: writes under a lease that it does
//! not hold.

use std::collections::HashSet;

use futures_util::StreamExt;
use milepost_convert::{Counted, Format, Limits, Mark, Options};
use milepost_core::{
    DocumentFacts, DocumentNews, EventKind, Failure, FailureCode, Pipeline, Snapshot, Unit,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::converter::{Converter, FinishedPage, Gone, Report, Start, Task};
use super::reuse::reuse_key;
use super::verdict;
use super::watch::Allowance;
use crate::clock::Clock;
use crate::config::WorkerConfig;
use crate::fetch::{FetchError, Fetcher};
use crate::index::Indexing;
use crate::journal::{Journal, LeaseLost};
use crate::pipeline::convert::{ASSEMBLING, CONVERTING};
use crate::store::{Blobs, Decision, Lease, PageRow, Store, StoreError};

/// How a job's attempt ended, as far as the worker can tell.
pub enum Outcome {
    /// Recorded as completed.
    Completed,
    /// What takes a converter is done; the rest goes on without one.
    Prepared,
    /// The work failed.
    Failed(Failure),
    /// The lease was revoked; whoever did that recorded why.
    Revoked,
    /// The server shuts down; the next start goes on.
    GivenBack,
    /// The server itself is at fault.
    Broken(StoreError),
}

/// All that a job's run needs besides its lease.
#[derive(Clone)]
pub struct Runner {
    /// Where the work is recorded.
    pub journal: Journal,
    /// Where documents and finished pages are.
    pub store: Store,
    /// Where content is.
    pub blobs: Blobs,
    /// Starts what converts.
    pub start: Start,
    /// What brings documents from the web.
    pub fetcher: Fetcher,
    /// Limits of the conversion.
    pub config: WorkerConfig,
    /// Where chunks go, and what makes their vectors.
    pub indexing: Indexing,
}

/// Reports that may share a commit.
pub(super) const REPORTS: usize = 32;
/// Pages that are read at once when an attempt takes them over.
pub(super) const PAGES_STEP: u32 = 256;

impl Runner {
    /// Works on the job. `revoked` says that the lease is gone, `draining` that
    /// the job is to be given back at the end of the page. Says too whether the
    /// converter can serve again.
    pub async fn run(
        &self,
        lease: &Lease,
        converter: &mut Converter,
        revoked: &CancellationToken,
        draining: &CancellationToken,
    ) -> (Outcome, bool) {
        let work = async {
            match lease.snapshot.pipeline {
                Pipeline::Ingest => self.prepare(lease, converter, draining).await,
                _ => self.work(lease, converter, draining).await,
            }
        };
        let done = tokio::select! {
            biased;
            // Whatever the work is in the middle of, the caller ends it by
            // killing the converter.
            () = revoked.cancelled() => return (Outcome::Revoked, false),
            done = work => done,
        };
        let stop = match done {
            Ok(outcome) => {
                let reusable =
                    matches!(outcome, Outcome::Completed | Outcome::Prepared | Outcome::Failed(_));
                return (outcome, reusable);
            }
            Err(Stop::Gone(gone)) => Stop::Gone(converter.conclude(gone).await),
            Err(stop) => stop,
        };
        (stop.outcome(&lease.snapshot, &self.config), false)
    }

    async fn work(
        &self,
        lease: &Lease,
        converter: &mut Converter,
        draining: &CancellationToken,
    ) -> Result<Outcome, Stop> {
        let job = &lease.snapshot;
        let info = job.document.as_ref().ok_or_else(|| gone_document(StoreError::Closed))?;
        let row = self.store.document(info.id).await?;
        let row = row.ok_or_else(|| gone_document(StoreError::Damaged("no row".into())))?;
        let mut options: Options = serde_json::from_value(job.options.clone())
            .map_err(|error| Stop::Store(error.into()))?;
        options.password.clone_from(&lease.password);
        let limits = limits(&self.config);

        let (finished, done) = self.finished_pages(lease).await?;
        // What several attempts made, several converters may have made.
        let key = reuse_key(lease, &row.content.sha256, &options).filter(|_| finished.is_empty());
        if self.has_been_made(lease, key.as_deref()).await? {
            return Ok(Outcome::Completed);
        }
        let document = self.blobs.open(&row.content, 0..row.content.bytes).await?;
        let (may, size) = (Allowance::from(&self.config), row.content.bytes);
        let task = Task {
            pipeline: job.pipeline,
            filename: &info.filename,
            media_type: &info.media_type,
            options: &options,
            limits: &limits,
            finished,
            bytes: size,
            pages: true,
        };
        converter.begin(may.silence, task, document).await?;

        // Read and recorded side by side: while one commit is on its way to the
        // disk the converter goes on, and what it reports meanwhile shares the
        // next commit.
        let (sender, reports) = mpsc::channel(REPORTS);
        let clock = self.journal.clock();
        let recording = self.record(lease, reports, done, key, draining);
        tokio::pin!(recording);
        let read = tokio::select! {
            biased;
            outcome = &mut recording => return outcome,
            read = read_reports(converter, &self.blobs, clock, &may, sender) => read,
        };
        // What was reported before the converter went away is kept.
        let outcome = recording.await;
        read.map_err(Stop::Gone).and(outcome)
    }

    /// Records reports until the last one.
    async fn record(
        &self,
        lease: &Lease,
        mut reports: mpsc::Receiver<Report>,
        mut done: HashSet<u32>,
        mut reuse_key: Option<String>,
        draining: &CancellationToken,
    ) -> Result<Outcome, Stop> {
        let mut group = Vec::with_capacity(REPORTS);
        while reports.recv_many(&mut group, REPORTS).await > 0 {
            let mut decision = Decision::default();
            let mut ended = None;
            let mut may_stop = false;
            for report in group.drain(..) {
                match report {
                    Report::Detected { format, pages, selected } => {
                        decision.events.push(detected(format, pages, selected));
                    }
                    Report::Page { page, bytes, error, texts } => {
                        if !done.insert(page) {
                            let twice = "a page came twice".to_owned();
                            return Err(Stop::Gone(Gone::Crashed(twice)));
                        }
                        // A placeholder may turn out better another time.
                        reuse_key = reuse_key.filter(|_| error.is_none());
                        decision.events.push(EventKind::Page { page, bytes, error });
                        decision.texts.extend(texts);
                        may_stop = true;
                    }
                    Report::Assembling => decision.events.push(EventKind::Stage {
                        stage: ASSEMBLING.to_owned(),
                        unit: None,
                        total: None,
                        document: None,
                    }),
                    Report::Mark(mark) => {
                        decision.events.extend(marked(mark));
                        may_stop = true;
                    }
                    Report::Done(texts) => {
                        let formats = texts.iter().map(|text| text.format.clone()).collect();
                        decision.events.push(EventKind::Completed { formats, reused: None });
                        decision.reuse = reuse_key.take();
                        decision.texts.extend(texts);
                        ended = Some(Outcome::Completed);
                    }
                    Report::Failed(failure) => ended = Some(Outcome::Failed(failure)),
                }
            }
            if !decision.events.is_empty() {
                self.report(lease, decision).await?;
            }
            if let Some(outcome) = ended {
                return Ok(outcome);
            }
            if may_stop && draining.is_cancelled() {
                return Ok(Outcome::GivenBack);
            }
        }
        // The reader ended early and knows why.
        Ok(Outcome::GivenBack)
    }

    /// The pages that earlier attempts finished.
    pub(super) async fn finished_pages(
        &self,
        lease: &Lease,
    ) -> Result<(Vec<FinishedPage>, HashSet<u32>), Stop> {
        let job = lease.snapshot.id;
        let (mut finished, mut numbers) = (Vec::new(), HashSet::new());
        loop {
            let after = finished.last().map_or(0, |page: &FinishedPage| page.page);
            let rows = self.store.pages(job, after, PAGES_STEP).await?;
            if rows.is_empty() {
                return Ok((finished, numbers));
            }
            for PageRow { page, error, .. } in rows {
                let text = self.store.text(job, page, "markdown".to_owned()).await?;
                let text = text.ok_or_else(|| StoreError::Damaged("a page has no text".into()))?;
                let mut stream = self.blobs.open(&text.content, 0..text.content.bytes).await?;
                let mut markdown = Vec::new();
                while let Some(chunk) = stream.next().await {
                    markdown.extend_from_slice(&chunk?);
                }
                numbers.insert(page);
                finished.push(FinishedPage { page, error, markdown });
            }
        }
    }

    pub(super) async fn report(&self, lease: &Lease, decision: Decision) -> Result<(), Stop> {
        match self.journal.report(lease, decision).await? {
            Ok(_snapshot) => Ok(()),
            Err(LeaseLost) => Err(Stop::LeaseLost),
        }
    }
}

/// What a converter is told of its limits.
pub fn limits(config: &WorkerConfig) -> Limits {
    Limits {
        max_pages: config.max_pages,
        max_output_bytes: config.max_output.as_u64(),
        max_unpacked_bytes: config.max_unpacked.as_u64(),
    }
}

/// Reads what the converter says, to the last word.
pub(super) async fn read_reports(
    converter: &mut Converter,
    blobs: &Blobs,
    clock: &Clock,
    may: &Allowance,
    reports: mpsc::Sender<Report>,
) -> Result<(), Gone> {
    loop {
        let report = converter.next(blobs, clock, may).await?;
        let last = matches!(report, Report::Done(_) | Report::Failed(_));
        if reports.send(report).await.is_err() || last {
            return Ok(());
        }
    }
}

fn detected(format: Format, pages: u32, selected: u32) -> EventKind {
    EventKind::Stage {
        stage: CONVERTING.to_owned(),
        unit: Some(Unit::page()),
        total: Some(u64::from(selected)),
        document: Some(found(format, pages)),
    }
}

pub(super) fn found(format: Format, pages: u32) -> DocumentNews {
    DocumentNews::Found(DocumentFacts {
        media_type: format.media_type().to_owned(),
        pages: format.paged().then_some(pages),
    })
}

/// What the log keeps of a mark. That a page was read is but a sign of life.
pub(super) fn marked(mark: Mark) -> Option<EventKind> {
    match mark {
        Mark::Begins { phase, counted, total, found: facts } => Some(EventKind::Stage {
            stage: phase.name().to_owned(),
            unit: Some(match counted {
                Counted::Page => Unit::page(),
                Counted::Document => Unit::document(),
                Counted::Chunk => Unit::chunk(),
            }),
            total,
            document: facts.map(|facts| found(facts.format, facts.pages)),
        }),
        Mark::Done { done, total } => Some(EventKind::Advanced {
            done: Some(done),
            total,
            unit: None,
            message: None,
            stalled: false,
            documents: None,
        }),
        Mark::Read { .. } => None,
    }
}

/// Why the work does not go on, other than by its end.
pub(super) enum Stop {
    LeaseLost,
    Fetch(FetchError),
    Gone(Gone),
    Store(StoreError),
    NoDocument,
    Failed(Failure),
}

impl From<Gone> for Stop {
    fn from(gone: Gone) -> Self {
        Self::Gone(gone)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Stop {
    pub(super) fn outcome(self, job: &Snapshot, config: &WorkerConfig) -> Outcome {
        let (job, pipeline) = (job.id, job.pipeline);
        match self {
            Self::LeaseLost => Outcome::Revoked,
            Self::Fetch(FetchError { failure, cause }) => {
                tracing::warn!(%job, reason = failure.message, %cause, "a document was not fetched");
                Outcome::Failed(failure)
            }
            // It would read back no better another time.
            Self::Store(StoreError::Damaged(cause)) => {
                tracing::error!(%job, %cause, "what is stored of a job cannot be read");
                Outcome::Failed(Failure::permanent(
                    FailureCode::Internal,
                    "What the server stored of the job cannot be read; submit its documents again.",
                ))
            }
            Self::Gone(Gone::Store(error)) | Self::Store(error) => Outcome::Broken(error),
            Self::Gone(gone) => {
                tracing::warn!(%job, cause = %gone, "the converter is gone");
                Outcome::Failed(verdict::failure(&gone, pipeline, &config.into()))
            }
            Self::Failed(failure) => Outcome::Failed(failure),
            Self::NoDocument => Outcome::Failed(Failure::permanent(
                FailureCode::Internal,
                "The job's document is gone from the store; submit it again.",
            )),
        }
    }
}

pub(super) fn gone_document(cause: StoreError) -> Stop {
    tracing::error!(%cause, "a job's document is not in the store");
    Stop::NoDocument
}
