//! `milepost doctor`: what this machine gives a server, and what stands between
//! a client and one. Enters: the server's configuration, or a server's address.
//! Leaves: a list of checks, and an exit code that says whether one failed.
//! Never: leaves anything behind.

mod machine;
mod way;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use super::client::{Client, ServerArgs};
use super::exit::Exit;
use super::out;
use super::serve::Source;

/// Check this machine, or the way to a server
///
/// Without --url: whether the configuration, the data directory, the limits of
/// the system and the sandbox of the converters are as a server needs them.
///
/// With --url: whether updates come through to here as they happen. For that it
/// makes a job of the pipeline `external` there and deletes it again.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Check what stands between here and the server at this address
    #[arg(long, value_name = "URL", conflicts_with_all = ["listen", "data_dir", "config"])]
    url: Option<String>,
    /// How long connections are held without news, to see whether they live
    #[arg(long, value_name = "TIME", requires = "url", default_value = "35s",
          value_parser = humantime::parse_duration)]
    idle: Duration,
    /// Report each check as a line of JSON on stdout
    #[arg(long)]
    json: bool,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// As it should be.
    Fine,
    /// Works, but worse than it could.
    Warning,
    /// Does not work, or is not safe.
    Bad,
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

/// One check.
#[derive(Debug)]
struct Check {
    /// What was looked at, for programs and people.
    name: &'static str,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do now; empty where nothing is to be done.
    advice: &'static str,
}

impl Check {
    fn fine(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fine, found: found.into(), advice: "" }
    }

    fn warning(name: &'static str, found: impl Into<String>, advice: &'static str) -> Self {
        Self { name, verdict: Verdict::Warning, found: found.into(), advice }
    }

    fn bad(name: &'static str, found: impl Into<String>, advice: &'static str) -> Self {
        Self { name, verdict: Verdict::Bad, found: found.into(), advice }
    }
}

/// Says each check as it ends; keeps the worst.
struct Report {
    json: bool,
    worst: Verdict,
}

impl Report {
    fn add(&mut self, check: Check) -> anyhow::Result<()> {
        let Check { name, verdict, found, advice } = check;
        self.worst = self.worst.max(verdict);
        if self.json {
            let line = json!({
                "check": name, "verdict": verdict.name(), "found": found,
                "advice": Some(advice).filter(|advice| !advice.is_empty()),
            });
            out::line(&line.to_string())?;
            return Ok(());
        }
        out::line(&format!("{:<8} {name}: {found}", verdict.name()))?;
        if !advice.is_empty() {
            out::line(&format!("         {advice}"))?;
        }
        Ok(())
    }
}

/// Carries out the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("The system gives no event loop")?;
    let mut report = Report { json: args.json, worst: Verdict::Fine };
    runtime.block_on(async {
        match args.url {
            Some(url) => {
                let client = Client::new(&ServerArgs::named(&url))?;
                way::check(&client, args.idle, &mut report).await
            }
            None => machine::check(args.source, &mut report).await,
        }
    })?;
    Ok(if report.worst == Verdict::Bad { Exit::Failed } else { Exit::Done }.into())
}
