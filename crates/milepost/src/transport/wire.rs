//! One connection, plain or encrypted. Enters: what the system has accepted.
//! Leaves: bytes, both ways. Never: costs a plain connection anything for the
//! other kind.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::gate::Pass;

/// A connection with its place among the open ones.
pub struct Wire {
    io: Io,
    _pass: Pass,
}

enum Io {
    Plain(TcpStream),
    /// In a place of its own: it is large, and most have none.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// A connection as it came.
    pub fn plain(tcp: TcpStream, pass: Pass) -> Self {
        Self { io: Io::Plain(tcp), _pass: pass }
    }

    /// One whose handshake is over.
    pub fn tls(tls: TlsStream<TcpStream>, pass: Pass) -> Self {
        Self { io: Io::Tls(Box::new(tls)), _pass: pass }
    }

    /// Whether it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.io, Io::Tls(_))
    }

    /// Writes what can be written now, without a copy. An encrypted connection
    /// takes nothing in this way.
    ///
    /// # Errors
    /// `WouldBlock` where nothing can be, or what ended the connection.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.io {
            Io::Plain(tcp) => tcp.try_write(bytes),
            Io::Tls(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// The same for several parts, one behind the other.
    ///
    /// # Errors
    /// As above.
    pub fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.io {
            Io::Plain(tcp) => tcp.try_write_vectored(parts),
            Io::Tls(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Ready once the other side has closed. What else it says is thrown away.
    pub fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; 256];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *self).poll_read(context, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
            }
        }
    }

    /// Writes all of it, and keeps none of it back.
    ///
    /// # Errors
    /// What ended the connection.
    pub async fn write_through(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes).await?;
        self.flush().await
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Io::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Io::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(tcp) => Pin::new(tcp).poll_write_vectored(context, slices),
            Io::Tls(tls) => Pin::new(tls).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Io::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Io::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}
