//! A WebSocket's connection in the hands of the library of Socket.IO. Enters: a
//! connection, what was read of it. Leaves: its bytes, until the server stops. Never: a
//! goodbye, behind which some clients would not come back by themselves.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::transport::wire::Wire;

/// A ping of Engine.IO as a frame.
const PING: &[u8] = &[0x81, 1, b'2'];
/// The client's answer, masked with zeroes.
const PONG: &[u8] = &[0x81, 0x81, 0, 0, 0, 0, b'3'];

/// A connection that breaks when the server stops.
pub struct Cut {
    wire: Wire,
    /// What is to be read before the rest.
    read: Bytes,
    first: First,
    reader: Option<Waker>,
    /// The server stops.
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// The library's first ping comes at once, when by the protocol it is not due. It is
/// answered here.
#[derive(PartialEq)]
enum First {
    Awaited,
    Over,
}

impl Cut {
    /// A connection of which `read` was read already. `opens` says that the session begins
    /// with it.
    pub fn new(wire: Wire, read: Vec<u8>, opens: bool, stop: CancellationToken) -> Self {
        let first = if opens { First::Awaited } else { First::Over };
        let stop = Box::pin(stop.cancelled_owned());
        Self { wire, read: read.into(), first, reader: None, stop }
    }

    /// Whether these bytes are the first ping. Before it only the session is opened.
    fn is_first_ping(&mut self, bytes: &[u8]) -> bool {
        let is = self.first == First::Awaited && bytes.starts_with(PING);
        if is {
            self.first = First::Over;
        }
        is
    }

    fn stopped(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.stop.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stopped(context)?;
        // What the client says waits for it, so that nothing else comes before it.
        if self.first != First::Over {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        let before = self.read.len().min(buffer.remaining());
        if before > 0 {
            buffer.put_slice(&self.read.split_to(before));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.wire).poll_read(context, buffer)
    }
}

impl AsyncWrite for Cut {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stopped(context)?;
        if self.is_first_ping(bytes) {
            self.read = [PONG, &self.read].concat().into();
            self.reader.take().into_iter().for_each(Waker::wake);
            return Poll::Ready(Ok(PING.len()));
        }
        Pin::new(&mut self.wire).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stopped(context)?;
        Pin::new(&mut self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(context)
    }
}
