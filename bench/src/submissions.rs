//! Durable submissions: how many in a second where all are in a hurry, and how
//! long each takes where they come at a steady rate. Enters: small jobs over kept
//! connections. Leaves: rates and latencies. Never: a job that is worked on; that
//! would measure converters.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::caller::{Caller, post};
use crate::figures::{median, quantile};
use crate::server::Launch;

#[derive(clap::Args)]
pub struct Options {
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Kept connections.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Submissions in a second, of the steady ones.
    #[arg(long, default_value_t = 500.0)]
    steady: f64,
}

/// Jobs that are durable and wait.
const KINDS: [(&str, &str); 2] = [
    ("external", r#"{"pipeline": "external"}"#),
    (
        "text, held",
        r##"{"hold": true, "source": {"text": "# Title\n\nA line.\n", "filename": "notes.md"}}"##,
    ),
];

/// Measures each kind in turn.
pub async fn run(binary: &Path, options: &Options) -> anyhow::Result<()> {
    println!(
        "{:<12} {:>9} {:>13} {:>20}   {:>20}",
        "",
        "a second",
        "per cpu-s",
        "p50 / p99",
        format!("at {:.0}/s, p50 / p99", options.steady)
    );
    let mut all = vec![Vec::new(); KINDS.len()];
    for _ in 0..options.rounds {
        for (made, (_, body)) in all.iter_mut().zip(KINDS) {
            let launch = Launch::new(binary, 1)?.set("QUEUE_MAX_WAITING", 10_000_000);
            let server = launch.start().await?;
            let request = Arc::new(post(server.address(), "/v1/jobs", body));
            let before = server.cpu_seconds()?;
            let began = Instant::now();
            let mut times = flood(server.address(), &request, options).await?;
            let wall = began.elapsed().as_secs_f64();
            let count = times.len() as f64;
            let cpu = server.cpu_seconds()? - before;
            let mut steady = steady(server.address(), &request, options).await?;
            made.push([
                count / wall,
                count / cpu,
                quantile(&mut times, 0.5),
                quantile(&mut times, 0.99),
                quantile(&mut steady, 0.5),
                quantile(&mut steady, 0.99),
            ]);
        }
    }
    for (made, (name, _)) in all.iter().zip(KINDS) {
        let of = |index: usize| median(&made.iter().map(|row| row[index]).collect::<Vec<_>>());
        println!(
            "{name:<12} {:>9.0} {:>13.0} {:>17}   {:>20}",
            of(0),
            of(1),
            format!("{:.1} / {:.1} ms", of(2), of(3)),
            format!("{:.1} / {:.1} ms", of(4), of(5))
        );
    }
    Ok(())
}

/// Each connection submits again as soon as it has its answer. Milliseconds of
/// each.
async fn flood(
    address: &str,
    request: &Arc<Vec<u8>>,
    options: &Options,
) -> anyhow::Result<Vec<f64>> {
    let mut tasks = JoinSet::new();
    for _ in 0..options.connections {
        let (mut caller, request) = (Caller::open(address).await?, request.clone());
        let until = Instant::now() + Duration::from_secs_f64(options.seconds);
        tasks.spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                let began = Instant::now();
                caller.call(&request).await?;
                times.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            anyhow::Ok(times)
        });
    }
    collect(tasks).await
}

/// Submissions come at their times, whether those before were answered or not:
/// one that has to wait for a connection has waited.
async fn steady(
    address: &str,
    request: &Arc<Vec<u8>>,
    options: &Options,
) -> anyhow::Result<Vec<f64>> {
    let (mut tasks, next) = (JoinSet::new(), Arc::new(AtomicU64::new(0)));
    let count = (options.seconds * options.steady) as u64;
    let began = Instant::now() + Duration::from_millis(50);
    let each = Duration::from_secs_f64(1.0 / options.steady);
    for _ in 0..options.connections {
        let (mut caller, request) = (Caller::open(address).await?, request.clone());
        let next = next.clone();
        tasks.spawn(async move {
            let mut times = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(times);
                }
                let due = began + each * number as u32;
                tokio::time::sleep_until(due.into()).await;
                caller.call(&request).await?;
                times.push(due.elapsed().as_secs_f64() * 1000.0);
            }
        });
    }
    collect(tasks).await
}

async fn collect(mut tasks: JoinSet<anyhow::Result<Vec<f64>>>) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::new();
    while let Some(task) = tasks.join_next().await {
        times.extend(task??);
    }
    Ok(times)
}
