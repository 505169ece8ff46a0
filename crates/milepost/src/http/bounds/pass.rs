//! The way of one request past the rates. Enters: from where it comes, then whose it
//! is. Leaves: it may go on, or a refusal; and the headers that say how its quotas
//! stand, in both spellings. Never: a header where nothing is limited.

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use milepost_core::Caller;

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

/// One request on its way.
pub struct Pass {
    /// What it passes.
    pub bounds: Bounds,
    /// From where it comes.
    pub client: Client,
    submits: bool,
    standings: Vec<Standing>,
}

impl Bounds {
    /// The way of a request from `client`, by which perhaps something is submitted.
    pub fn pass(&self, client: Client, submits: bool) -> Pass {
        Pass { bounds: self.clone(), client, submits, standings: Vec::new() }
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

    /// It is known whose it is. Whoever has a token of one job uses up nothing of its
    /// owner's.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn belongs_to(&mut self, caller: &Caller) -> Result<(), Problem> {
        if caller.only().is_some() {
            return Ok(());
        }
        let (owner, rates) = (&caller.owner, &self.bounds.0.owner);
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
