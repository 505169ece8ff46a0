//! `milepost retry`. Enters: jobs that have ended. Leaves: their next attempts,
//! which go on from what the last ones finished. Never: makes a new job.

use std::process::ExitCode;

use milepost_core::JobId;
use reqwest::Method;

use super::client::{Client, ServerArgs};
use super::display::Display;
use super::orders;
use super::watch;

/// Start the next attempt of jobs that have ended.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The jobs' ids
    #[arg(required = true, value_name = "JOB")]
    jobs: Vec<JobId>,
    /// Go on as `watch` does
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Carries out the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.server)?;
    let (jobs, exit) =
        orders::each(&client, &args.jobs, Method::POST, &["retry"], "queued again").await?;
    if !args.watch {
        return Ok(exit.into());
    }
    let (jobs, missing) = watch::known(&client, jobs).await?;
    let mut display = Display::beside_output(jobs.len(), false);
    let ended = watch::until_end(&client, jobs, &mut display).await?;
    Ok(exit.max(missing).max(ended).into())
}
