//! How a watch is shown. Enters: snapshots. Leaves: a drawing, lines, or JSON.
//! Never: decides when a watch is over.

use std::io;

use milepost_core::Status;

use super::describe;
use super::live::Live;
use super::out;
use super::plain::PlainLines;
use super::wire::Snapshot;

/// One of the ways to show jobs.
pub enum Display {
    /// Bars on a terminal.
    Live(Live),
    /// Lines on stdout, or on stderr where stdout is for ids.
    Plain { lines: PlainLines, on_stdout: bool },
    /// Every snapshot, one line each.
    Json,
    /// The last snapshot of each job, one line each.
    JsonAtEnd,
    /// Nothing but what went wrong.
    Quiet,
    /// Nothing: what went wrong is told at the end.
    Silent,
}

impl Display {
    /// For a watch of this many jobs whose own output is what it shows.
    pub fn of_watch(jobs: usize, json: bool) -> Self {
        match json {
            true => Self::Json,
            false if out::can_draw() && console::user_attended() => Self::Live(Live::new(jobs)),
            false => Self::Plain { lines: PlainLines::new(jobs > 1), on_stdout: true },
        }
    }

    /// For a watch that follows another command, whose output has stdout.
    pub fn beside_output(jobs: usize, json: bool) -> Self {
        match json {
            true => Self::Json,
            false if out::can_draw() => Self::Live(Live::new(jobs)),
            false => Self::Plain { lines: PlainLines::new(jobs > 1), on_stdout: false },
        }
    }

    /// Shows the newest state of a job.
    ///
    /// # Errors
    /// Where stdout does not take it.
    pub fn show(&mut self, job: &Snapshot) -> io::Result<()> {
        match self {
            Self::Live(live) => live.show(job),
            Self::Plain { lines, on_stdout } => match (lines.line(job), *on_stdout) {
                (Some(line), true) => out::line(&line)?,
                (Some(line), false) => out::note(line),
                (None, _) => {}
            },
            Self::Json => out::line(&job.json)?,
            Self::JsonAtEnd if job.status.is_terminal() => out::line(&job.json)?,
            Self::Quiet if matches!(job.status, Status::Failed | Status::Cancelled) => {
                out::note(describe::ending(job));
            }
            Self::JsonAtEnd | Self::Quiet | Self::Silent => {}
        }
        Ok(())
    }

    /// Shows a new place in the queue, which is no new snapshot.
    pub fn show_queue(&mut self, job: &Snapshot) {
        if let Self::Live(live) = self {
            live.show(job);
        }
    }

    /// Says something about the watch itself.
    pub fn note(&self, text: &str) {
        match self {
            Self::Live(live) => live.say(&super::text::clean(text)),
            _ => out::note(text),
        }
    }

    /// Time passes.
    pub fn tick(&mut self) {
        if let Self::Live(live) = self {
            live.tick();
        }
    }

    /// Nothing more comes.
    pub fn finish(&mut self) {
        if let Self::Live(live) = self {
            live.clear();
        }
    }

    /// The user has had enough.
    pub fn leave(&self) {
        if let Self::Live(live) = self {
            live.leave();
        }
    }
}
