//! The process that a converter is. Enters: what it may use. Leaves: a started
//! process with a pipe to it, what it uses, how it ended. Never: passes on the
//! server's environment, or a descriptor besides the standard three.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;

use super::converter::{Body, Converter};
use super::watch::{self, Usage};
use crate::config::{Isolation, WorkerConfig};

/// The hidden subcommand that makes this binary a converter.
pub const SUBCOMMAND: &str = "convert-child";
/// How much of a converter's complaints is kept for the log.
const MAX_COMPLAINT: usize = 4096;

/// What a process is started with, and which it then cannot change.
#[derive(Clone, Copy, Debug)]
pub struct Walls {
    /// Memory, in bytes.
    pub memory: u64,
    /// How much of the sandbox there must be.
    pub isolation: Isolation,
}

impl From<&WorkerConfig> for Walls {
    fn from(config: &WorkerConfig) -> Self {
        Self { memory: config.memory.as_u64(), isolation: config.sandbox }
    }
}

/// A process of this binary.
struct Process {
    process: Child,
    /// Its standard error is read all the time, or it would block on a full
    /// pipe; the end of it is kept.
    complaints: JoinHandle<Vec<u8>>,
    /// How it ended, once that was asked.
    end: Option<String>,
}

/// Starts a process of this binary that waits for a document.
///
/// # Errors
/// Where the system does not start it.
pub fn spawn(walls: Walls) -> io::Result<Converter> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let mut process = Command::new(own_binary())
        // What an operator sees in a list of processes.
        .arg0("milepost: converter")
        .arg(SUBCOMMAND)
        .arg(walls.memory.to_string())
        .arg(walls.isolation.name())
        // Secrets of the server's environment are none of its business.
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        // A Ctrl-C at the terminal is for the server, which then decides.
        .process_group(0)
        .spawn()?;
    let complaints = tokio::spawn(read_tail(process.stderr.take()));
    let pipe = UnixStream::from_std(ours)?;
    let body = Process { process, complaints, end: None };
    Ok(Converter::new(Box::new(body), Box::new(pipe)))
}

impl Body for Process {
    fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    fn usage(&self) -> Option<Usage> {
        // Not reaped yet where it has an id, so the id is nobody else's.
        watch::usage(self.process.id()?)
    }

    fn end(&mut self) -> BoxFuture<'_, String> {
        async move {
            if let Some(end) = &self.end {
                return end.clone();
            }
            let _ = self.process.start_kill();
            let status = self.process.wait().await.map(|status| status.to_string());
            let complaint = (&mut self.complaints).await.unwrap_or_default();
            let complaint = String::from_utf8_lossy(&complaint);
            let complaint = complaint.trim().replace('\n', " | ");
            let end = format!("{} {complaint}", status.unwrap_or_default());
            self.end.insert(end).clone()
        }
        .boxed()
    }
}

/// Reads to the end; returns the last bytes.
async fn read_tail(stderr: Option<ChildStderr>) -> Vec<u8> {
    let (mut tail, mut chunk) = (Vec::new(), [0; 1024]);
    let Some(mut stderr) = stderr else { return tail };
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        tail.extend_from_slice(&chunk[..read]);
        let surplus = tail.len().saturating_sub(MAX_COMPLAINT);
        tail.drain(..surplus);
    }
    tail
}

/// On Linux the running file itself, even where an update has replaced the one
/// at its path: server and converter must speak the same version.
fn own_binary() -> std::path::PathBuf {
    if cfg!(target_os = "linux") {
        return "/proc/self/exe".into();
    }
    std::env::current_exe().unwrap_or_else(|_| "milepost".into())
}
