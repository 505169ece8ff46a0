//! One client of Socket.IO and the rooms that it is in. Enters: what it says, what
//! happens to its jobs. Leaves: answers, jobs, and a last word. Never: shows a job to
//! whoever may not see it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use milepost_core::{Caller, JobId, Scope, Seq};
use serde_json::{Value, json};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::budget::Permit;
use super::message::status;
use super::show::made_bytes;
use super::show::{show, too_much};
use super::socket::{EXPIRED, INVALID, Place, UNAVAILABLE, log_in};
use crate::access::Principal;
use crate::audit::Attendance;
use crate::command::CommandError;
use crate::dialect::noted;
use crate::dialect::watch::INTERVAL;
use crate::http::Services;
use crate::http::bounds::{Limit, Pace};
use crate::http::client::Client;
use crate::http::problem::Problem;
use crate::hub::{Delivery, Frame, Mode, TooSlow, Topic, WatchError};
use crate::store::StoreError;
use crate::transport::socketio::{Answer, End, Said, Session};

/// A longer message counts among those that may be under way.
const HEAVY_BYTES: usize = 64 * 1024;
/// So much of these to one client.
const MOST_HEAVY_BYTES: usize = 32 * 1024 * 1024;
/// For so long: whoever has not taken it by then is cut off by the system.
const HEAVY_FOR: Duration = Duration::from_secs(200);
/// So much of what a client calls a job is repeated to it.
const MAX_NAME_CHARS: usize = 64;
/// What is said where an event does not name a job.
const MISSING: &str = "Missing job_id";
/// What is said where somebody may see a job, and not do that with it.
const FORBIDDEN: &str = "Unauthorized access to job";
/// What is said of more than a client may have.
const FULL: &str = "Too many jobs are joined; leave some first";
/// What is said of more than a client may say.
const FLOOD: &str = "Too many messages; send fewer in a second";

/// One client.
pub struct Room {
    services: Services,
    client: Client,
    /// The handshake's id, for the audit log.
    asked: Option<String>,
    /// Its place among the watchers, which it shares with nobody while it is here.
    place: OwnedMutexGuard<Place>,
    principal: Arc<Principal>,
    /// The rooms that it is in, with whose credential it joined.
    joined: HashMap<JobId, Arc<Principal>>,
    /// What is, or may be, under way to it that is long.
    heavy: Vec<(Instant, usize, Permit)>,
    pace: Pace,
    /// Notes its end.
    _attendance: Attendance,
    /// The server waits for its sockets when it stops.
    _tracked: TaskTrackerToken,
}

impl Room {
    /// Somebody who is in no room yet.
    pub fn new(
        services: Services,
        client: Client,
        asked: Option<String>,
        place: OwnedMutexGuard<Place>,
        principal: Arc<Principal>,
    ) -> Self {
        let (pace, tracked) = (services.bounds.pace(), services.sockets.token());
        let mut attendance = noted::attend(&services, client, Some(&principal), "socket closed");
        attendance.began_with(asked.as_deref());
        Self {
            services,
            client,
            asked,
            place,
            principal,
            joined: HashMap::new(),
            heavy: Vec::new(),
            pace,
            _attendance: attendance,
            _tracked: tracked,
        }
    }

    async fn join(&mut self, name: &str, token: Option<&Value>) -> Result<Said, String> {
        let principal = match token.filter(|token| !token.is_null()) {
            Some(token) => log_in(&self.services, self.client, token).await?,
            None if self.services.access.still(&self.principal).await => self.principal.clone(),
            None => return Err(INVALID.to_owned()),
        };
        let job: JobId = name.parse().map_err(|_| not_found(name))?;
        self.check_room(job).inspect_err(|problem| self.met(problem)).map_err(|_| FULL)?;
        let mode = Mode::Latest { interval: INTERVAL };
        let caller = &principal.caller;
        let watched = self.place.connection.watch_job(job, mode, Seq(0), caller).await;
        let refused = watched.map(drop).map_err(|error| match error {
            WatchError::NotFound | WatchError::Ahead(_) => not_found(name),
            WatchError::Forbidden => FORBIDDEN.to_owned(),
            WatchError::Store(error) => unavailable(&error),
        });
        self.note("socket subscribe", &principal, job);
        match &refused {
            Ok(()) => drop(self.joined.insert(job, principal)),
            Err(_) => drop(self.joined.remove(&job)),
        }
        self.settle();
        refused.map(|()| said("joined_room", &json!({"job_id": job})))
    }

    fn leave(&mut self, name: &str) -> Said {
        if let Ok(job) = name.parse::<JobId>() {
            self.place.connection.unwatch(&Topic::Job(job));
            if let Some(principal) = self.joined.remove(&job) {
                self.note("socket unsubscribe", &principal, job);
            }
            self.settle();
        }
        said("left_room", &json!({"job_id": name}))
    }

    async fn cancel(&mut self, name: &str, token: Option<&Value>) -> Result<JobId, String> {
        let job: JobId = name.parse().map_err(|_| not_found(name))?;
        let principal = match token.filter(|token| !token.is_null()) {
            Some(token) => log_in(&self.services, self.client, token).await?,
            None => self.joined.get(&job).unwrap_or(&self.principal).clone(),
        };
        if !self.services.access.still(&principal).await {
            return Err(INVALID.to_owned());
        }
        let caller = &principal.caller;
        self.ordered(caller).inspect_err(|problem| self.met(problem)).map_err(|_| FLOOD)?;
        let found = self.services.query.job_for(caller, Scope::Cancel, job).await;
        if let Ok(job) = &found
            && job.status.is_terminal()
        {
            return Err(cannot_cancel(status(job.status)));
        }
        let done = self.services.commands.cancel(caller, job).await;
        self.note("socket cancel", &principal, job);
        match done {
            Ok(_) => Ok(job),
            Err(CommandError::Forbidden) => Err(FORBIDDEN.to_owned()),
            Err(CommandError::Conflict(job)) => Err(cannot_cancel(status(job.status))),
            Err(CommandError::Store(error)) => Err(unavailable(&error)),
            Err(_) => Err(not_found(name)),
        }
    }

    /// An order is a request, whichever way it comes.
    fn ordered(&self, caller: &Caller) -> Result<(), Problem> {
        let mut pass = self.services.bounds.pass(self.client, false);
        pass.arrives()?;
        pass.belongs_to(caller)
    }

    /// The state of a job as it is sent: without what it has made where that is long and
    /// too much of the kind is under way. Whether it is, is known before it is read.
    async fn shape(&mut self, frame: &Frame) -> Result<Bytes, StoreError> {
        let bytes = made_bytes(&self.services, &frame.snapshot).await?;
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if bytes > HEAVY_BYTES {
            self.heavy.retain(|(until, ..)| *until > Instant::now());
            let mine: usize = self.heavy.iter().map(|(_, bytes, _)| bytes).sum();
            // Of the job's owner: whoever watches it by a token of it takes up theirs.
            let permit = self.place.budget.of(&frame.snapshot.owner).take(bytes);
            match permit.filter(|_| mine.saturating_add(bytes) <= MOST_HEAVY_BYTES) {
                Some(permit) => self.heavy.push((Instant::now() + HEAVY_FOR, bytes, permit)),
                None => return Ok(too_much(frame, bytes)),
            }
        }
        show(&self.services, &self.place.shelf, frame).await
    }

    /// The client is in that room no more, for this reason.
    fn lose(&mut self, job: JobId, why: &str) -> Said {
        self.place.connection.unwatch(&Topic::Job(job));
        self.joined.remove(&job);
        self.settle();
        error(why)
    }

    fn check_room(&mut self, job: JobId) -> Result<(), Problem> {
        let (most, has) = (self.services.config.limits.subscriptions, self.joined.len());
        if self.joined.contains_key(&job) {
            return Ok(());
        }
        if has < most {
            return self.place.seat.subscriptions(has + 1);
        }
        Err(Problem::limited(Limit::Subscriptions, FULL, None))
    }

    /// What was not joined after all, or was left, counts no more.
    fn settle(&mut self) {
        let _ = self.place.seat.subscriptions(self.joined.len());
    }

    fn met(&self, problem: &Problem) {
        problem.limit.into_iter().for_each(|limit| self.services.bounds.met(limit));
    }

    fn note(&self, action: &str, who: &Principal, job: JobId) {
        let from = (self.client, self.asked.as_deref());
        noted::note(&self.services, from, Some(who), action, || vec![job.to_string()], None);
    }

    /// All whose credentials are used here.
    fn principals(&self) -> impl Iterator<Item = &Arc<Principal>> {
        std::iter::once(&self.principal).chain(self.joined.values())
    }
}

impl Session for Room {
    fn heard(&mut self) -> Result<(), End> {
        if self.pace.step() { Ok(()) } else { Err(self.flooded()) }
    }

    fn flooded(&self) -> End {
        self.services.bounds.met(Limit::SocketMessages);
        End::Away(Some(error(FLOOD)))
    }

    async fn on_event(&mut self, name: &str, payload: Value) -> Result<Answer, End> {
        if !["join_job", "leave_job", "cancel_job"].contains(&name) {
            return Ok(Answer::default());
        }
        let Some(job) = named(&payload) else { return Ok(failed(MISSING)) };
        let token = payload.get("token");
        Ok(match name {
            "join_job" => match self.join(&job, token).await {
                Ok(joined) => done(&job, Some(joined)),
                Err(why) => failed(&why),
            },
            "leave_job" => {
                let left = self.leave(&job);
                done(&job, Some(left))
            }
            // The rooms of the job hear of it as of any other change.
            _ => match self.cancel(&job, token).await {
                Ok(_) => done(&job, None),
                Err(why) => failed(&why),
            },
        })
    }

    async fn next(&self) -> Result<Delivery, TooSlow> {
        self.place.connection.next().await
    }

    async fn encode(&mut self, delivery: Delivery) -> Result<Option<Said>, End> {
        Ok(match delivery {
            Delivery::Frame(frame) => Some(match self.shape(&frame).await {
                Ok(data) => Said { event: "job_progress", data },
                Err(store) => error(&unavailable(&store)),
            }),
            Delivery::Queue(..) => None,
            Delivery::Removed(job) => Some(self.lose(job, &not_found(&job.to_string()))),
            Delivery::Revoked(job, epoch) => {
                if self.principal.revoked_by(job, epoch) {
                    return Err(End::Away(Some(error(INVALID))));
                }
                let revoked = |by: &Arc<Principal>| by.revoked_by(job, epoch);
                self.joined.get(&job).is_some_and(revoked).then(|| self.lose(job, INVALID))
            }
        })
    }

    fn deadline(&self) -> Option<Instant> {
        let ends = self.principals().filter_map(|principal| principal.expires_at).min();
        ends.map(|end| self.services.access.instant(end))
    }

    fn expired(&mut self) -> Result<Option<Said>, End> {
        let now = self.services.clock.now();
        let over = |by: &Principal| by.expires_at.is_some_and(|end| end <= now);
        if over(&self.principal) {
            return Err(End::Away(Some(error(EXPIRED))));
        }
        // A token that came with a join counts for that room.
        let lost = self.joined.iter().find(|(_, by)| over(by)).map(|(job, _)| *job);
        Ok(lost.map(|job| self.lose(job, EXPIRED)))
    }

    async fn still(&mut self) -> Result<Option<Said>, End> {
        self.heavy.retain(|(until, ..)| *until > Instant::now());
        if !self.services.access.still(&self.principal).await {
            return Err(End::Away(Some(error(INVALID))));
        }
        for (job, by) in &self.joined {
            if !self.services.access.still(by).await {
                let job = *job;
                return Ok(Some(self.lose(job, INVALID)));
            }
        }
        Ok(None)
    }
}

/// What an event calls its job. Ids of other systems are numbers, so that a client may
/// send one.
fn named(payload: &Value) -> Option<String> {
    let name = match payload.get("job_id")? {
        Value::String(name) if !name.is_empty() => name.clone(),
        Value::Number(number) if number.as_f64() != Some(0.0) => number.to_string(),
        _ => return None,
    };
    Some(name.chars().take(MAX_NAME_CHARS).collect())
}

fn not_found(name: &str) -> String {
    format!("Job {name} not found")
}

/// What is said where a job has ended.
pub fn cannot_cancel(status: &str) -> String {
    format!("Cannot cancel job with status {status}")
}

fn unavailable(error: &StoreError) -> String {
    tracing::error!(%error, "a client of Socket.IO met a fault of the store");
    UNAVAILABLE.to_owned()
}

fn said(event: &'static str, data: &Value) -> Said {
    Said { event, data: Bytes::from(data.to_string()) }
}

fn error(message: &str) -> Said {
    said("error", &json!({"message": message}))
}

fn done(job: &str, said: Option<Said>) -> Answer {
    let ack = json!({"success": true, "job_id": job});
    Answer { said: said.into_iter().collect(), ack }
}

fn failed(why: &str) -> Answer {
    let ack = json!({"success": false, "error": why});
    Answer { said: vec![error(why)], ack }
}
