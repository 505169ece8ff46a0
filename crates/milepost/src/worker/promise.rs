//! What is promised of converters, and whether it is kept here. Enters: a
//! promise. Leaves: what happened when a real converter tried to break it.
//! Never: tries it outside of a converter.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use super::converter::Gone;
use super::probe::{Attempt, Tried};
use super::process::{Walls, spawn};
use super::watch::Allowance;
use crate::config::Isolation;

/// For the limits that are met on purpose: soon, and with little.
const MEMORY: u64 = 64 << 20;
const SOON: Duration = Duration::from_millis(300);
/// For what should fail at once.
const PATIENCE: Duration = Duration::from_secs(20);
/// More than is allowed, and still no harm where nothing stops it.
const TOO_MUCH: u64 = 512 << 20;
const FAR_TOO_MUCH: u64 = 1 << 36;
const TOO_LONG: Duration = Duration::from_secs(5);

/// A promise about every converter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It calls nobody.
    Network,
    /// It sees no file of the system.
    Files,
    /// It does not see the data directory.
    Data,
    /// It starts no program and no other process.
    Programs,
    /// It reaches no other process, its server above all.
    Processes,
    /// It does not get more memory than is allowed.
    Memory,
    /// It does not get more processor time for one page than is allowed.
    Processor,
    /// It is given up once it is silent for too long.
    Silence,
}

/// What became of a promise.
#[derive(Debug)]
pub enum Kept {
    /// It was kept; how.
    Yes(String),
    /// It was broken; how.
    No(String),
    /// It could not be tried; why.
    Unknown(String),
}

impl Promise {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Network,
        Self::Files,
        Self::Data,
        Self::Programs,
        Self::Processes,
        Self::Memory,
        Self::Processor,
        Self::Silence,
    ];

    /// For a list of checks.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "converter: network",
            Self::Files => "converter: files",
            Self::Data => "converter: data",
            Self::Programs => "converter: programs",
            Self::Processes => "converter: processes",
            Self::Memory => "converter: memory",
            Self::Processor => "converter: processor",
            Self::Silence => "converter: silence",
        }
    }

    /// For a person.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Network => "a converter opens no socket",
            Self::Files => "a converter reads and writes no file",
            Self::Data => "a converter does not see the data directory",
            Self::Programs => "a converter starts no program",
            Self::Processes => "a converter reaches no other process",
            Self::Memory => "a converter is bounded in memory",
            Self::Processor => "a converter is bounded in processor time",
            Self::Silence => "a silent converter is given up",
        }
    }

    /// What would break it.
    fn attempts(self, data: &Path, listener: &TcpListener) -> std::io::Result<Vec<Attempt>> {
        let server = std::process::id();
        let of_server = |what: &str| Attempt::Read(format!("/proc/{server}/{what}").into());
        Ok(match self {
            Self::Network => {
                vec![Attempt::Connect(listener.local_addr()?), Attempt::Datagram, Attempt::Local]
            }
            Self::Files => vec![
                Attempt::Read("/etc/passwd".into()),
                Attempt::List("/".into()),
                Attempt::Write(std::env::temp_dir().join(format!("milepost-probe-{server}"))),
            ],
            Self::Data => {
                vec![
                    Attempt::List(data.to_owned()),
                    Attempt::Read(data.join("milepost.db")),
                    Attempt::Write(data.join(format!("probe-{server}"))),
                ]
            }
            Self::Programs => vec![Attempt::Start],
            Self::Processes => {
                vec![Attempt::Signal(server.cast_signed()), of_server("mem"), of_server("environ")]
            }
            Self::Memory => vec![Attempt::Fill(TOO_MUCH), Attempt::Reserve(FAR_TOO_MUCH)],
            Self::Processor => vec![Attempt::Spin(TOO_LONG)],
            Self::Silence => vec![Attempt::Sleep(TOO_LONG)],
        })
    }

    /// The end of a converter that keeps it.
    fn is_the_end(self, gone: &Gone) -> bool {
        match self {
            Self::Memory => matches!(gone, Gone::TooMuchMemory),
            Self::Processor => matches!(gone, Gone::TooMuchProcessor),
            Self::Silence => matches!(gone, Gone::Silent),
            _ => false,
        }
    }
}

/// Has converters try to break the promise. `data` is the data directory.
pub async fn keeps(promise: Promise, isolation: Isolation, data: &Path) -> Kept {
    let listener = match TcpListener::bind("127.0.0.1:0") {
        Ok(listener) => listener,
        Err(error) => return Kept::Unknown(error.to_string()),
    };
    let attempts = match promise.attempts(data, &listener) {
        Ok(attempts) => attempts,
        Err(error) => return Kept::Unknown(error.to_string()),
    };
    let mut answers: Vec<String> = Vec::new();
    for attempt in attempts {
        match one(promise, isolation, &attempt).await {
            Kept::Yes(answer) if answers.contains(&answer) => {}
            Kept::Yes(answer) => answers.push(answer),
            other => return other,
        }
    }
    Kept::Yes(answers.join("; "))
}

/// Which walls a converter lacks here, in words; `None` where all stand.
///
/// # Errors
/// Why no converter lives, where the isolation must be whole above all.
pub async fn missing(isolation: Isolation) -> Result<Option<String>, String> {
    match tried(&Attempt::Walls, isolation, MEMORY, PATIENCE, PATIENCE).await {
        Ok(Tried { done, answer }) => Ok(done.then_some(answer)),
        Err(Gone::Crashed(cause)) => Err(cause),
        Err(gone) => Err(format!("{gone}")),
    }
}

async fn one(promise: Promise, isolation: Isolation, attempt: &Attempt) -> Kept {
    let (silence, page_cpu) = match promise {
        Promise::Silence => (SOON, PATIENCE),
        Promise::Processor => (PATIENCE, SOON),
        _ => (PATIENCE, PATIENCE),
    };
    match tried(attempt, isolation, MEMORY, silence, page_cpu).await {
        Ok(Tried { done: false, answer }) => Kept::Yes(answer),
        Ok(Tried { done: true, answer }) => Kept::No(format!("{attempt:?}: {answer}")),
        Err(gone) if promise.is_the_end(&gone) => Kept::Yes(format!("stopped: {gone}")),
        Err(gone) => Kept::Unknown(format!("{attempt:?}: the converter was lost: {gone}")),
    }
}

async fn tried(
    attempt: &Attempt,
    isolation: Isolation,
    memory: u64,
    silence: Duration,
    page_cpu: Duration,
) -> Result<Tried, Gone> {
    let mut converter = spawn(Walls { memory, isolation })?;
    let may = Allowance { silence, memory, page_cpu };
    match converter.attempt(attempt, &may).await {
        Ok(tried) => {
            converter.bury().await;
            Ok(tried)
        }
        Err(gone) => Err(converter.conclude(gone).await),
    }
}
