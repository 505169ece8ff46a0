//! A server of one run: started on a free port and an empty folder, or on one
//! that was prepared; killed at the end.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::process;

/// A server to be started.
pub struct Launch {
    command: Command,
    data: PathBuf,
    folder: Option<tempfile::TempDir>,
}

impl Launch {
    /// `binary` with `slots` converters on a folder of its own.
    pub fn new(binary: &Path, slots: usize) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut launch = Self::over(binary, slots, folder.path());
        launch.folder = Some(folder);
        Ok(launch)
    }

    /// `binary` with `slots` converters on a folder that there is.
    pub fn over(binary: &Path, slots: usize, data: &Path) -> Self {
        let mut command = Command::new(binary);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .env("MILEPOST_WORKER_SLOTS", slots.to_string())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        Self { command, data: data.to_owned(), folder: None }
    }

    /// Changes a setting, named as its variable is without the first word.
    pub fn set(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        self.command.env(format!("MILEPOST_{key}"), value.to_string());
        self
    }

    /// Writes the server's log there.
    pub fn log(mut self, file: File) -> Self {
        self.command.stderr(file);
        self
    }

    /// Starts it and waits until it is ready.
    pub async fn start(mut self) -> anyhow::Result<Server> {
        let mut process = self.command.spawn().context("the server does not start")?;
        let stdout = process.stdout.take().context("no output")?;
        let line = BufReader::new(stdout).lines().next_line().await?.context("it ended")?;
        let url = line.split_whitespace().last().context("no address")?.to_owned();
        Ok(Server { process, url, data: self.data, _folder: self.folder })
    }
}

/// A running server.
pub struct Server {
    process: Child,
    /// Where it answers.
    pub url: String,
    /// Its folder.
    pub data: PathBuf,
    _folder: Option<tempfile::TempDir>,
}

impl Server {
    /// Starts `binary` with `slots` converters, which are ready and stay.
    pub async fn start(binary: &Path, slots: usize) -> anyhow::Result<Self> {
        Self::warm(Launch::new(binary, slots)?).await
    }

    /// The same with authentication, and an API key. What one owner may do is not
    /// what is measured.
    pub async fn guarded(binary: &Path, slots: usize) -> anyhow::Result<(Self, String)> {
        let mut launch = Launch::new(binary, slots)?.set("AUTH", "api-keys");
        for limit in ["REQUESTS", "SUBMISSIONS", "CONNECTIONS", "SUBSCRIPTIONS"] {
            for whose in ["OWNER", "ADDRESS"] {
                launch = launch.set(&format!("LIMITS_{whose}_{limit}"), 0);
            }
        }
        launch = launch.set("LIMITS_CONNECTIONS_PER_ADDRESS", 0);
        launch = launch.set("LIMITS_ATTEMPTS_PER_ADDRESS", 0);
        let mut keys = Command::new(binary);
        let made = keys.args(["keys", "create", "bench", "--data-dir"]).arg(&launch.data);
        let made = made.output().await?;
        anyhow::ensure!(made.status.success(), "no key: {made:?}");
        let key = String::from_utf8(made.stdout)?.trim().to_owned();
        Ok((Self::warm(launch).await?, key))
    }

    async fn warm(launch: Launch) -> anyhow::Result<Self> {
        let server = launch.set("WORKER_RECYCLE_AFTER", 1_000_000).start().await?;
        // The converters start beside it.
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(server)
    }

    /// Its process.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.process.id().context("the server has ended")
    }

    /// Where it answers, without the scheme.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }

    /// Processor seconds of the server and of its converters so far.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        process::cpu_seconds_with_children(self.id()?)
    }

    /// Asks it to stop and waits until it has.
    pub async fn stop(&mut self) -> anyhow::Result<ExitStatus> {
        let id = Pid::from_raw(self.id()? as i32).context("no process")?;
        kill_process(id, Signal::TERM)?;
        Ok(tokio::time::timeout(Duration::from_secs(30), self.process.wait()).await??)
    }
}
