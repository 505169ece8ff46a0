//! What a request, a connection or an owner may use.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::size::exact_size;

/// What a request or a connection may use.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// A request's body.
    #[serde(serialize_with = "exact_size")]
    pub body: ByteSize,
    /// A body that is JSON, and a form's fields other than the file.
    #[serde(serialize_with = "exact_size")]
    pub json_body: ByteSize,
    /// Jobs of one request: files of a form, submissions of a JSON array.
    pub request_jobs: usize,
    /// Jobs of one batch, over all the requests that add to it.
    pub batch_jobs: u64,
    /// One WebSocket message from a client.
    #[serde(serialize_with = "exact_size")]
    pub socket_message: ByteSize,
    /// Connections that watch, all together.
    pub connections: usize,
    /// Subscriptions of one connection.
    pub subscriptions: usize,
    /// How long a reader may block a message before it is dropped.
    #[serde(with = "humantime_serde")]
    pub send: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: ByteSize::mb(200),
            json_body: ByteSize::mb(20),
            request_jobs: 500,
            batch_jobs: 5000,
            socket_message: ByteSize::kib(64),
            connections: 20_000,
            subscriptions: 1000,
            send: Duration::from_secs(60),
        }
    }
}
