//! Who is at the other end of a socket, and until when. Enters: credentials that were
//! verified. Leaves: when something is to be done about them. Never: verifies one.

use std::sync::Arc;
use std::time::Duration;

use milepost_core::Caller;
use tokio::time::Instant;

use crate::access::Principal;
use crate::http::Services;
use crate::http::problem::{Code, Problem};
use crate::transport::ws::Close;

/// How long a client may take to say who it is, and again once that has ended.
const WITHIN: Duration = Duration::from_secs(10);
/// What it is told then.
pub const EXPIRED: &str = "The credential has expired. Send an `auth` message with a new one within \
                       10 seconds, or the socket is closed.";

/// Who is at the other end.
pub enum Who {
    /// Whoever it is has to say so by then.
    Unknown(Instant),
    /// Somebody.
    Known {
        /// Them.
        principal: Arc<Principal>,
        /// When the credential ends.
        until: Option<Instant>,
        /// It has ended, and another one has been asked for; then the socket ends.
        asked: bool,
    },
}

/// Whether a socket that was opened as `now` may go on as `then`: what it is subscribed
/// to was let in for `now`.
///
/// # Errors
/// `forbidden`.
pub fn may_follow(now: &Caller, then: &Caller) -> Result<(), Problem> {
    let other = then.only().is_some() && then.only() != now.only();
    let less = now.only().is_none() && !then.reads_as_much_as(now);
    if now.owner == then.owner && !other && !less {
        return Ok(());
    }
    let detail = "This is somebody else's credential, or one that may read less; open another \
                  socket for it.";
    Err(Problem::new(Code::Forbidden, detail))
}

impl Who {
    /// Nobody knows so far.
    pub fn unknown() -> Self {
        Self::Unknown(Instant::now() + WITHIN)
    }

    /// Somebody.
    pub fn known(services: &Services, principal: Arc<Principal>) -> Self {
        let until = principal.expires_at.map(|end| services.access.instant(end));
        Self::Known { principal, until, asked: false }
    }

    /// Them, if they are known.
    pub fn principal(&self) -> Option<&Arc<Principal>> {
        match self {
            Self::Unknown(_) => None,
            Self::Known { principal, .. } => Some(principal),
        }
    }

    /// Whether another credential has been asked for.
    pub const fn is_asked(&self) -> bool {
        matches!(self, Self::Known { asked: true, .. })
    }

    /// When something is to be done.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Unknown(until) => Some(*until),
            Self::Known { until, asked: false, .. } => *until,
            Self::Known { until, asked: true, .. } => until.map(|until| until + WITHIN),
        }
    }

    /// What that is: to ask for another credential, or to close the socket.
    pub fn on_deadline(&mut self) -> Result<Problem, Close> {
        match self {
            Self::Known { asked: asked @ false, .. } => {
                *asked = true;
                Ok(Problem::new(Code::Unauthenticated, EXPIRED))
            }
            _ => Err(Close::Unauthenticated),
        }
    }

    /// Whether the credential still holds. Whoever was asked for another one has still
    /// some time.
    pub async fn still(&self, services: &Services) -> bool {
        match self {
            Self::Unknown(_) | Self::Known { asked: true, .. } => true,
            Self::Known { principal, .. } => services.access.still(principal).await,
        }
    }
}
