//! A tenth of the readers that does not read. Enters: a Milepost server. Leaves:
//! how long updates took to the others, and what became of the slow ones: each
//! must get the end, or be told that it was too slow and get the end when it
//! comes back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use socket2::SockRef;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use super::target::Target;
use super::wire::{Told, Wire, contains, seq};
use crate::caller::Caller;
use crate::figures::quantile;

/// Updates in a second: each is sent to all.
const RATE: u64 = 40;
/// What a slow reader's kernel takes for it.
const BUFFER: u32 = 4096;
const SEGMENT: u32 = 536;
const PATIENCE: Duration = Duration::from_secs(60);

/// What was measured.
pub struct Slow {
    /// Milliseconds from the report to the message, of those who read.
    pub p50: f64,
    pub p99: f64,
    /// Slow readers that read on to the end.
    pub ended: usize,
    /// Slow readers that were told, or cut off, and came back for the end.
    pub told: usize,
}

/// When each seq was reported.
type Sent = Arc<Mutex<Vec<Instant>>>;

/// Has `sockets` connections watch one job for `seconds`, `slow` of them without
/// reading.
pub async fn run(
    target: &Arc<Target>,
    sockets: usize,
    slow: usize,
    seconds: f64,
) -> anyhow::Result<Slow> {
    let sent: Sent = Arc::default();
    let mut fast = JoinSet::new();
    let mut asleep = Vec::new();
    for number in 0..sockets {
        let tcp = TcpSocket::new_v4()?;
        if number < slow {
            tcp.set_recv_buffer_size(BUFFER)?;
            // The sender's kernel makes room for some of these.
            SockRef::from(&tcp).set_tcp_mss(SEGMENT)?;
        }
        let stream = tcp.connect(target.address.parse()?).await?;
        // Half of the slow ones want everything, which nobody keeps for ever.
        let mode = if number < slow && number % 2 == 0 { "latest" } else { "all" };
        let wire = target.watch_over(stream, 0, mode).await?;
        if number < slow {
            asleep.push(wire);
        } else {
            fast.spawn(listen(wire, sent.clone()));
        }
    }
    let mut caller = Caller::open(&target.address).await?;
    let mut tick = tokio::time::interval(Duration::from_secs(1) / RATE as u32);
    let updates = (seconds * RATE as f64) as u64;
    for number in 1..=updates {
        tick.tick().await;
        sent.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        caller.call(&target.publish(0, number)).await?;
    }
    sent.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
    target.complete(0).await?;
    let mut times = Vec::new();
    let all = async {
        while let Some(listened) = fast.join_next().await {
            times.extend(listened??);
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, all).await.context("a reader got no end")??;

    let (mut ended, mut told) = (0, 0);
    for wire in asleep {
        let woke = tokio::time::timeout(PATIENCE, wake(wire)).await;
        match woke.context("a slow reader got no end and was told nothing")?? {
            None => ended += 1,
            Some(seq) => {
                let back = target.resume(seq).await?;
                let end = tokio::time::timeout(PATIENCE, wake(back)).await;
                ensure!(end.context("no end after the way back")??.is_none(), "told twice");
                told += 1;
            }
        }
    }
    Ok(Slow { p50: quantile(&mut times, 0.5), p99: quantile(&mut times, 0.99), ended, told })
}

/// A stage's status is followed by something else.
fn is_end(text: &[u8]) -> bool {
    contains(text, b"\"status\":\"completed\",\"attempt\"")
}

/// Milliseconds of each update.
async fn listen(mut wire: Wire, sent: Sent) -> anyhow::Result<Vec<f64>> {
    let (mut times, mut ended) = (Vec::new(), false);
    while !ended {
        let open = wire
            .read(|told| {
                let Told::Text(text) = told else {
                    ensure!(ended, "a reader was closed");
                    return Ok(());
                };
                let Some(seq) = seq(text) else { return Ok(()) };
                let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
                let at = sent.get(seq as usize - 3).context("not sent yet")?;
                times.push(at.elapsed().as_secs_f64() * 1000.0);
                ended |= is_end(text);
                Ok(())
            })
            .await?;
        ensure!(open || ended, "a reader was cut off");
    }
    Ok(times)
}

/// Reads on: `None` where the end came, else the last seq that did.
async fn wake(mut wire: Wire) -> anyhow::Result<Option<u64>> {
    let (mut last, mut ended, mut told) = (2, false, false);
    while !ended && !told {
        let open = wire
            .read(|message| {
                match message {
                    Told::Text(text) => {
                        last = seq(text).unwrap_or(last);
                        ended |= is_end(text);
                    }
                    // A stream has no word for it but its end.
                    Told::Close(4408 | 1000) => told = !ended,
                    Told::Close(code) => bail!("a slow reader was closed with {code}"),
                }
                Ok(())
            })
            .await;
        told |= !ended && !matches!(open, Ok(true));
    }
    Ok(if ended { None } else { Some(last) })
}
