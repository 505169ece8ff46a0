//! The bus inside one process.

use milepost_core::Announcement;
use tokio::sync::broadcast;

/// Announcements a subscriber may be behind before it is told to look at the
/// store instead.
const BACKLOG: usize = 8192;

/// Both ends of the bus; cheap to clone.
#[derive(Clone)]
pub struct Bus(broadcast::Sender<Announcement>);

/// One listener.
pub struct Subscriber(broadcast::Receiver<Announcement>);

/// Announcements were missed: what they were about must be read again.
#[derive(Debug)]
pub struct Lagged;

impl Bus {
    /// A bus without subscribers.
    pub fn new() -> Self {
        Self::with_backlog(BACKLOG)
    }

    /// A bus whose subscribers may be so many announcements behind.
    pub fn with_backlog(announcements: usize) -> Self {
        Self(broadcast::Sender::new(announcements))
    }

    /// Tells every subscriber.
    pub fn announce(&self, announcement: Announcement) {
        // Nobody listening is no error: the store has it.
        let _ = self.0.send(announcement);
    }

    /// Hears every announcement from now on.
    pub fn subscribe(&self) -> Subscriber {
        Subscriber(self.0.subscribe())
    }
}

impl Subscriber {
    /// The next announcement; `None` once the bus is gone.
    pub async fn next(&mut self) -> Option<Result<Announcement, Lagged>> {
        match self.0.recv().await {
            Ok(announcement) => Some(Ok(announcement)),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Err(Lagged)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
