//! The bus inside one process.

use milepost_core::Announcement;
use tokio::sync::broadcast;

/// Announcements a subscriber may be behind before it is told to look at the
/// store instead.
const BACKLOG: usize = 8192;

/// Awaited by each listener before it hears more: a simulation decides how far
/// behind the listeners are.
#[cfg(test)]
pub type Pace =
    std::sync::Arc<dyn Fn() -> futures_util::future::BoxFuture<'static, ()> + Send + Sync>;

/// Both ends of the bus; cheap to clone.
#[derive(Clone)]
pub struct Bus {
    sender: broadcast::Sender<Announcement>,
    #[cfg(test)]
    pace: Option<Pace>,
}

/// One listener.
pub struct Subscriber {
    receiver: broadcast::Receiver<Announcement>,
    #[cfg(test)]
    pace: Option<Pace>,
}

/// Announcements were missed: what they were about must be read again.
#[derive(Debug)]
pub struct Lagged;

impl Bus {
    /// A bus without subscribers.
    pub fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(BACKLOG),
            #[cfg(test)]
            pace: None,
        }
    }

    /// A bus whose subscribers may be so many announcements behind, and hear them
    /// at that pace.
    #[cfg(test)]
    pub fn paced(announcements: usize, pace: Pace) -> Self {
        Self { sender: broadcast::Sender::new(announcements), pace: Some(pace) }
    }

    /// Tells every subscriber.
    pub fn announce(&self, announcement: Announcement) {
        // Nobody listening is no error: the store has it.
        let _ = self.sender.send(announcement);
    }

    /// Hears every announcement from now on.
    pub fn subscribe(&self) -> Subscriber {
        Subscriber {
            receiver: self.sender.subscribe(),
            #[cfg(test)]
            pace: self.pace.clone(),
        }
    }
}

impl Subscriber {
    /// The next announcement; `None` once the bus is gone.
    pub async fn next(&mut self) -> Option<Result<Announcement, Lagged>> {
        #[cfg(test)]
        if let Some(pace) = &self.pace {
            pace().await;
        }
        match self.receiver.recv().await {
            Ok(announcement) => Some(Ok(announcement)),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Err(Lagged)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}
