//! What `cancel`, `retry` and `delete` have in common. Enters: jobs, or a batch of
//! them, and what to do with them. Leaves: a line for each, the most serious end.
//! Never: stops at the first job that cannot be had.

use milepost_core::{BatchId, JobId};
use reqwest::Method;

use super::client::Client;
use super::exit::Exit;
use super::out;
use super::trouble::{Thing, Trouble};
use super::wire::Batch;

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

/// Gives the order to a batch and prints what has become of its jobs.
pub async fn to_batch(
    client: &Client,
    batch: BatchId,
    order: &str,
    done: &str,
) -> anyhow::Result<Exit> {
    let request = client.request(Method::POST, &["batches", &batch.to_string(), order]);
    let state: Batch = match client.json(request, Thing::Batch(batch)).await {
        Ok(state) => state,
        Err(trouble @ (Trouble::NotFound(_) | Trouble::Refused(_))) => {
            let exit = trouble.exit();
            out::error(&anyhow::Error::from(trouble).context(batch.to_string()));
            return Ok(exit);
        }
        Err(trouble) => return Err(trouble.into()),
    };
    let counts = state.by_status.iter().filter(|(_, jobs)| **jobs > 0);
    let counts: Vec<_> = counts.map(|(status, jobs)| format!("{jobs} {status}")).collect();
    out::line(&format!("{batch} {done}: {}", counts.join(", ")))?;
    Ok(Exit::Done)
}
