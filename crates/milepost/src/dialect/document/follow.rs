//! One document that a connection follows: its newest job is what is said of it. Enters:
//! frames of all its jobs. Leaves: whether there is something new to say.

use std::sync::Arc;

use milepost_core::{DocumentId, JobId};

use super::message;
use crate::dialect::watch::INTERVAL;
use crate::http::Services;
use crate::http::problem::Problem;
use crate::hub::{Connection, Frame, Mode, Topic};
use crate::store::{DocumentRow, JobFilter};

/// What was said of a document last.
#[derive(Default)]
pub struct Followed {
    newest: Option<JobId>,
    last: Option<Arc<Frame>>,
}

impl Followed {
    /// Whether the frame says something else than the one before. Older jobs than the
    /// newest say nothing any more.
    pub fn is_news(&mut self, document: DocumentId, frame: &Arc<Frame>) -> bool {
        if self.newest > Some(frame.snapshot.id) {
            return false;
        }
        self.newest = Some(frame.snapshot.id);
        let last = self.last.replace(frame.clone());
        last.is_none_or(|last| !message::same(document, &last, frame))
    }

    /// A job was removed, perhaps this one.
    pub fn removed(&mut self, job: JobId) {
        if self.newest == Some(job) {
            *self = Self::default();
        }
    }
}

/// Follows a document from its present state on, or from behind position `since`.
///
/// # Errors
/// Where the store fails.
pub async fn follow(
    services: &Services,
    connection: &mut Connection,
    row: &DocumentRow,
    since: Option<u64>,
) -> Result<Followed, Problem> {
    let document = row.info.id;
    let newest = newest(services, row).await?;
    let since = match (since, &newest) {
        (Some(since), _) => since,
        // What it came to with its last change, and what follows.
        (None, Some((frame, _))) => frame.position.saturating_sub(1),
        (None, None) => services.query.position().await?,
    };
    let jobs = JobFilter { document: Some(document), ..JobFilter::of(row.owner.clone()) };
    let mode = Mode::Latest { interval: INTERVAL };
    let (topic, nothing) = (Topic::Document(document), std::collections::HashMap::new());
    connection.watch_group(topic, jobs, mode, Some(since), &nothing).await?;
    Ok(Followed { newest: newest.map(|(_, job)| job), last: None })
}

/// The newest job over a document.
///
/// # Errors
/// Where the store fails.
pub async fn newest(
    services: &Services,
    row: &DocumentRow,
) -> Result<Option<(Frame, JobId)>, Problem> {
    let jobs =
        JobFilter { document: Some(row.info.id), limit: 1, ..JobFilter::of(row.owner.clone()) };
    match services.query.jobs(jobs).await?.pop() {
        None => Ok(None),
        Some((snapshot, position)) => {
            let job = snapshot.id;
            Ok(Some((services.hub.frame(snapshot, position).await, job)))
        }
    }
}
