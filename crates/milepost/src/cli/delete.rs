//! `milepost delete`. Enters: jobs that have ended. Leaves: nothing of them.
//! Never: deletes one that is under way.

use std::process::ExitCode;

use milepost_core::JobId;
use reqwest::Method;

use super::client::{Client, ServerArgs};
use super::orders;

/// Delete jobs that have ended, with their events and results.
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
    let (_, exit) = orders::each(&client, &args.jobs, Method::DELETE, &[], "deleted").await?;
    Ok(exit.into())
}
