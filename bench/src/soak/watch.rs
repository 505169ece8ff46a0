//! A watcher that loses its connection again and again and comes back on any
//! transport. Enters: a job and the seq that it has. Leaves: the job's end.
//! Never: forgives a state that goes back, or a gap where there may be none.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::Site;

/// The longest that it stays on one connection.
const STAY: u64 = 4000;

/// A state of a job, as a watcher was told.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub job: String,
    pub seq: u64,
    pub status: String,
}

impl State {
    /// What a snapshot says.
    pub fn of(snapshot: &Value) -> anyhow::Result<Self> {
        let word = |key: &str| snapshot[key].as_str().map(str::to_owned);
        Ok(Self {
            job: word("id").with_context(|| format!("no snapshot: {snapshot}"))?,
            seq: snapshot["seq"].as_u64().context("no seq")?,
            status: word("status").context("no status")?,
        })
    }

    pub fn ended(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "cancelled")
    }
}

/// What the watcher has.
struct Has {
    seq: u64,
    /// Whether it is to get every seq.
    all: bool,
}

impl Has {
    /// Takes a state; `Some` where it is the end. `resumed` says that the
    /// connection was told what the watcher has.
    fn take(&mut self, state: State, resumed: bool) -> anyhow::Result<Option<State>> {
        if state.seq <= self.seq {
            ensure!(!resumed, "{} went from seq {} back to {}", state.job, self.seq, state.seq);
            return Ok(None);
        }
        let next = state.seq == self.seq + 1;
        ensure!(next || !self.all, "{}: a gap from {} to {}", state.job, self.seq, state.seq);
        self.seq = state.seq;
        Ok(state.ended().then_some(state))
    }
}

/// Watches `job` behind `after` until its end.
pub async fn until_end(site: &Site, job: &str, after: u64) -> anyhow::Result<State> {
    let mut has = Has { seq: after, all: fastrand::u8(..4) == 0 };
    loop {
        let stay = Duration::from_millis(fastrand::u64(20..STAY));
        let (transport, watched) = match fastrand::u8(..if has.all { 2 } else { 4 }) {
            0 => ("sse", tokio::time::timeout(stay, events(site, job, &mut has)).await),
            1 => ("ws", tokio::time::timeout(stay, socket(site, job, &mut has)).await),
            2 => ("poll", tokio::time::timeout(stay, poll(site, job, &mut has)).await),
            _ => ("stream", tokio::time::timeout(stay, stream(site, job, &mut has)).await),
        };
        match watched {
            Ok(Ok(Some(end))) => return Ok(end),
            // It ended without the end, as a poll does that has waited for long.
            Ok(Ok(None)) => {}
            Ok(Err(error)) => return Err(error.context(format!("{job} over {transport}"))),
            Err(_left) => site.ledger.count("connections lost"),
        }
    }
}

async fn events(site: &Site, job: &str, has: &mut Has) -> anyhow::Result<Option<State>> {
    let mode = if has.all { "all" } else { "latest" };
    let url = format!("{}/v1/jobs/{job}/events?mode={mode}", site.url);
    let request = site.client.get(url).header("accept", "text/event-stream");
    let answer = request.header("last-event-id", has.seq).send().await?;
    ensure!(answer.status() == 200, "answered {} behind {}", answer.status(), has.seq);
    let mut events = Events::of(answer);
    while let Some(event) = events.next().await? {
        if event.name == "snapshot"
            && let Some(end) = has.take(State::of(&event.data)?, true)?
        {
            return Ok(Some(end));
        }
    }
    bail!("the stream ended at seq {}, before the end", has.seq)
}

async fn stream(site: &Site, job: &str, has: &mut Has) -> anyhow::Result<Option<State>> {
    let url = format!("{}/v1/stream?job={job}", site.url);
    let answer = site.client.get(url).send().await?;
    ensure!(answer.status() == 200, "answered {}", answer.status());
    let mut events = Events::of(answer);
    let mut first = true;
    while let Some(event) = events.next().await? {
        if event.name == "snapshot" {
            // The first state may be one that we have.
            if let Some(end) = has.take(State::of(&event.data)?, !first)? {
                return Ok(Some(end));
            }
            first = false;
        }
    }
    bail!("the stream ended")
}

async fn poll(site: &Site, job: &str, has: &mut Has) -> anyhow::Result<Option<State>> {
    loop {
        let url = format!("{}/v1/jobs/{job}?after={}&wait=3", site.url, has.seq);
        let answer = site.client.get(url).send().await?;
        match answer.status().as_u16() {
            304 => {}
            200 => {
                if let Some(end) = has.take(State::of(&answer.json().await?)?, true)? {
                    return Ok(Some(end));
                }
            }
            status => bail!("answered {status}"),
        }
    }
}

async fn socket(site: &Site, job: &str, has: &mut Has) -> anyhow::Result<Option<State>> {
    let url = format!("{}/v1/ws", site.url.replacen("http", "ws", 1));
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
    let mode = if has.all { "all" } else { "latest" };
    let after = json!({job: has.seq});
    let subscribe = json!({"type": "subscribe", "jobs": [job], "mode": mode, "after": after});
    socket.send(Message::text(subscribe.to_string())).await?;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        let message: Value = serde_json::from_str(&text)?;
        match message["type"].as_str() {
            Some("snapshot") => {
                if let Some(end) = has.take(State::of(&message["job"])?, true)? {
                    return Ok(Some(end));
                }
            }
            Some("subscribed" | "queue") => {}
            _ => bail!("{message}"),
        }
    }
    bail!("the socket closed")
}

/// One event of a stream.
pub struct Event {
    pub name: String,
    pub id: Option<String>,
    pub data: Value,
}

/// The events of an answer.
pub struct Events {
    answer: reqwest::Response,
    buffer: Vec<u8>,
}

impl Events {
    pub fn of(answer: reqwest::Response) -> Self {
        Self { answer, buffer: Vec::new() }
    }

    /// The next event; `None` where the stream has ended.
    pub async fn next(&mut self) -> anyhow::Result<Option<Event>> {
        loop {
            while let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                let block = String::from_utf8(block)?;
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                let Some(data) = field("data: ") else { continue };
                return Ok(Some(Event {
                    name: field("event: ").unwrap_or("message").to_owned(),
                    id: field("id: ").map(str::to_owned),
                    data: serde_json::from_str(data)?,
                }));
            }
            match self.answer.chunk().await? {
                Some(bytes) => self.buffer.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
    }
}
