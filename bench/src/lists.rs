//! Lists of many jobs, and the start over them. Enters: a number of jobs. Leaves:
//! how long each list takes, at its beginning and deep down, and how long it is
//! from the start of the process to its readiness.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use serde_json::Value;

use crate::caller::Caller;
use crate::figures::{median, quantile};
use crate::fill::fill;
use crate::server::Launch;

#[derive(clap::Args)]
pub struct Options {
    #[arg(long, default_value_t = 100_000)]
    jobs: u64,
    /// How often each list is read.
    #[arg(long, default_value_t = 50)]
    times: usize,
}

#[derive(clap::Args)]
pub struct StartOptions {
    #[arg(long, default_value_t = 1_000_000)]
    jobs: u64,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Keeps the jobs there, or takes those that are there.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// Reads each list from its beginning, its middle and its end.
pub async fn run(binary: &Path, options: &Options) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    fill(binary, folder.path(), options.jobs, true).await?;
    let launch = Launch::over(binary, 1, folder.path()).set("RETENTION", "3650days");
    let server = launch.start().await?;
    let mut caller = Caller::open(server.address()).await?;
    let mut get = async |query: &str| -> anyhow::Result<Value> {
        let host = server.address();
        let request = format!("GET /v1/jobs?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        Ok(serde_json::from_slice(&caller.call(request.as_bytes()).await?)?)
    };
    // Any job's id is a cursor.
    let mut cursors = vec![String::new()];
    let mut page = get("limit=200").await?;
    let pages = options.jobs / 200;
    for number in 1..pages {
        let next = page["next"].as_str().context("the list is too short")?.to_owned();
        if number == pages / 2 || number == pages - 1 {
            cursors.push(format!("&cursor={next}"));
        }
        page = get(&format!("limit=200&cursor={next}")).await?;
    }
    let converted = get("pipeline=convert&limit=1").await?;
    let document = converted["items"][0]["document"]["id"].as_str().context("no document")?;
    println!("{} jobs; milliseconds, p50 / p99", options.jobs);
    println!("{:<34} {:>17} {:>17} {:>17}", "", "first page", "middle", "end");
    for filter in [
        "limit=50",
        "limit=200",
        "status=completed",
        "status=failed",
        "status=queued,running",
        "status=cancelled&pipeline=external",
        "pipeline=convert",
        &format!("document={document}"),
        "q=INVOICE",
        "q=nowhere",
        "q=nowhere&status=failed",
    ] {
        let mut row = Vec::new();
        for cursor in &cursors {
            let mut times = Vec::new();
            for _ in 0..options.times {
                let began = Instant::now();
                get(&format!("{filter}{cursor}")).await?;
                times.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            row.push(format!(
                "{:.1} / {:.1}",
                quantile(&mut times, 0.5),
                quantile(&mut times, 0.99)
            ));
        }
        // An id says nothing to whoever reads the table.
        let name = filter.split_once("=0").map_or(filter, |(name, _)| name);
        println!("{name:<34} {:>17} {:>17} {:>17}", row[0], row[1], row[2]);
    }
    Ok(())
}

/// Starts over many finished jobs.
pub async fn start(binary: &Path, options: &StartOptions) -> anyhow::Result<()> {
    let own = tempfile::tempdir()?;
    let folder = options.folder.as_deref().unwrap_or(own.path());
    std::fs::create_dir_all(folder)?;
    let (database, began) = (folder.join("milepost.db"), Instant::now());
    if !database.exists() {
        fill(binary, folder, options.jobs, false).await?;
    }
    let size = std::fs::metadata(&database)?.len();
    let filled = began.elapsed().as_secs_f64();
    println!("{} jobs, {} MiB, filled in {filled:.0} s", options.jobs, size >> 20);
    let (mut ready, mut listed) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let began = Instant::now();
        let launch = Launch::over(binary, 1, folder).set("RETENTION", "3650days");
        let mut server = launch.start().await?;
        ready.push(began.elapsed().as_secs_f64() * 1000.0);
        let host = server.address().to_owned();
        let request = format!("GET /v1/jobs HTTP/1.1\r\nHost: {host}\r\n\r\n");
        Caller::open(&host).await?.call(request.as_bytes()).await?;
        listed.push(began.elapsed().as_secs_f64() * 1000.0);
        server.stop().await?;
    }
    println!("ready after {:.0} ms, first list after {:.0} ms", median(&ready), median(&listed));
    Ok(())
}
