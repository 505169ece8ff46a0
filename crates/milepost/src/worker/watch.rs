//! What a converter uses, as its server sees it. Enters: samples of its memory
//! and processor time. Leaves: whether it is within its limits. Never: trusts
//! what the converter says of itself.

use std::time::Duration;

use tokio::time::Instant;

use super::converter::Gone;
use crate::config::WorkerConfig;

/// How often it is looked at.
pub const LOOK: Duration = Duration::from_millis(100);

/// What a process uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Memory of its own that is in use, in bytes.
    pub memory: u64,
    /// Processor time since it began.
    pub processor: Duration,
}

/// What a converter may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Silence between two reports, of which each page is one.
    pub silence: Duration,
    /// Memory, in bytes.
    pub memory: u64,
    /// Processor time between two reports.
    pub page_cpu: Duration,
}

impl From<&WorkerConfig> for Allowance {
    fn from(config: &WorkerConfig) -> Self {
        Self { silence: config.silence, memory: config.memory.as_u64(), page_cpu: config.page_cpu }
    }
}

/// Of one converter.
#[derive(Debug, Default)]
pub struct Watch {
    looked: Option<Instant>,
    /// Processor time at the first look after the last report.
    since: Option<Duration>,
}

impl Watch {
    /// A report came: its time counts anew.
    pub fn reported(&mut self) {
        self.since = None;
    }

    /// Whether it is time to look.
    pub fn due(&self, now: Instant) -> bool {
        self.looked.is_none_or(|looked| now.duration_since(looked) >= LOOK)
    }

    /// Takes a look. `usage` is `None` where the system does not say.
    ///
    /// # Errors
    /// The limit that is passed.
    pub fn look(
        &mut self,
        now: Instant,
        usage: Option<Usage>,
        may: &Allowance,
    ) -> Result<(), Gone> {
        self.looked = Some(now);
        let Some(usage) = usage else { return Ok(()) };
        let since = *self.since.get_or_insert(usage.processor);
        if usage.memory > may.memory {
            return Err(Gone::TooMuchMemory);
        }
        if usage.processor.saturating_sub(since) > may.page_cpu {
            return Err(Gone::TooMuchProcessor);
        }
        Ok(())
    }
}

/// What a process uses now, or `None` where the system does not say or the
/// process is gone. Source: proc(5).
#[cfg(target_os = "linux")]
pub fn usage(process: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is a name in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    let memory = std::fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let mut pages = memory.split_ascii_whitespace().skip(1).map_while(|n| n.parse::<u64>().ok());
    // Without what it shares with its server and others: the program's own code.
    let (resident, shared) = (pages.next()?, pages.next()?);
    let second = rustix::param::clock_ticks_per_second();
    Some(Usage {
        memory: resident.saturating_sub(shared) * rustix::param::page_size() as u64,
        processor: Duration::from_millis(ticks * 1000 / second),
    })
}

/// Elsewhere nobody says it without unsafe code; silence is the limit there.
#[cfg(not(target_os = "linux"))]
pub fn usage(_process: u32) -> Option<Usage> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAY: Allowance = Allowance {
        silence: Duration::from_secs(30),
        memory: 1000,
        page_cpu: Duration::from_secs(2),
    };

    fn used(memory: u64, secs: u64) -> Option<Usage> {
        Some(Usage { memory, processor: Duration::from_secs(secs) })
    }

    #[test]
    fn memory_is_what_it_has_now() {
        let mut watch = Watch::default();
        let now = Instant::now();
        assert!(watch.look(now, used(1000, 0), &MAY).is_ok());
        assert!(matches!(watch.look(now, used(1001, 0), &MAY), Err(Gone::TooMuchMemory)));
        assert!(watch.look(now, None, &MAY).is_ok());
    }

    #[test]
    fn processor_time_counts_from_the_last_report() {
        let mut watch = Watch::default();
        let now = Instant::now();
        // What earlier jobs took is not this one's.
        assert!(watch.look(now, used(0, 100), &MAY).is_ok());
        assert!(watch.look(now, used(0, 102), &MAY).is_ok());
        watch.reported();
        assert!(watch.look(now, used(0, 103), &MAY).is_ok());
        assert!(watch.look(now, used(0, 105), &MAY).is_ok());
        assert!(matches!(watch.look(now, used(0, 106), &MAY), Err(Gone::TooMuchProcessor)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_seen_using_memory_and_time() {
        let before = usage(std::process::id()).unwrap();
        let mut block = vec![0_u8; 32 << 20];
        while usage(std::process::id()).unwrap().processor <= before.processor {
            block.iter_mut().for_each(|byte| *byte = byte.wrapping_add(1));
        }
        let after = usage(std::process::id()).unwrap();
        assert!(after.memory >= before.memory + (31 << 20), "{before:?} {after:?}");
        assert!(std::hint::black_box(block)[0] > 0);
        assert_eq!(usage(u32::MAX), None);
    }
}
