//! The state of several jobs that were submitted together. Enters: how many of
//! them have each status, and how far they are. Leaves: one state for all.
//! Never: a state of its own; a batch is its jobs and ends with the last of them.

use crate::id::BatchId;
use crate::progress::Progress;
use crate::status::Status;

/// Several jobs as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Which one.
    pub id: BatchId,
    /// How many jobs it has.
    pub total: u64,
    /// How many of them have each status, every status once.
    pub by_status: [(Status, u64); 6],
    /// How much of the work is over.
    pub progress: Progress,
}

/// The jobs of one status.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Their status.
    pub status: Status,
    /// How many they are.
    pub jobs: u64,
    /// The sum of their progress, in tenths of a percent.
    pub tenths: u64,
}

impl Batch {
    /// The state of a batch whose jobs are these; `None` where there are none.
    pub fn of(id: BatchId, shares: &[Share]) -> Option<Self> {
        let total = shares.iter().map(|share| share.jobs).sum();
        let count = |status| {
            let same = shares.iter().filter(|share| share.status == status);
            (status, same.map(|share| share.jobs).sum())
        };
        (total > 0).then(|| Self {
            id,
            total,
            by_status: Status::ALL.map(count),
            progress: Progress::of_many(shares),
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn batch(shares: &[(Status, u64, u64)]) -> Option<Batch> {
        let share = |&(status, jobs, tenths)| Share { status, jobs, tenths };
        Batch::of(BatchId::new(Uuid::nil()), &shares.iter().map(share).collect::<Vec<_>>())
    }

    #[test]
    fn without_jobs_there_is_no_batch() {
        assert_eq!(batch(&[]), None);
    }

    #[test]
    fn what_has_ended_is_over_however_it_ended() {
        let half = batch(&[(Status::Completed, 1, 1000), (Status::Queued, 1, 0)]).unwrap();
        assert_eq!((half.total, half.progress.percent()), (2, 50.0));
        let ended = batch(&[(Status::Completed, 3, 3000), (Status::Failed, 1, 20)]).unwrap();
        assert_eq!(ended.progress, Progress::DONE);
        assert_eq!(ended.by_status.map(|(_, jobs)| jobs), [0, 0, 0, 3, 1, 0]);
    }

    #[test]
    fn it_is_not_over_before_the_last_job_is() {
        let almost = batch(&[(Status::Cancelled, 99_999, 0), (Status::Running, 1, 999)]).unwrap();
        assert_eq!(almost.progress.percent(), 99.9);
        let fifth = batch(&[(Status::Running, 5, 1000), (Status::Awaiting, 0, 0)]).unwrap();
        assert_eq!(fifth.progress.percent(), 20.0);
    }
}
