//! The trace for people: one line for each thing that happened. Enters: changes,
//! the server's own log. Leaves: text.

use std::io;
use std::sync::Arc;

use milepost_core::{Announcement, Change, JobId};
use tracing_subscriber::fmt::MakeWriter;

use super::world::World;

/// A job's id, shortened to what differs.
pub fn short(job: JobId) -> String {
    format!("job {:x}", job.uuid().as_u128() & 0xffff_ffff)
}

/// A change that was committed.
pub fn committed(announcement: &Announcement) -> String {
    let position = announcement.position;
    match &announcement.change {
        Change::Reached(job) => format!(
            "committed @{position}: {} seq {} {} attempt {}/{} fence {} {}% [{}] {}",
            short(job.id),
            job.seq,
            job.status.as_str(),
            job.attempt,
            job.max_attempts,
            job.fence,
            job.progress.percent(),
            job.owner.as_str(),
            job.message,
        ),
        Change::Removed { job, .. } => format!("committed @{position}: {} removed", short(*job)),
        Change::Revoked { job, epoch } => {
            format!("committed @{position}: {} tokens before {epoch} void", short(*job))
        }
    }
}

/// What begins a line of the server's own log.
pub const LOG: &str = "    log: ";

/// Lines of the server's own log on their way into the trace.
#[derive(Clone)]
pub struct Log(pub Arc<World>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        for line in text.lines() {
            self.0.note(|| format!("{LOG}{}", line.trim()));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
