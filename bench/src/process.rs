//! What Linux says of processes. Enters: a process id. Leaves: its processor
//! time, memory, threads, file descriptors and children. Never: a guess; a
//! process that is gone is an error.

use std::fs;

use anyhow::Context as _;

/// Clock ticks in a second, as Linux reports processor time.
const TICKS: f64 = 100.0;

/// What a process holds at one moment. Memory is in bytes.
pub struct Held {
    /// Resident memory.
    pub resident: u64,
    /// Of that, what no file backs.
    pub anonymous: u64,
    /// The most that was ever resident.
    pub peak: u64,
    pub threads: u64,
    pub descriptors: u64,
}

/// What `process` holds now.
pub fn held(process: u32) -> anyhow::Result<Held> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let number = |key: &str| -> anyhow::Result<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).context("a zombie")?;
        Ok(line.split_whitespace().next().context("no number")?.parse()?)
    };
    Ok(Held {
        resident: number("VmRSS:")? * 1024,
        anonymous: number("RssAnon:")? * 1024,
        peak: number("VmHWM:")? * 1024,
        threads: number("Threads:")?,
        descriptors: fs::read_dir(format!("/proc/{process}/fd"))?.count() as u64,
    })
}

/// Processor seconds of one process, of its waited-for children too.
pub fn cpu_seconds(process: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields: Vec<&str> =
        stat.rsplit_once(')').context("no process name")?.1.split_whitespace().collect();
    let ticks = fields[11..15].iter().map(|field| field.parse::<f64>().unwrap_or(0.0));
    Ok(ticks.sum::<f64>() / TICKS)
}

/// Processor seconds of a process and of all below it.
pub fn cpu_seconds_with_children(process: u32) -> anyhow::Result<f64> {
    let mut seconds = cpu_seconds(process)?;
    for child in children(process)? {
        // One that has just ended is among its parent's waited-for children.
        seconds += cpu_seconds_with_children(child).unwrap_or(0.0);
    }
    Ok(seconds)
}

/// Processes whose parent is `parent`, whichever of its threads started them.
pub fn children(parent: u32) -> anyhow::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(process) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
        let mut fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let (state, of) = (fields.next(), fields.next());
        if of == Some(&parent.to_string()) && state != Some("Z") {
            found.push(process);
        }
    }
    Ok(found)
}

/// Raises the limit on file descriptors, which children inherit, to what the
/// system allows, and says so where that is less than `wanted`.
pub fn raise_descriptors(wanted: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let raised = setrlimit(Resource::Nofile, raised).is_ok();
    let now = if raised { limit.maximum } else { limit.current };
    if now.is_some_and(|now| now < wanted) {
        eprintln!("warning: {} file descriptors are allowed, {wanted} wanted", now.unwrap_or(0));
    }
}
