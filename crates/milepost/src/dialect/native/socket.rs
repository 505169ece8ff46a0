//! `GET /v1/ws`: one socket, any number of jobs.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::FutureExt;
use milepost_core::{BatchId, DocumentId, JobId, OwnerId, Seq, Status};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::message;
use crate::http::Services;
use crate::http::extract::Caller;
use crate::http::problem::{Code, Problem};
use crate::hub::{Connection, Delivery, Mode, Topic, WatchError};
use crate::store::JobFilter;
use crate::transport::ws::{self, Close, Open, Session};

/// The subprotocol.
const PROTOCOL: &str = "milepost.v1";
/// Malformed messages in a row before the socket is closed.
const MAX_MALFORMED: u32 = 3;
/// What a client marks its message with, as JSON.
const MAX_REF_BYTES: usize = 256;
/// Snapshots of a job in a second, unless the client says otherwise.
const DEFAULT_RATE: f64 = 20.0;
/// What a client waits before it reconnects to a server that restarts.
const RETRY_AFTER_MS: u64 = 1000;

/// Opens a WebSocket that watches jobs; `docs/api` describes its messages.
#[utoipa::path(
    get, path = "/v1/ws", tag = "events",
    responses(
        (status = 101, description = "The socket is open"),
        (status = 400, description = "Not a WebSocket handshake", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn connect(
    State(services): State<Services>,
    Caller(owner): Caller,
    request: Request,
) -> Result<Response, Problem> {
    let limits = services.config.limits.clone();
    let largest = limits.socket_message.as_u64() as usize;
    let tracked = services.sockets.token();
    let opened = ws::upgrade(request, PROTOCOL, largest, move |socket| {
        let send_limit = limits.send;
        let Ok(connection) = super::events::connect(&services) else {
            return ws::refuse(socket, Close::TooMany, send_limit).boxed();
        };
        let draining = services.draining.clone();
        let session = Native { services, owner, malformed: 0, _tracked: tracked };
        ws::serve(Box::new(Open { socket, connection, session, draining, send_limit })).boxed()
    });
    opened.map_err(|wrong| Problem::new(Code::InvalidRequest, format!("{wrong}.")))
}

/// What clients say.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ClientMessage {
    Subscribe(Subscribe),
    Unsubscribe(Wanted),
    Cancel {
        job: String,
    },
    Retry {
        job: String,
    },
    Auth {
        #[expect(dead_code, reason = "without authentication tokens are ignored")]
        token: String,
    },
    Ping {},
}

/// What a subscription is about.
#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    jobs: Vec<String>,
    #[serde(default)]
    mine: bool,
    #[serde(default)]
    documents: Vec<String>,
    #[serde(default)]
    batches: Vec<String>,
}

#[derive(Deserialize)]
struct Subscribe {
    #[serde(flatten)]
    wanted: Wanted,
    #[serde(default)]
    after: HashMap<String, u64>,
    #[serde(default)]
    mode: SubscribeMode,
    max_rate: Option<f64>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SubscribeMode {
    #[default]
    Latest,
    All,
}

struct Native {
    services: Services,
    owner: OwnerId,
    /// Malformed messages since the last good one.
    malformed: u32,
    /// The server waits for its sockets when it stops.
    _tracked: TaskTrackerToken,
}

/// A session without a socket, for a simulation.
#[cfg(test)]
pub fn session(services: Services, owner: OwnerId) -> impl Session {
    let _tracked = services.sockets.token();
    Native { services, owner, malformed: 0, _tracked }
}

impl Session for Native {
    async fn on_text(
        &mut self,
        connection: &mut Connection,
        text: &str,
    ) -> Result<Vec<Bytes>, Close> {
        let value: Result<Value, _> = serde_json::from_str(text);
        let reference = value.as_ref().ok().and_then(|value| value.get("ref").cloned());
        // One message may have an answer for each of its jobs, and all repeat it.
        let too_long = reference.as_ref().is_some_and(|r| r.to_string().len() > MAX_REF_BYTES);
        if too_long {
            let detail = format!("A `ref` is {MAX_REF_BYTES} bytes of JSON at most.");
            return Ok(vec![error_message(&Problem::field("ref", detail), None, None)]);
        }
        let parsed = value.and_then(serde_json::from_value::<ClientMessage>);
        let message = match parsed {
            Ok(message) => message,
            Err(error) => {
                self.malformed += 1;
                if self.malformed >= MAX_MALFORMED {
                    return Err(Close::Policy);
                }
                let problem = Problem::new(Code::InvalidRequest, format!("{error}."));
                return Ok(vec![error_message(&problem, None, reference.as_ref())]);
            }
        };
        self.malformed = 0;
        let mut answers = Vec::new();
        match message {
            ClientMessage::Ping {} => answers.push(with_ref(json!({"type": "pong"}), reference)),
            // Without authentication, presented credentials are ignored.
            ClientMessage::Auth { .. } => answers.push(ok(reference)),
            ClientMessage::Cancel { job } => answers.push(self.order(&job, true, reference).await),
            ClientMessage::Retry { job } => answers.push(self.order(&job, false, reference).await),
            ClientMessage::Unsubscribe(message) => {
                self.unsubscribe(connection, message);
                answers.push(ok(reference));
            }
            ClientMessage::Subscribe(message) => {
                self.subscribe(connection, message, reference, &mut answers).await;
            }
        }
        Ok(answers)
    }

    fn encode(&self, delivery: Delivery) -> Bytes {
        match delivery {
            Delivery::Frame(frame) => message::socket(&frame),
            Delivery::Queue(job, place) => framed(&json!({
                "type": "queue", "job": job,
                "position": place.position, "length": place.length,
            })),
            Delivery::Removed(job) => framed(&json!({"type": "removed", "job": job})),
        }
    }

    fn draining(&self) -> Option<Bytes> {
        let message = json!({"type": "draining", "retry_after_ms": RETRY_AFTER_MS});
        Some(framed(&message))
    }
}

impl Native {
    async fn order(&self, job: &str, cancel: bool, reference: Option<Value>) -> Bytes {
        let Ok(id) = job.parse::<JobId>() else {
            return error_message(&Problem::not_found("job"), Some(job), reference.as_ref());
        };
        let commands = &self.services.commands;
        let done = if cancel {
            commands.cancel(self.owner.clone(), id).await
        } else {
            commands.retry(self.owner.clone(), id).await
        };
        match done {
            Ok(_) => ok(reference),
            Err(error) => error_message(&error.into(), Some(job), reference.as_ref()),
        }
    }

    async fn subscribe(
        &self,
        connection: &mut Connection,
        message: Subscribe,
        reference: Option<Value>,
        answers: &mut Vec<Bytes>,
    ) {
        let rate = message.max_rate.unwrap_or(DEFAULT_RATE);
        if !(rate > 0.0 && rate.is_finite()) {
            let problem = Problem::field("max_rate", "A rate is a number above 0.");
            return answers.push(error_message(&problem, None, reference.as_ref()));
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
        let reply = json!({"type": "subscribed", "jobs": admitted});
        answers.push(with_ref(reply, reference.clone()));
        for (problem, job) in refused {
            answers.push(error_message(&problem, job.as_deref(), reference.as_ref()));
        }
    }

    async fn subscribe_job(
        &self,
        connection: &mut Connection,
        job: &str,
        mode: Mode,
        after: &HashMap<JobId, Seq>,
    ) -> Result<JobId, Problem> {
        let id: JobId = job.parse().map_err(|_| Problem::not_found("job"))?;
        self.check_room(connection)?;
        let after = after.get(&id).copied().unwrap_or(Seq(0));
        connection.watch_job(id, mode, after, |job| job.owner == self.owner).await?;
        Ok(id)
    }

    /// The groups that may be watched, with the jobs that are shown at first.
    async fn groups(
        &self,
        wanted: &Wanted,
        refused: &mut Vec<(Problem, Option<String>)>,
    ) -> Vec<(Topic, JobFilter)> {
        let all = || JobFilter::of(self.owner.clone());
        let mut groups = Vec::new();
        if wanted.mine {
            let status = vec![Status::Awaiting, Status::Queued, Status::Running];
            groups.push((Topic::Owner(self.owner.clone()), JobFilter { status, ..all() }));
        }
        for text in &wanted.documents {
            let id = text.parse::<DocumentId>().ok();
            let found = match id {
                Some(id) => self.services.query.document(&self.owner, id).await,
                None => Ok(None),
            };
            match (id, found) {
                (Some(id), Ok(Some(_))) => {
                    let filter = JobFilter { document: Some(id), ..all() };
                    groups.push((Topic::Document(id), filter));
                }
                (_, Err(error)) => refused.push((error.into(), None)),
                _ => refused.push((Problem::not_found("document"), None)),
            }
        }
        for text in &wanted.batches {
            let id = text.parse::<BatchId>().ok();
            let filter = JobFilter { batch: id, ..all() };
            let found = self.services.query.jobs(JobFilter { limit: 1, ..filter.clone() }).await;
            match (id, found) {
                (Some(id), Ok(jobs)) if !jobs.is_empty() => groups.push((Topic::Batch(id), filter)),
                (_, Err(error)) => refused.push((error.into(), None)),
                _ => refused.push((Problem::not_found("batch"), None)),
            }
        }
        groups
    }

    fn check_room(&self, connection: &Connection) -> Result<(), Problem> {
        let most = self.services.config.limits.subscriptions;
        if connection.subscriptions() < most {
            return Ok(());
        }
        let detail = format!("One socket takes {most} subscriptions at most.");
        Err(Problem::new(Code::RateLimited, detail))
    }

    fn unsubscribe(&self, connection: &mut Connection, wanted: Wanted) {
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
            connection.unwatch(&Topic::Owner(self.owner.clone()));
        }
    }
}

fn ok(reference: Option<Value>) -> Bytes {
    with_ref(json!({"type": "ok"}), reference)
}

fn with_ref(mut message: Value, reference: Option<Value>) -> Bytes {
    if let (Some(object), Some(reference)) = (message.as_object_mut(), reference) {
        object.insert("ref".to_owned(), reference);
    }
    framed(&message)
}

fn framed(message: &Value) -> Bytes {
    ws::text(&message.to_string())
}

fn error_message(problem: &Problem, job: Option<&str>, reference: Option<&Value>) -> Bytes {
    let mut message = json!({
        "type": "error", "code": problem.code, "message": problem.detail,
    });
    if let Some(object) = message.as_object_mut() {
        if let Some(job) = job {
            object.insert("job".to_owned(), job.into());
        }
        if let Some(field) = &problem.field {
            object.insert("field".to_owned(), field.as_str().into());
        }
    }
    with_ref(message, reference.cloned())
}

/// For fuzzing: a session without a socket.
#[cfg(fuzzing)]
pub mod fuzzing {
    use milepost_core::OwnerId;

    use super::{Native, Session};
    use crate::http::Services;

    /// What an answer adds to what it repeats of the message, and of the jobs
    /// that it is about.
    const OWN_BYTES: usize = 64 * 1024;

    /// Says each line of `text` as a message.
    pub async fn talk(services: &Services, text: &str) {
        let Ok(mut connection) = super::super::events::connect(services) else { return };
        let owner = OwnerId::local();
        let _tracked = services.sockets.token();
        let services = services.clone();
        let mut session = Native { services, owner, malformed: 0, _tracked };
        for line in text.lines() {
            let Ok(answers) = session.on_text(&mut connection, line).await else { return };
            let bytes: usize = answers.iter().map(|answer| answer.len()).sum();
            assert!(bytes <= OWN_BYTES + line.len() * 64, "{bytes} bytes for {}", line.len());
        }
    }
}
