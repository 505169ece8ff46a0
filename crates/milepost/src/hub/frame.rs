//! One update on its way to its watchers. It is encoded once for each wire
//! format, by whoever needs that format first.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use milepost_core::{Seq, Snapshot, Timestamp};

/// How many wire formats there are.
const ENCODINGS: usize = 9;

/// A wire format's place among the encodings of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Encoding(usize);

impl Encoding {
    /// The native WebSocket message, framed.
    pub const NATIVE_SOCKET: Self = Self(0);
    /// The native SSE event, without its id.
    pub const NATIVE_SSE: Self = Self(1);
    /// The native SSE event of a stream of one job, whose id is the seq.
    pub const NATIVE_SSE_JOB: Self = Self(2);
    /// The WebSocket message of `conversion`, framed.
    pub const CONVERSION: Self = Self(3);
    /// The WebSocket message of `upload`, framed.
    pub const UPLOAD: Self = Self(4);
    /// The WebSocket message of `document`, framed.
    pub const DOCUMENT_SOCKET: Self = Self(5);
    /// The SSE event of `document`, without its id.
    pub const DOCUMENT_SSE: Self = Self(6);
    /// The WebSocket message of `agents`, framed.
    pub const AGENTS: Self = Self(7);
    /// The job of `rooms`, as JSON.
    pub const ROOMS: Self = Self(8);
}

/// Where a waiting job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePlace {
    /// From 1.
    pub position: u64,
    /// Jobs that wait in all.
    pub length: u64,
}

/// A snapshot with what is computed when it is encoded.
pub struct Frame {
    /// The state.
    pub snapshot: Arc<Snapshot>,
    /// Its place in the order of all changes in the store.
    pub position: u64,
    /// Its place in the queue, while it waits there.
    pub queue: Option<QueuePlace>,
    /// The time that the estimate counts from.
    pub at: Timestamp,
    encodings: [OnceLock<Bytes>; ENCODINGS],
}

impl Frame {
    /// A frame that nobody has encoded yet.
    pub fn new(
        snapshot: Arc<Snapshot>,
        position: u64,
        queue: Option<QueuePlace>,
        at: Timestamp,
    ) -> Self {
        Self { snapshot, position, queue, at, encodings: Default::default() }
    }

    /// The seq of its snapshot.
    pub fn seq(&self) -> Seq {
        self.snapshot.seq
    }

    /// The frame in one wire format; `encode` runs at most once.
    pub fn encoded(&self, encoding: Encoding, encode: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.encodings[encoding.0].get_or_init(|| encode(self)).clone()
    }
}
