//! Server-sent events (the HTML standard's `text/event-stream`). Enters: a
//! watching connection. Leaves: a response that streams until its end, a slow
//! reader's included: the reader's pace is the stream's pace.

use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::time::{Instant, Interval, interval_at};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::hub::{Connection, Delivery};

/// Proxies cut connections that are silent for long.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
/// What a client waits before it reconnects.
const RETRY: &str = "retry: 1000\n\n";

/// One delivery as the stream's next bytes.
pub struct Chunk {
    /// The bytes; several parts, so that what is shared stays shared.
    pub parts: Vec<Bytes>,
    /// Whether the stream ends behind them.
    pub last: bool,
}

/// Streams `first`, then what `connection` delivers, as `encode` shapes it.
pub fn respond(
    connection: Connection,
    draining: CancellationToken,
    first: Option<Bytes>,
    encode: impl Fn(&Connection, Delivery) -> Chunk + Send + 'static,
) -> Response {
    struct State<E> {
        connection: Connection,
        encode: E,
        comments: Interval,
        /// Made once: each new one takes a lock that all streams share.
        drained: Pin<Box<WaitForCancellationFutureOwned>>,
        /// Parts that were encoded and not sent, last first.
        parts: Vec<Bytes>,
        ended: bool,
    }
    let state = State {
        connection,
        encode,
        comments: interval_at(Instant::now() + COMMENT_EVERY, COMMENT_EVERY),
        drained: Box::pin(draining.cancelled_owned()),
        parts: first.into_iter().chain([Bytes::from_static(RETRY.as_bytes())]).collect(),
        ended: false,
    };
    let events = stream::unfold(state, |mut state| async move {
        loop {
            if let Some(part) = state.parts.pop() {
                return Some((Ok::<_, std::convert::Infallible>(part), state));
            }
            if state.ended {
                return None;
            }
            let next = tokio::select! {
                biased;
                // Ends between two events; the client comes back to where the
                // next server goes on.
                () = &mut state.drained => return None,
                _ = state.comments.tick() => None,
                next = state.connection.next() => Some(next),
            };
            match next {
                None => state.parts.push(Bytes::from_static(b": still here\n\n")),
                // The client resumes from its last id.
                Some(Err(_too_slow)) => return None,
                Some(Ok(delivery)) => {
                    let Chunk { mut parts, last } = (state.encode)(&state.connection, delivery);
                    parts.reverse();
                    state.parts = parts;
                    state.ended = last;
                }
            }
        }
    });
    let mut response = Body::from_stream(events).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would hold events back until its buffer is full.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
