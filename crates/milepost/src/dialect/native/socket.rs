//! `GET /v1/ws`: one socket, any number of jobs.

#[cfg(fuzzing)]
pub mod fuzzing;

use axum::body::Bytes;
use axum::extract::{Extension, Request, State};
#[cfg(test)]
use axum::http::Extensions;
use axum::response::Response;
use futures_util::FutureExt;
use milepost_core::{Caller, JobId};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;
use utoipa::ToSchema;

use super::spoken::{self, ServerMessage, ok, refusal};
use super::subscribe::{Subscribe, Wanted, Watcher};
use super::who::Who;
use super::{message, who};
#[cfg(test)]
use crate::access::Access;
use crate::access::{Principal, Refused};
use crate::audit::Attendance;
use crate::dialect::{noted, watch};
use crate::http::bounds::{Limit, Pace, Seat};
use crate::http::client::Client;
use crate::http::gate::Opening;
use crate::http::problem::{Code, Problem};
use crate::http::{Services, request_id};
use crate::hub::{Connection, Delivery};
use crate::transport::ws::{self, Close, Open, Session};

/// The subprotocol.
const PROTOCOL: &str = "milepost.v1";
/// Malformed messages in a row before the socket is closed.
const MAX_MALFORMED: u32 = 3;
/// What a client marks its message with, as JSON.
const MAX_REF_BYTES: usize = 256;
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
    client: Client,
    request: Request,
) -> Result<Response, Problem> {
    let who = match opening {
        Ok(Some(principal)) => Some(Who::known(&services, principal)),
        Ok(None) => Some(Who::unknown()),
        // A browser's script sees the code of a closed socket, but not that of a
        // refused handshake.
        Err(Refused::Unauthenticated(_)) => None,
        Err(refused) => return Err(refused.into()),
    };
    let limits = services.config.limits.clone();
    let largest = limits.socket_message.as_u64() as usize;
    let tracked = services.sockets.token();
    let asked = request_id().filter(|_| services.audit.is_on());
    let opened = ws::upgrade(request, Some(PROTOCOL), largest, move |socket| {
        let send_limit = limits.send;
        let Some(who) = who else {
            return ws::refuse(socket, Close::Unauthenticated, send_limit).boxed();
        };
        let (connection, seat) = match place(&services, client, &who) {
            Ok(place) => place,
            Err(problem) => {
                problem.limit.into_iter().for_each(|limit| services.bounds.met(limit));
                return ws::refuse(socket, Close::TooMany, send_limit).boxed();
            }
        };
        let draining = services.draining.clone();
        let session = Native::new(services, client, seat, who, tracked).asked_by(asked);
        ws::serve(Box::new(Open { socket, connection, session, draining, send_limit })).boxed()
    });
    opened.map_err(|wrong| Problem::new(Code::InvalidRequest, format!("{wrong}.")))
}

/// What clients say.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    /// Watch these; `subscribed` answers, and then each one's present state.
    Subscribe(Subscribe),
    /// Watch these no more.
    Unsubscribe(Wanted),
    /// Stop a job.
    Cancel { job: String },
    /// Queue the next attempt of a job that has ended.
    Retry { job: String },
    /// Who this is, or a new credential of the same owner.
    Auth { token: String },
    /// `pong` answers.
    Ping {},
}

/// A message of a client on the WebSocket.
#[derive(ToSchema)]
#[schema(as = ClientMessage)]
#[expect(dead_code, reason = "describes the messages to readers of the API")]
pub struct Marked {
    #[serde(flatten)]
    said: Said,
    /// Any JSON, 256 bytes at most; every answer repeats it.
    #[serde(rename = "ref")]
    reference: Option<Value>,
}

struct Native {
    services: Services,
    client: Client,
    seat: Seat,
    pace: Pace,
    who: Who,
    /// The handshake's id, for the audit log.
    asked: Option<Box<str>>,
    /// Notes its end.
    attendance: Attendance,
    /// Malformed messages since the last good one.
    malformed: u32,
    /// The server waits for its sockets when it stops.
    _tracked: TaskTrackerToken,
}

/// A session without a socket, for a simulation.
#[cfg(test)]
pub fn session(services: Services, owner: milepost_core::OwnerId) -> impl Session {
    let tracked = services.sockets.token();
    let caller = milepost_core::Caller::new(owner, milepost_core::Scopes::OWN);
    let principal = Principal { caller, ..Access::local() };
    let who = Who::known(&services, principal.into());
    let client = Client::known(&Extensions::default());
    let seat = services.bounds.seat(client).ok();
    let seat = seat.expect("a simulation has no limits of addresses");
    Native::new(services, client, seat, who, tracked)
}

impl Session for Native {
    fn heard(&mut self) -> Result<(), Close> {
        if self.pace.step() {
            return Ok(());
        }
        self.services.bounds.met(Limit::SocketMessages);
        Err(Close::Policy("too many messages; send fewer in a second"))
    }

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
            return Ok(vec![refusal(&Problem::field("ref", detail), None, None)]);
        }
        let parsed = value.and_then(serde_json::from_value::<Said>);
        let principal = match (self.who.principal(), parsed.as_ref()) {
            (Some(principal), _) => principal.clone(),
            (None, Ok(Said::Auth { token })) => {
                self.introduce(token).await?;
                return Ok(vec![ok(reference)]);
            }
            // Nothing is said to whoever is not known.
            (None, _) => return Err(Close::Unauthenticated),
        };
        let message = match parsed {
            Ok(message) => message,
            Err(error) => {
                self.malformed += 1;
                if self.malformed >= MAX_MALFORMED {
                    return Err(Close::Policy("three malformed messages in a row"));
                }
                let problem = Problem::new(Code::InvalidRequest, format!("{error}."));
                return Ok(vec![refusal(&problem, None, reference.as_ref())]);
            }
        };
        self.malformed = 0;
        let mut answers = Vec::new();
        // What was let in at the handshake may have been revoked since.
        let asks = matches!(message, Said::Subscribe(_) | Said::Cancel { .. } | Said::Retry { .. });
        if asks && !self.services.access.still(&principal).await {
            if !self.who.is_asked() {
                return Err(Close::Unauthenticated);
            }
            let problem = Problem::new(Code::Unauthenticated, who::EXPIRED);
            return Ok(vec![refusal(&problem, None, reference.as_ref())]);
        }
        match message {
            Said::Ping {} => answers.push(ServerMessage::Pong { reference }.framed()),
            Said::Auth { token } => {
                let done = self.refresh(&principal, &token).await;
                self.note("auth", Vec::new, done.as_ref().err());
                answers.push(match done {
                    Ok(()) => ok(reference),
                    Err(problem) => refusal(&problem, None, reference.as_ref()),
                });
            }
            Said::Cancel { job } => {
                answers.push(self.order(&principal.caller, &job, true, reference).await);
            }
            Said::Retry { job } => {
                answers.push(self.order(&principal.caller, &job, false, reference).await);
            }
            Said::Unsubscribe(message) => {
                self.note("unsubscribe", || message.names(), None);
                self.watcher(&principal.caller).unsubscribe(connection, message);
                answers.push(ok(reference));
            }
            Said::Subscribe(message) => {
                let wished = message.names();
                let mut watcher = self.watcher(&principal.caller);
                let refused = watcher.subscribe(connection, message, reference, &mut answers).await;
                self.note("subscribe", || wished, None);
                if let Some((first, _)) = refused.first() {
                    let jobs = refused.iter().filter_map(|(_, job)| job.clone());
                    self.note("subscribe", || jobs.collect(), Some(first));
                }
            }
        }
        Ok(answers)
    }

    fn encode(&mut self, delivery: Delivery) -> Result<Option<Bytes>, Close> {
        Ok(Some(match delivery {
            Delivery::Frame(frame) => message::socket(&frame),
            Delivery::Queue(job, place) => spoken::queue(job, place),
            Delivery::Removed(job) => ServerMessage::Removed { job }.framed(),
            Delivery::Revoked(job, epoch) => match self.who.principal() {
                Some(principal) if !principal.revoked_by(job, epoch) => return Ok(None),
                _ => return Err(Close::Unauthenticated),
            },
        }))
    }

    fn deadline(&self) -> Option<Instant> {
        self.who.deadline()
    }

    fn on_deadline(&mut self) -> Result<Option<Bytes>, Close> {
        self.who.on_deadline().map(|problem| Some(refusal(&problem, None, None)))
    }

    async fn still(&self) -> bool {
        self.who.still(&self.services).await
    }

    fn draining(&self) -> Option<Bytes> {
        Some(ServerMessage::Draining { retry_after_ms: RETRY_AFTER_MS }.framed())
    }
}

impl Native {
    fn new(
        services: Services,
        client: Client,
        seat: Seat,
        who: Who,
        tracked: TaskTrackerToken,
    ) -> Self {
        let pace = services.bounds.pace();
        let known = who.principal().map(AsRef::as_ref);
        let attendance = noted::attend(&services, client, known, "socket closed");
        let (asked, malformed, _tracked) = (None, 0, tracked);
        Self { services, client, seat, pace, who, asked, attendance, malformed, _tracked }
    }

    fn asked_by(mut self, request: Option<String>) -> Self {
        self.attendance.began_with(request.as_deref());
        self.asked = request.map(String::into_boxed_str);
        self
    }

    fn watcher<'a>(&'a mut self, caller: &'a Caller) -> Watcher<'a> {
        Watcher { caller, services: &self.services, seat: &mut self.seat }
    }

    /// Counts the limit that is in the way, if one is.
    fn met(&self, problem: &Problem) {
        problem.limit.into_iter().for_each(|limit| self.services.bounds.met(limit));
    }

    /// Who has this credential.
    async fn log_in(&self, token: &str) -> Result<Principal, Problem> {
        let known = self.services.access.bearer(token, false).await;
        if let Err(Refused::Unauthenticated(_)) = &known {
            let failed = self.services.bounds.login_failed(self.client, token);
            failed.inspect_err(|problem| self.met(problem))?;
        }
        Ok(known?)
    }

    /// Whoever opened the socket says who they are.
    async fn introduce(&mut self, token: &str) -> Result<(), Close> {
        let known = self.log_in(token).await;
        let principal = known.map_err(|problem| {
            self.note("auth", Vec::new, Some(&problem));
            Close::Unauthenticated
        })?;
        if let Err(problem) = self.seat.belongs_to(&principal.caller) {
            self.met(&problem);
            return Err(Close::TooMany);
        }
        self.attendance.is_of(&principal);
        self.who = Who::known(&self.services, principal.into());
        self.note("auth", Vec::new, None);
        Ok(())
    }

    /// Keeps in the audit log what was said.
    fn note(&self, said: &str, about: impl FnOnce() -> Vec<String>, refused: Option<&Problem>) {
        let who = self.who.principal().map(AsRef::as_ref);
        let action = format!("socket {said}");
        let from = (self.client, self.asked.as_deref());
        noted::note(&self.services, from, who, &action, about, refused);
    }

    /// Takes a new credential of the same owner in the place of the one so far.
    async fn refresh(&mut self, present: &Principal, token: &str) -> Result<(), Problem> {
        if self.services.access.is_off() {
            return Ok(());
        }
        let new = self.log_in(token).await?;
        let (now, then) = (&present.caller, &new.caller);
        who::may_follow(now, then)?;
        if now.only().is_some() && then.only().is_none() {
            self.seat.belongs_to(then).inspect_err(|problem| self.met(problem))?;
        }
        self.who = Who::known(&self.services, new.into());
        Ok(())
    }

    /// An order is a request, whichever way it comes.
    fn ordered(&self, caller: &Caller, submits: bool) -> Result<(), Problem> {
        let mut pass = self.services.bounds.pass(self.client, submits);
        pass.arrives()?;
        pass.belongs_to(caller)
    }

    async fn order(
        &self,
        caller: &Caller,
        job: &str,
        cancel: bool,
        reference: Option<Value>,
    ) -> Bytes {
        let Ok(id) = job.parse::<JobId>() else {
            return refusal(&Problem::not_found("job"), Some(job), reference.as_ref());
        };
        if let Err(problem) = self.ordered(caller, !cancel) {
            self.met(&problem);
            return refusal(&problem, Some(job), reference.as_ref());
        }
        let commands = &self.services.commands;
        let done = if cancel {
            commands.cancel(caller, id).await
        } else {
            commands.retry(caller, id).await
        };
        let done = done.map_err(Problem::from);
        let said = if cancel { "cancel" } else { "retry" };
        self.note(said, || vec![id.to_string()], done.as_ref().err());
        match done {
            Ok(_) => ok(reference),
            Err(problem) => refusal(&problem, Some(job), reference.as_ref()),
        }
    }
}

/// A watcher's place.
fn place(services: &Services, client: Client, who: &Who) -> Result<(Connection, Seat), Problem> {
    match who.principal() {
        None => watch::connect(services, client),
        Some(principal) => watch::connect_as(services, client, &principal.caller),
    }
}
