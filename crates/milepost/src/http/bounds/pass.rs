//! The way of one request past the rates. Enters: from where it comes, then whose it
//! is. Leaves: it may go on, or a refusal; and the headers that say how its quotas
//! stand, in both spellings. Never: a header where nothing is limited.

use std::fmt::Write as _;

use axum::extract::MatchedPath;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use milepost_core::OwnerId;

use super::Bounds;
use super::rate::Standing;
use crate::http::client::Client;
use crate::http::problem::Problem;

/// What `RateLimit` says of all quotas, and of the one that is nearest to its end:
/// draft-ietf-httpapi-ratelimit-headers-10.
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");
/// The spelling that is older and more common.
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Headers that pages of other origins may see.
pub const HEADERS: [&str; 5] = [
    "ratelimit",
    "ratelimit-policy",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
];

/// Routes by which work or documents come in, all with POST.
const SUBMISSIONS: [&str; 5] = [
    "/v1/jobs",
    "/v1/documents",
    "/v1/jobs/{id}/confirm",
    "/v1/jobs/{id}/retry",
    "/v1/batches/{id}/retry",
];

/// One request on its way.
pub struct Pass {
    bounds: Bounds,
    client: Client,
    submits: bool,
    standings: Vec<Standing>,
}

impl Bounds {
    /// The way of `request`, which comes from `client`.
    pub fn pass(&self, request: &Parts, client: Client) -> Pass {
        let route = request.extensions.get::<MatchedPath>().map(MatchedPath::as_str);
        let submits = request.method == Method::POST
            && route.is_some_and(|route| SUBMISSIONS.contains(&route));
        Pass { bounds: self.clone(), client, submits, standings: Vec::new() }
    }

    /// The way of something that is submitted on a connection that is open already.
    pub fn submission(&self, client: Client) -> Pass {
        Pass { bounds: self.clone(), client, submits: true, standings: Vec::new() }
    }
}

impl Pass {
    /// Before it is known whose it is.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn arrives(&mut self) -> Result<(), Problem> {
        let (rates, key) = (&self.bounds.0.address, self.client.counted());
        let standing = rates.requests.check(&key);
        let submits = self.submits.then(|| rates.submissions.check(&key)).flatten();
        self.stands(standing, "requests from your address")?;
        self.stands(submits, "submissions from your address")
    }

    /// Before a credential is checked: whether another one from this address is.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn may_log_in(&self) -> Result<(), Problem> {
        let rates = &self.bounds.0.address;
        let Some(secs) = rates.failed_logins.spent(&self.client.counted()) else { return Ok(()) };
        let detail = format!(
            "Too many credentials from your address were not valid; try again in {secs} s."
        );
        Err(Problem::limited(super::Limit::FailedLogins, detail, Some(secs)))
    }

    /// The credential was not valid.
    pub fn login_failed(&self) {
        self.bounds.0.address.failed_logins.check(&self.client.counted());
    }

    /// It is known whose it is.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn belongs_to(&mut self, owner: &OwnerId) -> Result<(), Problem> {
        let rates = &self.bounds.0.owner;
        let standing = rates.requests.check(owner);
        let submits = self.submits.then(|| rates.submissions.check(owner)).flatten();
        self.stands(standing, "requests")?;
        self.stands(submits, "submissions")
    }

    fn stands(&mut self, standing: Option<Standing>, of_what: &str) -> Result<(), Problem> {
        let Some(standing) = standing else { return Ok(()) };
        let (limit, retry_after) = (standing.limit, standing.retry_after_secs);
        self.standings.push(standing);
        let Some(secs) = retry_after else { return Ok(()) };
        let detail = format!("There were too many {of_what}; try again in {secs} s.");
        Err(Problem::limited(limit, detail, Some(secs)))
    }

    /// Says in an answer how the quotas stand.
    pub fn mark(&self, headers: &mut HeaderMap) {
        // The one that refused, else the one of which the smallest share is left.
        let share = |s: &Standing| f64::from(s.remaining) / f64::from(s.quota.count.get());
        let nearest = self.standings.iter().min_by(|a, b| {
            let refused = |s: &Standing| s.retry_after_secs.is_none();
            refused(a).cmp(&refused(b)).then(share(a).total_cmp(&share(b)))
        });
        let Some(nearest) = nearest else { return };
        let mut policy = String::new();
        for Standing { limit, quota, .. } in &self.standings {
            let comma = if policy.is_empty() { "" } else { ", " };
            let (name, count, secs) = (limit.as_str(), quota.count, quota.per.as_secs());
            let _ = write!(policy, "{comma}\"{name}\";q={count};w={secs}");
        }
        let Standing { limit, quota, remaining, reset_secs, .. } = nearest;
        let standing = format!("\"{}\";r={remaining};t={reset_secs}", limit.as_str());
        for (name, text) in [(POLICY, policy), (STANDING, standing)] {
            let value = HeaderValue::from_str(&text).expect("names and numbers are printable");
            headers.insert(name, value);
        }
        headers.insert(LIMIT, quota.count.get().into());
        headers.insert(REMAINING, (*remaining).into());
        headers.insert(RESET, (*reset_secs).into());
    }
}
