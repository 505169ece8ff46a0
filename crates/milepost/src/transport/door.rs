//! The door to the network. Enters: connections. Leaves: their requests, to the
//! router; and the connection itself, where an answer is a stream that has said
//! so. Never: keeps what reads requests beside a stream, which would cost more
//! than the stream.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::http::response::Parts;
use axum::http::{Method, Request, Version};
use axum::response::Response;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

/// How long no connection is taken in where none can be, for want of descriptors.
const BREATH: Duration = Duration::from_secs(1);

/// Goes on with a connection behind the head of an answer.
type Stream = Box<dyn FnOnce(TcpStream) -> BoxFuture<'static, ()> + Send>;

/// Among an answer's extensions: its body is better written by `Stream`, in
/// chunks, than by the library, whose buffers take 20 KiB. Both read the same
/// source, and whichever comes first has it.
#[derive(Clone)]
pub struct Takeover(Arc<Mutex<Option<Stream>>>);

impl Takeover {
    /// `stream` writes the body, its last chunk included, and is the last thing
    /// that happens to the connection.
    pub fn new(stream: impl FnOnce(TcpStream) -> BoxFuture<'static, ()> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(stream)))))
    }

    fn take(&self) -> Option<Stream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Serves what connects until `stop`, then until all that is under way has ended.
pub async fn serve(listener: TcpListener, app: Router, stop: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                // A small frame must not wait for the answer to the one before it.
                let _ = stream.set_nodelay(true);
                let (app, stop) = (app.clone(), stop.clone());
                connections.spawn(connection(stream, app, stop, connections.clone()));
            }
            // It was gone before we came to it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be taken in");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(
    stream: TcpStream,
    app: Router,
    stop: CancellationToken,
    connections: TaskTracker,
) {
    let line = Line::new(stream);
    let answering = line.clone();
    let service = service_fn(move |request| answer(request, app.clone(), answering.clone()));
    let builder = Builder::new(TokioExecutor::new());
    let served = builder.serve_connection_with_upgrades(TokioIo::new(line.clone()), service);
    let taken = {
        let mut served = pin!(served);
        let mut stopping = pin!(stop.cancelled());
        let mut told = false;
        poll_fn(|context| {
            if !told && stopping.as_mut().poll(context).is_ready() {
                told = true;
                served.as_mut().graceful_shutdown();
            }
            match served.as_mut().poll(context) {
                // Whatever ended it, there is nobody to tell.
                Poll::Ready(_) => Poll::Ready(None),
                Poll::Pending => {
                    line.taken().map_or(Poll::Pending, |taken| Poll::Ready(Some(taken)))
                }
            }
        })
        .await
    };
    let Some((mut stream, head, then)) = taken else { return };
    // In a task of its own: this one has room for all that came before.
    connections.spawn(Box::pin(async move {
        let written = stream.write_all(&head).await;
        drop(head);
        if written.is_ok() {
            then(stream).await;
        }
    }));
}

/// The answer to a request; does not return where the connection is taken over.
async fn answer(
    request: Request<Incoming>,
    mut app: Router,
    line: Line,
) -> Result<Response, Infallible> {
    // Elsewhere a stream does not have the connection to itself, or no chunks.
    let plain = request.version() == Version::HTTP_11 && request.method() == Method::GET;
    let response = app.call(request.map(Body::new)).await?;
    let takeover = response.extensions().get::<Takeover>().filter(|_| plain);
    match takeover.and_then(Takeover::take) {
        Some(stream) => {
            let (parts, _body) = response.into_parts();
            line.lock().next = Some((head(&parts), stream));
            pending().await
        }
        None => Ok(response),
    }
}

/// An answer's head, for a body in chunks behind which nothing comes.
fn head(parts: &Parts) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {}\r\n", parts.status).into_bytes();
    for (name, value) in &parts.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    let date = httpdate::fmt_http_date(SystemTime::now());
    let rest = format!("date: {date}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
    head.extend_from_slice(rest.as_bytes());
    head
}

/// A connection that can be taken away from the library.
#[derive(Clone)]
pub struct Line(Arc<Mutex<State>>);

struct State {
    /// `None` once it was taken away.
    stream: Option<TcpStream>,
    /// Whether the library has more to write.
    unwritten: bool,
    /// What becomes of the connection.
    next: Option<(Vec<u8>, Stream)>,
}

impl Line {
    fn new(stream: TcpStream) -> Self {
        let state = State { stream: Some(stream), unwritten: false, next: None };
        Self(Arc::new(Mutex::new(state)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, for whoever has it to itself.
    pub fn take(&self) -> Option<TcpStream> {
        self.lock().stream.take()
    }

    /// What is to go on, once the answers before it are written.
    fn taken(&self) -> Option<(TcpStream, Vec<u8>, Stream)> {
        let mut state = self.lock();
        if state.unwritten {
            return None;
        }
        let (head, next) = state.next.take()?;
        Some((state.stream.take()?, head, next))
    }

    /// Does something with the connection, if it is there.
    fn with<T>(
        &self,
        act: impl FnOnce(Pin<&mut TcpStream>, &mut bool) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let State { stream, unwritten, .. } = &mut *self.lock();
        match stream {
            Some(stream) => act(Pin::new(stream), unwritten),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|stream, _| stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream, unwritten| {
            *unwritten = true;
            stream.poll_write(context, bytes)
        })
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream, unwritten| {
            *unwritten = true;
            stream.poll_write_vectored(context, slices)
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The library flushes behind the last of what it has.
        self.with(|stream, unwritten| {
            *unwritten = false;
            stream.poll_flush(context)
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream, _| stream.poll_shutdown(context))
    }
}
