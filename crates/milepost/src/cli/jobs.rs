//! `milepost jobs`. Enters: what to look for. Leaves: a table, newest first, or
//! JSON lines. Never: asks for more than the limit.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use milepost_core::{BatchId, Status, Timestamp};
use reqwest::Method;
use serde_json::Value;

use super::client::{Client, ServerArgs};
use super::exit::Exit;
use super::text::{age, clean, clip, fit};
use super::trouble::Thing;
use super::wire::{List, Snapshot};
use super::{describe, out};

/// The largest page that a server gives.
const PAGE: usize = 200;

/// List jobs, newest first.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only jobs of these statuses: awaiting, queued, running, completed, failed, cancelled
    #[arg(long, value_delimiter = ',', value_parser = status)]
    status: Vec<Status>,
    /// Only jobs of this batch
    #[arg(long, value_name = "BATCH")]
    batch: Option<BatchId>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = limit)]
    limit: usize,
    /// Print each snapshot as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Carries out the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.server)?;
    let mut table = Table::new();
    let (mut left, mut cursor) = (args.limit, None);
    while left > 0 {
        let mut request =
            client.request(Method::GET, &["jobs"]).query(&[("limit", left.min(PAGE).to_string())]);
        if !args.status.is_empty() {
            let words: Vec<&str> = args.status.iter().map(|status| status.as_str()).collect();
            request = request.query(&[("status", words.join(","))]);
        }
        if let Some(batch) = args.batch {
            request = request.query(&[("batch", batch.to_string())]);
        }
        if let Some(cursor) = &cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let list: List<Value> = client.json(request, Thing::Path("a list of jobs")).await?;
        if list.items.is_empty() {
            break;
        }
        for item in list.items.into_iter().take(left) {
            left -= 1;
            let json = item.to_string();
            if args.json {
                out::line(&json)?;
            } else {
                let job = Snapshot::parse(&json).map_err(|error| client.foreign(&error))?;
                table.row(&job)?;
            }
        }
        cursor = list.next;
        if cursor.is_none() {
            break;
        }
    }
    if !args.json && left == args.limit {
        out::note("There are no such jobs.");
    }
    Ok(Exit::Done.into())
}

/// Prints rows as they come, so that a long list shows at once.
struct Table {
    columns: Option<usize>,
    now: Timestamp,
    begun: bool,
}

impl Table {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let columns = console::Term::stdout().size_checked().map(|(_, columns)| columns.into());
        Self { columns, now: Timestamp::default().plus(now), begun: false }
    }

    fn row(&mut self, job: &Snapshot) -> std::io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            self.print("ID", "STATUS", "DONE", "FILE", "AGE", "MESSAGE")?;
        }
        let age = job.created_at.map(|at| age(self.now.seconds_since(at).max(0.0) as u64));
        self.print(
            &job.id.to_string(),
            job.status.as_str(),
            &describe::percent(job),
            &describe::name(job),
            &age.unwrap_or_default(),
            &describe::message(job),
        )
    }

    fn print(
        &self,
        id: &str,
        status: &str,
        progress: &str,
        file: &str,
        age: &str,
        message: &str,
    ) -> std::io::Result<()> {
        let narrow = self.columns.is_some_and(|columns| columns < 120);
        let file = fit(file, if narrow { 14 } else { 24 });
        let line = format!("{id:36}  {status:9}  {progress:>6}  {file}  {age:>6}  {message}");
        // Only a terminal has an edge; a program gets the message whole.
        match self.columns {
            Some(columns) => out::line(clip(&clean(&line), columns).trim_end()),
            None => out::line(line.trim_end()),
        }
    }
}

fn status(text: &str) -> Result<Status, String> {
    Status::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
        let all: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
        format!("must be one of {}", all.join(", "))
    })
}

fn limit(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(limit) if limit > 0 => Ok(limit),
        _ => Err("must be a number from 1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_of_the_protocols() {
        assert_eq!(status("running"), Ok(Status::Running));
        assert!(status("Running").unwrap_err().contains("awaiting, queued"));
    }
}
