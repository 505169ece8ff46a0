//! A client of Socket.IO at the level of its packets, over a WebSocket.

use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use super::{Server, Socket};

/// One client.
pub struct Rooms(Socket);

impl Rooms {
    /// Opens a session; its first packet is heard.
    pub async fn open(server: &Server, query: &str) -> (Self, String) {
        let path = format!("/socket.io/?EIO=4&transport=websocket{query}");
        let mut client = Self(Socket::at(server, &path).await);
        let opened = client.packet().await.expect("a session");
        (client, opened)
    }

    /// Opens a session and connects with what a client sends for it; the answer is heard.
    pub async fn connect(server: &Server, query: &str, auth: &str) -> (Self, String) {
        let (mut client, _) = Self::open(server, query).await;
        client.send(&format!("40{auth}")).await;
        let answer = client.packet().await.expect("an answer");
        (client, answer)
    }

    /// Who needs nothing for it.
    pub async fn local(server: &Server) -> Self {
        let (client, answer) = Self::connect(server, "", "").await;
        assert!(answer.starts_with("40"), "{answer}");
        client
    }

    /// Sends a packet.
    pub async fn send(&mut self, packet: &str) {
        self.0.send_raw(Message::text(packet)).await;
    }

    /// Sends an event.
    pub async fn emit(&mut self, event: &str, payload: Value) {
        self.send(&format!("42{}", Value::from(vec![Value::from(event), payload]))).await;
    }

    /// The next packet, with the id of its session replaced; `None` at the end. Pings are
    /// answered.
    pub async fn packet(&mut self) -> Option<String> {
        loop {
            let packet = self.0.text().await?;
            if packet == "2" {
                self.send("3").await;
                continue;
            }
            let begins = packet.find('{').unwrap_or(packet.len());
            let (head, body) = packet.split_at(begins);
            let Ok(Value::Object(mut body)) = serde_json::from_str(body) else {
                return Some(packet);
            };
            if let Some(sid) = body.get_mut("sid") {
                *sid = Value::from("<session>");
            }
            return Some(format!("{head}{}", Value::Object(body)));
        }
    }

    /// The next event and its argument.
    pub async fn event(&mut self) -> (String, Value) {
        let packet = self.packet().await.expect("an event");
        let parts = packet.strip_prefix("42").expect("an event");
        serde_json::from_str(parts).expect("an event has one argument")
    }

    /// The next job for which it holds; others are passed over, and nothing else comes.
    pub async fn job(&mut self, mut holds: impl FnMut(&Value) -> bool) -> Value {
        loop {
            let (event, job) = self.event().await;
            assert_eq!(event, "job_progress", "{job}");
            if holds(&job) {
                return job;
            }
        }
    }
}
