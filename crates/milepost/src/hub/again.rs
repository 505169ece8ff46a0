//! What watchers are shown again where announcements were missed. Enters: that some
//! were, or that nothing was heard for a while. Leaves: states read from the store.
//! Never: looks for each watcher; one look is for all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use milepost_core::{JobId, Seq, Snapshot};

use super::{Shared, tell_removed};
use crate::store::{JobFilter, StoreError};

/// How long a store that did not answer is left alone.
const REST: Duration = Duration::from_secs(1);

/// Events that one step of a reading takes.
const STEP: u32 = 256;

/// Why it is read again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// More was announced than could be passed on. Only the present is read, so that
    /// it does not come to even more.
    Lagged,
    /// Nothing was announced. What is on its way still counts as heard, so that nothing
    /// that a watcher is to see may be left out.
    Silence,
}

impl Shared {
    /// Where nothing was heard since the last look, and the store has changed, that is
    /// read without being told. Returns what was heard by now.
    pub(super) async fn look(&self, heard: u64) -> u64 {
        let published = self.published.load(Ordering::Relaxed);
        if published != heard || self.topics().is_empty() {
            return published;
        }
        match self.store.position().await {
            Ok(position) if position > published => self.look_again(Why::Silence).await,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the store could not be looked at"),
        }
        published
    }

    /// Announcements were missed: what is watched and changed is read again, until
    /// the store has said it all. Nobody else tells the watchers.
    pub(super) async fn look_again(&self, why: Why) {
        while let Err(error) = self.read_again(why).await {
            tracing::error!(%error, "watched jobs could not be read again; another try follows");
            tokio::time::sleep(REST).await;
        }
    }

    async fn read_again(&self, why: Why) -> Result<(), StoreError> {
        let published = self.published.load(Ordering::Relaxed);
        let (mut watched, mut groups) = (BTreeMap::<JobId, Seq>::new(), Vec::new());
        for members in self.topics().values() {
            for member in members.values() {
                for (job, seq) in member.slot.lock().jobs() {
                    let least = watched.entry(job).or_insert(seq);
                    *least = seq.min(*least);
                }
            }
            groups.extend(members.values().find_map(|member| member.group.clone()));
        }
        for (&job, &seq) in &watched {
            match self.store.snapshot(job).await? {
                Some((snapshot, position)) => self.show(snapshot, position, seq, why).await?,
                None => {
                    let gone_by = self.store.position().await?;
                    self.waiting().remove(&job);
                    let members =
                        self.topics().values().flat_map(BTreeMap::values).cloned().collect();
                    tell_removed(job, members, Some(gone_by));
                }
            }
        }
        // Those that no watcher of the group knows yet.
        for group in groups {
            let jobs =
                JobFilter { since: Some(published), status: Vec::new(), ..group.jobs.clone() };
            for (snapshot, position) in
                self.store.list(JobFilter { limit: u32::MAX, ..jobs }).await?
            {
                let seq = match watched.get(&snapshot.id) {
                    Some(&seq) => seq,
                    // Whoever resumed a stream has seen all that was told until now, so
                    // a state from before that would go back.
                    None => self.store.seq_at(snapshot.id, published).await?,
                };
                self.show(snapshot, position, seq, why).await?;
            }
        }
        Ok(())
    }

    /// Shows a job as it is now to watchers that have at least `seq`; behind a silence
    /// the boundaries before that, too.
    async fn show(
        &self,
        present: Snapshot,
        position: u64,
        seq: Seq,
        why: Why,
    ) -> Result<(), StoreError> {
        let damaged = |refused: milepost_core::Refused| StoreError::Damaged(refused.to_string());
        let (job, mut state) = (present.id, None::<Snapshot>);
        let mut read = Seq(0);
        while why == Why::Silence && seq.next() < present.seq && read < present.seq {
            let events = self.store.events(job, read, STEP).await?;
            let Some(last) = events.last() else { break };
            read = last.seq;
            for event in events.iter().filter(|event| event.seq < present.seq) {
                let Some(before) = state.take() else {
                    state = Some(Snapshot::begin(job, event).map_err(damaged)?);
                    continue;
                };
                let mut after = before.clone();
                after.apply(event).map_err(damaged)?;
                if event.seq > seq && after.is_boundary_after(&before) {
                    // Whoever goes on from there has not seen the present.
                    let before = position.saturating_sub(1);
                    self.reached(Arc::new(after.clone()), before, false).await;
                }
                state = Some(after);
            }
        }
        self.reached(Arc::new(present), position, false).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use milepost_core::{
        DocumentId, DocumentInfo, EventKind, JobId, OwnerId, Pipeline, Plan, Snapshot, Status,
        Submitted, Timestamp,
    };
    use uuid::Uuid;

    use crate::clock::Clock;
    use crate::hub::{Delivery, Hub, Mode, Topic};
    use crate::store::{
        Allowance, Blobs, Decision, JobFilter, NewDocument, NewJob, NewJobs, Store,
    };

    /// A job over a document, of which nobody is told.
    async fn submit(store: &Store) -> (JobId, DocumentId) {
        let (id, at, owner) = (Uuid::from_u128(1), Timestamp::from_micros(1), OwnerId::local());
        let info = DocumentInfo {
            id: DocumentId::new(id),
            filename: "a.txt".into(),
            media_type: "text/plain".into(),
            bytes: 1,
            pages: None,
        };
        let document = NewDocument {
            info: info.clone(),
            owner: owner.clone(),
            created_at: at,
            content: Blobs::in_memory().store(id, "x".into()).await.unwrap(),
            title: None,
        };
        let job = NewJob {
            id: JobId::new(id),
            at,
            submission: Submitted {
                owner: owner.clone(),
                pipeline: Pipeline::Convert,
                plan: Plan::new([("converting", 1)]),
                document: Some(info.clone()),
                options: serde_json::json!({}),
                metadata: None,
                batch: None,
                priority: 0,
                max_attempts: 4,
                hold: false,
                force: false,
                collection: None,
                documents: None,
            },
            password: None,
            remote: None,
            document: Some(document),
            reuse: None,
            sources: Vec::new(),
            alone: false,
        };
        let new = NewJobs {
            owner,
            jobs: vec![job],
            idempotency: None,
            joins: None,
            max_batch: 1,
            max_waiting: 100,
            allowance: Allowance::UNLIMITED,
        };
        store.submit(new).await.unwrap();
        (JobId::new(id), info.id)
    }

    #[tokio::test]
    async fn what_nobody_announced_is_seen_at_the_next_look() {
        let folder = tempfile::tempdir().unwrap();
        let (announcements, _unheard) = tokio::sync::mpsc::unbounded_channel();
        let store = Store::open(folder.path(), announcements).unwrap();
        let (job, document) = submit(&store).await;
        let heard = store.position().await.unwrap();
        let hub = Hub::new(store.clone(), Clock::system(), heard);
        let mut connection = hub.connect();
        let jobs = JobFilter { document: Some(document), ..JobFilter::of(OwnerId::local()) };
        let mode = Mode::Latest { interval: std::time::Duration::ZERO };
        let (topic, nothing) = (Topic::Document(document), HashMap::new());
        connection.watch_group(topic, jobs, mode, Some(heard), &nothing).await.unwrap();
        assert_eq!(hub.0.look(heard).await, heard);
        assert!(connection.is_idle());
        let cancel = |_: &Snapshot| Ok::<_, ()>(Decision::event(EventKind::Cancelled));
        store.append(job, Timestamp::from_micros(2), cancel).await.unwrap();
        // Where something was heard since, what is missing is still on its way.
        hub.0.look(heard + 1).await;
        assert!(connection.is_idle());
        hub.0.look(heard).await;
        match connection.next().await.unwrap() {
            Delivery::Frame(frame) => assert_eq!(frame.snapshot.status, Status::Cancelled),
            _ => panic!("no state came"),
        }
    }
}
