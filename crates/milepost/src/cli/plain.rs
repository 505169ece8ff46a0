//! Watching without a terminal. Enters: snapshots. Leaves: a line where a job's
//! stage changes or another tenth is done. Never: repeats itself.

use std::collections::HashMap;

use milepost_core::{JobId, Status};

use super::describe::{self, Pace};
use super::wire::Snapshot;

/// What the last line of a job said.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    status: Status,
    attempt: u32,
    stage: Option<String>,
    tenth: u8,
}

/// Remembers what was said about each job.
#[derive(Debug, Default)]
pub struct PlainLines {
    /// Names alone are ambiguous where several jobs are watched.
    with_ids: bool,
    jobs: HashMap<JobId, (Option<Said>, Pace)>,
}

impl PlainLines {
    /// For one job, or for several whose lines then carry ids.
    pub fn new(with_ids: bool) -> Self {
        Self { with_ids, jobs: HashMap::new() }
    }

    /// The line for this snapshot, where it has news.
    pub fn line(&mut self, job: &Snapshot) -> Option<String> {
        let (said, pace) = self.jobs.entry(job.id).or_default();
        let rate = pace.measure(job);
        let now = Said {
            status: job.status,
            attempt: job.attempt,
            stage: job.stage.clone().filter(|_| job.status == Status::Running),
            tenth: (job.progress / 10.0) as u8,
        };
        if said.as_ref() == Some(&now) {
            return None;
        }
        *said = Some(now);
        let line = if job.status.is_terminal() {
            describe::ending(job)
        } else {
            let state = match job.status {
                Status::Running => job.stage.as_deref().map(super::text::clean),
                _ => None,
            };
            let mut parts = vec![state.unwrap_or_else(|| job.status.as_str().to_owned())];
            if job.progress > 0.0 {
                parts.push(describe::percent(job));
            }
            parts.extend(describe::details(job, rate, job.eta_seconds));
            format!("{}: {}", describe::name(job), parts.join(", "))
        };
        Some(if self.with_ids { format!("{}  {line}", job.id) } else { line })
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::Queue;
    use super::super::wire::tests::running;
    use super::*;

    #[test]
    fn one_line_for_each_stage_and_each_tenth() {
        let mut lines = PlainLines::new(false);
        let mut queued = running(0, 0);
        queued.status = Status::Queued;
        queued.progress = 0.0;
        queued.queue = Some(Queue { position: 3, length: 12 });
        let mut moved = queued.clone();
        moved.queue = Some(Queue { position: 2, length: 12 });
        let mut out: Vec<String> = [queued, moved].iter().filter_map(|s| lines.line(s)).collect();
        out.extend((0..=12).filter_map(|page| lines.line(&running(page, page as u32))));
        let mut done = running(40, 40);
        done.status = Status::Completed;
        done.progress = 100.0;
        done.started_at = Some("2026-01-01T00:00:00Z".parse().unwrap());
        done.finished_at = Some("2026-01-01T00:01:05Z".parse().unwrap());
        out.extend(lines.line(&done));
        assert_eq!(
            out,
            [
                "paper.pdf: queued, position 3 of 12 in the queue",
                "paper.pdf: converting, 10 %, page 0 of 40, 18 s left",
                "paper.pdf: converting, 20 %, page 5 of 40, 1.0 pages/s, 18 s left",
                "paper.pdf: converting, 30 %, page 10 of 40, 1.0 pages/s, 18 s left",
                "paper.pdf: completed after 1 min 5 s, 40 pages",
            ]
        );
    }

    #[test]
    fn several_jobs_carry_their_ids() {
        let mut lines = PlainLines::new(true);
        let line = lines.line(&running(0, 0)).unwrap();
        assert!(line.starts_with("01990000-0000-7000-8000-000000000001  paper.pdf: "), "{line}");
    }
}
