//! Events through the journal. Enters: reports on external jobs, over kept
//! connections. Leaves: events recorded in a second, durable each, and for each
//! processor second. Nobody watches: what delivery costs is `fanout`'s.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::caller::{Caller, post};
use crate::figures::median;
use crate::server::Launch;

#[derive(clap::Args)]
pub struct Options {
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each measurement takes.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Jobs that are reported on at once.
    #[arg(long, default_value_t = 1000)]
    jobs: usize,
    /// Connections that report, each on its share of the jobs.
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256")]
    connections: Vec<usize>,
}

/// Measures each number of connections in turn.
pub async fn run(binary: &Path, options: &Options) -> anyhow::Result<()> {
    println!("{} jobs\nconnections   a second   per cpu-s", options.jobs);
    let mut all = vec![Vec::new(); options.connections.len()];
    for _ in 0..options.rounds {
        for (made, connections) in all.iter_mut().zip(&options.connections) {
            let server = Launch::new(binary, 1)?.start().await?;
            let jobs = submit(server.address(), options.jobs).await?;
            let (before, began) = (server.cpu_seconds()?, Instant::now());
            let mut tasks = JoinSet::new();
            let until = began + Duration::from_secs_f64(options.seconds);
            for number in 0..*connections {
                let address = server.address().to_owned();
                let mut caller = Caller::open(&address).await?;
                let mine: Vec<_> =
                    jobs.iter().skip(number).step_by(*connections).cloned().collect();
                tasks.spawn(async move {
                    let mut count = 0u64;
                    for round in 1.. {
                        let body = format!("{{\"done\":{round},\"total\":1000000}}");
                        for job in &mine {
                            if Instant::now() > until {
                                return anyhow::Ok(count);
                            }
                            let path = format!("/v1/jobs/{job}/progress");
                            caller.call(&post(&address, &path, &body)).await?;
                            // With the first report a job starts, too.
                            count += if round == 1 { 2 } else { 1 };
                        }
                    }
                    Ok(count)
                });
            }
            let mut events = 0;
            while let Some(task) = tasks.join_next().await {
                events += task??;
            }
            let (events, wall) = (events as f64, began.elapsed().as_secs_f64());
            made.push((events / wall, events / (server.cpu_seconds()? - before)));
        }
    }
    for (made, connections) in all.iter().zip(&options.connections) {
        let wall = median(&made.iter().map(|(wall, _)| *wall).collect::<Vec<_>>());
        let cpu = median(&made.iter().map(|(_, cpu)| *cpu).collect::<Vec<_>>());
        println!("{connections:>11}  {wall:>9.0}  {cpu:>10.0}");
    }
    Ok(())
}

/// Submits so many external jobs; returns their ids.
async fn submit(address: &str, count: usize) -> anyhow::Result<Vec<String>> {
    let mut caller = Caller::open(address).await?;
    let request = post(address, "/v1/jobs", r#"{"pipeline": "external"}"#);
    let mut jobs = Vec::with_capacity(count);
    for _ in 0..count {
        let job: Value = serde_json::from_slice(&caller.call(&request).await?)?;
        jobs.push(job["id"].as_str().context("no id")?.to_owned());
    }
    Ok(jobs)
}
