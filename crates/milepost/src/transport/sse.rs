//! Server-sent events (the HTML standard's `text/event-stream`). Enters: a
//! watching connection. Leaves: a response that streams until its end, a slow
//! reader's included: the reader's pace is the stream's pace.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::{FutureExt, stream};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, Interval, interval_at};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::takeover::Takeover;
use super::validity::Validity;
use super::wire::Wire;
use crate::hub::{Connection, Delivery};

/// Proxies cut connections that are silent for long, and credentials are looked at
/// again.
pub const BEAT: Duration = Duration::from_secs(15);
/// What a client waits before it reconnects.
const RETRY: &str = "retry: 1000\n\n";
/// Says nothing to a client's program.
const COMMENT: &[u8] = b": still here\n\n";
/// The end of a body in chunks.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// One delivery as the stream's next bytes.
pub struct Chunk {
    /// The bytes; several parts, so that what is shared stays shared.
    pub parts: Vec<Bytes>,
    /// Whether the stream ends behind them.
    pub last: bool,
}

impl Chunk {
    /// Nothing to say; perhaps the end of the stream.
    pub const fn nothing(last: bool) -> Self {
        Self { parts: Vec::new(), last }
    }

    /// These bytes, and the stream goes on.
    pub fn of(parts: Vec<Bytes>) -> Self {
        Self { parts, last: false }
    }

    /// A sign of life for what is between.
    pub fn comment() -> Self {
        Self::of(vec![Bytes::from_static(COMMENT)])
    }
}

/// What a stream has something to say about.
pub enum Cue {
    /// Something came.
    Delivery(Delivery),
    /// It is time for a sign of life.
    Beat,
}

/// Streams `first`, then what `connection` delivers, as `encode` shapes it, as long as
/// `validity` holds. It has a cue for a sign of life every `beat`.
pub fn respond(
    connection: Connection,
    draining: CancellationToken,
    validity: Validity,
    first: Option<Bytes>,
    beat: Duration,
    encode: impl FnMut(&Connection, Cue) -> Chunk + Send + 'static,
) -> Response {
    let begin = [Bytes::from_static(RETRY.as_bytes())].into_iter().chain(first).collect();
    let events = Events {
        connection,
        validity,
        encode,
        beat: interval_at(Instant::now() + beat, beat),
        drained: Box::pin(draining.cancelled_owned()),
        begin: Some(begin),
        ended: false,
    };
    // Whoever writes the body takes them: the library, or the stream by itself.
    let events = Arc::new(Mutex::new(Some(events)));
    let own = events.clone();
    let takeover = Takeover::new(move |wire| {
        let events = take(&own);
        async move {
            if let Some(events) = events {
                write(events, wire).await;
            }
        }
        .boxed()
    });
    let body =
        stream::unfold((events, None, Vec::new()), |(all, mut mine, mut parts)| async move {
            loop {
                if let Some(part) = parts.pop() {
                    return Some((Ok::<_, Infallible>(part), (all, mine, parts)));
                }
                mine = mine.or_else(|| take(&all));
                parts = mine.as_mut()?.next().await?;
                parts.reverse();
            }
        });
    let mut response = Body::from_stream(body).into_response();
    response.extensions_mut().insert(takeover);
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would hold events back until its buffer is full.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// What is still to be streamed.
struct Events<E> {
    connection: Connection,
    validity: Validity,
    encode: E,
    beat: Interval,
    /// Made once: each new one takes a lock that all streams share.
    drained: Pin<Box<WaitForCancellationFutureOwned>>,
    /// What comes before the first event.
    begin: Option<Vec<Bytes>>,
    ended: bool,
}

fn take<E>(events: &Mutex<Option<E>>) -> Option<E> {
    events.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl<E: FnMut(&Connection, Cue) -> Chunk> Events<E> {
    /// The next bytes; `None` at the end. Safe to drop: nothing is lost.
    async fn next(&mut self) -> Option<Vec<Bytes>> {
        if let Some(begin) = self.begin.take() {
            return Some(begin);
        }
        if self.ended {
            return None;
        }
        loop {
            let next = tokio::select! {
                biased;
                // Ends between two events; the client comes back to where the next
                // server goes on.
                () = &mut self.drained => return None,
                _ = self.beat.tick() => None,
                next = self.connection.next() => Some(next),
            };
            let cue = match next {
                // In a place of its own: it is large and rare.
                None if Box::pin(self.validity.holds()).await => Cue::Beat,
                // The client comes back with a credential that holds, and its last id.
                None => return None,
                Some(_) if !self.validity.lasts() => return None,
                // The client resumes from its last id.
                Some(Err(_too_slow)) => return None,
                Some(Ok(delivery)) => Cue::Delivery(delivery),
            };
            let Chunk { parts, last } = (self.encode)(&self.connection, cue);
            self.ended = last;
            match (parts.is_empty(), last) {
                (false, _) => return Some(parts),
                (true, true) => return None,
                (true, false) => {}
            }
        }
    }
}

/// Writes the events as the chunks of a body, until one side ends it.
async fn write(mut events: Events<impl FnMut(&Connection, Cue) -> Chunk>, mut wire: Wire) {
    loop {
        let parts = tokio::select! {
            parts = events.next() => parts,
            () = poll_fn(|context| wire.poll_closed(context)) => return,
        };
        let Some(parts) = parts else {
            if wire.write_through(LAST_CHUNK).await.is_ok() {
                let _ = wire.shutdown().await;
            }
            return;
        };
        let rest = match write_chunk(&wire, &parts) {
            Ok(None) => continue,
            Ok(Some(rest)) => rest,
            Err(_gone) => return,
        };
        tokio::select! {
            written = wire.write_through(&rest) => if written.is_err() { return },
            // Whoever does not read cannot be told, either.
            () = &mut events.drained => return,
        }
    }
}

/// Writes a chunk at once, as far as the connection takes it. Returns the rest.
fn write_chunk(wire: &Wire, parts: &[Bytes]) -> io::Result<Option<Vec<u8>>> {
    let length: usize = parts.iter().map(Bytes::len).sum();
    let size = format!("{length:x}\r\n");
    let mut slices = Vec::with_capacity(parts.len() + 2);
    slices.push(IoSlice::new(size.as_bytes()));
    slices.extend(parts.iter().map(|part| IoSlice::new(part)));
    slices.push(IoSlice::new(b"\r\n"));
    let written = match wire.try_write_vectored(&slices) {
        Ok(written) => written,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        Err(error) => return Err(error),
    };
    if written == size.len() + length + 2 {
        return Ok(None);
    }
    let whole: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
    Ok(Some(whole[written..].to_vec()))
}
