//! What watchers of every protocol need: a place among them, and for how long. Enters:
//! who wants to watch. Leaves: a connection that watches nothing so far. Never: knows a
//! wire format.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use milepost_core::Caller;

use crate::access::Principal;
use crate::http::Services;
use crate::http::bounds::{Limit, Seat};
use crate::http::client::Client;
use crate::http::problem::Problem;
use crate::hub::Connection;
use crate::transport::validity::Validity;

/// The least time between two snapshots of a job that are no boundaries.
pub const INTERVAL: Duration = Duration::from_millis(50);

/// A new watcher, unless there are too many: of all, or from its address.
///
/// # Errors
/// `rate_limited`.
pub fn connect(services: &Services, client: Client) -> Result<(Connection, Seat), Problem> {
    if services.hub.connections() >= services.config.limits.connections as u64 {
        let detail = "Too many connections watch already; try again later.";
        return Err(Problem::limited(Limit::Connections, detail, None));
    }
    let seat = services.bounds.seat(client)?;
    Ok((services.hub.connect(), seat))
}

/// As [`connect`], for a watcher that is known.
///
/// # Errors
/// `rate_limited`.
pub fn connect_as(
    services: &Services,
    client: Client,
    caller: &Caller,
) -> Result<(Connection, Seat), Problem> {
    let (connection, mut seat) = connect(services, client)?;
    seat.belongs_to(caller)?;
    Ok((connection, seat))
}

/// How long the principal may watch.
pub fn validity(services: &Services, principal: &Arc<Principal>) -> Validity {
    if services.access.is_off() {
        return Validity::default();
    }
    let until = principal.expires_at.map(|end| services.access.instant(end));
    let (access, principal) = (services.access.clone(), principal.clone());
    let ask = move || {
        let (access, principal) = (access.clone(), principal.clone());
        async move { access.still(&principal).await }.boxed()
    };
    Validity::new(until, Arc::new(ask))
}
