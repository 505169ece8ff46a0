//! Sends what the store still has to tell. Enters: messages that are due; announcements,
//! as a hint to look. Leaves: each taken by its service, tried again later, or given up.
//! Never: holds up whoever ended the job; forgets a message before it is settled.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use milepost_core::{BatchId, Change, Timestamp};

use super::sender::Answer;
use super::{Inner, Push, message};
use crate::bus::{Lagged, Subscriber};
use crate::store::{PushMessage, StoreError};

/// How long a message is worth telling, also to the services.
const LIFE: Duration = Duration::from_secs(24 * 3600);
/// A batch may look ended between two uploads that join it.
const SETTLE: Duration = Duration::from_secs(3);
/// The first wait after a failure; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
/// Ends that come together are looked at together.
const GATHER: Duration = Duration::from_millis(200);
/// The longest time between two looks, also after a fault of the store.
const LOOK: Duration = Duration::from_secs(60);
/// Messages of one look, and how many of them are sent at a time.
const STEP: u32 = 64;
const AT_A_TIME: usize = 8;

/// What became of an attempt to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The service took it.
    Sent,
    /// It is tried again.
    Postponed,
    /// The service does not take it.
    Refused,
    /// The service does not know the browser any more; the subscription has ended.
    Gone,
    /// It could not be told in time.
    Expired,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] =
        [Self::Sent, Self::Postponed, Self::Refused, Self::Gone, Self::Expired];

    /// Its word in the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Postponed => "postponed",
            Self::Refused => "refused",
            Self::Gone => "gone",
            Self::Expired => "expired",
        }
    }
}

impl Push {
    /// Sends until it is dropped; what is under way then is sent again after a restart.
    pub async fn run(self, mut bus: Subscriber, count: impl Fn(Outcome) + Send + Sync) {
        let Some(inner) = self.0 else { return };
        loop {
            let pause = match inner.round(&count).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(%error, "browsers cannot be told");
                    LOOK
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = end(&mut bus) => tokio::time::sleep(GATHER).await,
            }
        }
    }
}

/// Waits until a job has ended, or one may have.
async fn end(bus: &mut Subscriber) {
    loop {
        match bus.next().await {
            Some(Ok(heard)) => {
                if let Change::Reached(job) = heard.change
                    && job.status.is_terminal()
                {
                    return;
                }
            }
            Some(Err(Lagged)) => return,
            None => return std::future::pending().await,
        }
    }
}

impl Inner {
    /// Tells what is due, and says how long nothing else is.
    async fn round(&self, count: &(impl Fn(Outcome) + Sync)) -> Result<Duration, StoreError> {
        let now = self.clock.now();
        let waiting = self.store.push_messages(now, STEP).await?;
        let (due, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|message| from(message) <= now);
        if due.is_empty() {
            let next = later.iter().map(from).min();
            return Ok(next.map_or(LOOK, |next| until(now, next)).min(LOOK));
        }
        let told = stream::iter(due).map(Ok);
        told.try_for_each_concurrent(AT_A_TIME, |message| async move {
            if let Some(outcome) = self.tell(&message).await? {
                count(outcome);
            }
            Ok::<_, StoreError>(())
        })
        .await?;
        Ok(Duration::ZERO)
    }

    /// Tells one message; `None` where there is nothing to tell.
    async fn tell(&self, message: &PushMessage) -> Result<Option<Outcome>, StoreError> {
        let (now, end) = (self.clock.now(), message.ended_at.plus(LIFE));
        if now >= end {
            self.store.push_done(message).await?;
            return Ok(Some(Outcome::Expired));
        }
        let Some(text) = self.text(message).await? else {
            self.store.push_done(message).await?;
            return Ok(None);
        };
        let outcome = match self.sender.send(message, text, now, until(now, end)).await {
            Answer::Taken => Outcome::Sent,
            Answer::Refused => Outcome::Refused,
            Answer::Gone => {
                self.store.unsubscribe_push(message.subscription, None).await?;
                return Ok(Some(Outcome::Gone));
            }
            Answer::Later(asked) => {
                let wait = asked.unwrap_or_default().max(backoff(message.attempts));
                let due = self.clock.now().plus(wait);
                if due < end {
                    self.store.push_later(message, due).await?;
                    return Ok(Some(Outcome::Postponed));
                }
                Outcome::Expired
            }
        };
        self.store.push_done(message).await?;
        Ok(Some(outcome))
    }

    /// `None` where the job is gone or under way again; its next end is told then.
    async fn text(&self, message: &PushMessage) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((job, _)) = self.store.snapshot(message.job).await? else { return Ok(None) };
        if !job.status.is_terminal() {
            return Ok(None);
        }
        let Some(id) = message.batch else { return Ok(Some(message::message(&job, None))) };
        let batch = self.store.batch(job.owner.clone(), id).await?;
        let batch = batch.filter(|batch| {
            batch.by_status.iter().all(|(status, jobs)| *jobs == 0 || status.is_terminal())
        });
        Ok(batch.map(|batch| message::message(&job, Some(&batch))))
    }
}

/// From when on a message is told.
fn from(message: &PushMessage) -> Timestamp {
    let settle = message.batch.map_or(Duration::ZERO, |_: BatchId| SETTLE);
    message.due_at.max(message.ended_at.plus(settle))
}

fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::from_secs_f64(then.seconds_since(now).max(0.0))
}

/// Half of it by chance, so that messages that failed together do not come together again.
fn backoff(attempts: u32) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(1 << attempts.min(16)).min(LONGEST_WAIT);
    wait.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour() {
        for (attempts, secs) in [(0, 10), (1, 20), (5, 320), (9, 3600), (u32::MAX, 3600)] {
            let wait = backoff(attempts);
            let most = Duration::from_secs(secs);
            assert!(wait <= most && wait >= most / 2, "{attempts}: {wait:?}");
        }
    }
}
