//! What owners and addresses may use of the server: how often they ask, how much
//! they hold at a time. Enters: who asks, from where. Leaves: the request goes on,
//! or a problem that names the limit. Never: remembers more keys than a bound, or
//! limits an owner where there is but one.

mod cells;
mod limit;
mod pass;
mod rate;
mod seat;
mod tally;
#[cfg(test)]
mod tests;
mod wrong;

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::request::Parts;
use axum::response::Response;
use milepost_core::OwnerId;

pub use limit::Limit;
pub use pass::{HEADERS, Pass};
pub use rate::Pace;
pub use seat::Seat;
pub use tally::Held;

use super::client::Client;
use super::metrics::Metrics;
use super::problem::Problem;
use crate::config::{Config, Limits, Proxy, Rate};
use rate::Limiter;
use tally::Tally;
use wrong::Wrong;

/// All of it; cheap to clone.
#[derive(Clone)]
pub struct Bounds(Arc<Inner>);

struct Inner {
    limits: Limits,
    proxies: Vec<Proxy>,
    /// Whether owners are told apart.
    several: bool,
    metrics: Metrics,
    owner: Rates<OwnerId>,
    address: Rates<IpAddr>,
    owner_connections: Tally<OwnerId>,
    guests: Tally<()>,
    address_connections: Tally<IpAddr>,
    owner_subscriptions: Tally<OwnerId>,
    address_subscriptions: Tally<IpAddr>,
    uploads: Tally<OwnerId>,
    wrong: Wrong,
}

struct Rates<K: Hash + Eq + Clone> {
    requests: Limiter<K>,
    submissions: Limiter<K>,
    /// Nobody's where it is not known whose they were.
    failed_logins: Limiter<K>,
}

impl Bounds {
    /// Nobody uses anything yet.
    pub fn new(config: &Config, metrics: Metrics) -> Self {
        Self::with(config, metrics, config.has_owners())
    }

    /// As [`Bounds::new`]; `several` says whether owners are told apart.
    fn with(config: &Config, metrics: Metrics, several: bool) -> Self {
        let limits = config.limits.clone();
        // Without authentication a proxy before the server would make all clients
        // one address.
        let rate = |rate| if several { rate } else { Rate(None) };
        Self(Arc::new(Inner {
            owner: Rates {
                requests: Limiter::new(Limit::OwnerRequests, rate(limits.owner_requests)),
                submissions: Limiter::new(Limit::OwnerSubmissions, rate(limits.owner_submissions)),
                failed_logins: Limiter::new(Limit::FailedLogins, Rate(None)),
            },
            address: Rates {
                requests: Limiter::new(Limit::AddressRequests, rate(limits.address_requests)),
                submissions: Limiter::new(
                    Limit::AddressSubmissions,
                    rate(limits.address_submissions),
                ),
                failed_logins: Limiter::new(Limit::FailedLogins, rate(limits.failed_logins)),
            },
            proxies: config.proxies.clone(),
            limits,
            several,
            metrics,
            owner_connections: Tally::default(),
            guests: Tally::default(),
            address_connections: Tally::default(),
            owner_subscriptions: Tally::default(),
            address_subscriptions: Tally::default(),
            uploads: Tally::default(),
            wrong: Wrong::default(),
        }))
    }

    /// From where `request` comes.
    pub fn client(&self, request: &Parts) -> Client {
        Client::of(request, &self.0.proxies)
    }

    /// The credential was not valid. One that was tried before is no new guess. Valid
    /// ones are not counted, and not refused: whoever guesses shuts out nobody else.
    ///
    /// # Errors
    /// `rate_limited`, where there were too many.
    pub fn login_failed(&self, client: Client, credential: impl Hash) -> Result<(), Problem> {
        let address = client.counted();
        let spent = self.0.address.failed_logins.spent(&address);
        if self.0.wrong.is_new((address, credential)) {
            self.0.address.failed_logins.check(&address);
        }
        let Some(secs) = spent else { return Ok(()) };
        let detail = format!(
            "Too many credentials from your address were not valid; try again in {secs} s."
        );
        Err(Problem::limited(Limit::FailedLogins, detail, Some(secs)))
    }

    /// Begins to take in what `owner` sends.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn upload(&self, owner: &OwnerId) -> Result<Held<OwnerId>, Problem> {
        let most = if self.0.several { self.0.limits.owner_uploads } else { 0 };
        let mut upload = self.0.uploads.hold(owner.clone());
        if upload.set(1, most) {
            return Ok(upload);
        }
        let detail = format!("{most} of your uploads are under way; send more when one has ended.");
        Err(Problem::limited(Limit::OwnerUploads, detail, Some(1)))
    }

    /// How many connections of an owner watch, and what they watch. `None` where all
    /// are one owner's.
    pub fn watched_by(&self, owner: &OwnerId) -> Option<(u64, u64)> {
        let inner = &*self.0;
        let counts = (inner.owner_connections.count(owner), inner.owner_subscriptions.count(owner));
        inner.several.then_some((counts.0 as u64, counts.1 as u64))
    }

    /// The messages of one socket.
    pub fn pace(&self) -> Pace {
        Pace::new(self.0.limits.socket_messages)
    }

    /// Counts that a limit was met, where no answer of HTTP says it.
    pub fn met(&self, limit: Limit) {
        self.0.metrics.limited(limit);
    }

    /// Counts the limit that an answer says was met.
    pub fn count(&self, response: &Response) {
        if let Some(limit) = response.extensions().get::<Limit>() {
            self.met(*limit);
        }
    }
}
