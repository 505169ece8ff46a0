//! Watching on a terminal: a bar for each job under way. Enters: snapshots and
//! the passing of time. Leaves: a drawing on stderr. Never: draws more lines
//! than the terminal has, nor a character that would move its cursor.

use std::collections::BTreeMap;
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use milepost_core::{JobId, Status};

use super::describe::{self, Pace};
use super::text::{clip, fit};
use super::wire::Snapshot;

const BAR_COLUMNS: usize = 20;
const NAME_COLUMNS: usize = 28;

/// The drawing.
pub struct Live {
    multi: MultiProgress,
    rows: BTreeMap<JobId, Row>,
    /// The last line, where there are several: how many have ended, and how many
    /// are under way without a line of their own.
    rest: ProgressBar,
    /// Jobs that have not ended.
    watched: usize,
    /// Jobs that ended without a result.
    failed: usize,
}

struct Row {
    job: Snapshot,
    pace: Pace,
    rate: Option<f64>,
    received: Instant,
    bar: Option<ProgressBar>,
}

impl Live {
    /// For this many jobs.
    pub fn new(watched: usize) -> Self {
        let multi = MultiProgress::new();
        let template = if watched > 1 { "{prefix}{bar:20.cyan/dim} {msg}" } else { "{msg}" };
        let rest = ProgressBar::new(watched as u64).with_style(style(template));
        let rest = multi.add(rest.with_prefix(fit("All jobs", name_columns()) + " "));
        Self { multi, rows: BTreeMap::new(), rest, watched, failed: 0 }
    }

    /// Takes in the newest state of a job.
    pub fn show(&mut self, job: &Snapshot) {
        let row = self.rows.entry(job.id).or_insert_with(|| Row {
            job: job.clone(),
            pace: Pace::default(),
            rate: None,
            received: Instant::now(),
            bar: None,
        });
        row.rate = row.pace.measure(job);
        row.job = job.clone();
        row.received = Instant::now();
        if job.status.is_terminal() {
            let completed = job.status == Status::Completed;
            let mark = if completed { '✓' } else { '✗' };
            self.failed += usize::from(!completed);
            if let Some(bar) = row.bar.take() {
                self.multi.remove(&bar);
            }
            self.rows.remove(&job.id);
            self.watched = self.watched.saturating_sub(1);
            self.say(&format!("{mark} {}", describe::ending(job)));
            self.tick();
            return;
        }
        self.seat(job.id);
        if let Some(row) = self.rows.get(&job.id) {
            row.draw(self.is_tall());
        }
    }

    /// Moves what changes with time alone.
    pub fn tick(&mut self) {
        let waiting: Vec<JobId> =
            self.rows.iter().filter(|(_, row)| row.bar.is_none()).map(|(id, _)| *id).collect();
        for id in waiting {
            self.seat(id);
        }
        let tall = self.is_tall();
        self.rows.values().for_each(|row| row.draw(tall));
        let hidden = self.rows.values().filter(|row| row.bar.is_none()).count();
        if let Some(all @ 2..) = self.rest.length() {
            let ended = all.saturating_sub(self.watched as u64);
            self.rest.set_position(ended);
            let mut line = format!("{ended} of {all} have ended");
            if self.failed > 0 {
                line.push_str(&format!(", {} without a result", self.failed));
            }
            if hidden > 0 {
                line.push_str(&format!("; {hidden} more are under way"));
            }
            let used = name_columns() + 1 + BAR_COLUMNS + 2;
            let columns = usize::from(terminal().1).saturating_sub(used);
            self.rest.set_message(clip(&line, columns).into_owned());
        }
    }

    /// A line above the bars that stays.
    pub fn say(&self, line: &str) {
        // A failure to draw is not worth the end of the watch.
        let _ = self.multi.println(line);
    }

    /// Removes what is still drawn, so that the last lines stay clean.
    pub fn clear(&mut self) {
        // Each by itself, as a bar that is dropped later would draw once more.
        for bar in self.rows.values_mut().filter_map(|row| row.bar.take()) {
            bar.finish_and_clear();
        }
        self.rest.finish_and_clear();
        let _ = self.multi.clear();
    }

    /// Leaves the last drawing as it stands and begins a line below it. Nothing
    /// is drawn any more: the terminal's own `^C` has moved the cursor.
    pub fn leave(&self) {
        self.multi.set_draw_target(ProgressDrawTarget::hidden());
        let _ = console::Term::stderr().write_line("");
    }

    /// Gives the job a bar where there is room; running ones come first where
    /// there is not enough for all.
    fn seat(&mut self, id: JobId) {
        let lines = if self.is_tall() { 2 } else { 1 };
        let room = usize::from(terminal().0).saturating_sub(3) / lines;
        let seated = self.rows.values().filter(|row| row.bar.is_some()).count();
        let tall = self.is_tall();
        let Some(row) = self.rows.get_mut(&id) else { return };
        let wanted = self.watched <= room || row.job.status == Status::Running;
        if row.bar.is_none() && wanted && seated < room {
            let (name, text) = row.texts(tall);
            // Complete before it is drawn for the first time.
            let bar = ProgressBar::new(1000)
                .with_style(style("{prefix}{bar:20.cyan/dim} {msg}"))
                .with_position(row.position())
                .with_prefix(name)
                .with_message(text);
            row.bar = Some(self.multi.insert_before(&self.rest, bar));
        }
    }

    /// Whether each job can have a second line.
    fn is_tall(&self) -> bool {
        self.watched * 2 + 3 <= usize::from(terminal().0)
    }
}

impl Row {
    fn draw(&self, tall: bool) {
        let Some(bar) = &self.bar else { return };
        let (name, text) = self.texts(tall);
        bar.set_prefix(name);
        bar.set_message(text);
        bar.set_position(self.position());
    }

    fn position(&self) -> u64 {
        (self.job.progress * 10.0).round() as u64
    }

    /// What stands before the bar and behind it, or below.
    fn texts(&self, tall: bool) -> (String, String) {
        let columns = usize::from(terminal().1);
        let job = &self.job;
        // Between two snapshots the remaining time passes here.
        let eta = job.eta_seconds.map(|eta| eta.saturating_sub(self.received.elapsed().as_secs()));
        let mut line = format!("{:>6}", describe::percent(job));
        if job.status != Status::Running {
            line.push_str(&format!("  {}", job.status.as_str()));
        }
        for part in describe::details(job, self.rate, eta) {
            line.push_str(&format!("  {part}"));
        }
        let name_columns = name_columns();
        let used = name_columns + 1 + BAR_COLUMNS + 1;
        let mut text = clip(&line, columns.saturating_sub(used + 1)).into_owned();
        if tall {
            let below = format!("  {}   {}", describe::stages(job), describe::message(job));
            text.push('\n');
            text.push_str(&clip(&below, columns.saturating_sub(1)));
        }
        (fit(&describe::name(job), name_columns) + " ", text)
    }
}

fn name_columns() -> usize {
    NAME_COLUMNS.min(usize::from(terminal().1) / 3)
}

/// Rows and columns.
fn terminal() -> (u16, u16) {
    console::Term::stderr().size()
}

fn style(template: &str) -> ProgressStyle {
    // The templates are ours and fixed; the plain style is no worse than a stop.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
