//! A WebSocket client of the native protocol.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{DEADLINE, Server, within};

/// What a socket can go over.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One socket.
pub struct Socket(WebSocketStream<Box<dyn Stream>>);

/// What comes out of a socket.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    Message(Value),
    /// The server closed, with this code.
    Closed(u16),
    /// The connection broke without a goodbye.
    Broken,
}

impl Socket {
    /// Opens a socket that speaks `milepost.v1`.
    pub async fn open(server: &Server) -> Self {
        Self::open_as(server, None).await
    }

    /// Opens one that presents a credential among its protocols, as a browser can.
    pub async fn open_as(server: &Server, token: Option<&str>) -> Self {
        let stream = TcpStream::connect(server.address()).await.expect("the server listens");
        let protocols = match token {
            Some(token) => format!("milepost.v1, milepost.bearer.{token}"),
            None => "milepost.v1".to_owned(),
        };
        Self::shake(server, stream, "", &protocols).await
    }

    /// Opens one with a query in its URL.
    pub async fn open_at(server: &Server, query: &str) -> Self {
        let stream = TcpStream::connect(server.address()).await.expect("the server listens");
        Self::shake(server, stream, query, "milepost.v1").await
    }

    /// Opens a socket of another protocol, at its own path.
    pub async fn at(server: &Server, path: &str) -> Self {
        Self::try_at(server, path).await.expect("the upgrade")
    }

    /// As [`Socket::at`]; the status where the handshake is refused.
    pub async fn try_at(server: &Server, path: &str) -> Result<Self, u16> {
        Self::try_with(server, path, &[]).await
    }

    /// As [`Socket::try_at`], with further headers.
    pub async fn try_with(
        server: &Server,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let url = format!("ws://{}{path}", server.address());
        let mut request = url.into_client_request().expect("the URL is right");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        let stream = TcpStream::connect(server.address()).await.expect("the server listens");
        let stream: Box<dyn Stream> = Box::new(stream);
        let shaken = within(DEADLINE, "a WebSocket handshake", client_async(request, stream)).await;
        match shaken {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("the handshake broke: {error}"),
        }
    }

    /// Opens it over a connection that the test has prepared.
    pub async fn over(server: &Server, stream: impl Stream + 'static) -> Self {
        Self::shake(server, stream, "", "milepost.v1").await
    }

    async fn shake(
        server: &Server,
        stream: impl Stream + 'static,
        query: &str,
        protocols: &str,
    ) -> Self {
        let url = format!("ws://{}/v1/ws{query}", server.address());
        let mut request = url.into_client_request().expect("the URL is right");
        let protocols = protocols.parse().expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocols);
        let stream: Box<dyn Stream> = Box::new(stream);
        let shaking = client_async(request, stream);
        let (socket, response) =
            within(DEADLINE, "a WebSocket handshake", shaking).await.expect("the upgrade");
        assert_eq!(response.headers()["sec-websocket-protocol"], "milepost.v1");
        Self(socket)
    }

    pub async fn send(&mut self, message: &Value) {
        self.send_raw(Message::text(message.to_string())).await;
    }

    pub async fn send_raw(&mut self, message: Message) {
        // Where the server has closed, what it said is still to be read.
        let _ = self.0.send(message).await;
    }

    /// Subscribes to one job.
    pub async fn subscribe(&mut self, job: &str, mode: &str, after: u64) {
        let after = if after == 0 { json!({}) } else { json!({ job: after }) };
        self.send(&json!({"type": "subscribe", "jobs": [job], "mode": mode, "after": after})).await;
    }

    /// The next message, or the end.
    pub async fn hear(&mut self) -> Heard {
        within(DEADLINE, "the next message of a WebSocket", async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let value = serde_json::from_str(&text).expect("messages are JSON");
                        return Heard::Message(value);
                    }
                    Some(Ok(Message::Close(frame))) => {
                        // Completes the closing handshake.
                        let _ = self.0.close(None).await;
                        return Heard::Closed(frame.map_or(1005, |frame| frame.code.into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Heard::Broken,
                }
            }
        })
        .await
    }

    /// The next text as it came, or `None` at the end.
    pub async fn text(&mut self) -> Option<String> {
        within(DEADLINE, "the next text of a WebSocket", async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    Some(Ok(_)) => {}
                }
            }
        })
        .await
    }

    /// The next message; fails at the end.
    pub async fn message(&mut self) -> Value {
        match self.hear().await {
            Heard::Message(message) => message,
            end => panic!("the socket ended: {end:?}"),
        }
    }

    /// The next message of a type, others passed over.
    pub async fn message_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.message().await;
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// The next snapshot's job.
    pub async fn snapshot(&mut self) -> Value {
        self.message_of("snapshot").await["job"].take()
    }

    /// The code with which the server closes, messages passed over.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            match self.hear().await {
                Heard::Message(_) => {}
                Heard::Closed(code) => return code,
                Heard::Broken => panic!("the socket broke without a goodbye"),
            }
        }
    }

    /// Goes away without a word.
    pub fn cut(self) {
        drop(self);
    }
}
