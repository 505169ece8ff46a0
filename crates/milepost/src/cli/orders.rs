//! What `cancel`, `retry` and `delete` have in common. Enters: jobs and what to
//! do with them. Leaves: a line for each, the most serious end. Never: stops at
//! the first job that cannot be had.

use milepost_core::JobId;
use reqwest::Method;

use super::client::Client;
use super::exit::Exit;
use super::out;
use super::trouble::Trouble;

/// Gives the order to each job in turn; `done` is the word for it. Returns the
/// jobs that took it.
pub async fn each(
    client: &Client,
    jobs: &[JobId],
    method: Method,
    order: &[&str],
    done: &str,
) -> anyhow::Result<(Vec<JobId>, Exit)> {
    let (mut obeyed, mut exit) = (Vec::new(), Exit::Done);
    for job in jobs {
        match client.order(method.clone(), *job, order).await {
            Ok(()) => {
                out::line(&format!("{job} {done}"))?;
                obeyed.push(*job);
            }
            Err(trouble @ (Trouble::NotFound(_) | Trouble::Refused(_))) => {
                exit = exit.max(trouble.exit());
                out::error(&anyhow::Error::from(trouble).context(job.to_string()));
            }
            Err(trouble) => return Err(trouble.into()),
        }
    }
    Ok((obeyed, exit))
}
