//! Who comes by Socket.IO. Enters: handshakes, and what clients say of themselves when
//! they connect. Leaves: rooms for those who are known. Never: lets one in who is not.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::extract::{Extension, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use super::budget::Budget;
use super::room::Room;
use super::shelf::Shelf;
use crate::access::{Access, Principal, Refused, is_expiry};
use crate::dialect::watch::connect;
use crate::http::bounds::Seat;
use crate::http::client::Client;
use crate::http::gate::Opening;
use crate::http::problem::Problem;
use crate::http::{Services, request_id};
use crate::hub::Connection;
use crate::transport::socketio::{Engine, Host, is_handshake};

/// What clients are told of a credential that is none.
pub const INVALID: &str = "invalid_token";
/// And of one whose time is over.
pub const EXPIRED: &str = "token_expired";
/// And where it cannot be checked, or something else is out of reach.
pub const UNAVAILABLE: &str = "The server cannot do that now; try again in a moment";
/// And of more than is allowed.
pub const TOO_MANY: &str = "Too many connections";
/// Whoever connects again has that much time for its last connection to end.
const LAST_ONE: Duration = Duration::from_secs(5);

/// All who come by Socket.IO.
#[derive(Clone, Default)]
pub struct Sockets {
    engine: Arc<OnceLock<Engine>>,
    budget: Budget,
    shelf: Shelf,
}

/// A watcher's place, from its handshake on.
pub struct Place {
    /// What it watches.
    pub connection: Connection,
    /// Where that is counted.
    pub seat: Seat,
    /// Room for long messages.
    pub budget: Budget,
    /// What was shown last.
    pub shelf: Shelf,
}

/// Who opened a session, and with what it is served. It is kept as long as the session.
#[derive(Clone)]
struct Handshake(Arc<Opened>);

struct Opened {
    services: Services,
    opening: Opening,
    client: Client,
    /// For the audit log.
    request: Option<String>,
    place: Arc<Mutex<Place>>,
}

impl Sockets {
    /// Answers requests of Socket.IO's path.
    pub fn handler(
        self,
    ) -> impl FnOnce(
        State<Services>,
        Extension<Opening>,
        Client,
        Request,
    ) -> BoxFuture<'static, Result<Response, Problem>>
    + Clone
    + Send
    + Sync
    + 'static {
        move |State(services), Extension(opening), client, request| {
            async move { self.answer(services, opening, client, request).await }.boxed()
        }
    }

    async fn answer(
        &self,
        services: Services,
        opening: Opening,
        client: Client,
        mut request: Request,
    ) -> Result<Response, Problem> {
        let engine = self.engine.get_or_init(|| {
            let largest = services.config.limits.socket_message.as_u64();
            let largest = usize::try_from(largest).unwrap_or(usize::MAX);
            Engine::start(largest, services.draining.clone(), Rooms)
        });
        if is_handshake(request.uri().query()) {
            let (connection, seat) = connect(&services, client)?;
            let (budget, shelf) = (self.budget.clone(), self.shelf.clone());
            let place = Arc::new(Mutex::new(Place { connection, seat, budget, shelf }));
            let request_id = request_id().filter(|_| services.audit.is_on());
            let opened = Opened { services, opening, client, request: request_id, place };
            request.extensions_mut().insert(Handshake(Arc::new(opened)));
        }
        Ok(engine.answer(request).await)
    }
}

/// Lets clients in.
#[derive(Clone)]
struct Rooms;

impl Host for Rooms {
    type Session = Room;

    async fn admit(&self, handshake: &Parts, auth: Value) -> Result<Room, String> {
        let opened = handshake.extensions.get::<Handshake>().cloned();
        let Handshake(opened) = opened.ok_or(UNAVAILABLE)?;
        let Opened { services, opening, client, request, place } = &*opened;
        let principal = match auth.get("token").filter(|token| !token.is_null()) {
            Some(token) => log_in(services, *client, token).await?,
            None => match &opening.0 {
                Ok(Some(principal)) => principal.clone(),
                Ok(None) => return Err("Missing token".to_owned()),
                Err(refused) => return Err(said(refused).to_owned()),
            },
        };
        let last_one = timeout(LAST_ONE, place.clone().lock_owned()).await;
        let mut place: OwnedMutexGuard<Place> = last_one.map_err(|_| "Already connected")?;
        // Nothing of an earlier one.
        place.connection = services.hub.connect();
        let _ = place.seat.subscriptions(0);
        place.seat.belongs_to(&principal.caller).map_err(|problem| {
            problem.limit.into_iter().for_each(|limit| services.bounds.met(limit));
            TOO_MANY
        })?;
        Ok(Room::new(services.clone(), *client, request.clone(), place, principal))
    }
}

/// Who has this token.
///
/// # Errors
/// What the client is told.
pub async fn log_in(
    services: &Services,
    client: Client,
    token: &Value,
) -> Result<Arc<Principal>, &'static str> {
    if services.access.is_off() {
        return Ok(Arc::new(Access::local()));
    }
    let token = token.as_str().filter(|token| !token.is_empty()).ok_or(INVALID)?;
    let token = token.strip_prefix("Bearer ").unwrap_or(token);
    match services.access.bearer(token, false).await {
        Ok(principal) => Ok(Arc::new(principal)),
        Err(refused) => {
            if let Refused::Unauthenticated(_) = refused
                && let Err(problem) = services.bounds.login_failed(client, token)
            {
                problem.limit.into_iter().for_each(|limit| services.bounds.met(limit));
                return Err("Too many tokens were not valid; try again later");
            }
            Err(said(&refused))
        }
    }
}

fn said(refused: &Refused) -> &'static str {
    match refused {
        Refused::Unauthenticated(why) if is_expiry(why) => EXPIRED,
        Refused::Unauthenticated(_) | Refused::InUrl => INVALID,
        Refused::Unavailable => UNAVAILABLE,
    }
}
