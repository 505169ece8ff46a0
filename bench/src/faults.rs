//! Converters are killed in the middle of their work, again and again. Enters: a document,
//! a number of jobs. Leaves: how many of the jobs that were hit completed all the same,
//! with nobody's help. Never: a retry by hand.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::process;
use crate::server::Server;

/// Jobs in one look.
const PAGE: usize = 200;

#[derive(Args)]
pub struct Options {
    /// What each job converts.
    document: PathBuf,
    #[arg(long, default_value_t = 200)]
    jobs: usize,
    /// Converters at a time.
    #[arg(long, default_value_t = 2)]
    slots: usize,
    /// Milliseconds between two kills, on average.
    #[arg(long, default_value_t = 500)]
    every: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub async fn run(binary: &Path, options: &Options) -> anyhow::Result<()> {
    fastrand::seed(options.seed);
    let server = Server::start(binary, options.slots).await?;
    let client = reqwest::Client::new();
    let jobs = format!("{}/v1/jobs", server.url.trim_end_matches('/'));
    let bytes = std::fs::read(&options.document)?;
    for _ in 0..options.jobs {
        let part = reqwest::multipart::Part::bytes(bytes.clone()).file_name("document");
        let form = reqwest::multipart::Form::new().part("file", part).text("force", "true");
        client.post(&jobs).multipart(form).send().await?.error_for_status()?;
    }
    let (began, mut killed) = (Instant::now(), 0);
    loop {
        let pause = fastrand::u64(0..=2 * options.every);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let status = format!("{jobs}?status=awaiting,queued,running&limit=1");
        let left: Value = client.get(status).send().await?.json().await?;
        if left["items"].as_array().context("no list")?.is_empty() {
            break;
        }
        let children = process::children(server.id()?)?;
        let Some(child) = fastrand::choice(children) else { continue };
        let child = Pid::from_raw(child as i32).context("no process")?;
        // One that ended meanwhile needs no help.
        if kill_process(child, Signal::KILL).is_ok() {
            killed += 1;
        }
    }
    let (mut hit, mut resolved, mut total, mut cursor) = (0, 0, 0, String::new());
    loop {
        let page = format!("{jobs}?limit={PAGE}{cursor}");
        let page: Value = client.get(page).send().await?.json().await?;
        for job in page["items"].as_array().context("no list")? {
            total += 1;
            let completed = job["status"] == "completed";
            if job["attempt"].as_u64() > Some(1) || !completed {
                hit += 1;
                resolved += usize::from(completed);
            }
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    ensure!(total == options.jobs, "{total} of {} jobs are there", options.jobs);
    let secs = began.elapsed().as_secs_f64();
    println!("{killed} converters killed in {secs:.0} s; {hit} of {total} jobs were hit");
    let share = 100.0 * resolved as f64 / hit.max(1) as f64;
    println!("{resolved} of these completed by themselves: {share:.1} %");
    Ok(())
}
