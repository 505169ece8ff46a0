//! A web server that does what a test says, byte by byte: it knows no rules, so
//! it can break them.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{DEADLINE, within};

/// A server on loopback.
pub struct Web {
    listener: TcpListener,
    /// The same socket, to be asked without waiting.
    raw: std::net::TcpListener,
    address: SocketAddr,
}

/// One request, and the connection that waits for its answer.
pub struct Visit {
    /// The request line and the headers.
    pub head: String,
    stream: TcpStream,
}

impl Web {
    /// On 127.0.0.1, at a free port.
    pub fn start() -> Self {
        Self::on("127.0.0.1")
    }

    /// On another address of this machine.
    pub fn on(address: &str) -> Self {
        let raw = std::net::TcpListener::bind((address, 0)).expect("a free port");
        raw.set_nonblocking(true).expect("it is a socket");
        let address = raw.local_addr().expect("it is bound");
        let listener = raw.try_clone().and_then(TcpListener::from_std).expect("a socket");
        Self { listener, raw, address }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request, each on a connection of its own.
    pub async fn visit(&self) -> Visit {
        let mut visit = self.connection().await;
        let mut head = Vec::new();
        within(DEADLINE, "the head of a request", async {
            while !head.ends_with(b"\r\n\r\n") {
                head.push(visit.stream.read_u8().await.expect("the request is whole"));
            }
        })
        .await;
        visit.head = String::from_utf8(head).expect("a head is text");
        visit
    }

    /// The next connection, whatever is said on it.
    pub async fn connection(&self) -> Visit {
        let accepted = within(DEADLINE, "a call of the web server", self.listener.accept());
        let (stream, _) = accepted.await.expect("a connection");
        Visit { head: String::new(), stream }
    }

    /// Answers the next request.
    pub async fn answer(&self, head: &str, body: &[u8]) {
        self.visit().await.answer(head, body).await;
    }

    /// Whether anybody has connected whom the test did not ask for.
    pub fn was_called(&self) -> bool {
        self.raw.accept().is_ok()
    }
}

impl Visit {
    /// `/the/path?and=query`
    pub fn target(&self) -> &str {
        self.head.split(' ').nth(1).expect("a request line")
    }

    /// The header's text, empty where it did not come.
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map_or("", |(_, value)| value.trim())
    }

    /// The body, as long as it said to be.
    pub async fn body(&mut self) -> Vec<u8> {
        let length = self.header("content-length").parse().expect("a length");
        let mut body = vec![0; length];
        let read = within(DEADLINE, "the body of a request", self.stream.read_exact(&mut body));
        read.await.expect("the request is whole");
        body
    }

    /// Answers with a status line's end, such as `200 OK`, followed by headers, if
    /// any; then the body, whose length is announced.
    pub async fn answer(mut self, head: &str, body: &[u8]) {
        self.send(format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len())).await;
        self.send(body).await;
    }

    /// Sends bytes as they are. Where the other side is gone, the test will see.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Waits until the other side has gone away.
    pub async fn gone(mut self) {
        within(DEADLINE, "the end of the connection", async {
            let mut rest = [0; 64];
            while let Ok(1..) = self.stream.read(&mut rest).await {}
        })
        .await;
    }
}
