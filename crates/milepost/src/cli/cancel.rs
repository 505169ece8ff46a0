//! `milepost cancel`. Enters: jobs. Leaves: cancelled jobs. Never: touches one
//! that has ended.

use std::process::ExitCode;

use milepost_core::JobId;
use reqwest::Method;

use super::client::{Client, ServerArgs};
use super::orders;

/// Stop jobs, a running conversion included.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The jobs' ids
    #[arg(required = true, value_name = "JOB")]
    jobs: Vec<JobId>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Carries out the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.server)?;
    let (_, exit) =
        orders::each(&client, &args.jobs, Method::POST, &["cancel"], "cancelled").await?;
    Ok(exit.into())
}
