//! What a client of the socket watches. Enters: its wishes. Leaves: subscriptions, and
//! a refusal for each wish that is not met.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Bytes;
use milepost_core::{BatchId, Caller, DocumentId, JobId, Scope, Seq, Status};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::spoken::{ServerMessage, refusal};
use crate::audit::ALL_OF_ONES_OWN;
use crate::http::Services;
use crate::http::bounds::{Limit, Seat};
use crate::http::problem::Problem;
use crate::hub::{Connection, Mode, Topic, WatchError};
use crate::store::JobFilter;

/// Things that one message names: each may have an answer of its own.
const MAX_NAMES: usize = 1000;
/// Snapshots of a job in a second, unless the client says otherwise.
const DEFAULT_RATE: f64 = 20.0;

/// What a subscription is about.
#[derive(Deserialize, ToSchema)]
pub struct Wanted {
    #[serde(default)]
    jobs: Vec<String>,
    /// All of one's own.
    #[serde(default)]
    mine: bool,
    /// All over these documents.
    #[serde(default)]
    documents: Vec<String>,
    /// All of these batches.
    #[serde(default)]
    batches: Vec<String>,
}

/// What to watch, and how.
#[derive(Deserialize, ToSchema)]
pub struct Subscribe {
    #[serde(flatten)]
    wanted: Wanted,
    /// The last seq that the client has of each job: only later states are sent.
    #[serde(default)]
    after: HashMap<String, u64>,
    #[serde(default)]
    mode: SubscribeMode,
    /// Snapshots of a job in a second, 20 by default; only of `latest`.
    max_rate: Option<f64>,
}

/// Whether every state comes, or the newest.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SubscribeMode {
    #[default]
    Latest,
    All,
}

impl Wanted {
    fn count(&self) -> usize {
        self.jobs.len() + self.documents.len() + self.batches.len()
    }

    /// What it is about, for the audit log.
    pub fn names(&self) -> Vec<String> {
        let mine = self.mine.then(|| ALL_OF_ONES_OWN.to_owned());
        let named = [&self.jobs, &self.documents, &self.batches].into_iter().flatten().cloned();
        named.chain(mine).collect()
    }
}

impl Subscribe {
    /// What it is about, for the audit log.
    pub fn names(&self) -> Vec<String> {
        self.wanted.names()
    }
}

/// A wish that is not met, and the job that it was about.
pub type Refused = (Problem, Option<String>);

/// Who wants to watch, and with what that is found.
pub struct Watcher<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// With what.
    pub services: &'a Services,
    /// Counts what is watched.
    pub seat: &'a mut Seat,
}

impl Watcher<'_> {
    /// Subscribes to what is there and may be read; `answers` get the rest, which is
    /// returned, too.
    pub async fn subscribe(
        &mut self,
        connection: &mut Connection,
        message: Subscribe,
        reference: Option<Value>,
        answers: &mut Vec<Bytes>,
    ) -> Vec<Refused> {
        let rate = message.max_rate.unwrap_or(DEFAULT_RATE);
        if !(rate > 0.0 && rate.is_finite()) {
            let problem = Problem::field("max_rate", "A rate is a number above 0.");
            answers.push(refusal(&problem, None, reference.as_ref()));
            return vec![(problem, None)];
        }
        if message.wanted.count() > MAX_NAMES {
            let detail = format!("One message names {MAX_NAMES} things at most.");
            let problem = Problem::field("jobs", detail);
            answers.push(refusal(&problem, None, reference.as_ref()));
            return vec![(problem, None)];
        }
        // A rate so low that the interval has no number is once in an hour.
        let interval = Duration::try_from_secs_f64(1.0 / rate)
            .unwrap_or(Duration::MAX)
            .min(Duration::from_secs(3600));
        let mode = match message.mode {
            SubscribeMode::Latest => Mode::Latest { interval },
            SubscribeMode::All => Mode::All,
        };
        let after: HashMap<JobId, Seq> = message
            .after
            .iter()
            .filter_map(|(job, seq)| Some((job.parse().ok()?, Seq(*seq))))
            .collect();
        let mut admitted: Vec<JobId> = Vec::new();
        let mut refused = Vec::new();
        for job in &message.wanted.jobs {
            match self.subscribe_job(connection, job, mode, &after).await {
                Ok(id) => admitted.push(id),
                Err(problem) => refused.push((problem, Some(job.clone()))),
            }
        }
        for (topic, filter) in self.groups(&message.wanted, &mut refused).await {
            if let Err(problem) = self.check_room(connection) {
                refused.push((problem, None));
                continue;
            }
            match connection.watch_group(topic, filter, mode, None, &after).await {
                Ok((jobs, beyond)) => {
                    admitted.extend(jobs);
                    let refusal = |(job, seq): (JobId, Seq)| {
                        (Problem::from(WatchError::Ahead(seq)), Some(job.to_string()))
                    };
                    refused.extend(beyond.into_iter().map(refusal));
                }
                Err(error) => refused.push((error.into(), None)),
            }
        }
        self.settle(connection);
        let reply = ServerMessage::Subscribed { jobs: &admitted, reference: reference.clone() };
        answers.push(reply.framed());
        for (problem, job) in &refused {
            problem.limit.into_iter().for_each(|limit| self.services.bounds.met(limit));
            answers.push(refusal(problem, job.as_deref(), reference.as_ref()));
        }
        refused
    }

    async fn subscribe_job(
        &mut self,
        connection: &mut Connection,
        job: &str,
        mode: Mode,
        after: &HashMap<JobId, Seq>,
    ) -> Result<JobId, Problem> {
        let id: JobId = job.parse().map_err(|_| Problem::not_found("job"))?;
        self.check_room(connection)?;
        let after = after.get(&id).copied().unwrap_or(Seq(0));
        connection.watch_job(id, mode, after, self.caller).await?;
        Ok(id)
    }

    /// The groups that may be watched, with the jobs that are shown at first.
    async fn groups(&self, wanted: &Wanted, refused: &mut Vec<Refused>) -> Vec<(Topic, JobFilter)> {
        let mut groups = Vec::new();
        if wanted.mine && !self.caller.may(Scope::Read) {
            refused.push((Problem::not_allowed(), None));
        } else if wanted.mine {
            let owner = self.caller.owner.clone();
            let status = vec![Status::Awaiting, Status::Queued, Status::Running];
            let filter = JobFilter { status, ..JobFilter::of(owner.clone()) };
            groups.push((Topic::Owner(owner), filter));
        }
        for text in &wanted.documents {
            match self.document(text).await {
                Ok(group) => groups.push(group),
                Err(problem) => refused.push((problem, None)),
            }
        }
        for text in &wanted.batches {
            match self.batch(text).await {
                Ok(group) => groups.push(group),
                Err(problem) => refused.push((problem, None)),
            }
        }
        groups
    }

    async fn document(&self, text: &str) -> Result<(Topic, JobFilter), Problem> {
        let id: DocumentId = text.parse().map_err(|_| Problem::not_found("document"))?;
        let owner = self.services.query.document(self.caller, id).await?.owner;
        let filter = JobFilter { document: Some(id), ..JobFilter::of(owner) };
        Ok((Topic::Document(id), filter))
    }

    async fn batch(&self, text: &str) -> Result<(Topic, JobFilter), Problem> {
        let id: BatchId = text.parse().map_err(|_| Problem::not_found("batch"))?;
        let owner = self.services.query.batch_owner(self.caller, id).await?;
        Ok((Topic::Batch(id), JobFilter { batch: Some(id), ..JobFilter::of(owner) }))
    }

    fn check_room(&mut self, connection: &Connection) -> Result<(), Problem> {
        let (most, has) = (self.services.config.limits.subscriptions, connection.subscriptions());
        if has < most {
            return self.seat.subscriptions(has + 1);
        }
        let detail = format!("One socket takes {most} subscriptions at most.");
        Err(Problem::limited(Limit::Subscriptions, detail, None))
    }

    /// What was not admitted after all, or is watched no more, counts no more.
    fn settle(&mut self, connection: &Connection) {
        let _ = self.seat.subscriptions(connection.subscriptions());
    }

    /// Ends subscriptions.
    pub fn unsubscribe(&mut self, connection: &mut Connection, wanted: Wanted) {
        for job in wanted.jobs.iter().filter_map(|job| job.parse().ok()) {
            connection.unwatch(&Topic::Job(job));
        }
        for document in wanted.documents.iter().filter_map(|id| id.parse().ok()) {
            connection.unwatch(&Topic::Document(document));
        }
        for batch in wanted.batches.iter().filter_map(|id| id.parse().ok()) {
            connection.unwatch(&Topic::Batch(batch));
        }
        if wanted.mine {
            connection.unwatch(&Topic::Owner(self.caller.owner.clone()));
        }
        self.settle(connection);
    }
}
