//! A reader of server-sent events, written from the HTML standard and not from
//! the server: lines, fields, a blank line dispatches.

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use reqwest::Response;
use serde_json::Value;

use super::{DEADLINE, seq_of, within};

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `message` where the server named none.
    pub name: String,
    /// The last id that came, with this event or before.
    pub id: String,
    pub data: Value,
}

impl Event {
    /// The snapshot's seq.
    #[track_caller]
    pub fn seq(&self) -> u64 {
        seq_of(&self.data)
    }
}

/// A stream of events.
pub struct Events {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    text: Vec<u8>,
    last_id: String,
}

impl Events {
    pub fn open(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes_stream().boxed();
        Self { status, headers, bytes, text: Vec::new(), last_id: String::new() }
    }

    /// The next event; `None` at the end of the stream, or where it broke.
    pub async fn next(&mut self) -> Option<Event> {
        within(DEADLINE, "the next event of a stream", self.read()).await
    }

    /// The next snapshot, other events passed over.
    pub async fn snapshot(&mut self) -> Option<Event> {
        loop {
            let event = self.next().await?;
            if event.name == "snapshot" {
                return Some(event);
            }
        }
    }

    /// Every snapshot up to the end of the stream.
    pub async fn snapshots(mut self) -> Vec<Event> {
        let mut all = Vec::new();
        while let Some(event) = self.snapshot().await {
            all.push(event);
        }
        all
    }

    async fn read(&mut self) -> Option<Event> {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                if data.is_empty() {
                    name.clear();
                    continue;
                }
                let data = serde_json::from_str(&data).expect("data is JSON");
                let name = if name.is_empty() { "message".to_owned() } else { name };
                return Some(Event { name, id: self.last_id.clone(), data });
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut name),
                "id" => value.clone_into(&mut self.last_id),
                "data" => {
                    if !data.is_empty() {
                        data.push('\n');
                    }
                    data.push_str(value);
                }
                // A comment has an empty name; `retry` is for browsers.
                _ => {}
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                let line = String::from_utf8(line).expect("a stream is UTF-8");
                return Some(line.trim_end_matches(['\r', '\n']).to_owned());
            }
            let chunk = self.bytes.next().await?.ok()?;
            self.text.extend_from_slice(&chunk);
        }
    }
}
