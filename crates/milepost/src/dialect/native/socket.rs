//! `GET /v1/ws`: one socket, any number of jobs.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use futures_util::FutureExt;
use milepost_core::{Caller, JobId};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::message;
use super::subscribe::{Subscribe, Wanted, Watcher};
#[cfg(test)]
use crate::access::Access;
use crate::access::{Principal, Refused};
use crate::http::Services;
use crate::http::gate::Opening;
use crate::http::problem::{Code, Problem};
use crate::hub::{Connection, Delivery};
use crate::transport::ws::{self, Close, Open, Session};

/// The subprotocol.
const PROTOCOL: &str = "milepost.v1";
/// Malformed messages in a row before the socket is closed.
const MAX_MALFORMED: u32 = 3;
/// What a client marks its message with, as JSON.
const MAX_REF_BYTES: usize = 256;
/// How long a client may take to say who it is, and again once that has ended.
const AUTH_WITHIN: Duration = Duration::from_secs(10);
/// What it is told then.
const EXPIRED: &str = "The credential has expired. Send an `auth` message with a new one within \
                       10 seconds, or the socket is closed.";
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
    Extension(Opening(opening)): Extension<Opening>,
    request: Request,
) -> Result<Response, Problem> {
    let who = match opening {
        Ok(Some(principal)) => Some(Who::known(&services, principal)),
        Ok(None) => Some(Who::Unknown(Instant::now() + AUTH_WITHIN)),
        // A browser's script sees the code of a closed socket, but not that of a
        // refused handshake.
        Err(Refused::Unauthenticated(_)) => None,
        Err(refused) => return Err(refused.into()),
    };
    let limits = services.config.limits.clone();
    let largest = limits.socket_message.as_u64() as usize;
    let tracked = services.sockets.token();
    let opened = ws::upgrade(request, PROTOCOL, largest, move |socket| {
        let send_limit = limits.send;
        let Some(who) = who else {
            return ws::refuse(socket, Close::Unauthenticated, send_limit).boxed();
        };
        let Ok(connection) = super::events::connect(&services) else {
            return ws::refuse(socket, Close::TooMany, send_limit).boxed();
        };
        let draining = services.draining.clone();
        let session = Native { services, who, malformed: 0, _tracked: tracked };
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
    Cancel { job: String },
    Retry { job: String },
    Auth { token: String },
    Ping {},
}

struct Native {
    services: Services,
    who: Who,
    /// Malformed messages since the last good one.
    malformed: u32,
    /// The server waits for its sockets when it stops.
    _tracked: TaskTrackerToken,
}

/// Who is at the other end.
enum Who {
    /// Whoever it is has to say so by then.
    Unknown(Instant),
    Known {
        principal: Arc<Principal>,
        /// When the credential ends.
        until: Option<Instant>,
        /// It has ended, and another one has been asked for; then the socket ends.
        asked: bool,
    },
}

impl Who {
    fn known(services: &Services, principal: Arc<Principal>) -> Self {
        let until = principal.expires_at.map(|end| services.access.instant(end));
        Self::Known { principal, until, asked: false }
    }
}

/// A session without a socket, for a simulation.
#[cfg(test)]
pub fn session(services: Services, owner: milepost_core::OwnerId) -> impl Session {
    let _tracked = services.sockets.token();
    let caller = milepost_core::Caller::new(owner, milepost_core::Scopes::OWN);
    let principal = Principal { caller, ..Access::local() };
    let who = Who::known(&services, principal.into());
    Native { services, who, malformed: 0, _tracked }
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
        let principal = match (&self.who, parsed.as_ref()) {
            (Who::Known { principal, .. }, _) => principal.clone(),
            (Who::Unknown(_), Ok(ClientMessage::Auth { token })) => {
                let known = self.services.access.bearer(token, false).await;
                let principal = known.map_err(|_| Close::Unauthenticated)?;
                self.who = Who::known(&self.services, principal.into());
                return Ok(vec![ok(reference)]);
            }
            // Nothing is said to whoever is not known.
            (Who::Unknown(_), _) => return Err(Close::Unauthenticated),
        };
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
            ClientMessage::Auth { token } => {
                answers.push(match self.refresh(&principal, &token).await {
                    Ok(()) => ok(reference),
                    Err(problem) => error_message(&problem, None, reference.as_ref()),
                });
            }
            ClientMessage::Cancel { job } => {
                answers.push(self.order(&principal.caller, &job, true, reference).await);
            }
            ClientMessage::Retry { job } => {
                answers.push(self.order(&principal.caller, &job, false, reference).await);
            }
            ClientMessage::Unsubscribe(message) => {
                self.watcher(&principal).unsubscribe(connection, message);
                answers.push(ok(reference));
            }
            ClientMessage::Subscribe(message) => {
                let watcher = self.watcher(&principal);
                watcher.subscribe(connection, message, reference, &mut answers).await;
            }
        }
        Ok(answers)
    }

    fn encode(&self, delivery: Delivery) -> Result<Option<Bytes>, Close> {
        Ok(Some(match delivery {
            Delivery::Frame(frame) => message::socket(&frame),
            Delivery::Queue(job, place) => framed(&json!({
                "type": "queue", "job": job,
                "position": place.position, "length": place.length,
            })),
            Delivery::Removed(job) => framed(&json!({"type": "removed", "job": job})),
            Delivery::Revoked(job, epoch) => match &self.who {
                Who::Known { principal, .. } if !principal.revoked_by(job, epoch) => {
                    return Ok(None);
                }
                _ => return Err(Close::Unauthenticated),
            },
        }))
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.who {
            Who::Unknown(until) => Some(*until),
            Who::Known { until, asked: false, .. } => *until,
            Who::Known { until, asked: true, .. } => until.map(|until| until + AUTH_WITHIN),
        }
    }

    fn on_deadline(&mut self) -> Result<Option<Bytes>, Close> {
        match &mut self.who {
            Who::Known { asked: asked @ false, .. } => {
                *asked = true;
                let problem = Problem::new(Code::Unauthenticated, EXPIRED);
                Ok(Some(error_message(&problem, None, None)))
            }
            _ => Err(Close::Unauthenticated),
        }
    }

    async fn still(&self) -> bool {
        match &self.who {
            // Whoever was asked for another credential has still some time.
            Who::Unknown(_) | Who::Known { asked: true, .. } => true,
            Who::Known { principal, .. } => self.services.access.still(principal).await,
        }
    }

    fn draining(&self) -> Option<Bytes> {
        let message = json!({"type": "draining", "retry_after_ms": RETRY_AFTER_MS});
        Some(framed(&message))
    }
}

impl Native {
    fn watcher<'a>(&'a self, principal: &'a Principal) -> Watcher<'a> {
        Watcher { caller: &principal.caller, services: &self.services }
    }

    /// Takes a new credential of the same owner in the place of the one so far.
    async fn refresh(&mut self, present: &Principal, token: &str) -> Result<(), Problem> {
        if self.services.access.is_off() {
            return Ok(());
        }
        let new = self.services.access.bearer(token, false).await?;
        let (now, then) = (&present.caller, &new.caller);
        // What is subscribed to was let in for the one so far.
        if now.owner != then.owner || (then.only().is_some() && then.only() != now.only()) {
            let detail = "This is somebody else's credential; open another socket for it.";
            return Err(Problem::new(Code::Forbidden, detail));
        }
        self.who = Who::known(&self.services, new.into());
        Ok(())
    }

    async fn order(
        &self,
        caller: &Caller,
        job: &str,
        cancel: bool,
        reference: Option<Value>,
    ) -> Bytes {
        let Ok(id) = job.parse::<JobId>() else {
            return error_message(&Problem::not_found("job"), Some(job), reference.as_ref());
        };
        let commands = &self.services.commands;
        let done = if cancel {
            commands.cancel(caller, id).await
        } else {
            commands.retry(caller, id).await
        };
        match done {
            Ok(_) => ok(reference),
            Err(error) => error_message(&error.into(), Some(job), reference.as_ref()),
        }
    }
}

fn ok(reference: Option<Value>) -> Bytes {
    with_ref(json!({"type": "ok"}), reference)
}

pub fn with_ref(mut message: Value, reference: Option<Value>) -> Bytes {
    if let (Some(object), Some(reference)) = (message.as_object_mut(), reference) {
        object.insert("ref".to_owned(), reference);
    }
    framed(&message)
}

fn framed(message: &Value) -> Bytes {
    ws::text(&message.to_string())
}

pub fn error_message(problem: &Problem, job: Option<&str>, reference: Option<&Value>) -> Bytes {
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
    use super::{Native, Session, Who};
    use crate::access::Access;
    use crate::http::Services;

    /// What an answer adds to what it repeats of the message, and of the jobs
    /// that it is about.
    const OWN_BYTES: usize = 64 * 1024;

    /// Says each line of `text` as a message.
    pub async fn talk(services: &Services, text: &str) {
        let Ok(mut connection) = super::super::events::connect(services) else { return };
        let _tracked = services.sockets.token();
        let who = Who::known(services, Access::local().into());
        let services = services.clone();
        let mut session = Native { services, who, malformed: 0, _tracked };
        for line in text.lines() {
            let Ok(answers) = session.on_text(&mut connection, line).await else { return };
            let bytes: usize = answers.iter().map(|answer| answer.len()).sum();
            assert!(bytes <= OWN_BYTES + line.len() * 64, "{bytes} bytes for {}", line.len());
        }
    }
}
