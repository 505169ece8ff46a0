//! WebSockets (RFC 6455). Enters: a socket after its upgrade, a dialect's
//! session. Leaves: frames as fast as the reader takes them, and a close code
//! that says why it ended. Never: lets a peer that is gone or does not read hold
//! anything for long.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use tokio::time::{Instant, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use crate::hub::{Connection, Delivery};

/// How often a peer is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(30);
/// A peer without a sign of life for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);

/// Why a socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The client wished it.
    Done,
    /// The server goes away for a moment.
    Draining,
    /// A binary frame came.
    Binary,
    /// The client broke the rules.
    Policy,
    /// A message was larger than allowed.
    TooLarge,
    /// The reader was too slow; it resumes from what it has.
    TooSlow,
    /// There are too many connections.
    TooMany,
}

impl Close {
    const fn code(self) -> u16 {
        match self {
            Self::Done => 1000,
            Self::Binary => 1003,
            Self::Policy => 1008,
            Self::TooLarge => 1009,
            Self::Draining => 1012,
            Self::TooSlow => 4408,
            Self::TooMany => 4429,
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Done => "",
            Self::Binary => "only text frames are understood",
            Self::Policy => "three malformed messages in a row",
            Self::TooLarge => "the message is too large",
            Self::Draining => "the server restarts; reconnect",
            Self::TooSlow => "reading too slowly; reconnect with the last seq",
            Self::TooMany => "too many connections",
        }
    }
}

/// A dialect's side of one socket.
pub trait Session: Send {
    /// Answers a text message; the answers are sent in order.
    fn on_text(
        &mut self,
        connection: &mut Connection,
        text: &str,
    ) -> impl Future<Output = Result<Vec<Utf8Bytes>, Close>> + Send;

    /// Shapes a delivery.
    fn encode(&self, delivery: Delivery) -> Utf8Bytes;

    /// What is said before a planned close.
    fn draining(&self) -> Option<Utf8Bytes>;
}

/// Serves the socket until one side ends it.
pub async fn serve(
    mut socket: WebSocket,
    mut connection: Connection,
    mut session: impl Session,
    draining: CancellationToken,
    send_limit: Duration,
) {
    let ended = run(&mut socket, &mut connection, &mut session, &draining, send_limit).await;
    // What is not delivered now is delivered after the reconnect.
    drop(connection);
    if let Err(Some(close)) = ended {
        goodbye(&mut socket, close, send_limit).await;
    }
}

/// Refuses a socket with a code that says why.
pub async fn refuse(mut socket: WebSocket, close: Close, send_limit: Duration) {
    goodbye(&mut socket, close, send_limit).await;
}

/// `Err(None)`: the peer is gone, there is nobody to say goodbye to.
async fn run(
    socket: &mut WebSocket,
    connection: &mut Connection,
    session: &mut impl Session,
    draining: &CancellationToken,
    send_limit: Duration,
) -> Result<(), Option<Close>> {
    let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            message = socket.recv() => {
                heard = Instant::now();
                let text = match message {
                    None => return Err(None),
                    Some(Err(error)) => return Err(broken(&error)),
                    Some(Ok(Message::Text(text))) => text,
                    Some(Ok(Message::Binary(_))) => return Err(Some(Close::Binary)),
                    // The library answers pings and completes a close.
                    Some(Ok(Message::Close(_))) => return Err(Some(Close::Done)),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                };
                for answer in session.on_text(connection, &text).await.map_err(Some)? {
                    send(socket, Message::Text(answer), send_limit).await?;
                }
            }
            delivery = connection.next() => {
                let delivery = delivery.map_err(|_| Some(Close::TooSlow))?;
                let text = session.encode(delivery);
                send(socket, Message::Text(text), send_limit).await?;
            }
            _ = ping.tick() => {
                if heard.elapsed() >= SILENCE {
                    return Err(None);
                }
                send(socket, Message::Ping(axum::body::Bytes::new()), send_limit).await?;
            }
            () = draining.cancelled() => {
                if let Some(text) = session.draining() {
                    send(socket, Message::Text(text), send_limit).await?;
                }
                return Err(Some(Close::Draining));
            }
        }
    }
}

async fn send(
    socket: &mut WebSocket,
    message: Message,
    limit: Duration,
) -> Result<(), Option<Close>> {
    match timeout(limit, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_gone)) => Err(None),
        Err(_blocked) => Err(Some(Close::TooSlow)),
    }
}

/// An oversized message is the client's to mend; anything else ended the socket.
fn broken(error: &axum::Error) -> Option<Close> {
    let too_large = std::error::Error::source(error).is_some_and(|source| {
        source.to_string().contains("too long") || source.to_string().contains("too big")
    });
    too_large.then_some(Close::TooLarge)
}

/// A peer that does not even take this within `limit` goes without it.
async fn goodbye(socket: &mut WebSocket, close: Close, limit: Duration) {
    let frame = CloseFrame { code: close.code(), reason: close.reason().into() };
    let farewell = async {
        let _ = socket.send(Message::Close(Some(frame))).await;
        // Read on until the peer has closed, else it may not see the code.
        while let Some(Ok(_)) = socket.recv().await {}
    };
    let _ = timeout(limit, farewell).await;
}
