//! A server of one run: started on a free port and an empty folder, killed at
//! the end.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Clock ticks in a second, as Linux reports processor time.
const TICKS: f64 = 100.0;

/// A running server.
pub struct Server {
    process: Child,
    /// Where it answers.
    pub url: String,
    _data: tempfile::TempDir,
}

impl Server {
    /// Starts `binary` with `slots` converters and waits until it is ready.
    pub async fn start(binary: &Path, slots: usize) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let mut process = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data.path())
            .env("MILEPOST_WORKER_SLOTS", slots.to_string())
            .env("MILEPOST_WORKER_RECYCLE_AFTER", "1000000")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process.stdout.take().context("no output")?;
        let line = BufReader::new(stdout).lines().next_line().await?.context("it ended")?;
        let url = line.split_whitespace().last().context("no address")?.to_owned();
        // The converters start beside it.
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(Self { process, url, _data: data })
    }

    /// Processor seconds of the server and of its converters so far.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let own = self.process.id().context("it ended")?;
        let mut seconds = cpu_seconds_of(own)?;
        for child in std::fs::read_to_string(format!("/proc/{own}/task/{own}/children"))
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .chain(children_of(own)?)
            .collect::<std::collections::BTreeSet<_>>()
        {
            seconds += cpu_seconds_of(child.parse()?)?;
        }
        Ok(seconds)
    }
}

/// Processor seconds of one process, of its waited-for children too.
pub fn cpu_seconds_of(process: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields: Vec<&str> =
        stat.rsplit_once(')').context("no process name")?.1.split_whitespace().collect();
    let ticks = fields[11..15].iter().map(|field| field.parse::<f64>().unwrap_or(0.0));
    Ok(ticks.sum::<f64>() / TICKS)
}

/// Processes whose parent is `parent`, whichever of its threads started them.
fn children_of(parent: u32) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{name}/stat")) else { continue };
        let of = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1));
        if of == Some(&parent.to_string()) {
            found.push(name);
        }
    }
    Ok(found)
}
