//! How many jobs ended in which way, told once at the end. Enters: terminal
//! snapshots. Leaves: a count, and a line for each job that did not complete.
//! Never: a line for one that did.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use milepost_core::{JobId, Status};

use super::describe;
use super::exit::Exit;
use super::out;
use super::wire::Snapshot;

/// The ends of jobs that were watched together.
#[derive(Debug, Default)]
pub struct Ends {
    /// What they mean for the exit code.
    pub exit: Exit,
    /// Each job that ended, once.
    jobs: BTreeMap<JobId, Snapshot>,
    /// Jobs that could not be watched to their end.
    lost: usize,
}

impl Ends {
    /// Takes in a state of a job.
    pub fn take(&mut self, job: &Snapshot) {
        if job.status.is_terminal() {
            self.exit = self.exit.max(Exit::of_status(job.status));
            self.jobs.insert(job.id, job.clone());
        }
    }

    /// Each job that ended.
    pub fn jobs(&self) -> impl Iterator<Item = &Snapshot> {
        self.jobs.values()
    }

    /// A job cannot be watched any more.
    pub fn lose(&mut self, why: Exit) {
        self.exit = self.exit.max(why);
        self.lost += 1;
    }

    /// Tells all of it; `files` are the names of jobs where their own could be
    /// those of several files.
    pub fn tell(&self, files: &HashMap<JobId, PathBuf>) {
        self.lines(files).iter().for_each(out::note);
    }

    fn lines(&self, files: &HashMap<JobId, PathBuf>) -> Vec<String> {
        let count = |status| self.jobs.values().filter(|job| job.status == status).count();
        let ends = [Status::Completed, Status::Failed, Status::Cancelled];
        let counts = ends.map(|status| (count(status), status.as_str()));
        let counts = counts.into_iter().chain([(self.lost, "lost sight of")]);
        let counts: Vec<_> = counts
            .filter(|(jobs, _)| *jobs > 0)
            .map(|(jobs, word)| format!("{jobs} {word}"))
            .collect();
        let all = self.jobs.len() + self.lost;
        let jobs = if all == 1 { "job" } else { "jobs" };
        let mut lines = vec![format!("{all} {jobs}: {}", counts.join(", "))];
        for job in self.jobs.values().filter(|job| job.status != Status::Completed) {
            let name = files.get(&job.id).map(|file| file.display().to_string());
            let name = name.unwrap_or_else(|| describe::name(job));
            lines.push(format!("  {}", describe::ending_of(&name, job)));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::tests::running;
    use super::*;

    #[test]
    fn what_did_not_complete_is_named_by_its_path() {
        let mut ends = Ends::default();
        let mut job = running(3, 1);
        for (number, status) in
            [Status::Completed, Status::Cancelled, Status::Running].into_iter().enumerate()
        {
            job.id = format!("01990000-0000-7000-8000-00000000000{number}").parse().unwrap();
            job.status = status;
            ends.take(&job);
        }
        ends.lose(Exit::NotFound);
        let cancelled = "01990000-0000-7000-8000-000000000001".parse().unwrap();
        let files = [(cancelled, PathBuf::from("scans/paper.pdf"))].into();
        assert_eq!(
            ends.lines(&files),
            ["3 jobs: 1 completed, 1 cancelled, 1 lost sight of", "  scans/paper.pdf: cancelled"]
        );
        assert_eq!(ends.exit, Exit::NotFound);
    }
}
