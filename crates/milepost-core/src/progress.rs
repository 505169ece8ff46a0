//! Progress and remaining time, derived from stages and units. This is the one
//! place that knows a percentage. Enters: stage states. Leaves: numbers.

use serde::{Deserialize, Serialize};

use crate::batch::Share;
use crate::status::{StageState, StageStatus};
use crate::time::Timestamp;

/// Progress in tenths of a percent, 0 to 1000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Progress(u16);

impl Progress {
    /// A completed job, and only that.
    pub const DONE: Self = Self(1000);
    /// The most that an unfinished job may show.
    const ALMOST: u16 = 999;

    /// Percent with at most one decimal.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 10.0
    }

    /// The weighted share of `stages` that is done; never [`Progress::DONE`].
    pub(crate) fn of(stages: &[StageState]) -> Self {
        let whole: f64 = stages.iter().map(|stage| f64::from(stage.weight)).sum();
        if whole <= 0.0 {
            return Self(0);
        }
        let done: f64 = stages.iter().map(|s| f64::from(s.weight) * s.fraction()).sum();
        // Rounding to nearest, as a floor would show 29.9 for an exact 30.
        let tenths = (done / whole * 1000.0).round();
        Self((tenths as u16).min(Self::ALMOST))
    }

    /// The mean of jobs, of which there must be one. Of a job that has ended
    /// nothing more is to come, whatever it had reached; [`Progress::DONE`] says
    /// that all have.
    pub(crate) fn of_many(shares: &[Share]) -> Self {
        let total: u64 = shares.iter().map(|share| share.jobs).sum();
        let ended = |share: &&Share| share.status.is_terminal();
        let over: u64 = shares.iter().filter(ended).map(|share| share.jobs).sum();
        if over == total {
            return Self::DONE;
        }
        let under_way = shares.iter().filter(|share| !ended(share));
        let tenths = over * 1000 + under_way.map(|share| share.tenths).sum::<u64>();
        let mean = (tenths as f64 / total as f64).round();
        Self((mean as u16).min(Self::ALMOST))
    }
}

/// Seconds until the end at `now`, from the rate that the running stage has
/// shown in this attempt; later stages are taken to cost what their weight says.
/// `None` as long as nothing was measured.
pub(crate) fn eta_seconds(stages: &[StageState], now: Timestamp) -> Option<u64> {
    let index = stages.iter().position(|stage| stage.status == StageStatus::Running)?;
    let stage = &stages[index];
    let (done, total) = (stage.done?, stage.total?);
    let (started, advanced) = (stage.started_at?, stage.advanced_at?);
    let measured = done.checked_sub(stage.taken_over).filter(|&units| units > 0)?;
    let per_unit = advanced.seconds_since(started).max(0.0) / measured as f64;
    let here = per_unit * total.saturating_sub(done) as f64;
    let per_weight = per_unit * total as f64 / f64::from(stage.weight.max(1));
    let later: f64 = stages[index + 1..].iter().map(|s| f64::from(s.weight)).sum::<f64>();
    let since = now.seconds_since(advanced).max(0.0);
    let seconds = (here - since).max(0.0) + per_weight * later;
    Some(seconds.ceil() as u64)
}
