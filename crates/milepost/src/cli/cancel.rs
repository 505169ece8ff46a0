//! `milepost cancel`. Enters: jobs, or a batch of them. Leaves: cancelled jobs. Never: touches one
//! that has ended.

use std::process::ExitCode;

use milepost_core::{BatchId, JobId};
use reqwest::Method;

use super::client::{Client, ServerArgs};
use super::orders;

/// Stop jobs, a running conversion included.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The jobs' ids
    #[arg(required_unless_present = "batch", value_name = "JOB")]
    jobs: Vec<JobId>,
    /// All jobs of this batch that have not ended
    #[arg(long, value_name = "BATCH")]
    batch: Option<BatchId>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Carries out the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.server)?;
    let (_, mut exit) =
        orders::each(&client, &args.jobs, Method::POST, &["cancel"], "cancelled").await?;
    if let Some(batch) = args.batch {
        exit = exit.max(orders::to_batch(&client, batch, "cancel", "cancelled").await?);
    }
    Ok(exit.into())
}
