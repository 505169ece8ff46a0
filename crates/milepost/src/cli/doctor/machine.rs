//! What this machine gives a server. Enters: the configuration in force.
//! Leaves: checks. Never: touches the data of a server that runs.

use std::path::Path;

use bytesize::ByteSize;
use milepost_convert::Format;
use rustix::process::{Resource, getrlimit};

use super::{Check, Report};
use crate::cli::serve::Source;
use crate::config::{Config, Isolation};
use crate::transport::tls::Tls;
use crate::worker::{Kept, Promise, keeps, missing_walls};

/// Below this a disk is full before anybody looks at it.
const LITTLE_SPACE: u64 = 1 << 30;
/// Descriptors besides connections: the database, objects, converters, the log.
const OWN_DESCRIPTORS: u64 = 256;
/// File systems over a network, by the numbers of statfs(2).
const OVER_NETWORK: [(i64, &str); 4] =
    [(0x6969, "NFS"), (0xFF53_4D42, "CIFS"), (0xFE53_4D42, "SMB2"), (0x0102_1997, "9P")];

/// Looks at everything, in the order in which a start would need it.
pub async fn check(source: Source, report: &mut Report) -> anyhow::Result<()> {
    let config = match source.load().and_then(|config| Ok(config.check().map(|()| config)?)) {
        Ok(config) => config,
        Err(error) => {
            let advice = "Correct it; `milepost config` prints what is in force.";
            return report.add(Check::bad("configuration", format!("{error:#}"), advice));
        }
    };
    report.add(Check::fine("configuration", "every key is known and every value fits"))?;
    if config.tls.is_on() {
        report.add(certificate(&config))?;
    }
    report.add(engines())?;
    report.add(folder(&config.data_dir))?;
    report.add(space(&config.data_dir))?;
    report.add(address(&config))?;
    report.add(descriptors(&config))?;
    report.add(memory(&config))?;
    sandbox(&config, report).await
}

fn certificate(config: &Config) -> Check {
    const NAME: &str = "certificate";
    match Tls::load(&config.tls) {
        Ok(_) => Check::fine(NAME, "it can be read, and its key belongs to it"),
        Err(error) => {
            Check::bad(NAME, error.to_string(), "Name others with --tls-cert and --tls-key.")
        }
    }
}

fn engines() -> Check {
    let formats = Format::ALL.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ");
    Check::fine("engines", format!("built in, for {formats}; no OCR, so scans fail"))
}

fn folder(folder: &Path) -> Check {
    const NAME: &str = "data directory";
    let shown = folder.display();
    // What is not there yet will be made; its first existing parent counts.
    let there = folder.ancestors().find(|part| part.exists()).unwrap_or(Path::new("/"));
    if !there.is_dir() {
        let found = format!("{} is no folder", there.display());
        return Check::bad(NAME, found, "Name another with --data-dir.");
    }
    let may =
        rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    if let Err(error) = rustix::fs::access(there, may) {
        let found = format!("{} cannot be written: {error}", there.display());
        return Check::bad(NAME, found, "Give this user the folder, or name another.");
    }
    #[cfg(target_os = "linux")]
    if let Ok(system) = rustix::fs::statfs(there) {
        let kind = i64::from(system.f_type as u32);
        if let Some((_, kind)) = OVER_NETWORK.iter().find(|(number, _)| *number == kind) {
            let found = format!("{shown} is on {kind}");
            let advice = "SQLite needs a local file system; name a folder on one.";
            return Check::bad(NAME, found, advice);
        }
    }
    let lock = folder.join("lock");
    let in_use = std::fs::File::open(&lock)
        .is_ok_and(|lock| matches!(lock.try_lock(), Err(std::fs::TryLockError::WouldBlock)));
    let state = match (in_use, folder.join("milepost.db").exists()) {
        (true, _) => "in use by a running server",
        (false, true) => "holds a database, and no server runs on it",
        (false, false) => "empty so far",
    };
    Check::fine(NAME, format!("{shown}, {state}"))
}

fn space(folder: &Path) -> Check {
    const NAME: &str = "disk space";
    let there = folder.ancestors().find(|part| part.exists()).unwrap_or(Path::new("/"));
    let free = match rustix::fs::statvfs(there) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => return Check::warning(NAME, error.to_string(), ""),
    };
    let found = format!("{} free", ByteSize::b(free).display().iec());
    if free < LITTLE_SPACE {
        let advice = "Make room: on a full disk nothing is accepted and no job advances.";
        return Check::bad(NAME, found, advice);
    }
    Check::fine(NAME, found)
}

fn address(config: &Config) -> Check {
    const NAME: &str = "address";
    let address = config.listen;
    match std::net::TcpListener::bind(address) {
        Ok(_) => Check::fine(NAME, format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let advice = "If that is no Milepost, choose another with --listen.";
            Check::warning(NAME, format!("{address}: something listens there already"), advice)
        }
        Err(error) => {
            let advice = "Choose another with --listen.";
            Check::bad(NAME, format!("{address}: {error}"), advice)
        }
    }
}

fn descriptors(config: &Config) -> Check {
    const NAME: &str = "file descriptors";
    const ADVICE: &str = "Raise it (LimitNOFILE of the unit, or `ulimit -n`), or lower \
                          limits.open_connections.";
    let wanted = config.limits.open_connections as u64 + OWN_DESCRIPTORS;
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return Check::fine(NAME, "no limit");
    };
    let found = format!("{limit}; limits.open_connections asks for {wanted}");
    if limit < wanted { Check::warning(NAME, found, ADVICE) } else { Check::fine(NAME, found) }
}

fn memory(config: &Config) -> Check {
    const NAME: &str = "memory";
    let wanted = config.slots() as u64 * config.worker.memory.as_u64();
    let (slots, each) = (config.slots(), config.worker.memory.display().iec());
    let wants = format!("{slots} converters may take {each} each");
    let Some(available) = available_memory() else {
        return Check::fine(NAME, format!("{wants}; what there is cannot be told here"));
    };
    let found = format!("{wants}; {} available", ByteSize::b(available).display().iec());
    if wanted > available {
        let advice = "Lower worker.slots or worker.memory, or the system may run out of it.";
        return Check::warning(NAME, found, advice);
    }
    Check::fine(NAME, found)
}

/// In bytes. Source: proc(5), `MemAvailable`.
fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

async fn sandbox(config: &Config, report: &mut Report) -> anyhow::Result<()> {
    const ADVICE: &str = "docs/security.md says what each system offers; whoever sends documents \
                          could use what is missing.";
    let isolation = config.worker.sandbox;
    match missing_walls(isolation).await {
        Err(cause) => {
            return report.add(Check::bad("sandbox", cause, ADVICE));
        }
        Ok(None) => report.add(Check::fine("sandbox", "all its walls stand"))?,
        Ok(Some(missing)) if isolation == Isolation::Off => {
            report.add(Check::bad("sandbox", missing, "Set worker.sandbox to auto."))?;
        }
        Ok(Some(missing)) => report.add(Check::warning("sandbox", missing, ADVICE))?,
    }
    for promise in Promise::ALL {
        let check = match keeps(promise, isolation, &config.data_dir).await {
            Kept::Yes(how) => Check::fine(promise.name(), format!("{} ({how})", promise.title())),
            Kept::No(how) => Check::bad(
                promise.name(),
                format!("not so here: {} ({how})", promise.title()),
                ADVICE,
            ),
            Kept::Unknown(why) => Check::warning(
                promise.name(),
                format!("not known: {} ({why})", promise.title()),
                ADVICE,
            ),
        };
        report.add(check)?;
    }
    Ok(())
}
