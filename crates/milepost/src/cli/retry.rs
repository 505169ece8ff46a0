//! `milepost retry`. Enters: jobs that have ended, or a batch. Leaves: their next attempts,
//! which go on from what the last ones finished. Never: makes a new job.

use std::collections::HashMap;
use std::process::ExitCode;

use milepost_core::{BatchId, JobId};
use reqwest::Method;

use super::client::{Client, ServerArgs};
use super::display::Display;
use super::exit::Exit;
use super::orders;
use super::watch;

/// Start the next attempt of jobs that have ended.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The jobs' ids
    #[arg(required_unless_present = "batch", value_name = "JOB")]
    jobs: Vec<JobId>,
    /// All jobs of this batch that failed or were cancelled
    #[arg(long, value_name = "BATCH")]
    batch: Option<BatchId>,
    /// Go on as `watch` does
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Carries out the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.server)?;
    let (jobs, mut exit) =
        orders::each(&client, &args.jobs, Method::POST, &["retry"], "queued again").await?;
    let mut retried = args.batch;
    if let Some(batch) = args.batch {
        let ordered = orders::to_batch(&client, batch, "retry", "queued again").await?;
        retried = args.batch.filter(|_| ordered == Exit::Done);
        exit = exit.max(ordered);
    }
    if !args.watch {
        return Ok(exit.into());
    }
    let (mut jobs, missing) = watch::known(&client, jobs).await?;
    if let Some(batch) = retried {
        jobs.extend(watch::members(&client, batch).await?);
    }
    let mut display = Display::beside_output(jobs.len(), false);
    let ends = watch::until_end(&client, jobs, &mut display).await?;
    if retried.is_some() {
        ends.tell(&HashMap::new());
    }
    Ok(exit.max(missing).max(ends.exit).into())
}
