//! A connection in the hands of the HTTP library, which can be taken away from
//! it. Enters: a connection. Leaves: its bytes, and how long they are waited for.
//! Never: is read by two.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::pace::{Deadline, Pace, Patience};
use super::wire::Wire;

/// A connection that can be taken away from the library. `S` goes on with it.
pub struct Line<S>(Arc<Mutex<State<S>>>);

struct State<S> {
    /// `None` once it was taken away.
    wire: Option<Wire>,
    /// Whether the library has more to write.
    unwritten: bool,
    /// What becomes of the connection.
    next: Option<(Vec<u8>, S)>,
    pace: Pace,
}

impl<S> Clone for Line<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> Line<S> {
    /// A connection at its beginning.
    pub fn new(wire: Wire) -> Self {
        let pace = Pace::new(Instant::now());
        let state = State { wire: Some(wire), unwritten: false, next: None, pace };
        Self(Arc::new(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, for whoever has it to itself.
    pub fn take(&self) -> Option<Wire> {
        self.lock().wire.take()
    }

    /// `next` goes on behind `head` and the answers before it.
    pub fn hand_over(&self, head: Vec<u8>, next: S) {
        self.lock().next = Some((head, next));
    }

    /// What is to go on, once the answers before it are written.
    pub fn taken(&self) -> Option<(Wire, Vec<u8>, S)> {
        let mut state = self.lock();
        if state.unwritten {
            return None;
        }
        let (head, next) = state.next.take()?;
        Some((state.wire.take()?, head, next))
    }

    /// A request has come; its answer counts as under way while the body lives.
    pub fn asked(&self, http2: bool) -> UnderWay<S> {
        self.lock().pace.asked(http2);
        UnderWay(self.clone())
    }

    /// When the connection is closed, if nothing happens before.
    pub fn deadline(&self, patience: Patience) -> Option<Deadline> {
        let state = self.lock();
        // A reader that takes nothing is for the system to find out.
        if state.unwritten { None } else { state.pace.deadline(patience) }
    }

    /// Does something with the connection, if it is there.
    fn with<T>(
        &self,
        act: impl FnOnce(Pin<&mut Wire>, &mut bool, &mut Pace) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let State { wire, unwritten, pace, .. } = &mut *self.lock();
        match wire {
            Some(wire) => act(Pin::new(wire), unwritten, pace),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl<S> AsyncRead for Line<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        self.with(|wire, _, pace| {
            let read = wire.poll_read(context, buffer);
            if pace.listens() && buffer.filled().len() > before {
                pace.heard(Instant::now());
            }
            read
        })
    }
}

impl<S> AsyncWrite for Line<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|wire, unwritten, _| {
            *unwritten = true;
            wire.poll_write(context, bytes)
        })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.with(|wire, unwritten, _| {
            *unwritten = true;
            wire.poll_write_vectored(context, slices)
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The library flushes behind the last of what it has.
        self.with(|wire, unwritten, pace| {
            let flushed = wire.poll_flush(context);
            if *unwritten && flushed.is_ready() {
                *unwritten = false;
                pace.written(Instant::now());
            }
            flushed
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|wire, _, _| wire.poll_shutdown(context))
    }
}

/// A request that is being answered.
pub struct UnderWay<S>(Line<S>);

impl<S> Drop for UnderWay<S> {
    fn drop(&mut self) {
        self.0.lock().pace.answered(Instant::now());
    }
}

/// An answer's body, which is under way until it is dropped.
pub struct Answer<S> {
    body: Body,
    _under_way: UnderWay<S>,
}

impl<S> UnderWay<S> {
    /// The answer has this body.
    pub fn with(self, body: Body) -> Answer<S> {
        Answer { body, _under_way: self }
    }
}

impl<S> HttpBody for Answer<S> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
