//! Socket.IO 4 (Engine.IO 4, over WebSockets and over polling). Enters: the requests of
//! its path, a dialect's host. Leaves: what a client says, in its order, to that
//! client's session; what the session says, at the client's pace. Never: shapes a
//! message, or keeps more for a client that does not read than a few packets.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use serde_json::value::RawValue;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{AckSender, SocketRef, TryData};
use socketioxide::handler::{ConnectHandler, FromMessageParts, MessageHandler, Value as Packet};
use socketioxide::service::SocketIoService;
use socketioxide::socket::Socket;
use socketioxide::{ParserConfig, SendError, SocketError, SocketIo};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::hub::{Delivery, TooSlow};

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
/// How long until it is looked again whether there is room for a packet.
const UNSENT_WAIT: Duration = Duration::from_millis(25);
/// What a client may have said that was not answered so far.
const UNHEARD_BYTES: usize = 256 * 1024;
/// What an event takes beside its text.
const EVENT_BYTES: usize = 256;
/// Attachments of one event; nothing here takes any.
const ATTACHMENTS: usize = 4;
/// The library zero-fills its buffer on each read, and clients' messages are small.
const READ_BUFFER_BYTES: usize = 512;
/// The one namespace.
const NAMESPACE: &str = "/";
/// What of a request's query says what it is.
const PARAMETERS: [&str; 3] = ["EIO=", "transport=", "sid="];
/// And of its headers.
const HEADERS: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::UPGRADE,
];
/// How often it is asked whether a client may still be here.
const STILL_EVERY: Duration = Duration::from_secs(30);

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

    /// What is said then.
    fn expired(&self) -> End;

    /// Whether the client may still be here. Asked now and then.
    fn still(&mut self) -> impl Future<Output = Result<(), End>> + Send;
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
        engine
    }

    /// Answers a request of its path.
    pub async fn answer(&self, request: Request) -> Response {
        let mut service = self.service.clone();
        tokio::select! {
            biased;
            () = self.stop.cancelled() => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            answered = service.call(lean(request)) => {
                answered.unwrap_or_else(|never| match never {}).map(Body::new)
            }
        }
    }
}

/// Whether a request begins a session.
pub fn is_handshake(query: Option<&str>) -> bool {
    !query.unwrap_or_default().split('&').any(|pair| pair.starts_with("sid="))
}

/// What of a request is kept as long as its session lives: no credential, and no
/// header that is not needed.
fn lean(mut request: Request) -> Request {
    let query = request.uri().query().unwrap_or_default();
    let pairs: Vec<_> = query
        .split('&')
        .filter(|pair| PARAMETERS.iter().any(|name| pair.starts_with(name)))
        .collect();
    // What was a URI remains one.
    let uri = format!("{PATH}?{}", pairs.join("&")).parse();
    *request.uri_mut() = uri.unwrap_or_else(|_| Uri::from_static(PATH));
    let all = std::mem::take(request.headers_mut());
    let kept = HEADERS.iter().filter_map(|name| Some((name.clone(), all.get(name)?.clone())));
    request.headers_mut().extend(kept);
    request
}

/// What a client says, on its way to its session.
#[derive(Clone)]
struct Inbox {
    events: mpsc::UnboundedSender<Event>,
    room: Arc<Semaphore>,
    flooded: CancellationToken,
}

struct Event {
    packet: Packet,
    ack: AckSender,
    _room: OwnedSemaphorePermit,
}

// The library's own way starts a task for each event, which lose their order.
impl MessageHandler<LocalAdapter, ()> for Inbox {
    fn call(&self, socket: Arc<Socket>, mut packet: Packet, ack: Option<i64>) {
        let Ok(ack) = AckSender::from_message_parts(&socket, &mut packet, &ack);
        let bytes = packet.as_str().map_or(0, |text| text.len()) + EVENT_BYTES;
        let room =
            self.room.clone().try_acquire_many_owned(u32::try_from(bytes).unwrap_or(u32::MAX));
        match room {
            Ok(_room) => drop(self.events.send(Event { packet, ack, _room })),
            Err(_full) => self.flooded.cancel(),
        }
    }
}

/// A session that was admitted, between the library's two calls.
struct Admitted<S>(Arc<Mutex<Option<Open<S>>>>);

impl<S> Clone for Admitted<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Open<S> {
    session: S,
    events: mpsc::UnboundedReceiver<Event>,
    flooded: CancellationToken,
    gone: CancellationToken,
}

/// Before the client hears that it is connected: from then on nothing that it says may
/// be missed.
async fn greet<H: Host>(
    host: H,
    socket: SocketRef,
    auth: Value,
    gone: CancellationToken,
) -> Result<(), String> {
    let flooded = CancellationToken::new();
    let (events, heard) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(UNHEARD_BYTES));
    socket.on_fallback(Inbox { events, room, flooded: flooded.clone() });
    let left = gone.clone();
    socket.on_disconnect(async move || left.cancel());
    let session = host.admit(socket.req_parts(), auth).await?;
    let open = Open { session, events: heard, flooded, gone };
    socket.extensions.insert(Admitted(Arc::new(Mutex::new(Some(open)))));
    Ok(())
}

/// The client is connected.
async fn begin<S: Session>(socket: SocketRef) {
    let admitted = socket.extensions.remove::<Admitted<S>>();
    let open = admitted.and_then(|a| a.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    let Some(mut open) = open else { return };
    let gone = open.gone.clone();
    let ended = tokio::select! {
        biased;
        () = gone.cancelled() => End::Gone,
        Err(end) = run(&socket, &mut open) => end,
    };
    if let End::Away(last) = ended {
        let farewell = async {
            if let Some(said) = last {
                emit(&socket, &said).await?;
            }
            // There has to be room to say so.
            while let Err(SocketError::InternalChannelFull) = socket.clone().disconnect() {
                sleep(UNSENT_WAIT).await;
            }
            Ok::<_, End>(())
        };
        tokio::select! {
            () = gone.cancelled() => {}
            _ = farewell => {}
        }
    }
}

async fn run(socket: &SocketRef, open: &mut Open<impl Session>) -> Result<Infallible, End> {
    let Open { session, events, flooded, .. } = open;
    let mut look = interval_at(Instant::now() + STILL_EVERY, STILL_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let deadline = session.deadline();
        tokio::select! {
            biased;
            () = flooded.cancelled() => return Err(session.flooded()),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                return Err(session.expired());
            }
            event = events.recv() => {
                let Some(Event { packet, ack, _room }) = event else { return Err(End::Gone) };
                session.heard()?;
                let Some((name, payload)) = taken_apart(&packet) else { continue };
                let answer = session.on_event(&name, payload).await?;
                for said in &answer.said {
                    emit(socket, said).await?;
                }
                // Where there is no room for it, it goes the way of one that was lost.
                let _ = ack.send(&answer.ack);
            }
            delivery = session.next() => {
                let delivery = delivery.map_err(|TooSlow| End::Away(None))?;
                if let Some(said) = session.encode(delivery).await? {
                    emit(socket, &said).await?;
                }
            }
            _ = look.tick() => {
                if !socket.connected() {
                    return Err(End::Gone);
                }
                session.still().await?;
            }
        }
    }
}

/// An event's name and its first argument.
fn taken_apart(packet: &Packet) -> Option<(String, Value)> {
    let parts: Vec<Value> = serde_json::from_str(packet.as_str()?).ok()?;
    let mut parts = parts.into_iter();
    let Some(Value::String(name)) = parts.next() else { return None };
    Some((name, parts.next().unwrap_or_default()))
}

/// Waits for room: the session has what is newest once there is some.
async fn emit(socket: &SocketRef, said: &Said) -> Result<(), End> {
    // Taken over as it is: the library copies each message for each client anyway.
    let data: &RawValue = serde_json::from_slice(&said.data).map_err(|_| End::Gone)?;
    loop {
        match socket.emit(said.event, data) {
            Ok(()) => return Ok(()),
            Err(SendError::Socket(SocketError::InternalChannelFull)) => sleep(UNSENT_WAIT).await,
            Err(_gone) => return Err(End::Gone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_keeps_neither_credentials_nor_what_is_not_needed() {
        let request = Request::get("/socket.io/?token=a.b.c&EIO=4&sid=x&transport=polling&t=1")
            .header("authorization", "Bearer x")
            .header("cookie", "session=x")
            .header("upgrade", "websocket");
        let request = lean(request.body(Body::empty()).unwrap());
        assert_eq!(request.uri(), "/socket.io/?EIO=4&sid=x&transport=polling");
        let names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["upgrade"]);
    }

    #[test]
    fn a_handshake_is_what_names_no_session() {
        assert!(is_handshake(Some("EIO=4&transport=polling")));
        assert!(is_handshake(None));
        assert!(!is_handshake(Some("EIO=4&transport=polling&sid=")));
    }
}
