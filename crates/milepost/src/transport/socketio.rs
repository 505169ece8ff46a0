//! Socket.IO 4 (Engine.IO 4, over WebSockets and over polling). Enters: the requests of
//! its path, a dialect's host. Leaves: what a client says, in its order, to that
//! client's session; what the session says, at the client's pace. Never: shapes a
//! message, or keeps more for a client that does not read than a few packets.

mod answer;
mod cut;
mod session;

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::Value;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::service::SocketIoService;
use socketioxide::{ParserConfig, SocketIo};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::hub::{Delivery, TooSlow};
pub use answer::{answer, is_handshake};
use session::{begin, greet};

/// Where clients expect it.
pub const PATH: &str = "/socket.io/";
/// How often a client is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(25);
/// How long it may take to give one.
const PING_ANSWER: Duration = Duration::from_secs(20);
/// How long a client may take from its handshake to its `connect`, and for an upgrade.
const CONNECT: Duration = Duration::from_secs(10);
/// Packets that are kept for a client. Where there is no room for the next ping, the
/// client is cut off: nobody stays for longer than that without reading.
const UNSENT_PACKETS: usize = 64;
/// How long it may take to let go of all sessions.
const LETTING_GO: Duration = Duration::from_secs(1);
/// Attachments of one event; nothing here takes any.
const ATTACHMENTS: usize = 4;
/// The library zero-fills its buffer on each read, and clients' messages are small.
const READ_BUFFER_BYTES: usize = 512;
/// The one namespace.
const NAMESPACE: &str = "/";
/// What a session says to its client.
pub struct Said {
    /// The event.
    pub event: &'static str,
    /// Its one argument, as JSON.
    pub data: Bytes,
}

/// What a session makes of an event.
#[derive(Default)]
pub struct Answer {
    /// Events for the client.
    pub said: Vec<Said>,
    /// For the client's callback, where it has one.
    pub ack: Value,
}

/// Why a session ends.
pub enum End {
    /// The client is gone.
    Gone,
    /// The server sends it away, after a last word.
    Away(Option<Said>),
}

/// A dialect's side of all clients.
pub trait Host: Clone + Send + Sync + 'static {
    /// The dialect's side of one client.
    type Session: Session;

    /// A client connects, which sent `auth`. The refusal is what it is told.
    fn admit(
        &self,
        handshake: &Parts,
        auth: Value,
    ) -> impl Future<Output = Result<Self::Session, String>> + Send;
}

/// A dialect's side of one client.
pub trait Session: Send + 'static {
    /// An event came, before anything is done with it.
    ///
    /// # Errors
    /// Where there were too many.
    fn heard(&mut self) -> Result<(), End>;

    /// More came at a time than is kept.
    fn flooded(&self) -> End;

    /// Answers an event.
    fn on_event(
        &mut self,
        name: &str,
        payload: Value,
    ) -> impl Future<Output = Result<Answer, End>> + Send;

    /// What happens to what the client watches.
    fn next(&self) -> impl Future<Output = Result<Delivery, TooSlow>> + Send;

    /// Shapes it; `None` where there is nothing to say.
    fn encode(
        &mut self,
        delivery: Delivery,
    ) -> impl Future<Output = Result<Option<Said>, End>> + Send;

    /// When its time is over.
    fn deadline(&self) -> Option<Instant>;

    /// What is said then; the session may go on with less.
    ///
    /// # Errors
    /// Where it does not.
    fn expired(&mut self) -> Result<Option<Said>, End>;

    /// Whether the client may still be here. Asked now and then; the session may go on
    /// with less, of which this is said.
    fn still(&mut self) -> impl Future<Output = Result<Option<Said>, End>> + Send;
}

/// How patient it is.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// How often a client is asked for a sign of life.
    pub ping_every: Duration,
    /// How long it may take to give one.
    pub ping_answer: Duration,
    /// How long a client may take from its handshake to its `connect`, and for an
    /// upgrade.
    pub connect: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { ping_every: PING_EVERY, ping_answer: PING_ANSWER, connect: CONNECT }
    }
}

/// All clients of a server; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    service: SocketIoService<Router>,
    stop: CancellationToken,
}

impl Engine {
    /// Serves no namespace yet. No message of a client is longer than `largest` bytes.
    pub fn new(times: Times, largest: usize) -> (Self, SocketIo) {
        let parser = ParserConfig::common()
            .max_incoming_binaries(ATTACHMENTS)
            .max_incoming_binary_buf_size(largest)
            .packet_completion_timeout(times.ping_answer);
        let builder = SocketIo::builder()
            .req_path(PATH)
            .ping_interval(times.ping_every)
            .ping_timeout(times.ping_answer)
            .connect_timeout(times.connect)
            .upgrade_timeout(times.connect)
            .max_payload(largest as u64)
            .max_buffer_size(UNSENT_PACKETS)
            .ws_read_buffer_size(READ_BUFFER_BYTES)
            .ws_max_message_size(largest)
            .ws_max_frame_size(largest)
            .with_parser(parser);
        // What is not of its path does not come so far.
        let (service, io) = builder.build_with_inner_svc(Router::new());
        (Self { service, stop: CancellationToken::new() }, io)
    }

    /// Serves `host` in the namespace `/` until `stop`. Then all sessions end, but without
    /// the protocol's goodbye: behind that some clients would not come back by themselves.
    pub fn start<H: Host>(largest: usize, stop: CancellationToken, host: H) -> Self {
        let (engine, io) = Self::new(Times::default(), largest);
        let engine = Self { stop: stop.clone(), ..engine };
        let begin = async |socket: SocketRef| begin::<H::Session>(socket).await;
        let greet = move |socket: SocketRef, TryData(auth): TryData<Value>| {
            greet(host, socket, auth.unwrap_or_default(), stop.child_token())
        };
        io.ns(NAMESPACE, begin.with(greet));
        let stop = engine.stop.clone();
        tokio::spawn(async move {
            stop.cancelled().await;
            let sockets = io.sockets();
            // Nobody hears of it any more, but all that sessions hold is let go. Whoever
            // does not read may block it.
            let _ = timeout(LETTING_GO, io.close()).await;
            // The library forgets to tell them.
            for socket in sockets {
                let _ = socket.disconnect();
            }
        });
        engine
    }

    /// Answers a request of its path.
    pub async fn answer(&self, request: Request) -> Response {
        answer(self.service.clone(), &self.stop, request).await
    }
}
