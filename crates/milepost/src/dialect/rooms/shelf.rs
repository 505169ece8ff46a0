//! Jobs with what they have made, as they were shown last: read and shaped once for all
//! who watch. Enters: jobs as JSON. Leaves: the same. Never: keeps more than a fixed
//! number of bytes, whoever watches how many.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Bytes;
use milepost_core::{JobId, Seq};
use tokio::sync::Mutex;

use crate::hub::Frame;

/// What is kept in all.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Of a server; cheap to clone.
#[derive(Clone, Default)]
pub struct Shelf(Arc<Mutex<VecDeque<(JobId, Seq, Bytes)>>>);

impl Shelf {
    /// What was made of the frame, or is made now. One at a time: who waits for the same
    /// finds it here.
    ///
    /// # Errors
    /// Those of `make`.
    pub async fn get<E>(
        &self,
        frame: &Frame,
        make: impl Future<Output = Result<Bytes, E>>,
    ) -> Result<Bytes, E> {
        let (job, seq) = (frame.snapshot.id, frame.seq());
        let mut kept = self.0.lock().await;
        let found = kept.iter().find(|(of, at, _)| (*of, *at) == (job, seq));
        if let Some((_, _, bytes)) = found {
            return Ok(bytes.clone());
        }
        let bytes = make.await?;
        kept.retain(|(of, ..)| *of != job);
        kept.push_back((job, seq, bytes.clone()));
        let mut all: usize = kept.iter().map(|(_, _, bytes)| bytes.len()).sum();
        while all > MOST_BYTES {
            let Some((_, _, oldest)) = kept.pop_front() else { break };
            all -= oldest.len();
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use milepost_core::{
        Event, EventKind, OwnerId, Pipeline, Plan, Snapshot, Submitted, Timestamp,
    };
    use uuid::Uuid;

    use super::*;

    fn frame(id: u128) -> Frame {
        let submitted = Submitted {
            owner: OwnerId::local(),
            pipeline: Pipeline::Sentences,
            plan: Plan::new([("merging", 1)]),
            document: None,
            options: serde_json::json!({}),
            metadata: None,
            batch: None,
            priority: 0,
            max_attempts: 1,
            hold: true,
            force: false,
            collection: None,
            documents: None,
        };
        let (at, kind) = (Timestamp::from_micros(1), EventKind::Submitted(Box::new(submitted)));
        let event = Event { seq: Seq(1), at, kind };
        let snapshot = Snapshot::begin(JobId::new(Uuid::from_u128(id)), &event).unwrap();
        Frame::new(snapshot.into(), 1, None, at)
    }

    #[tokio::test]
    async fn what_was_shown_is_kept_up_to_a_bound() {
        let shelf = Shelf::default();
        let large = Bytes::from(vec![0; MOST_BYTES / 4 + 1]);
        let made = std::cell::Cell::new(0);
        let get = async |id| {
            let make = async {
                made.set(made.get() + 1);
                Ok::<_, Infallible>(large.clone())
            };
            shelf.get(&frame(id), make).await.unwrap()
        };
        for id in [1, 1, 2, 3, 1] {
            get(id).await;
        }
        assert_eq!(made.get(), 3);
        // The fourth is one too many.
        get(4).await;
        get(1).await;
        assert_eq!(made.get(), 5);
    }
}
