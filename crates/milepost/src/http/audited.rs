//! Which requests are kept in the audit log, and as what. Enters: a request's head,
//! and the head of its answer. Leaves: an entry, or none: who only looks how far a job
//! is does so every few seconds, and learns nothing that the entry of its submission
//! does not name.

use std::sync::Arc;

use axum::extract::MatchedPath;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use milepost_core::CollectionName;
use percent_encoding::percent_decode_str;

use super::client::Client;
use super::gate::Opening;
use super::problem::{Code, Refusal};
use crate::access::{Principal, Refused};
use crate::audit::{Entry, Who, ids};
use crate::clock::Clock;

/// Reads that give something out, or go on: by the last part of their route.
const KEPT_READS: &[&str] = &[
    "result",
    "content",
    "{page}",
    "events",
    "stream",
    "ws",
    "keys",
    "search",
    // Of other protocols.
    "download",
    "{name}",
    "conversion-progress",
    "{conversion}",
    "{upload}",
];

/// What is known before a request is answered.
pub struct Asked {
    method: Method,
    route: String,
    path: String,
    read: bool,
    /// Why whoever opens a socket is not known.
    stranger: Option<String>,
}

impl Asked {
    /// Remembers the head of a request; `None` where its route is no route.
    pub fn of(head: &Parts) -> Option<Self> {
        let route = head.extensions.get::<MatchedPath>()?.as_str().to_owned();
        let read = [Method::GET, Method::HEAD, Method::OPTIONS].contains(&head.method);
        let path = head.uri.path().to_owned();
        let stranger = match head.extensions.get::<Opening>() {
            Some(Opening(Err(Refused::Unauthenticated(why)))) => Some(why.clone()),
            _ => None,
        };
        Some(Self { method: head.method.clone(), route, path, read, stranger })
    }

    /// The entry, where there is to be one.
    pub fn entry(
        self,
        clock: &Clock,
        request: &str,
        who: (Client, Option<Arc<Principal>>),
        response: &Response,
    ) -> Option<Entry> {
        let status = response.status();
        let last = self.route.rsplit('/').next().unwrap_or_default();
        let fine = status.is_success() || status.is_redirection() || status.is_informational();
        let kept = KEPT_READS.contains(&last) && self.route != "/v1/collections/{name}";
        if self.read && fine && !kept {
            return None;
        }
        let refusal = response.extensions().get::<Refusal>();
        let says_why = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
        let stranger = self.stranger.as_ref().map(|_| Code::Unauthenticated);
        let code = refusal.map(|Refusal(problem)| problem.code).or(stranger);
        // Whoever has just signed in was not known before.
        let whose = || response.extensions().get::<Arc<Principal>>().cloned();
        let known = who.1.or_else(whose);
        let made = response.headers().get(header::LOCATION).and_then(|at| at.to_str().ok());
        let made = made.and_then(|at| at.rsplit('/').next()).map(str::to_owned);
        Some(Entry {
            at: clock.now(),
            request: Some(request.to_owned()),
            from: Some(who.0.address),
            who: known.as_deref().map(Who::from),
            targets: self.targets(made),
            action: format!("{} {}", self.method, self.route),
            status: Some(status.as_u16()),
            code: code.and_then(|code| serde_json::to_value(code).ok()),
            why: refusal
                .filter(|_| says_why)
                .map(|Refusal(problem)| problem.detail.clone())
                .or(self.stranger),
            seconds: None,
        })
    }
}

impl Asked {
    fn targets(&self, made: Option<String>) -> Vec<String> {
        let mut all = ids(targets(&self.route, &self.path).chain(made));
        if let Some(name) = collection(&self.route, &self.path) {
            all.insert(0, name);
        }
        all
    }
}

/// The collection that a request is about. It has no id, and its name is nothing longer
/// or stranger than an owner's.
fn collection(route: &str, path: &str) -> Option<String> {
    let before = ["/v1/collections/", "/collection/"];
    let before = before.into_iter().find(|before| route.starts_with(before))?;
    let name = path.strip_prefix(before)?.split('/').next()?;
    let name = percent_decode_str(name).decode_utf8().ok()?;
    Some(name.parse::<CollectionName>().ok()?.to_string())
}

/// Who was known when the handler was called.
pub fn known(head: &Parts) -> Option<Arc<Principal>> {
    let opening = || head.extensions.get::<Opening>()?.0.as_ref().ok()?.clone();
    head.extensions.get::<Arc<Principal>>().cloned().or_else(opening)
}

/// The parts of a path that stand for parameters of its route.
fn targets<'a>(route: &'a str, path: &'a str) -> impl Iterator<Item = String> + 'a {
    let parts = route.split('/').zip(path.split('/'));
    parts.filter(|(name, _)| name.starts_with('{')).map(|(_, value)| value.to_owned())
}
