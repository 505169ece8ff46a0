//! The door to the network. Enters: connections. Leaves: their requests, to the
//! router, with where they came from; and the connection itself, where an answer
//! is a stream that has said so. Never: keeps what reads requests beside a
//! stream, which would cost more than the stream, or waits for a client for ever.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::uri::Scheme;
use axum::http::{Method, Request, Version};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::gate::{Gate, Pass, Refused};
use super::line::{self, UnderWay};
use super::pace::{Deadline, Patience};
use super::takeover::{Stream, Takeover, head};
use super::tls::Tls;
use super::wire::Wire;
use crate::config::Limits;

/// How long no connection is taken in where none can be, for want of descriptors.
const BREATH: Duration = Duration::from_secs(1);
/// How often the other side of an HTTP/2 connection is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long it may take to give one.
const PING_ANSWER: Duration = Duration::from_secs(20);
/// What is kept of one HTTP/2 answer for a client that does not take it.
const UNSENT_BYTES: usize = 64 * 1024;
/// The library insists on so much room for a head.
const LEAST_HEAD: usize = 8 * 1024;

/// A connection in the library's hands.
pub type Line = line::Line<Stream>;

/// What connections are served with.
pub struct Door {
    /// Answers requests.
    pub app: Router,
    /// What a connection may use.
    pub limits: Limits,
    /// Encrypts connections, if they are.
    pub tls: Option<Arc<Tls>>,
    /// Says who may connect.
    pub gate: Gate,
    /// Hears of each connection that was closed before its request was read.
    pub refused: Box<dyn Fn(Refused) + Send + Sync>,
    /// The server is about to stop.
    pub stop: CancellationToken,
}

/// What all connections share.
struct Hall {
    door: Door,
    library: Builder<TokioExecutor>,
    patience: Patience,
    connections: TaskTracker,
}

/// Serves what connects until `stop`, then until all that is under way has ended.
pub fn serve(listener: TcpListener, door: Door) -> impl Future<Output = ()> + Send {
    let patience = Patience { head: door.limits.header_time, idle: door.limits.idle };
    let library = library(&door.limits);
    let connections = TaskTracker::new();
    if let Some(tls) = &door.tls {
        connections.spawn(tls.clone().watch(door.stop.clone()));
    }
    let hall = Arc::new(Hall { door, library, patience, connections });
    run(listener, hall)
}

async fn run(listener: TcpListener, hall: Arc<Hall>) {
    let connections = &hall.connections;
    loop {
        let accepted = tokio::select! {
            () = hall.door.stop.cancelled() => break,
            accepted = async {
                hall.door.gate.descriptors().await;
                listener.accept().await
            } => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match hall.door.gate.admit(peer.ip()) {
                Ok(pass) => {
                    prepare(&stream, &hall.door.limits);
                    connections.spawn(connection(stream, peer, pass, hall.clone()));
                }
                Err(reason) => (hall.door.refused)(reason),
            },
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

/// The library, within the limits.
fn library(limits: &Limits) -> Builder<TokioExecutor> {
    let head = usize::try_from(limits.head.as_u64()).unwrap_or(usize::MAX);
    let mut builder = Builder::new(TokioExecutor::new());
    // How long a head may take is for us to see: to the library a connection
    // between two requests is one whose head takes long.
    builder.http1().max_buf_size(head.max(LEAST_HEAD));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(head).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.streams)
        .max_send_buf_size(UNSENT_BYTES)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_ANSWER);
    builder
}

fn prepare(stream: &TcpStream, limits: &Limits) {
    // A small frame must not wait for the answer to the one before it.
    let _ = stream.set_nodelay(true);
    // Whoever takes nothing of what is written for so long is cut off by the
    // system. Later than a socket is told so: that takes `send` twice.
    #[cfg(target_os = "linux")]
    {
        let longest = limits.send.saturating_mul(3).as_millis();
        let longest = u32::try_from(longest).unwrap_or(u32::MAX);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, longest);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = limits;
}

async fn connection(stream: TcpStream, peer: SocketAddr, pass: Pass, hall: Arc<Hall>) {
    let door = &hall.door;
    let wire = match &door.tls {
        None => Wire::plain(stream, pass),
        Some(tls) => {
            // In a place of its own: the connection is long without it.
            let shaking = Box::pin(timeout(hall.patience.head, tls.accept(stream)));
            let shaken = tokio::select! {
                () = door.stop.cancelled() => return,
                shaken = shaking => shaken,
            };
            match shaken {
                Ok(Some(tls)) => Wire::tls(tls, pass),
                Ok(None) | Err(_) => return (door.refused)(Refused::Handshake),
            }
        }
    };
    let encrypted = wire.is_encrypted();
    let line = Line::new(wire);
    let (answering, inside) = (line.clone(), hall.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        let http2 = request.version() == Version::HTTP_2;
        let under_way = answering.asked(http2);
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(peer));
        if encrypted {
            extensions.insert(Scheme::HTTPS);
        }
        answer(request, inside.door.app.clone(), answering.clone(), under_way)
    });
    let library = &hall.library;
    let served = library.serve_connection_with_upgrades(TokioIo::new(line.clone()), service);
    let taken = {
        let mut served = pin!(served);
        let mut stopping = pin!(door.stop.cancelled());
        let mut alarm = pin!(sleep_until((Instant::now() + hall.patience.head).into()));
        let (mut told, mut idle) = (false, false);
        poll_fn(|context| {
            if !told && stopping.as_mut().poll(context).is_ready() {
                told = true;
                served.as_mut().graceful_shutdown();
            }
            loop {
                // First, as what is there already did not come too late.
                match served.as_mut().poll(context) {
                    // Whatever ended it, there is nobody to tell.
                    Poll::Ready(_) => return Poll::Ready(None),
                    Poll::Pending => {}
                }
                if let Some(taken) = line.taken() {
                    return Poll::Ready(Some(taken));
                }
                if alarm.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                let now = Instant::now();
                let next = match line.deadline(hall.patience) {
                    Some(Deadline::Head(at)) if at <= now => {
                        (door.refused)(Refused::SlowHead);
                        return Poll::Ready(None);
                    }
                    Some(Deadline::Idle(at)) if at <= now => {
                        if idle {
                            return Poll::Ready(None);
                        }
                        idle = true;
                        served.as_mut().graceful_shutdown();
                        now + hall.patience.head
                    }
                    Some(Deadline::Head(at) | Deadline::Idle(at)) => at,
                    None => now + hall.patience.shortest(),
                };
                alarm.as_mut().reset(next.into());
            }
        })
        .await
    };
    let Some((mut wire, head, then)) = taken else { return };
    // In a task of its own: this one has room for all that came before.
    hall.connections.spawn(Box::pin(async move {
        let written = wire.write_through(&head).await;
        drop(head);
        if written.is_ok() {
            then(wire).await;
        }
    }));
}

/// The answer to a request; does not return where the connection is taken over.
async fn answer(
    request: Request<Incoming>,
    mut app: Router,
    line: Line,
    under_way: UnderWay<Stream>,
) -> Result<Response<line::Answer<Stream>>, Infallible> {
    // Elsewhere a stream does not have the connection to itself, or no chunks.
    let plain = request.version() == Version::HTTP_11 && request.method() == Method::GET;
    let response = app.call(request.map(Body::new)).await?;
    let takeover = response.extensions().get::<Takeover>().filter(|_| plain);
    match takeover.and_then(Takeover::take) {
        Some(stream) => {
            let (parts, _body) = response.into_parts();
            line.hand_over(head(&parts), stream);
            pending().await
        }
        None => Ok(response.map(|body| under_way.with(body))),
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::config::Config;

    #[tokio::test]
    async fn a_request_says_where_it_comes_from() {
        let from = |request: axum::extract::Request| async move {
            let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>().unwrap();
            format!("{peer} {:?}", request.extensions().get::<Scheme>())
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let door = Door {
            app: Router::new().route("/", get(from)),
            limits: Limits::default(),
            tls: None,
            gate: Gate::new(&Config::default(), true),
            refused: Box::new(|_| {}),
            stop: stop.clone(),
        };
        let served = tokio::spawn(serve(listener, door));
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        client.write_all(request).await.unwrap();
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        let expected = format!("{} None", client.local_addr().unwrap());
        assert!(said.ends_with(&expected), "{said}");
        stop.cancel();
        served.await.unwrap();
    }
}
