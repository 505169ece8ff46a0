//! Echo servers for the test suites of the protocols, which somebody else maintains:
//! Engine.IO, Socket.IO, and WebSockets (Autobahn). They stand on the real door and the
//! real transports. Not a test of its own: it serves until it is ended, see
//! `docs/dialects.md`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Router, http::StatusCode};
use engineioxide::config::EngineIoConfig;
use engineioxide::handler::EngineIoHandler;
use engineioxide::service::EngineIoService;
use engineioxide::{DisconnectReason, Socket, Str};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::ser::{Serialize, SerializeTupleStruct, Serializer};
use serde_json::Value;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{AckSender, SocketRef, TryData};
use socketioxide::handler::{FromMessageParts, MessageHandler, Value as Packet};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, Limits};
use crate::hub::{Connection, Delivery, Hub};
use crate::store::Store;
use crate::transport::door::{self, Door};
use crate::transport::gate::Gate;
use crate::transport::socketio::{self, Engine, Times};
use crate::transport::ws::{self, Close, Open, Session};

/// Where it listens, unless this variable says so.
const ADDRESS: (&str, &str) = ("MILEPOST_ECHO", "127.0.0.1:3000");
/// As the suites expect.
const PING_EVERY: Duration = Duration::from_millis(300);
const PING_ANSWER: Duration = Duration::from_millis(200);
const CONNECT: Duration = Duration::from_secs(1);
/// Between two packets.
const APART: Duration = Duration::from_millis(20);
const LARGEST: usize = 1_000_000;
/// Autobahn's longest messages are longer than that.
const LARGEST_OF_SOCKETS: usize = 16 * 1024 * 1024;

#[tokio::test]
#[ignore = "serves until it is ended"]
async fn echo() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), mpsc::unbounded_channel().0).unwrap();
    let hub = Hub::new(store, Clock::system(), 0);
    let app = Router::new()
        .route(socketio::PATH, any(socket_io()))
        .route("/engine.io/", any(engine_io()))
        .route("/ws", any(move |request| web_socket(hub.clone(), request)));
    let address = std::env::var(ADDRESS.0).unwrap_or_else(|_| ADDRESS.1.to_owned());
    let listener = TcpListener::bind(address).await.unwrap();
    println!("echoes at {}", listener.local_addr().unwrap());
    let door = Door {
        app,
        limits: Limits::default(),
        tls: None,
        gate: Gate::new(&Config::default(), true),
        refused: Box::new(|_| {}),
        stop: CancellationToken::new(),
    };
    door::serve(listener, door).await;
}

/// Answers requests.
trait Handles: FnOnce(Request) -> BoxFuture<'static, Response> + Clone + Send + Sync + 'static {}

impl<F> Handles for F where
    F: FnOnce(Request) -> BoxFuture<'static, Response> + Clone + Send + Sync + 'static
{
}

/// Echoes packets of Engine.IO.
#[derive(Debug)]
struct Below;

impl EngineIoHandler for Below {
    type Data = ();

    fn on_connect(self: Arc<Self>, _: Arc<Socket<()>>) {}

    fn on_disconnect(&self, _: Arc<Socket<()>>, _: DisconnectReason) {}

    fn on_message(self: &Arc<Self>, message: Str, socket: Arc<Socket<()>>) {
        let _ = socket.emit(message);
    }

    fn on_binary(self: &Arc<Self>, bytes: Bytes, socket: Arc<Socket<()>>) {
        let _ = socket.emit_binary(bytes);
    }
}

fn engine_io() -> impl Handles {
    let config = EngineIoConfig::builder()
        .req_path("/engine.io/")
        .ping_interval(PING_EVERY)
        .ping_timeout(PING_ANSWER)
        .max_payload(LARGEST as u64)
        .build();
    let service = EngineIoService::with_config_inner(Router::new(), Arc::new(Below), config);
    move |request| {
        async move { socketio::answer(service, &CancellationToken::new(), request).await }.boxed()
    }
}

/// Echoes events of Socket.IO.
struct Events;

impl MessageHandler<LocalAdapter, ()> for Events {
    fn call(
        &self,
        socket: Arc<socketioxide::socket::Socket>,
        mut packet: Packet,
        ack: Option<i64>,
    ) {
        let wants_ack = ack.is_some();
        let Ok(ack) = AckSender::from_message_parts(&socket, &mut packet, &ack);
        let Packet::Str(text, attached) = packet else { return };
        let mut parts: Vec<Value> = serde_json::from_str(text.as_str()).unwrap();
        parts.remove(0);
        let said = Parts(parts, attached.unwrap_or_default());
        if wants_ack {
            ack.send(&said).unwrap();
        } else {
            SocketRef::from(socket).emit("message-back", &said).unwrap();
        }
    }
}

/// An event's arguments, with the bytes that are attached to them.
struct Parts(Vec<Value>, VecDeque<Bytes>);

impl Serialize for Parts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_tuple_struct("Parts", self.0.len())?;
        for part in &self.0 {
            let number = part.get("_placeholder").and(part.get("num")).and_then(Value::as_u64);
            match number.and_then(|number| self.1.get(number as usize)) {
                Some(bytes) => all.serialize_field(&Attached(bytes))?,
                None => all.serialize_field(part)?,
            }
        }
        all.end()
    }
}

struct Attached<'a>(&'a [u8]);

impl Serialize for Attached<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

fn socket_io() -> impl Handles {
    let times = Times { ping_every: PING_EVERY, ping_answer: PING_ANSWER, connect: CONNECT };
    let (engine, io) = Engine::new(times, LARGEST);
    for namespace in ["/", "/custom"] {
        io.ns(namespace, async |socket: SocketRef, TryData(auth): TryData<Value>| {
            socket.on("message", Events);
            socket.on("message-with-ack", Events);
            // The suite waits for one packet and then for the next, and would miss one
            // that comes together with another.
            tokio::time::sleep(APART).await;
            socket.emit("auth", &auth.unwrap_or_else(|_| serde_json::json!({}))).unwrap();
        });
    }
    move |request| async move { engine.answer(request).await }.boxed()
}

/// Echoes messages of a WebSocket.
struct Echo;

impl Session for Echo {
    fn heard(&mut self) -> Result<(), Close> {
        Ok(())
    }

    async fn on_text(&mut self, _: &mut Connection, text: &str) -> Result<Vec<Bytes>, Close> {
        Ok(vec![ws::text(text)])
    }

    fn on_binary(&mut self, bytes: &[u8]) -> Result<Bytes, Close> {
        let frame = Frame::message(bytes.to_vec(), OpCode::Data(Data::Binary), true);
        let mut framed = Vec::new();
        frame.format(&mut framed).unwrap();
        Ok(framed.into())
    }

    fn encode(&mut self, _: Delivery) -> Result<Option<Bytes>, Close> {
        Ok(None)
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn on_deadline(&mut self) -> Result<Option<Bytes>, Close> {
        Ok(None)
    }

    async fn still(&self) -> bool {
        true
    }

    fn draining(&self) -> Option<Bytes> {
        None
    }
}

async fn web_socket(hub: Hub, request: Request) -> Response {
    let opened = ws::upgrade(request, None, LARGEST_OF_SOCKETS, move |socket| {
        let (connection, draining) = (hub.connect(), CancellationToken::new());
        let send_limit = Limits::default().send;
        let open = Open { socket, connection, session: Echo, draining, send_limit };
        ws::serve(Box::new(open)).boxed()
    });
    opened.unwrap_or_else(|wrong| (StatusCode::BAD_REQUEST, Body::from(wrong)).into_response())
}
