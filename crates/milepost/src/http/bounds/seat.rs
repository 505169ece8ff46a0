//! A watcher's place. Enters: from where and whose it is, what it subscribes to.
//! Leaves: a place that counts until it is dropped, or a refusal. Never: counts
//! anything where all are one owner.

use std::net::IpAddr;

use milepost_core::{Caller, OwnerId};

use super::Bounds;
use super::limit::Limit;
use super::tally::Held;
use crate::http::client::Client;
use crate::http::problem::Problem;

/// Which part of all connections guests may have.
const GUESTS_OF: usize = 4;

/// A place among those who watch. It costs a pointer where nothing is counted.
pub struct Seat(Option<Box<Places>>);

struct Places {
    bounds: Bounds,
    address: (Held<IpAddr>, Held<IpAddr>),
    /// Among those who have not said who they are, or only read one job: they leave
    /// room for the others.
    guest: Option<Held<()>>,
    owner: Option<(Held<OwnerId>, Held<OwnerId>)>,
    subscriptions: usize,
}

impl Bounds {
    /// A place for a watcher whose owner is not known yet.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn seat(&self, client: Client) -> Result<Seat, Problem> {
        if !self.0.several {
            return Ok(Seat(None));
        }
        let (inner, address) = (&*self.0, client.counted());
        let mut connections = inner.address_connections.hold(address);
        if !connections.set(1, inner.limits.address_connections) {
            return Err(too_many_connections(Limit::AddressConnections, "from your address"));
        }
        let mut guest = inner.guests.hold(());
        if !guest.set(1, (inner.limits.connections / GUESTS_OF).max(1)) {
            let detail = "Too many connections watch already that have not said who they are; \
                          try again later, or present a credential with the request.";
            return Err(Problem::limited(Limit::Connections, detail, None));
        }
        let subscriptions = inner.address_subscriptions.hold(address);
        let address = (connections, subscriptions);
        let bounds = self.clone();
        Ok(Seat(Some(Box::new(Places {
            bounds,
            address,
            guest: Some(guest),
            owner: None,
            subscriptions: 0,
        }))))
    }
}

impl Seat {
    /// From now on it counts as one of the caller's owner, too. Whoever has a token of
    /// one job takes nothing from its owner.
    ///
    /// # Errors
    /// `rate_limited`; then it does not.
    pub fn belongs_to(&mut self, caller: &Caller) -> Result<(), Problem> {
        let Some(places) = self.0.as_mut().filter(|_| caller.only().is_none()) else {
            return Ok(());
        };
        let owner = &caller.owner;
        let inner = &*places.bounds.0;
        let mut connections = inner.owner_connections.hold(owner.clone());
        if !connections.set(1, inner.limits.owner_connections) {
            return Err(too_many_connections(Limit::OwnerConnections, "of yours"));
        }
        let mut subscriptions = inner.owner_subscriptions.hold(owner.clone());
        if !subscriptions.set(places.subscriptions, inner.limits.owner_subscriptions) {
            return Err(too_many_subscriptions(Limit::OwnerSubscriptions, "you have"));
        }
        places.owner = Some((connections, subscriptions));
        places.guest = None;
        Ok(())
    }

    /// It holds `count` subscriptions from now on. Fewer are always taken.
    ///
    /// # Errors
    /// `rate_limited`; then it holds as many as before.
    pub fn subscriptions(&mut self, count: usize) -> Result<(), Problem> {
        let Some(places) = &mut self.0 else { return Ok(()) };
        let limits = &places.bounds.0.limits;
        if !places.address.1.set(count, limits.address_subscriptions) {
            let address = Limit::AddressSubscriptions;
            return Err(too_many_subscriptions(address, "your address has"));
        }
        if let Some((_, owner)) = &mut places.owner
            && !owner.set(count, limits.owner_subscriptions)
        {
            let _ = places.address.1.set(places.subscriptions, 0);
            return Err(too_many_subscriptions(Limit::OwnerSubscriptions, "you have"));
        }
        places.subscriptions = count;
        Ok(())
    }
}

fn too_many_connections(limit: Limit, whose: &str) -> Problem {
    let detail = format!(
        "Too many connections {whose} watch already; close some, or watch more jobs with one."
    );
    Problem::limited(limit, detail, None)
}

fn too_many_subscriptions(limit: Limit, whose: &str) -> Problem {
    let detail = format!(
        "That is more subscriptions than {whose} room for; end some, or watch a batch or all of \
         your jobs with one."
    );
    Problem::limited(limit, detail, None)
}
