//! The socket: one for any number of documents. Enters: handshakes, what clients say.
//! Leaves: progress and ends of each document, pings, and an error for what is not
//! understood. Never: closes because of a malformed message.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use milepost_core::{DocumentId, Scope};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::follow::{Followed, follow};
use super::message::plain;
use super::{About, HIDDEN, about, find, message, wrong};
use crate::access::Principal;
use crate::audit::Attendance;
use crate::dialect::flat::Opener;
use crate::dialect::noted;
use crate::dialect::watch::connect_as;
use crate::http::Services;
use crate::http::bounds::{Limit, Pace, Seat};
use crate::http::client::Client;
use crate::http::problem::{Code, Problem};
use crate::hub::{Connection, Delivery, Topic};
use crate::transport::ws::{self, Close, Open, SILENCE, Session};

/// A client's own words are repeated up to here.
const MAX_REPEATED: usize = 100;

/// Opens a socket.
pub async fn open(
    State(services): State<Services>,
    opener: Opener,
    query: Result<Query<About>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let (who, client) = opener.who()?;
    let unknown = |_| Problem::new(Code::Unauthenticated, "Unauthorized");
    let principal = who.map_err(unknown)?;
    if !services.config.dialects.document_websocket {
        let detail = "WebSocket is disabled; use /api/sse/conversion-progress";
        return Err(Problem::new(Code::Unavailable, detail));
    }
    let asked = about(query)?;
    if !is_upgrade(&request) {
        let head = [(header::UPGRADE, "websocket"), (header::CONNECTION, "upgrade")];
        let body = "Expected WebSocket upgrade";
        return Ok((StatusCode::UPGRADE_REQUIRED, head, body).into_response());
    }
    let caller = &principal.caller;
    let row = find(&services, caller, &asked, Scope::Read).await?;
    let (mut connection, mut seat) = connect_as(&services, client, caller)?;
    seat.subscriptions(1)?;
    connection.enroll(caller.owner.clone());
    let followed = follow(&services, &mut connection, &row, None).await?;
    let limits = services.config.limits.clone();
    let draining = services.draining.clone();
    let session = Following::new(services, client, principal, seat, (row.info.id, followed));
    let opened =
        ws::upgrade(request, None, limits.socket_message.as_u64() as usize, move |socket| {
            let open = Open { socket, connection, session, draining, send_limit: limits.send };
            ws::serve(Box::new(open)).boxed()
        });
    opened.map_err(|why| wrong(&format!("{why}.")))
}

fn is_upgrade(request: &Request) -> bool {
    let upgrade = request.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"))
}

/// What clients say.
#[derive(Deserialize)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "documentId")]
    document: Option<String>,
}

struct Following {
    services: Services,
    client: Client,
    principal: Arc<Principal>,
    seat: Seat,
    pace: Pace,
    documents: HashMap<DocumentId, Followed>,
    greeting: Option<Bytes>,
    /// When the credential ends.
    until: Option<Instant>,
    ping_at: Instant,
    /// Notes its end.
    _attendance: Attendance,
    /// The server waits for its sockets when it stops.
    _tracked: TaskTrackerToken,
}

impl Following {
    fn new(
        services: Services,
        client: Client,
        principal: Arc<Principal>,
        seat: Seat,
        (document, followed): (DocumentId, Followed),
    ) -> Self {
        let id = services.clock.new_id();
        let fields = [("connectionId", json!(id)), ("documentId", json!(document))];
        let greeting = ws::text(&plain("connected", services.clock.now(), &fields));
        Self {
            client,
            seat,
            pace: services.bounds.pace(),
            documents: HashMap::from([(document, followed)]),
            greeting: Some(greeting),
            until: principal.expires_at.map(|end| services.access.instant(end)),
            ping_at: Instant::now() + services.config.dialects.document_ping,
            _attendance: noted::attend(&services, client, Some(&*principal), "socket closed"),
            _tracked: services.sockets.token(),
            services,
            principal,
        }
    }

    fn say(&self, kind: &str, fields: &[(&str, Value)]) -> Bytes {
        ws::text(&plain(kind, self.services.clock.now(), fields))
    }

    /// Something was wrong with what the client said.
    fn refuse(&self, document: Option<&str>, code: &str, message: &str) -> Bytes {
        let error = json!({"message": message, "code": code, "retryable": false});
        let about = document.filter(|id| id.len() <= MAX_REPEATED);
        let about = about.map(|id| ("documentId", json!(id)));
        let fields: Vec<_> = about.into_iter().chain([("error", error)]).collect();
        self.say("error", &fields)
    }

    async fn subscribe(&mut self, connection: &mut Connection, asked: &str) -> Bytes {
        let followed = self.follow(connection, asked).await;
        let targets = || vec![asked.chars().take(MAX_REPEATED).collect()];
        let (from, who) = ((self.client, None), Some(&*self.principal));
        let refused = followed.as_ref().err();
        noted::note(&self.services, from, who, "socket subscribe", targets, refused);
        match followed {
            Ok(()) => self.say("subscribed", &[("documentId", json!(asked))]),
            Err(problem) => {
                problem.limit.into_iter().for_each(|limit| self.services.bounds.met(limit));
                let (code, message) = match problem.code {
                    Code::NotFound => ("DOCUMENT_NOT_FOUND", HIDDEN),
                    Code::RateLimited => ("LIMIT_EXCEEDED", problem.detail.as_str()),
                    Code::Forbidden => ("FORBIDDEN", problem.detail.as_str()),
                    _ => ("SUBSCRIBE_FAILED", problem.detail.as_str()),
                };
                self.refuse(Some(asked), code, message)
            }
        }
    }

    /// Follows a document from its present state on, also where it did already.
    async fn follow(&mut self, connection: &mut Connection, asked: &str) -> Result<(), Problem> {
        let row = find(&self.services, &self.principal.caller, asked, Scope::Read).await?;
        let document = row.info.id;
        if self.documents.remove(&document).is_some() {
            connection.unwatch(&Topic::Document(document));
        }
        let (most, count) = (self.services.config.limits.subscriptions, self.documents.len() + 1);
        if count > most {
            let detail = format!("One socket takes {most} subscriptions at most.");
            return Err(Problem::limited(Limit::Subscriptions, detail, None));
        }
        self.seat.subscriptions(count)?;
        let followed = follow(&self.services, connection, &row, None).await;
        match followed {
            Ok(followed) => {
                self.documents.insert(document, followed);
                Ok(())
            }
            Err(problem) => {
                connection.unwatch(&Topic::Document(document));
                let _ = self.seat.subscriptions(self.documents.len());
                Err(problem)
            }
        }
    }

    fn unsubscribe(&mut self, connection: &mut Connection, asked: &str) -> Bytes {
        if let Ok(document) = asked.parse()
            && self.documents.remove(&document).is_some()
        {
            connection.unwatch(&Topic::Document(document));
            let _ = self.seat.subscriptions(self.documents.len());
        }
        let asked = asked.chars().take(MAX_REPEATED).collect::<String>();
        self.say("unsubscribed", &[("documentId", json!(asked))])
    }
}

impl Session for Following {
    fn greeting(&mut self) -> Option<Bytes> {
        self.greeting.take()
    }

    fn silence(&self) -> Duration {
        SILENCE.min(self.services.config.dialects.document_ping.saturating_mul(2))
    }

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
        let said = text.trim_start().starts_with('{').then(|| serde_json::from_str(text));
        let Some(Ok(Said { kind, document })) = said else {
            return Ok(vec![self.refuse(None, "INVALID_MESSAGE", "Invalid message format")]);
        };
        let asked = document.filter(|id| !id.is_empty());
        let answer = match (kind.as_str(), asked) {
            ("ping", _) => self.say("pong", &[]),
            ("pong", _) => return Ok(Vec::new()),
            ("subscribe", Some(asked)) => {
                // What was let in at the handshake may have been revoked since.
                if !self.still().await {
                    return Err(Close::Unauthenticated);
                }
                self.subscribe(connection, &asked).await
            }
            ("unsubscribe", Some(asked)) => self.unsubscribe(connection, &asked),
            ("subscribe" | "unsubscribe", None) => {
                self.refuse(None, "INVALID_MESSAGE", "Document ID required")
            }
            _ => self.refuse(None, "INVALID_MESSAGE", "Unknown message type"),
        };
        Ok(vec![answer])
    }

    fn encode(&mut self, delivery: Delivery) -> Result<Option<Bytes>, Close> {
        match delivery {
            Delivery::Frame(frame) => {
                let document = frame.snapshot.document.as_ref().map(|info| info.id);
                let news = document.filter(|id| {
                    let followed = self.documents.get_mut(id);
                    followed.is_some_and(|followed| followed.is_news(*id, &frame))
                });
                Ok(news.map(|id| message::socket(id, &frame)))
            }
            Delivery::Queue(..) => Ok(None),
            Delivery::Removed(job) => {
                self.documents.values_mut().for_each(|followed| followed.removed(job));
                Ok(None)
            }
            Delivery::Revoked(job, epoch) if self.principal.revoked_by(job, epoch) => {
                Err(Close::Unauthenticated)
            }
            Delivery::Revoked(..) => Ok(None),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.until.into_iter().chain([self.ping_at]).min()
    }

    fn on_deadline(&mut self) -> Result<Option<Bytes>, Close> {
        let now = Instant::now();
        if self.until.is_some_and(|until| until <= now) {
            return Err(Close::Unauthenticated);
        }
        self.ping_at = now + self.services.config.dialects.document_ping;
        Ok(Some(self.say("ping", &[])))
    }

    async fn still(&self) -> bool {
        self.services.access.still(&self.principal).await
    }

    fn draining(&self) -> Option<Bytes> {
        None
    }
}
