//! Rounds of deliveries. Enters: a server, so many topics with so many watchers
//! each. Leaves: deliveries, and the processor time of the server. Never: a
//! figure where a message was lost, came twice or out of turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::target::Target;
use super::wire::{Told, Wire, seq};
use crate::caller::Caller;

/// Rounds that publishers may be ahead of the watchers.
const AHEAD: u64 = 4;
/// Every topic begins behind this one.
const FIRST: u64 = 2;
/// A message that has not come after this is lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// The shape of a load.
#[derive(Clone, Copy)]
pub struct Shape {
    pub topics: usize,
    pub watchers: usize,
    /// Connections that publish, each for its share of the topics.
    pub publishers: usize,
}

/// What was measured.
pub struct Delivered {
    pub deliveries: u64,
    pub cpu: f64,
    pub wall: f64,
}

impl Delivered {
    pub fn per_cpu_second(&self) -> f64 {
        self.deliveries as f64 / self.cpu
    }
}

/// Where all are.
struct Pace {
    /// Messages that came.
    received: AtomicU64,
    /// The round that publishers may enter at most.
    allowed: AtomicU64,
    changed: Notify,
}

impl Pace {
    /// Waits until `ready`.
    async fn until(&self, ready: impl Fn(&Self) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if ready(self) {
                return;
            }
            changed.await;
        }
    }
}

/// Publishes one message to each topic in each round, for `seconds`.
pub async fn run(target: Arc<Target>, shape: Shape, seconds: f64) -> anyhow::Result<Delivered> {
    let per_round = (shape.topics * shape.watchers) as u64;
    let pace = Arc::new(Pace {
        received: AtomicU64::new(0),
        allowed: AtomicU64::new(0),
        changed: Notify::new(),
    });
    let mut tasks = JoinSet::new();
    for watcher in 0..shape.topics * shape.watchers {
        let wire = target.watch(watcher % shape.topics).await;
        let wire = wire.with_context(|| format!("watcher {watcher}"))?;
        tasks.spawn(watch(wire, pace.clone(), per_round));
    }
    for publisher in 0..shape.publishers.min(shape.topics) {
        let (target, pace) = (target.clone(), pace.clone());
        tasks.spawn(publish(target, pace, shape, publisher, per_round));
    }
    let rounds = async |from: u64, seconds: f64| -> anyhow::Result<u64> {
        let began = Instant::now();
        let mut round = from;
        while began.elapsed().as_secs_f64() < seconds {
            round += 1;
            pace.allowed.store(round, Ordering::Release);
            pace.changed.notify_waiters();
            let enough = round.saturating_sub(AHEAD) * per_round;
            pace.until(|pace| pace.received.load(Ordering::Acquire) >= enough).await;
        }
        pace.until(|pace| pace.received.load(Ordering::Acquire) >= round * per_round).await;
        Ok(round)
    };
    let measured = async {
        let warm = rounds(0, seconds / 10.0).await?;
        let (began, before) = (Instant::now(), target.cpu_seconds()?);
        let last = rounds(warm, seconds).await?;
        let cpu = target.cpu_seconds()? - before;
        let deliveries = (last - warm) * per_round;
        anyhow::Ok(Delivered { deliveries, cpu, wall: began.elapsed().as_secs_f64() })
    };
    let limit = Duration::from_secs_f64(seconds * 2.0) + PATIENCE;
    let outcome = tokio::select! {
        measured = measured => measured,
        // None of them ends by itself.
        ended = tasks.join_next() => Err(ended.context("no task")?.map_or_else(
            |panicked| panicked.into(),
            |error: anyhow::Result<std::convert::Infallible>| error.unwrap_err(),
        )),
        () = tokio::time::sleep(limit) => {
            let received = pace.received.load(Ordering::Acquire);
            let sent = pace.allowed.load(Ordering::Acquire) * per_round;
            Err(anyhow::anyhow!("{received} of {sent} messages came"))
        }
    };
    tasks.shutdown().await;
    outcome.with_context(|| target.kind.name())
}

async fn watch(
    mut wire: Wire,
    pace: Arc<Pace>,
    per_round: u64,
) -> anyhow::Result<std::convert::Infallible> {
    let mut last = FIRST;
    loop {
        let before = last;
        let open = wire
            .read(|told| {
                let Told::Text(text) = told else { bail!("the server closed") };
                // Comments and the like have none.
                if let Some(seq) = seq(text) {
                    ensure!(seq == last + 1, "seq {seq} came behind {last}");
                    last = seq;
                }
                Ok(())
            })
            .await?;
        ensure!(open, "the server hung up behind seq {last}");
        let came = last - before;
        let all = pace.received.fetch_add(came, Ordering::AcqRel) + came;
        if all / per_round != (all - came) / per_round {
            pace.changed.notify_waiters();
        }
    }
}

async fn publish(
    target: Arc<Target>,
    pace: Arc<Pace>,
    shape: Shape,
    publisher: usize,
    per_round: u64,
) -> anyhow::Result<std::convert::Infallible> {
    let mut caller = Caller::open(&target.address).await?;
    let publishers = shape.publishers.min(shape.topics);
    for round in 1u64.. {
        let enough = round.saturating_sub(AHEAD) * per_round;
        pace.until(|pace| {
            pace.allowed.load(Ordering::Acquire) >= round
                && pace.received.load(Ordering::Acquire) >= enough
        })
        .await;
        for topic in (publisher..shape.topics).step_by(publishers) {
            caller.call(&target.publish(topic, FIRST + round)).await?;
        }
    }
    unreachable!("rounds do not end")
}
