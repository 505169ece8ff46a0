//! The document of a job that was submitted by its URL. Enters: a lease on such a
//! job. Leaves: the same lease, its document stored. Never: reads the document,
//! or says in an event where it came from.

use std::sync::Arc;
use std::time::Duration;

use milepost_core::{DocumentNews, EventKind, Unit};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{MissedTickBehavior, interval};

use super::run::{Outcome, Runner, Stop, gone_document};
use crate::fetch::{Download, FetchError, Remote};
use crate::journal::LeaseLost;
use crate::store::{Content, Decision, Incoming, Lease, NewDocument, Place, StoreError};

/// How often watchers hear how far a download is, at most.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// A job's place among those that are worked on: a converter's slot or, while
/// its document is fetched, a download's, so that slow servers elsewhere keep no
/// converter idle.
pub(super) struct Slot {
    /// The converter's slot, while the job has it.
    pub permit: Option<OwnedSemaphorePermit>,
    /// All slots of converters.
    pub slots: Arc<Semaphore>,
    /// Places for downloads. Where none is free, the job keeps its slot.
    pub fetches: Arc<Semaphore>,
}

impl Slot {
    /// Leaves the converter's slot to others for good; `freed` hears of it.
    pub fn leave(&mut self, freed: &Notify) {
        self.permit = None;
        freed.notify_one();
    }

    /// The lease once the job's document is there; `freed` hears of a slot that
    /// others may have meanwhile.
    pub async fn fetch(
        &mut self,
        runner: &Runner,
        lease: &Lease,
        freed: &Notify,
    ) -> Result<Lease, Outcome> {
        if !lease.snapshot.fetches() {
            return Ok(lease.clone());
        }
        let download = self.fetches.clone().try_acquire_owned();
        if download.is_ok() {
            self.permit = None;
            freed.notify_one();
        }
        let fetched = runner.fetch(lease.clone()).await;
        let fetched = fetched.map_err(|stop| stop.outcome(&lease.snapshot, &runner.config))?;
        if self.permit.is_none() {
            // Nobody closes the semaphore.
            self.permit = self.slots.clone().acquire_owned().await.ok();
        }
        Ok(fetched)
    }
}

impl Runner {
    /// Fetches the job's document. May be dropped at any moment: what came so far
    /// is then thrown away.
    async fn fetch(&self, lease: Lease) -> Result<Lease, Stop> {
        let remote = lease.remote.as_deref().and_then(Remote::from_stored);
        let no_source = || StoreError::Damaged("a job has no source".into());
        let remote = remote.ok_or_else(|| gone_document(no_source()))?;
        let clock = self.journal.clock();
        let mut download = self.fetcher.get(&remote).await?;
        let incoming = self.blobs.incoming(clock.new_id());
        let content = self.receive(&lease, &mut download, incoming).await?;

        let filename = remote.filename.unwrap_or(download.filename);
        let owner = lease.snapshot.owner.clone();
        let document =
            NewDocument::new(clock, owner, &filename, download.media_type, content.clone());
        // What comes next, whatever the pipeline.
        let next = lease.snapshot.stages.get(1).map(|stage| stage.name.clone());
        let stored = EventKind::Stage {
            stage: next.unwrap_or_default(),
            unit: None,
            total: None,
            document: Some(DocumentNews::Stored(document.info.clone())),
        };
        let decision = Decision {
            events: vec![advanced(content.bytes, Some(content.bytes)), stored],
            document: Some(document),
            ..Decision::default()
        };
        match self.journal.report(&lease, decision).await {
            Ok(Ok(snapshot)) => Ok(Lease { snapshot, remote: None, ..lease }),
            lost => {
                if let Place::Object(name) = content.place {
                    self.blobs.remove_all(&[name]).await;
                }
                Err(lost.map_or_else(Stop::from, |_| Stop::LeaseLost))
            }
        }
    }

    /// Streams the document to the store, and tells how far it is.
    async fn receive(
        &self,
        lease: &Lease,
        download: &mut Download,
        mut incoming: Incoming,
    ) -> Result<Content, Stop> {
        let mut told = 0;
        self.advance(lease, told, download.total).await?;
        let mut tick = interval(REPORT_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = tick.tick(), if incoming.bytes() > told => {
                    told = incoming.bytes();
                    self.advance(lease, told, download.total).await?;
                }
                chunk = download.next() => match chunk? {
                    Some(chunk) => incoming.push(&chunk).await?,
                    None => return Ok(incoming.finish().await?),
                },
            }
        }
    }

    async fn advance(&self, lease: &Lease, done: u64, total: Option<u64>) -> Result<(), Stop> {
        let decision = Decision::event(advanced(done, total));
        let reported = self.journal.report(lease, decision).await?;
        reported.map(drop).map_err(|LeaseLost| Stop::LeaseLost)
    }
}

impl From<FetchError> for Stop {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

fn advanced(done: u64, total: Option<u64>) -> EventKind {
    EventKind::Advanced {
        done: Some(done),
        total,
        unit: Some(Unit::byte()),
        message: None,
        stalled: false,
        documents: None,
    }
}
