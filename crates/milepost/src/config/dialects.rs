//! Which other systems' protocols are spoken.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::jwt::wrong;

/// Variables that the system behind `document` is configured by, and our settings of the
/// same meaning. Plain numbers are milliseconds.
pub const VARIABLES: [(&str, &str); 3] = [
    ("WEBSOCKET_ENABLED", "document_websocket"),
    ("SSE_POLL_INTERVAL", "document_poll"),
    ("SSE_PING_INTERVAL", "document_ping"),
];

const LEAST_POLL: Duration = Duration::from_millis(100);
const LEAST_PING: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(24 * 3600);

/// Which other systems' protocols are spoken.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dialects {
    /// Conversions of uploaded files by name.
    pub conversion: bool,
    /// Texts into a collection.
    pub upload: bool,
    /// Documents and the progress of their conversion.
    pub document: bool,
    /// Conversions with the agents that work on them.
    pub agents: bool,
    /// Jobs as rooms of Socket.IO.
    pub rooms: bool,
    /// Whether `document` has a WebSocket beside its event stream.
    pub document_websocket: bool,
    /// The longest time between two looks at a document of which nothing is heard.
    #[serde(with = "humantime_serde")]
    pub document_poll: Duration,
    /// How often `document` sends a sign of life.
    #[serde(with = "humantime_serde")]
    pub document_ping: Duration,
}

impl Default for Dialects {
    fn default() -> Self {
        Self {
            conversion: true,
            upload: true,
            document: true,
            agents: true,
            rooms: true,
            document_websocket: true,
            document_poll: Duration::from_secs(2),
            document_ping: Duration::from_secs(30),
        }
    }
}

impl Dialects {
    /// Refuses what would keep the server busy with nothing else, or is as good as never.
    ///
    /// # Errors
    /// Names the setting and what to do.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(LEAST_POLL..=MOST).contains(&self.document_poll) {
            let why = "set it (or SSE_POLL_INTERVAL) to something from 100ms to 1day";
            return Err(wrong("dialects.document_poll", why));
        }
        if !(LEAST_PING..=MOST).contains(&self.document_ping) {
            let why = "set it (or SSE_PING_INTERVAL) to something from 1s to 1day";
            return Err(wrong("dialects.document_ping", why));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_neither_nothing_nor_never() {
        assert!(Dialects::default().check().is_ok());
        for wrong in [Duration::ZERO, Duration::MAX] {
            let poll = Dialects { document_poll: wrong, ..Dialects::default() };
            assert!(poll.check().unwrap_err().to_string().contains("SSE_POLL_INTERVAL"));
            let ping = Dialects { document_ping: wrong, ..Dialects::default() };
            assert!(ping.check().unwrap_err().to_string().contains("SSE_PING_INTERVAL"));
        }
    }
}
