//! How often. Enters: a key, each time that it does something. Leaves: whether it
//! may, and how its quota stands then. The method is GCRA, by the crate `governor`:
//! so many at once, refilled evenly. Never: a timer, or a key that has recovered.

use std::hash::Hash;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use tokio::time::Instant;

use super::cells::Cells;
use super::limit::Limit;
use crate::config::{Quota, Rate};

/// Checks between two searches for keys that have recovered.
const CLEAN_EVERY: u32 = 8192;

/// The runtime's time, which a test can set.
#[derive(Clone, Debug)]
pub struct Ticks(Instant);

impl Ticks {
    fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A limit on how often each of many keys does something.
pub struct Limiter<K: Hash + Eq + Clone> {
    limit: Limit,
    /// `None` where there is no limit.
    inner: Option<Inner<K>>,
}

struct Inner<K: Hash + Eq + Clone> {
    quota: Quota,
    cells: Cells<K>,
    limiter: RateLimiter<K, Cells<K>, Ticks, StateInformationMiddleware>,
    checks: AtomicU32,
}

/// How a key stands with a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which limit.
    pub limit: Limit,
    /// What it allows.
    pub quota: Quota,
    /// How many more it may do at once.
    pub remaining: u32,
    /// Seconds until the quota is whole again.
    pub reset_secs: u64,
    /// Where it may not: seconds until it may, 1 at least.
    pub retry_after_secs: Option<u64>,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    /// Nobody has done anything yet.
    pub fn new(limit: Limit, rate: Rate) -> Self {
        let inner = rate.0.map(|quota| {
            let cells = Cells::new();
            let limiter = RateLimiter::new(cells_quota(quota), cells.clone(), Ticks::start());
            Inner { quota, cells, limiter, checks: AtomicU32::new(0) }
        });
        Self { limit, inner }
    }

    /// `key` does it once more, if it may. `None` where there is no limit.
    pub fn check(&self, key: &K) -> Option<Standing> {
        let Inner { quota, limiter, checks, .. } = self.inner.as_ref()?;
        if checks.fetch_add(1, Ordering::Relaxed) % CLEAN_EVERY == CLEAN_EVERY - 1 {
            limiter.retain_recent();
        }
        let (remaining, retry_after) = match limiter.check_key(key) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(until) => (0, Some(until.wait_time_from(limiter.clock().now()))),
        };
        let used = quota.count.get().saturating_sub(remaining);
        Some(Standing {
            limit: self.limit,
            quota: *quota,
            remaining,
            reset_secs: whole_secs(
                quota.per.mul_f64(f64::from(used) / f64::from(quota.count.get())),
            ),
            retry_after_secs: retry_after.map(|wait| whole_secs(wait).max(1)),
        })
    }

    /// Seconds until `key` may do it again, where it may not now; takes nothing.
    pub fn spent(&self, key: &K) -> Option<u64> {
        let Inner { quota, cells, limiter, .. } = self.inner.as_ref()?;
        let whole_at = Duration::from_nanos(cells.get(key)?.as_u64());
        let interval = quota.per / quota.count.get();
        let one_at = whole_at.saturating_sub(interval * (quota.count.get() - 1));
        let wait = one_at.saturating_sub(limiter.clock().now());
        (!wait.is_zero()).then(|| whole_secs(wait).max(1))
    }
}

/// A limit on how often one thing happens.
pub struct Pace(Option<DirectLimiter>);

type DirectLimiter = RateLimiter<
    governor::state::NotKeyed,
    governor::state::InMemoryState,
    Ticks,
    governor::middleware::NoOpMiddleware<Duration>,
>;

impl Pace {
    /// Nothing has happened yet.
    pub fn new(rate: Rate) -> Self {
        Self(rate.0.map(|quota| RateLimiter::direct_with_clock(cells_quota(quota), Ticks::start())))
    }

    /// It happens once more; whether it may.
    pub fn step(&self) -> bool {
        self.0.as_ref().is_none_or(|limiter| limiter.check().is_ok())
    }
}

fn cells_quota(quota: Quota) -> governor::Quota {
    let interval = quota.per / quota.count.get();
    // More than one in a nanosecond is no limit that anybody meets.
    let interval = interval.max(Duration::from_nanos(1));
    let quota_of_one = governor::Quota::with_period(interval).expect("it is not zero");
    quota_of_one.allow_burst(quota.count)
}

fn whole_secs(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn limiter(rate: Rate) -> Limiter<&'static str> {
        Limiter::new(Limit::OwnerRequests, rate)
    }

    #[tokio::test(start_paused = true)]
    async fn a_quota_is_used_at_once_and_refilled_evenly() {
        let limiter = limiter(Rate::per_minute(60));
        for left in (0..60).rev() {
            let standing = limiter.check(&"anna").unwrap();
            assert_eq!((standing.remaining, standing.retry_after_secs), (left, None));
            assert_eq!(standing.reset_secs, u64::from(60 - left));
        }
        let over = limiter.check(&"anna").unwrap();
        assert_eq!((over.remaining, over.retry_after_secs, over.reset_secs), (0, Some(1), 60));
        // Somebody else's is as it was.
        assert_eq!(limiter.check(&"bert").unwrap().remaining, 59);
        advance(Duration::from_millis(999)).await;
        assert!(limiter.check(&"anna").unwrap().retry_after_secs.is_some());
        advance(Duration::from_millis(1)).await;
        assert!(limiter.check(&"anna").unwrap().retry_after_secs.is_none());
        assert!(limiter.check(&"anna").unwrap().retry_after_secs.is_some());
        advance(Duration::from_secs(30)).await;
        let standing = limiter.check(&"anna").unwrap();
        assert_eq!((standing.remaining, standing.reset_secs), (29, 31));
        advance(Duration::from_secs(3600)).await;
        assert_eq!(limiter.check(&"anna").unwrap().remaining, 59);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_rate_says_how_long_it_takes() {
        let limiter = limiter(Rate::try_from("2/h".to_owned()).unwrap());
        limiter.check(&"anna");
        advance(Duration::from_secs(600)).await;
        limiter.check(&"anna");
        let over = limiter.check(&"anna").unwrap();
        assert_eq!(over.retry_after_secs, Some(1200));
    }

    #[tokio::test(start_paused = true)]
    async fn whether_a_quota_is_spent_can_be_asked_for_free() {
        let limiter = limiter(Rate::per_minute(2));
        assert_eq!(limiter.spent(&"anna"), None);
        limiter.check(&"anna");
        for _ in 0..10 {
            assert_eq!(limiter.spent(&"anna"), None);
        }
        limiter.check(&"anna");
        assert_eq!(limiter.spent(&"anna"), Some(30));
        assert_eq!(limiter.spent(&"bert"), None);
        advance(Duration::from_secs(29)).await;
        assert_eq!(limiter.spent(&"anna"), Some(1));
        advance(Duration::from_secs(1)).await;
        assert_eq!(limiter.spent(&"anna"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_have_recovered_are_forgotten() {
        let limiter = Limiter::new(Limit::AddressRequests, Rate::per_second(10));
        for key in 0..CLEAN_EVERY - 1 {
            limiter.check(&key);
        }
        advance(Duration::from_secs(2)).await;
        limiter.check(&0);
        assert_eq!(limiter.inner.unwrap().limiter.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_limit_is_none() {
        assert_eq!(limiter(Rate(None)).check(&"anna"), None);
        let pace = Pace::new(Rate(None));
        assert!((0..1000).all(|_| pace.step()));
        let pace = Pace::new(Rate::per_second(3));
        assert_eq!((0..1000).filter(|_| pace.step()).count(), 3);
        advance(Duration::from_secs(1)).await;
        assert_eq!((0..1000).filter(|_| pace.step()).count(), 3);
    }
}
