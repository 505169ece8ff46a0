//! A socket that watches one job and says its state in one flat format, always whole:
//! what several older systems have. Enters: a handshake, the id in its path. Leaves:
//! the present state at once, then every change, and a code that says why it ended.
//! Never: waits for a first message; who opens it has said who it is in the handshake.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::response::Response;
use futures_util::FutureExt;
use milepost_core::{JobId, Seq};
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::noted;
use super::watch::{INTERVAL, connect_as};
use crate::access::{Principal, Refused};
use crate::audit::Attendance;
use crate::http::Services;
use crate::http::bounds::{Limit, Pace, Seat};
use crate::http::client::Client;
use crate::http::gate::Opening;
use crate::http::problem::{Code, Problem};
use crate::hub::{Connection, Delivery, Frame, Mode, WatchError};
use crate::transport::ws::{self, Close, Open, Session};

/// How one system's sockets speak.
#[derive(Clone, Copy)]
pub struct Voice {
    /// The first message, or several, framed.
    pub begin: fn(&Frame) -> Bytes,
    /// The state as a message, framed.
    pub say: fn(&Frame) -> Bytes,
    /// What is done about a client's text.
    pub hear: fn(&Services, &str) -> Heard,
    /// How long the socket stays open behind the end of the job.
    pub stays: Duration,
    /// A peer without a sign of life for so long is gone.
    pub silence: Duration,
}

/// What is done about a client's text.
pub enum Heard {
    /// Nothing: the system never listened.
    Nothing,
    /// This is said, framed.
    Answer(Bytes),
    /// The socket is closed, as the client wishes.
    Close,
}

/// Who opens a socket, and from where.
pub struct Opener {
    opening: Opening,
    client: Client,
}

impl FromRequestParts<Services> for Opener {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Services) -> Result<Self, Problem> {
        let nobody = || Problem::new(Code::Unauthenticated, "Nobody is known to have sent this.");
        let opening = parts.extensions.get::<Opening>().cloned().ok_or_else(nobody)?;
        Ok(Self { opening, client: Client::known(&parts.extensions) })
    }
}

impl Opener {
    /// Who it is.
    ///
    /// # Errors
    /// The close code where that is not known; a browser's script sees it, but not the
    /// status of a refused handshake. Or why the handshake itself is refused.
    pub fn who(self) -> Result<(Result<Arc<Principal>, Close>, Client), Problem> {
        let who = match self.opening.0 {
            Ok(Some(principal)) => Ok(principal),
            Ok(None) | Err(Refused::Unauthenticated(_)) => Err(Close::Unauthenticated),
            Err(refused) => return Err(refused.into()),
        };
        Ok((who, self.client))
    }
}

/// Opens a socket that watches `job`, if that is the id of one.
///
/// # Errors
/// What is wrong with the handshake.
pub fn open(
    services: Services,
    opener: Opener,
    job: &str,
    request: Request,
    voice: Voice,
) -> Result<Response, Problem> {
    let (who, client) = opener.who()?;
    let job = job.parse().map_err(|_| Close::NotFound);
    let largest = services.config.limits.socket_message.as_u64() as usize;
    let tracked = services.sockets.token();
    let opened = ws::upgrade(request, None, largest, move |socket| {
        async move {
            let send_limit = services.config.limits.send;
            let draining = services.draining.clone();
            let ready = match (who, job) {
                (Ok(principal), Ok(job)) => {
                    Watching::begin(services, client, principal, job, voice, tracked).await
                }
                (Err(close), _) | (_, Err(close)) => Err(close),
            };
            match ready {
                Ok((connection, session)) => {
                    let open = Open { socket, connection, session, draining, send_limit };
                    // In a task of its own: this one has room for all that came before.
                    tokio::spawn(ws::serve(Box::new(open)));
                }
                Err(close) => ws::refuse(socket, close, send_limit).await,
            }
        }
        .boxed()
    });
    opened.map_err(|wrong| Problem::new(Code::InvalidRequest, format!("{wrong}.")))
}

struct Watching {
    services: Services,
    _seat: Seat,
    pace: Pace,
    principal: Arc<Principal>,
    /// When the credential ends.
    until: Option<Instant>,
    voice: Voice,
    /// The last message; one that says nothing else is not sent.
    last: Option<Bytes>,
    /// The job has ended, and then the socket does.
    ends: Option<Instant>,
    /// Notes its end.
    _attendance: Attendance,
    /// The server waits for its sockets when it stops.
    _tracked: TaskTrackerToken,
}

impl Watching {
    async fn begin(
        services: Services,
        client: Client,
        principal: Arc<Principal>,
        job: JobId,
        voice: Voice,
        tracked: TaskTrackerToken,
    ) -> Result<(Connection, Self), Close> {
        let caller = &principal.caller;
        let place = connect_as(&services, client, caller).and_then(|(connection, mut seat)| {
            seat.subscriptions(1)?;
            Ok((connection, seat))
        });
        let (mut connection, seat) = place.map_err(|problem| {
            problem.limit.into_iter().for_each(|limit| services.bounds.met(limit));
            Close::TooMany
        })?;
        let mode = Mode::Latest { interval: INTERVAL };
        connection.watch_job(job, mode, Seq(0), caller).await.map_err(|error| match error {
            WatchError::NotFound | WatchError::Ahead(_) => Close::NotFound,
            WatchError::Forbidden => Close::Forbidden,
            WatchError::Store(error) => {
                tracing::error!(%error, "a job could not be looked at for a watcher");
                Close::Draining
            }
        })?;
        let attendance = noted::attend(&services, client, Some(&*principal), "socket closed");
        let until = principal.expires_at.map(|end| services.access.instant(end));
        let session = Self {
            pace: services.bounds.pace(),
            services,
            _seat: seat,
            principal,
            until,
            voice,
            last: None,
            ends: None,
            _attendance: attendance,
            _tracked: tracked,
        };
        Ok((connection, session))
    }
}

impl Session for Watching {
    fn silence(&self) -> Duration {
        self.voice.silence
    }

    fn heard(&mut self) -> Result<(), Close> {
        if self.pace.step() {
            return Ok(());
        }
        self.services.bounds.met(Limit::SocketMessages);
        Err(Close::Policy("too many messages; send fewer in a second"))
    }

    async fn on_text(&mut self, _: &mut Connection, text: &str) -> Result<Vec<Bytes>, Close> {
        match (self.voice.hear)(&self.services, text) {
            Heard::Nothing => Ok(Vec::new()),
            Heard::Answer(answer) => Ok(vec![answer]),
            Heard::Close => Err(Close::Done),
        }
    }

    fn encode(&mut self, delivery: Delivery) -> Result<Option<Bytes>, Close> {
        match delivery {
            Delivery::Frame(frame) => {
                let ended = frame.snapshot.status.is_terminal();
                self.ends = ended.then(|| Instant::now() + self.voice.stays);
                let said = (self.voice.say)(&frame);
                Ok(match self.last.replace(said.clone()) {
                    None => Some((self.voice.begin)(&frame)),
                    Some(last) => (last != said).then_some(said),
                })
            }
            Delivery::Queue(..) => Ok(None),
            Delivery::Removed(_) => Err(Close::NotFound),
            Delivery::Revoked(job, epoch) if self.principal.revoked_by(job, epoch) => {
                Err(Close::Unauthenticated)
            }
            Delivery::Revoked(..) => Ok(None),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.until.into_iter().chain(self.ends).min()
    }

    fn on_deadline(&mut self) -> Result<Option<Bytes>, Close> {
        let expired = self.until.is_some_and(|until| until <= Instant::now());
        Err(if expired { Close::Unauthenticated } else { Close::Done })
    }

    async fn still(&self) -> bool {
        self.services.access.still(&self.principal).await
    }

    fn draining(&self) -> Option<Bytes> {
        None
    }
}
