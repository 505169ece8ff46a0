//! Follows jobs by asking, where no stream gets through. Enters: a group.
//! Leaves: the same updates. Never: asks faster the more jobs there are.

use std::time::Duration;

use futures_util::future::join_all;
use milepost_core::JobId;
use reqwest::StatusCode;
use tokio::time::Instant;

use super::follow::{Group, Pause};
use super::trouble::{Thing, Trouble};
use super::wire::Snapshot;

/// Below the time after which common proxies cut a silent request.
const WAIT_SECS: u64 = 20;
/// Browsers allow themselves six connections to one server; so do we.
const MAX_WAITING: usize = 6;
/// The requests per second of all jobs together where there are more.
const REQUESTS_PER_SEC: u32 = 10;
/// The least time between two questions of which the first brought nothing.
const NO_NEWS: Duration = Duration::from_secs(1);

/// Asks for every job of the group until all have ended.
pub async fn all(group: Group) {
    let Group { client, pending, outlet, total, .. } = group;
    let few = total <= MAX_WAITING;
    let pace = Duration::from_secs(1) * u32::try_from(total).unwrap_or(u32::MAX) / REQUESTS_PER_SEC;
    let each = pending.into_iter().map(|(job, seq)| {
        let group = Group {
            client: client.clone(),
            pending: [(job, seq)].into(),
            batch: None,
            outlet: outlet.clone(),
            total,
        };
        let pause = if few { Duration::ZERO } else { pace.max(Duration::from_secs(2)) };
        one(group, job, if few { WAIT_SECS } else { 0 }, pause)
    });
    join_all(each).await;
}

async fn one(mut group: Group, job: JobId, wait_secs: u64, between: Duration) {
    let mut pause = Pause::default();
    while let Some(&seq) = group.pending.get(&job) {
        let asked = Instant::now();
        match ask(&group, job, seq, wait_secs).await {
            Ok(answer) => {
                pause.reset();
                group.outlet.say_back().await;
                if let Some(snapshot) = answer {
                    group.take(snapshot).await;
                }
                // A proxy that does not pass `wait` on must not make us spin.
                let is_news = group.pending.get(&job) != Some(&seq);
                let least = if is_news { between } else { between.max(NO_NEWS) };
                tokio::time::sleep(least.saturating_sub(asked.elapsed())).await;
            }
            Err(trouble) if trouble.is_passing() && !pause.is_over() => {
                group.outlet.say_lost(&trouble).await;
                pause.ask_for(trouble.retry_after());
                pause.wait(Duration::from_millis(500)).await;
            }
            Err(Trouble::Refused(refusal)) if refusal.status == 409 && seq > 0 => {
                // The log is shorter than we know it: start again from what there is.
                group.forget();
            }
            Err(trouble) => group.lose(job, trouble).await,
        }
    }
}

async fn ask(
    group: &Group,
    job: JobId,
    seq: u64,
    wait_secs: u64,
) -> Result<Option<Snapshot>, Trouble> {
    let request = group
        .client
        .get_job(job, &[])
        .query(&[("after", seq), ("wait", wait_secs)])
        .timeout(Duration::from_secs(wait_secs + 15));
    let response = group.client.send(request, Thing::Job(job)).await?;
    if response.status() == StatusCode::NOT_MODIFIED {
        return Ok(None);
    }
    let body = group.client.body(response).await?;
    Snapshot::parse(&body).map(Some).map_err(|error| group.client.foreign(&error))
}
