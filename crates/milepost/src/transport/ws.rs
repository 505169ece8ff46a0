//! WebSockets (RFC 6455). Enters: a handshake, a dialect's session. Leaves: frames
//! as fast as the reader takes them, and a close code that says why it ended.
//! Never: lets a peer that is gone or does not read hold anything for long, or
//! frames an update once for each of its watchers.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::{Parts, downcast};
use tokio::time::{Instant, interval_at, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

pub use super::close::Close;
use super::door::Line;
use super::wire::Wire;
use crate::hub::{Connection, Delivery};

/// How often a peer is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(30);
/// A peer without a sign of life for so long is gone.
pub const SILENCE: Duration = Duration::from_secs(60);
/// An empty ping frame.
const PING: &[u8] = &[0x89, 0];
/// The first byte of a text message in one frame.
const TEXT: u8 = 0x81;
/// tungstenite zero-fills its buffer on each read: a large one costs memory for
/// an idle socket and time for a busy one, and clients' messages are small.
const READ_BUFFER_BYTES: usize = 512;

/// A dialect's side of one socket.
pub trait Session: Send {
    /// A peer without a sign of life for so long is gone.
    fn silence(&self) -> Duration {
        SILENCE
    }

    /// What is said before anything else, framed.
    fn greeting(&mut self) -> Option<Bytes> {
        None
    }

    /// A frame came, of whatever kind, before anything is done with it.
    ///
    /// # Errors
    /// Where there were too many.
    fn heard(&mut self) -> Result<(), Close>;

    /// Answers a text message; the answers, framed, are sent in order.
    fn on_text(
        &mut self,
        connection: &mut Connection,
        text: &str,
    ) -> impl Future<Output = Result<Vec<Bytes>, Close>> + Send;

    /// Answers a binary message, framed. No dialect has any.
    ///
    /// # Errors
    /// Where there is none.
    fn on_binary(&mut self, _: &[u8]) -> Result<Bytes, Close> {
        Err(Close::Binary)
    }

    /// Shapes a delivery, as one frame or several; `None` where there is nothing to say.
    ///
    /// # Errors
    /// Why the socket ends.
    fn encode(&mut self, delivery: Delivery) -> Result<Option<Bytes>, Close>;

    /// When the session has something to do by itself.
    fn deadline(&self) -> Option<Instant>;

    /// Does it; the answer, framed, is sent.
    fn on_deadline(&mut self) -> Result<Option<Bytes>, Close>;

    /// Whether the client may still be here. Asked now and then.
    fn still(&self) -> impl Future<Output = bool> + Send;

    /// What is said before a planned close, framed.
    fn draining(&self) -> Option<Bytes>;
}

/// A text message as one frame, ready for any number of sockets: a server's
/// frames are not masked, so they are the same for all.
pub fn text(message: &str) -> Bytes {
    let length = message.len();
    let mut frame = Vec::with_capacity(length + 10);
    frame.push(TEXT);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..126), _) => frame.push(short),
        (_, Ok(medium)) => {
            frame.push(126);
            frame.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(message.as_bytes());
    frame.into()
}

/// An open socket.
pub struct Socket {
    stream: WebSocketStream<Wire>,
    /// The library may hold an answer to a ping that is not written yet.
    pong: bool,
}

/// Answers a handshake, with `protocol` where the client offers it, and hands the
/// socket to `then`. No message of a client is longer than `largest` bytes.
///
/// # Errors
/// Says what is wrong with the handshake.
pub fn upgrade(
    mut request: Request,
    protocol: Option<&'static str>,
    largest: usize,
    then: impl FnOnce(Socket) -> BoxFuture<'static, ()> + Send + 'static,
) -> Result<Response, String> {
    let spoken = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut spoken = spoken.filter_map(|value| value.to_str().ok());
    let protocol = protocol
        .filter(|protocol| spoken.any(|names| names.split(',').any(|n| n.trim() == *protocol)));
    let (mut response, wire) = shake(&mut request)?;
    if let Some(protocol) = protocol {
        let value = HeaderValue::from_static(protocol);
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, value);
    }
    tokio::spawn(async move {
        let Some((wire, read)) = wire.await else { return };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(largest))
            .max_frame_size(Some(largest));
        let role = Role::Server;
        let stream = WebSocketStream::from_partially_read(wire, read, role, Some(config)).await;
        // In a task of its own: this one has room for the handshake, which would
        // stay with the socket as long as it lives.
        tokio::spawn(then(Socket { stream, pong: false }));
    });
    Ok(response)
}

/// A connection that was taken over, and what of it was read already; `None` where the
/// client went away in the middle of the handshake, and misses nothing.
pub type Taken = Option<(Wire, Vec<u8>)>;

/// The answer to a handshake and, once that is written, the connection.
///
/// # Errors
/// Says what is wrong with the handshake.
pub fn shake(
    request: &mut Request,
) -> Result<(Response, impl Future<Output = Taken> + use<>), String> {
    let response =
        create_response_with_body(request, Body::empty).map_err(|error| error.to_string())?;
    let upgraded = hyper::upgrade::on(request);
    let wire = async move {
        let parts = downcast::<TokioIo<Line>>(upgraded.await.ok()?);
        let Parts { io, read_buf, .. } = parts.expect("connections come through the door");
        // A copy of the few bytes, if any: it would keep the buffer of 16 KiB that
        // the handshake was read into.
        Some((io.into_inner().take()?, read_buf.to_vec()))
    };
    Ok((response, wire))
}

/// A socket that watches.
pub struct Open<S> {
    /// It.
    pub socket: Socket,
    /// What it watches.
    pub connection: Connection,
    /// What its client says, and is told.
    pub session: S,
    /// The server is about to stop.
    pub draining: CancellationToken,
    /// How long it may block a message.
    pub send_limit: Duration,
}

/// Serves the socket until one side ends it. There are many of them and most only
/// listen, so what they rarely need is in a place of its own when they do.
pub async fn serve(mut open: Box<Open<impl Session>>) {
    if let Err(Some(close)) = run(&mut open).await {
        Box::pin(farewell(open, close)).await;
    }
}

async fn farewell(open: Box<Open<impl Session>>, close: Close) {
    let Open { mut socket, connection, send_limit, .. } = *open;
    // What is not delivered now is delivered after the reconnect.
    drop(connection);
    socket.goodbye(close, send_limit).await;
}

/// Refuses a socket with a code that says why.
pub async fn refuse(mut socket: Socket, close: Close, send_limit: Duration) {
    socket.goodbye(close, send_limit).await;
}

/// `Err(None)`: the peer is gone, there is nobody to say goodbye to.
async fn run(open: &mut Open<impl Session>) -> Result<(), Option<Close>> {
    let Open { socket, connection, session, draining, send_limit } = open;
    let send_limit = *send_limit;
    // Whoever is given less time is asked more often.
    let ask = PING_EVERY.min(session.silence() / 2);
    let mut ping = interval_at(Instant::now() + ask, ask);
    let mut heard = Instant::now();
    // Made once: each new one takes a lock that all sockets share.
    let drained = draining.cancelled();
    tokio::pin!(drained);
    let mut deadline = session.deadline();
    let due = sleep_until(deadline.unwrap_or_else(Instant::now));
    tokio::pin!(due);
    if let Some(greeting) = session.greeting() {
        socket.send(&greeting, send_limit).await?;
    }
    loop {
        if deadline != session.deadline() {
            deadline = session.deadline();
            due.as_mut().reset(deadline.unwrap_or_else(Instant::now));
        }
        tokio::select! {
            message = socket.stream.next() => {
                heard = Instant::now();
                session.heard().map_err(Some)?;
                let text = match message {
                    None => return Err(None),
                    Some(Err(error)) => return Err(broken(&error)),
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Binary(bytes))) => {
                        let answer = session.on_binary(&bytes).map_err(Some)?;
                        socket.send(&answer, send_limit).await?;
                        continue;
                    }
                    // The library answers pings and completes a close.
                    Some(Ok(Message::Close(_))) => return Err(Some(Close::Done)),
                    Some(Ok(_)) => {
                        socket.pong = true;
                        continue;
                    }
                };
                // In a place of its own: it is large, and most sockets only listen.
                let answers = Box::pin(session.on_text(connection, &text)).await;
                for answer in answers.map_err(Some)? {
                    socket.send(&answer, send_limit).await?;
                }
            }
            delivery = connection.next() => {
                let delivery = delivery.map_err(|_| Some(Close::TooSlow))?;
                if let Some(frame) = session.encode(delivery).map_err(Some)? {
                    socket.send(&frame, send_limit).await?;
                }
            }
            () = &mut due, if deadline.is_some() => {
                if let Some(frame) = session.on_deadline().map_err(Some)? {
                    socket.send(&frame, send_limit).await?;
                }
                // Even where it is the same: it has passed.
                deadline = None;
            }
            _ = ping.tick() => {
                if heard.elapsed() >= session.silence() {
                    return Err(None);
                }
                // In a place of its own: it is large and rare.
                if !Box::pin(session.still()).await {
                    return Err(Some(Close::Unauthenticated));
                }
                socket.send(PING, send_limit).await?;
            }
            () = &mut drained => {
                if let Some(message) = session.draining() {
                    socket.send(&message, send_limit).await?;
                }
                return Err(Some(Close::Draining));
            }
        }
    }
}

impl Socket {
    /// Writes a frame past the library, which would copy it once more for each
    /// socket. Nothing of the library's own may be half written then.
    async fn send(&mut self, frame: &[u8], limit: Duration) -> Result<(), Option<Close>> {
        if self.pong {
            match timeout(limit, self.stream.flush()).await {
                Ok(Ok(())) => self.pong = false,
                Ok(Err(_gone)) => return Err(None),
                Err(_blocked) => return Err(Some(Close::TooSlow)),
            }
        }
        let wire = self.stream.get_mut();
        // Most of the time all of it fits, and no timer is needed.
        let written = match wire.try_write(frame) {
            Ok(written) if written == frame.len() => return Ok(()),
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_gone) => return Err(None),
        };
        match timeout(limit, wire.write_through(&frame[written..])).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_gone)) => Err(None),
            Err(_blocked) => Err(Some(Close::TooSlow)),
        }
    }

    /// A peer that does not even take this within `limit` goes without it.
    async fn goodbye(&mut self, close: Close, limit: Duration) {
        let frame = CloseFrame { code: close.code().into(), reason: close.reason().into() };
        let farewell = async {
            let _ = self.stream.send(Message::Close(Some(frame))).await;
            // Read on until the peer has closed, else it may not see the code.
            while let Some(Ok(_)) = self.stream.next().await {}
        };
        let _ = timeout(limit, farewell).await;
    }
}

/// An oversized message is the client's to mend; anything else ended the socket.
fn broken(error: &Error) -> Option<Close> {
    let too_large = matches!(error, Error::Capacity(CapacityError::MessageTooLong { .. }));
    too_large.then_some(Close::TooLarge)
}

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::protocol::frame::Frame;
    use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

    #[test]
    fn a_text_is_framed_as_the_library_would() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let message = "x".repeat(length);
            let frame = Frame::message(message.clone(), OpCode::Data(Data::Text), true);
            let mut expected = Vec::new();
            frame.format(&mut expected).unwrap();
            assert_eq!(super::text(&message), expected, "{length}");
        }
    }
}
