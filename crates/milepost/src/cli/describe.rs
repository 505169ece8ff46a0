//! A job in words. Enters: snapshots. Leaves: short texts without control
//! characters. Never: prints, asks a clock, or computes a percentage.

use milepost_core::{StageStatus, Status, Timestamp};

use super::text::{clean, span};
use super::wire::{Documents, Snapshot, Stage};

/// What the job is called: its file, or how many they are; else its id.
pub fn name(job: &Snapshot) -> String {
    let file = job.document.as_ref().and_then(|document| document.filename.as_deref());
    match (file.map(clean), job.documents) {
        (Some(file), _) if !file.trim().is_empty() => file,
        (None, Some(Documents { total: total @ 2.., .. })) => format!("{total} documents"),
        _ => job.id.to_string(),
    }
}

/// `page 12 of 40` of the stage that counts.
pub fn units(job: &Snapshot) -> Option<String> {
    let stage = job.current_stage()?;
    let done = stage.done?;
    if stage.unit.as_deref() == Some("byte") {
        let of = stage.total.map_or_else(String::new, |total| format!(" of {}", size(total)));
        return Some(format!("{}{of}", size(done)));
    }
    let total = stage.total?;
    let unit = stage.unit.as_deref().map_or_else(String::new, |unit| clean(unit) + " ");
    Some(format!("{unit}{done} of {total}"))
}

/// `✓ detecting  ▸ converting  · assembling`.
pub fn stages(job: &Snapshot) -> String {
    let mark = |stage: &Stage| {
        let mark = match stage.status {
            StageStatus::Pending => '·',
            StageStatus::Running => '▸',
            StageStatus::Completed => '✓',
            StageStatus::Failed | StageStatus::Cancelled => '✗',
        };
        format!("{mark} {}", clean(&stage.name))
    };
    job.stages.iter().map(mark).collect::<Vec<_>>().join("  ")
}

/// What the server says beside the bar; empty where it has nothing to say.
pub fn message(job: &Snapshot) -> String {
    job.message.as_deref().map(clean).unwrap_or_default()
}

/// The parts that say how far a job is, the most important first.
pub fn details(job: &Snapshot, rate: Option<f64>, eta_seconds: Option<u64>) -> Vec<String> {
    let mut parts = Vec::new();
    match (job.status, job.queue) {
        (Status::Queued, Some(queue)) => {
            parts.push(format!("position {} of {} in the queue", queue.position, queue.length));
        }
        (Status::Running, _) => {
            parts.extend(units(job));
            let unit = job.current_stage().and_then(|stage| stage.unit.as_deref());
            match (rate, unit) {
                (Some(rate), Some("byte")) => parts.push(format!("{}/s", size(rate as u64))),
                (Some(rate), Some(unit)) => {
                    parts.push(format!("{} {}s/s", rounded(rate), clean(unit)));
                }
                _ => {}
            }
            parts.extend(eta_seconds.map(|eta| format!("{} left", span(eta))));
        }
        _ => {}
    }
    if job.attempt > 1 && !job.status.is_terminal() {
        parts.push(format!("attempt {}", job.attempt));
    }
    parts
}

/// The one line that a job leaves behind.
pub fn ending(job: &Snapshot) -> String {
    ending_of(&name(job), job)
}

/// The same under another name.
pub fn ending_of(name: &str, job: &Snapshot) -> String {
    let took = match (job.started_at, job.finished_at) {
        (Some(from), Some(to)) => match to.seconds_since(from).max(0.0) {
            ..0.05 => String::new(),
            seconds @ ..10.0 => format!(" after {seconds:.1} s"),
            seconds => format!(" after {}", span(seconds as u64)),
        },
        _ => String::new(),
    };
    match job.status {
        Status::Completed => {
            let pages = job.document.as_ref().and_then(|document| document.pages);
            let pages = match pages {
                Some(1) => ", 1 page".to_owned(),
                Some(pages) => format!(", {pages} pages"),
                None => String::new(),
            };
            let into = job.collection.as_deref().map(clean);
            let into = into.map(|name| format!(", into {name}")).unwrap_or_default();
            let reused = job.result.as_ref().is_some_and(|result| result.reused_from.is_some());
            let reused = if reused { ", as it was converted before" } else { "" };
            format!("{name}: completed{took}{pages}{into}{reused}")
        }
        Status::Failed => match &job.error {
            Some(error) => {
                let (message, code) = (clean(&error.message), clean(&error.code));
                // The server speaks of its own options; here they have another name.
                let advice = match code.as_str() {
                    "document_encrypted" => "; `milepost submit --password-file` sends one",
                    _ => "",
                };
                format!("{name}: failed{took}: {message} ({code}){advice}")
            }
            None => format!("{name}: failed{took}"),
        },
        Status::Cancelled => format!("{name}: cancelled{took}"),
        Status::Awaiting | Status::Queued | Status::Running => {
            format!("{name}: {}", job.status.as_str())
        }
    }
}

/// `37 %`, with a decimal only where there is one.
pub fn percent(job: &Snapshot) -> String {
    format!("{} %", (job.progress * 10.0).round() / 10.0)
}

fn size(bytes: u64) -> String {
    bytesize::ByteSize::b(bytes).display().si().to_string()
}

fn rounded(rate: f64) -> String {
    if rate >= 10.0 { format!("{rate:.0}") } else { format!("{rate:.1}") }
}

/// Measures the units per second of one job's stage.
#[derive(Debug, Default)]
pub struct Pace {
    /// Where the measurement began: attempt, stage, time, units.
    start: Option<(u32, String, Timestamp, u64)>,
    rate: Option<f64>,
}

impl Pace {
    /// The rate as of this snapshot, by the server's own times.
    pub fn measure(&mut self, job: &Snapshot) -> Option<f64> {
        let stage = job.current_stage().filter(|_| job.status == Status::Running);
        let (Some(stage), Some(now)) = (stage, job.updated_at) else { return self.forget() };
        let Some(done) = stage.done else { return self.forget() };
        let same = matches!(&self.start, Some((attempt, name, ..))
            if *attempt == job.attempt && *name == stage.name);
        if !same {
            // A first attempt began at nothing; a later one took over units that
            // say nothing about its speed, so only what we see counts.
            let (at, units) = match stage.started_at {
                Some(at) if job.attempt == 1 => (at, 0),
                _ => (now, done),
            };
            self.start = Some((job.attempt, stage.name.clone(), at, units));
            self.rate = None;
        }
        if let Some((_, _, at, units)) = &self.start {
            let (elapsed, measured) = (now.seconds_since(*at), done.saturating_sub(*units));
            if elapsed > 0.0 && measured > 0 {
                self.rate = Some(measured as f64 / elapsed);
            }
        }
        self.rate
    }

    fn forget(&mut self) -> Option<f64> {
        *self = Self::default();
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::tests::running;
    use super::*;

    #[test]
    fn says_how_far_a_running_job_is() {
        let job = running(12, 4);
        let rate = Pace::default().measure(&job);
        assert_eq!(
            details(&job, rate, job.eta_seconds).join(", "),
            "page 12 of 40, 3.0 pages/s, 18 s left"
        );
        assert_eq!(stages(&job), "✓ detecting  ▸ converting  · assembling");
        assert_eq!(percent(&job), "34 %");
    }

    #[test]
    fn bytes_are_shown_in_larger_units() {
        let mut job = running(12, 4);
        job.stages[1].unit = Some("byte".to_owned());
        job.stages[1].done = Some(1_500_000);
        job.stages[1].total = Some(12_000_000);
        assert_eq!(
            details(&job, Some(375_000.0), None).join(", "),
            "1.5 MB of 12.0 MB, 375.0 kB/s"
        );
        job.stages[1].total = None;
        assert_eq!(units(&job).as_deref(), Some("1.5 MB"));
    }

    #[test]
    fn a_later_attempt_is_measured_from_what_it_took_over() {
        let mut pace = Pace::default();
        let (mut first, mut second) = (running(10, 5), running(14, 7));
        (first.attempt, second.attempt) = (2, 2);
        assert_eq!(pace.measure(&first), None);
        assert_eq!(pace.measure(&second), Some(2.0));
    }

    #[test]
    fn a_name_from_outside_is_harmless_and_never_empty() {
        let mut job = running(0, 0);
        job.document.as_mut().unwrap().filename = Some("\u{1b}]0;x\u{7}a.pdf".to_owned());
        assert_eq!(name(&job), "]0;xa.pdf");
        job.document.as_mut().unwrap().filename = Some("\u{1b}".to_owned());
        assert_eq!(name(&job), job.id.to_string());
    }

    #[test]
    fn an_ending_says_why() {
        let mut job = running(3, 1);
        job.status = Status::Failed;
        job.error = Some(super::super::wire::JobError {
            code: "document_encrypted".to_owned(),
            message: "It is encrypted.".to_owned(),
            retryable: false,
        });
        assert_eq!(
            ending(&job),
            "paper.pdf: failed: It is encrypted. (document_encrypted); `milepost submit \
             --password-file` sends one"
        );
    }
}
