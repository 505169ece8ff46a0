//! A watcher of one job in one protocol. Enters: a server, a job. Leaves: what it is told,
//! as text. Never: understands it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::stream::BoxStream;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;

/// What can be watched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Native,
    Conversion,
    Upload,
    DocumentEvents,
    DocumentSocket,
    Agents,
    Rooms,
}

impl Protocol {
    pub const ALL: [Self; 7] = [
        Self::Native,
        Self::Conversion,
        Self::Upload,
        Self::DocumentEvents,
        Self::DocumentSocket,
        Self::Agents,
        Self::Rooms,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native WebSocket",
            Self::Conversion => "conversion",
            Self::Upload => "upload",
            Self::DocumentEvents => "document, SSE",
            Self::DocumentSocket => "document, WebSocket",
            Self::Agents => "agents",
            Self::Rooms => "rooms, Socket.IO",
        }
    }

    /// What a message of the `number`th unit has in it.
    pub fn mark(self, number: u64) -> String {
        match self {
            Self::Upload => format!("\"current_chunk\":{number},"),
            _ => format!("tick {number}."),
        }
    }
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// A watcher.
pub enum Line {
    Socket(Box<Socket>),
    Events(BoxStream<'static, reqwest::Result<Vec<u8>>>),
}

impl Line {
    /// Opens it and waits for the first state.
    pub async fn open(
        server: &str,
        protocol: Protocol,
        job: &str,
        document: &str,
    ) -> anyhow::Result<Self> {
        let server = server.trim_end_matches('/');
        let path = match protocol {
            Protocol::Native => "/v1/ws".to_owned(),
            Protocol::Conversion => format!("/ws/conversion/{job}"),
            Protocol::Upload => format!("/ws/{job}"),
            Protocol::DocumentEvents => {
                format!("/api/sse/conversion-progress?documentId={document}")
            }
            Protocol::DocumentSocket => {
                format!("/api/websocket/conversion-progress?documentId={document}")
            }
            Protocol::Agents => format!("/api/v1/conversions/{job}/ws"),
            Protocol::Rooms => "/socket.io/?EIO=4&transport=websocket".to_owned(),
        };
        if protocol == Protocol::DocumentEvents {
            let response = reqwest::get(format!("{server}{path}")).await?.error_for_status()?;
            let bytes = response.bytes_stream().map(|chunk| chunk.map(|chunk| chunk.to_vec()));
            let mut line = Self::Events(bytes.boxed());
            line.until("\"progress\"").await?;
            return Ok(line);
        }
        let url = format!("{}{path}", server.replacen("http", "ws", 1));
        let (socket, _) = tokio_tungstenite::connect_async(url).await?;
        let mut line = Self::Socket(Box::new(socket));
        match protocol {
            Protocol::Native => {
                line.say(&format!(r#"{{"type":"subscribe","jobs":["{job}"]}}"#)).await?;
                line.until("\"snapshot\"").await?;
            }
            Protocol::Rooms => {
                line.until("0{").await?;
                line.say("40").await?;
                line.until("40{").await?;
                line.say(&format!(r#"42["join_job",{{"job_id":"{job}"}}]"#)).await?;
                line.until("job_progress").await?;
            }
            Protocol::DocumentSocket => line.until("conversion_progress").await?,
            _ => line.until("{").await?,
        }
        Ok(line)
    }

    async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        match self {
            Self::Socket(socket) => Ok(socket.send(Message::text(text.to_owned())).await?),
            Self::Events(_) => anyhow::bail!("nothing is said on an event stream"),
        }
    }

    /// Waits for a text with `mark` in it.
    pub async fn until(&mut self, mark: &str) -> anyhow::Result<()> {
        tokio::time::timeout(Duration::from_secs(30), async {
            loop {
                let text = match self {
                    Self::Socket(socket) => {
                        let message = socket.next().await.context("the socket ended")??;
                        ensure!(!message.is_close(), "the socket was closed: {message:?}");
                        message.into_text().map(|text| text.to_string()).unwrap_or_default()
                    }
                    // An event is written at once, so that it is one chunk.
                    Self::Events(bytes) => {
                        let chunk = bytes.next().await.context("the stream ended")??;
                        String::from_utf8(chunk)?
                    }
                };
                // A peer that does not answer is taken for gone.
                if text == "2" {
                    Box::pin(self.say("3")).await?;
                }
                if text.contains(mark) {
                    return Ok(());
                }
            }
        })
        .await
        .with_context(|| format!("no {mark} within 30 s"))?
    }
}
