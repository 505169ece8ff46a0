//! A WebSocket's connection in the hands of the library of Socket.IO. Enters: a
//! connection, what was read of it. Leaves: its bytes, until the server stops. Never: a
//! goodbye, behind which some clients would not come back by themselves.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::transport::wire::Wire;

/// A connection that breaks when the server stops.
pub struct Cut {
    /// It.
    pub wire: Wire,
    /// What the door has read of it.
    pub read: Bytes,
    /// The server stops.
    pub stop: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Cut {
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
