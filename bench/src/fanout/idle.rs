//! Connections that wait. Enters: a server, a number. Leaves: the memory of its
//! processes for each, that of the kernel apart from it, and how long it took
//! to connect and to have the first state.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::target::Target;
use super::wire::Wire;
use crate::figures::quantile;

/// Connections that are being made at the same time.
const AT_ONCE: usize = 32;

/// What was measured.
#[derive(Clone)]
pub struct Idle {
    /// Bytes of the server's processes for each connection.
    pub memory: f64,
    /// Bytes of the kernel for each: both ends of it.
    pub kernel: f64,
    /// Milliseconds.
    pub p50: f64,
    pub p99: f64,
}

/// Opens `sockets` connections, spread over `topics`, and looks.
pub async fn run(target: &Arc<Target>, topics: usize, sockets: usize) -> anyhow::Result<Idle> {
    // What a first connection allocates for good is no connection's.
    let warm = open(target, topics, 64).await?;
    drop(warm);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (resident, kernel) = (target.resident()?, kernel()?);
    let (wires, mut times): (Vec<Wire>, Vec<f64>) =
        open(target, topics, sockets).await?.into_iter().unzip();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let each = |after: u64, before: u64| after.saturating_sub(before) as f64 / sockets as f64;
    let (memory, kernel) = (each(target.resident()?, resident), each(self::kernel()?, kernel));
    drop(wires);
    Ok(Idle { memory, kernel, p50: quantile(&mut times, 0.5), p99: quantile(&mut times, 0.99) })
}

async fn open(
    target: &Arc<Target>,
    topics: usize,
    sockets: usize,
) -> anyhow::Result<Vec<(Wire, f64)>> {
    let one = |number: usize| async move {
        let began = Instant::now();
        let wire = target.watch(number % topics).await?;
        anyhow::Ok((wire, began.elapsed().as_secs_f64() * 1000.0))
    };
    stream::iter(0..sockets).map(one).buffer_unordered(AT_ONCE).try_collect().await
}

/// What the kernel keeps in its own structures, sockets among them.
fn kernel() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let of = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Ok(of("Slab:").unwrap_or(0) * 1024)
}
