//! What a request, a connection, an owner or an address may use.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::rate::Rate;
use super::size::exact_size;

/// What may be used. The limits of owners and addresses hold where there is
/// authentication: without it all are one owner.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections of any kind, all together.
    pub open_connections: usize,
    /// Connections of one address; 0 for any number. Only with authentication.
    pub connections_per_address: usize,
    /// New connections of one address. Only with authentication.
    pub attempts_per_address: Rate,
    /// The head of a request: its line and its headers.
    #[serde(serialize_with = "exact_size")]
    pub head: ByteSize,
    /// A request's URL.
    #[serde(serialize_with = "exact_size")]
    pub url: ByteSize,
    /// How long a client may take for the head of a request, or for a TLS
    /// handshake.
    #[serde(with = "humantime_serde")]
    pub header_time: Duration,
    /// How long a connection may stay open between two requests.
    #[serde(with = "humantime_serde")]
    pub idle: Duration,
    /// Requests at a time on one HTTP/2 connection.
    pub streams: u32,
    /// How long a client may pause within a body.
    #[serde(with = "humantime_serde")]
    pub body_pause: Duration,
    /// What a client must send of a body, in bytes per second on average, once it
    /// has been waited for as long as it may pause; 0 for any rate.
    #[serde(serialize_with = "exact_size")]
    pub body_rate: ByteSize,
    /// A request's body.
    #[serde(serialize_with = "exact_size")]
    pub body: ByteSize,
    /// A body that is JSON, and a form's fields other than the file.
    #[serde(serialize_with = "exact_size")]
    pub json_body: ByteSize,
    /// Jobs of one request: files of a form, submissions of a JSON array.
    pub request_jobs: usize,
    /// Documents of one job.
    pub sources: usize,
    /// Jobs of one batch, over all the requests that add to it.
    pub batch_jobs: u64,
    /// One WebSocket message from a client.
    #[serde(serialize_with = "exact_size")]
    pub socket_message: ByteSize,
    /// WebSocket messages from one client.
    pub socket_messages: Rate,
    /// Connections that watch, all together.
    pub connections: usize,
    /// Subscriptions of one connection.
    pub subscriptions: usize,
    /// How long a reader may block a message before it is dropped.
    #[serde(with = "humantime_serde")]
    pub send: Duration,
    /// Requests of one owner.
    pub owner_requests: Rate,
    /// Requests from one address.
    pub address_requests: Rate,
    /// Submissions, documents, confirmations and retries of one owner.
    pub owner_submissions: Rate,
    /// The same from one address.
    pub address_submissions: Rate,
    /// Credentials from one address that were none.
    pub failed_logins: Rate,
    /// Connections of one owner that watch; 0 for no limit.
    pub owner_connections: usize,
    /// Connections from one address that watch; 0 for no limit.
    pub address_connections: usize,
    /// Subscriptions of one owner, over all connections; 0 for no limit.
    pub owner_subscriptions: usize,
    /// Subscriptions from one address, over all connections; 0 for no limit.
    pub address_subscriptions: usize,
    /// Uploads of one owner at a time; 0 for no limit.
    pub owner_uploads: usize,
    /// Jobs of one owner that wait; 0 for no limit.
    pub owner_waiting: u64,
    /// What is stored for one owner, documents and results; 0 for no limit.
    #[serde(serialize_with = "exact_size")]
    pub owner_bytes: ByteSize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            open_connections: 25_000,
            connections_per_address: 2000,
            // A page of many pictures, or a folder sent file by file.
            attempts_per_address: Rate::per_minute(3000),
            head: ByteSize::kib(64),
            url: ByteSize::kib(48),
            header_time: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            // As many as the standard advises (RFC 9113, 6.5.2).
            streams: 100,
            body_pause: Duration::from_secs(30),
            body_rate: ByteSize::kib(1),
            body: ByteSize::mb(200),
            json_body: ByteSize::mb(20),
            request_jobs: 500,
            sources: 1000,
            batch_jobs: 5000,
            socket_message: ByteSize::kib(64),
            socket_messages: Rate::per_second(100),
            connections: 20_000,
            subscriptions: 1000,
            send: Duration::from_secs(60),
            // Three pages that poll a hundred jobs every three seconds each.
            owner_requests: Rate::per_minute(6000),
            // Several owners behind one address, as in an office.
            address_requests: Rate::per_minute(12_000),
            // A folder of five thousand files, one by one and at once.
            owner_submissions: Rate::per_minute(6000),
            address_submissions: Rate::per_minute(12_000),
            failed_logins: Rate::per_minute(60),
            owner_connections: 1000,
            address_connections: 1000,
            owner_subscriptions: 20_000,
            address_subscriptions: 20_000,
            // As many as a browser sends at a time over HTTP/2.
            owner_uploads: 100,
            // As many as a batch may have, and half of the queue.
            owner_waiting: 5000,
            owner_bytes: ByteSize::gib(100),
        }
    }
}
