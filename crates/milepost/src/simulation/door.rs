//! The way in, as clients have it: requests to the real routes, and sockets to the
//! real session. Enters: what a client sends. Leaves: answers, late. Never: lets
//! anyone in while the server stops.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use milepost_core::{Caller, OwnerId, Scopes};
use serde_json::Value;
use tower::ServiceExt;

use super::world::World;
use crate::access::{Access, Principal};
use crate::dialect;
use crate::http::Services;

static ROUTES: LazyLock<Router<Services>> = LazyLock::new(|| dialect::native::routes().split().0);

/// Behind the gate, an owner is a principal.
fn known(owner: &OwnerId) -> Arc<Principal> {
    let caller = Caller::new(owner.clone(), Scopes::OWN);
    Arc::new(Principal { caller, ..Access::local() })
}

/// The way into one life of the server.
pub struct Door {
    world: Arc<World>,
    /// What is behind it.
    pub services: Services,
    router: Router,
    closed: AtomicBool,
}

/// What a client got, as far as it was there to get it.
pub enum Answer {
    /// An answer with its JSON.
    Came(StatusCode, Value),
    /// The client left, or was not let in.
    None,
}

impl Door {
    /// Into a server that has started.
    pub fn new(world: Arc<World>, services: Services) -> Self {
        let router = ROUTES.clone().with_state(services.clone());
        Self { world, services, router, closed: AtomicBool::new(false) }
    }

    /// Nobody is let in from now on.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Whether one is let in.
    pub fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Relaxed)
    }

    /// A request with its answer as a stream.
    pub async fn open(
        &self,
        owner: &OwnerId,
        method: &str,
        path: &str,
        headers: &HeaderMap,
        body: Option<&Value>,
    ) -> Option<Response> {
        if !self.is_open() {
            return None;
        }
        let mut request = Request::builder().method(method).uri(path).extension(known(owner));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let body = match body {
            None => Body::empty(),
            Some(json) => {
                request = request.header("content-type", "application/json");
                Body::from(json.to_string())
            }
        };
        let request = request.body(body).expect("a request of ours is well-formed");
        let calm = self.world.calm();
        let answer = self.router.clone().oneshot(request).await.expect("a router cannot fail");
        let fault = answer.status().is_server_error();
        if fault && calm && self.is_open() {
            let status = answer.status();
            self.world.wrong(format!("{method} {path} is answered with {status}, and all is well"));
        }
        Some(answer)
    }

    /// A request with a short answer; the client may leave before it has that.
    pub async fn ask(
        &self,
        owner: &OwnerId,
        method: &str,
        path: &str,
        headers: &HeaderMap,
        body: Option<&Value>,
    ) -> Answer {
        let world = &self.world;
        let asked = async {
            let response = self.open(owner, method, path, headers, body).await?;
            let status = response.status();
            let bytes = to_bytes(response.into_body(), usize::MAX).await.ok()?;
            Some((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
        };
        let answer = if world.fault(world.weather.client_leaves) {
            tokio::select! {
                biased;
                () = world.wait_up_to(30) => None,
                answer = asked => answer,
            }
        } else {
            asked.await
        };
        let status = answer.as_ref().map(|(status, _)| status.as_u16());
        world.note(|| {
            let body = body.map(Value::to_string).unwrap_or_default();
            format!("{}: {method} {path} {body} -> {status:?}", owner.as_str())
        });
        answer.map_or(Answer::None, |(status, json)| Answer::Came(status, json))
    }
}
