//! Who may connect, as far as that can be known before anything was said.
//! Enters: addresses of new connections. Leaves: a place among the open ones for
//! as long as the connection lasts, or why there is none. Never: tells whoever is
//! refused, and never remembers more addresses than a fixed number.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::Notify;

use crate::config::{Config, Proxy, Rate};

/// Descriptors that connections leave to the store, the converters and the documents
/// that are being read and written; and this share of all.
const OTHERS: u64 = 64;
const OTHERS_SHARE: u64 = 8;
/// Addresses whose attempts are remembered. Some 100 bytes each.
const MOST_ADDRESSES: usize = 65_536;

/// Why a connection was closed before its request was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// All places are taken.
    Full,
    /// Its address has all the places that it may have.
    AddressFull,
    /// Its address connects too often.
    AddressTooOften,
    /// It did not manage a TLS handshake.
    Handshake,
    /// The head of its request did not come in time.
    SlowHead,
}

impl Refused {
    /// The word for it, for a monitoring system.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::AddressFull => "address_full",
            Self::AddressTooOften => "address_too_often",
            Self::Handshake => "handshake",
            Self::SlowHead => "slow_head",
        }
    }
}

/// Counts connections; cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    most: usize,
    open: AtomicUsize,
    /// A connection has ended.
    ended: Notify,
    /// `None` where addresses say nothing: without authentication all are one user.
    by_address: Option<ByAddress>,
}

struct ByAddress {
    proxies: Vec<Proxy>,
    /// 0 for any number.
    most: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
    attempts: Option<Attempts>,
}

struct Attempts {
    quota: Quota,
    recent: Mutex<DefaultKeyedRateLimiter<IpAddr>>,
}

impl Gate {
    /// With the limits of `config`. Those of addresses hold where `by_address` says
    /// so.
    pub fn new(config: &Config, by_address: bool) -> Self {
        let limits = &config.limits;
        let by_address = by_address.then(|| ByAddress {
            proxies: config.proxies.clone(),
            most: limits.connections_per_address,
            open: Mutex::default(),
            attempts: quota(limits.attempts_per_address)
                .map(|quota| Attempts { quota, recent: Mutex::new(RateLimiter::hashmap(quota)) }),
        });
        let open = AtomicUsize::new(0);
        let (most, ended) = (limits.open_connections, Notify::new());
        Self(Arc::new(Inner { most, open, ended, by_address }))
    }

    /// Waits until there are descriptors for one more connection, besides those that the
    /// server needs to answer the ones it has. Whoever connects meanwhile waits in the
    /// system's queue.
    pub async fn descriptors(&self) {
        loop {
            let ended = self.0.ended.notified();
            // Asked each time: an operator may change it while the server runs.
            let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
            let limit = limit.unwrap_or(u64::MAX);
            let ours = limit.saturating_sub(OTHERS + limit / OTHERS_SHARE).max(1);
            if (self.0.open.load(Ordering::Relaxed) as u64) < ours {
                return;
            }
            ended.await;
        }
    }

    /// A place for a connection from `peer`.
    ///
    /// # Errors
    /// Which limit is met.
    pub fn admit(&self, peer: IpAddr) -> Result<Pass, Refused> {
        let inner = &self.0;
        let peer = peer.to_canonical();
        // A proxy speaks for many.
        let counts = inner.by_address.as_ref().filter(|by| !by.exempt(peer));
        let address = network(peer);
        if counts.is_some_and(|by| by.too_often(address)) {
            return Err(Refused::AddressTooOften);
        }
        // Only the door admits, one connection after the other.
        if inner.open.load(Ordering::Relaxed) >= inner.most {
            return Err(Refused::Full);
        }
        if counts.is_some_and(|by| !by.enter(address)) {
            return Err(Refused::AddressFull);
        }
        inner.open.fetch_add(1, Ordering::Relaxed);
        Ok(Pass { gate: self.clone(), address: counts.map(|_| address) })
    }
}

/// A place among the open connections, given back when it is dropped.
pub struct Pass {
    gate: Gate,
    /// Where it is counted by its address.
    address: Option<IpAddr>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let inner = &self.gate.0;
        inner.open.fetch_sub(1, Ordering::Relaxed);
        // Only the door waits. Where it does not at this moment, it looks before it does.
        inner.ended.notify_one();
        if let (Some(by_address), Some(address)) = (&inner.by_address, self.address) {
            by_address.leave(address);
        }
    }
}

impl ByAddress {
    fn exempt(&self, peer: IpAddr) -> bool {
        self.proxies.iter().any(|proxy| proxy.contains(peer))
    }

    fn too_often(&self, address: IpAddr) -> bool {
        let Some(attempts) = &self.attempts else { return false };
        let mut recent = lock(&attempts.recent);
        let refused = recent.check_key(&address).is_err();
        if recent.len() > MOST_ADDRESSES {
            recent.retain_recent();
            if recent.len() > MOST_ADDRESSES / 2 {
                // So many call at once that one of them hardly matters.
                *recent = RateLimiter::hashmap(attempts.quota);
            }
        }
        refused
    }

    fn enter(&self, address: IpAddr) -> bool {
        if self.most == 0 {
            return true;
        }
        let mut open = lock(&self.open);
        let open = open.entry(address).or_default();
        if *open >= self.most {
            return false;
        }
        *open += 1;
        true
    }

    fn leave(&self, address: IpAddr) {
        if let Entry::Occupied(mut open) = lock(&self.open).entry(address) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn quota(rate: Rate) -> Option<Quota> {
    let crate::config::Quota { count, per } = rate.0?;
    Some(Quota::with_period(per / count.get())?.allow_burst(count))
}

/// An IPv6 user has a whole /64, so it counts as one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(set: impl FnOnce(&mut Config)) -> Gate {
        let mut config = Config::default();
        set(&mut config);
        Gate::new(&config, true)
    }

    fn come(gate: &Gate, address: &str) -> Result<Pass, Refused> {
        gate.admit(address.parse().unwrap())
    }

    #[track_caller]
    fn refused(gate: &Gate, address: &str, expected: Refused) {
        assert_eq!(come(gate, address).err(), Some(expected), "{address}");
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let gate = gate(|config| config.limits.open_connections = 2);
        let first = come(&gate, "10.0.0.1");
        let _second = come(&gate, "10.0.0.2").ok().unwrap();
        refused(&gate, "10.0.0.3", Refused::Full);
        drop(first);
        assert!(come(&gate, "10.0.0.3").is_ok());
    }

    #[test]
    fn an_address_has_its_share() {
        let gate = gate(|config| config.limits.connections_per_address = 1);
        let first = come(&gate, "10.0.0.1").ok().unwrap();
        refused(&gate, "10.0.0.1", Refused::AddressFull);
        refused(&gate, "::ffff:10.0.0.1", Refused::AddressFull);
        assert!(come(&gate, "10.0.0.2").is_ok(), "the others have theirs");
        drop(first);
        assert!(come(&gate, "10.0.0.1").is_ok());
        let by_address = gate.0.by_address.as_ref().unwrap();
        assert!(lock(&by_address.open).is_empty(), "nobody is remembered");
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let gate = gate(|config| config.limits.connections_per_address = 1);
        let _one = come(&gate, "2001:db8:1:2::1").ok().unwrap();
        refused(&gate, "2001:db8:1:2:ffff::9", Refused::AddressFull);
        assert!(come(&gate, "2001:db8:1:3::1").is_ok());
    }

    #[test]
    fn an_address_may_not_connect_too_often() {
        let rate = Rate::try_from("2/h".to_owned()).unwrap();
        let gate = gate(|config| config.limits.attempts_per_address = rate);
        for _ in 0..2 {
            assert!(come(&gate, "10.0.0.1").is_ok());
        }
        refused(&gate, "10.0.0.1", Refused::AddressTooOften);
        assert!(come(&gate, "10.0.0.2").is_ok());
    }

    #[test]
    fn a_proxy_is_counted_only_among_all() {
        let gate = gate(|config| {
            config.proxies = vec![Proxy::try_from("10.0.0.0/24".to_owned()).unwrap()];
            config.limits.attempts_per_address = Rate::per_minute(1);
            config.limits.connections_per_address = 1;
            config.limits.open_connections = 3;
        });
        let passes: Vec<_> = (0..3).map(|_| come(&gate, "::ffff:10.0.0.9").ok().unwrap()).collect();
        refused(&gate, "10.0.0.9", Refused::Full);
        drop(passes);
    }

    #[test]
    fn one_local_user_has_no_share() {
        let mut config = Config::default();
        config.limits.attempts_per_address = Rate::per_minute(1);
        config.limits.connections_per_address = 1;
        let gate = Gate::new(&config, false);
        let passes: Vec<_> = (0..9).map(|_| come(&gate, "127.0.0.1")).collect();
        assert!(passes.iter().all(Result::is_ok));
    }

    #[test]
    fn addresses_are_forgotten_before_they_are_too_many() {
        let rate = Rate::try_from("1/h".to_owned()).unwrap();
        let gate = gate(|config| config.limits.attempts_per_address = rate);
        for number in 0..=MOST_ADDRESSES as u32 {
            let address = std::net::Ipv4Addr::from_bits(number);
            assert!(gate.admit(address.into()).is_ok(), "{address}");
        }
        let by_address = gate.0.by_address.as_ref().unwrap();
        let recent = lock(&by_address.attempts.as_ref().unwrap().recent);
        assert!(recent.len() <= MOST_ADDRESSES / 2);
    }
}
