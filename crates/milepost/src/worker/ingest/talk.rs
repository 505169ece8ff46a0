//! What a converter says of one piece of work, recorded as it comes. Enters: a converter that
//! has begun. Leaves: events in groups, and its last word. Never: makes the converter wait
//! for the disk.

use milepost_core::{EventKind, Failure};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::store::{Decision, Lease, TextRow};
use crate::worker::converter::{Converter, Report};
use crate::worker::run::{REPORTS, Runner, Stop, read_reports};

/// Events of one commit, at most: more at once would be too many for those who watch all
/// of them.
const BURST: usize = 64;

/// What a report is worth.
#[derive(Default)]
pub(super) struct Heard {
    /// What is recorded.
    pub events: Vec<EventKind>,
    /// What is stored with it.
    pub texts: Vec<TextRow>,
    /// Whether the job may be given back behind it.
    pub may_stop: bool,
}

impl Heard {
    pub(super) fn events(events: Vec<EventKind>) -> Self {
        Self { events, ..Self::default() }
    }
}

/// How it ended.
pub(super) enum Said {
    /// With these texts.
    Made(Vec<TextRow>),
    /// The document is at fault.
    Failed(Failure),
    /// It was stopped half way, as the server shuts down.
    Stopped,
}

impl Runner {
    /// Records what `hear` makes of each report, up to the last one.
    pub(super) async fn listen(
        &self,
        lease: &Lease,
        converter: &mut Converter,
        draining: &CancellationToken,
        hear: impl FnMut(Report) -> Result<Heard, Stop>,
    ) -> Result<Said, Stop> {
        // Read and recorded side by side, as pages of a conversion are.
        let (sender, reports) = mpsc::channel(REPORTS);
        let may = (&self.config).into();
        let clock = self.journal.clock();
        let recording = self.take_down(lease, reports, draining, hear);
        tokio::pin!(recording);
        let read = tokio::select! {
            biased;
            said = &mut recording => return said,
            read = read_reports(converter, &self.blobs, clock, &may, sender) => read,
        };
        // What was reported before the converter went away is kept.
        let said = recording.await;
        read.map_err(Stop::Gone).and(said)
    }

    async fn take_down(
        &self,
        lease: &Lease,
        mut reports: mpsc::Receiver<Report>,
        draining: &CancellationToken,
        mut hear: impl FnMut(Report) -> Result<Heard, Stop>,
    ) -> Result<Said, Stop> {
        let mut group = Vec::with_capacity(REPORTS);
        while reports.recv_many(&mut group, REPORTS).await > 0 {
            let (mut decision, mut ended, mut may_stop) = (Decision::default(), None, false);
            for report in group.drain(..) {
                match report {
                    Report::Done(texts) => ended = Some(Said::Made(texts)),
                    Report::Failed(failure) => ended = Some(Said::Failed(failure)),
                    report => {
                        let heard = hear(report)?;
                        decision.events.extend(heard.events);
                        decision.texts.extend(heard.texts);
                        may_stop |= heard.may_stop;
                    }
                }
            }
            let Decision { events, mut texts, .. } = decision;
            for events in events.chunks(BURST) {
                let (events, texts) = (events.to_vec(), std::mem::take(&mut texts));
                self.report(lease, Decision { events, texts, ..Decision::default() }).await?;
            }
            if let Some(said) = ended {
                return Ok(said);
            }
            if may_stop && draining.is_cancelled() {
                return Ok(Said::Stopped);
            }
        }
        // The reader ended early and knows why.
        Ok(Said::Stopped)
    }
}
