//! Which other systems' protocols are spoken.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Variables that the system behind `document` is configured by, and our settings of the
/// same meaning. Plain numbers are milliseconds.
pub const VARIABLES: [(&str, &str); 3] = [
    ("WEBSOCKET_ENABLED", "document_websocket"),
    ("SSE_POLL_INTERVAL", "document_poll"),
    ("SSE_PING_INTERVAL", "document_ping"),
];

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
