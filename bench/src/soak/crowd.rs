//! Everybody else: streams of all jobs that break and resume, idle watchers,
//! clients that are slow, rude or gone in the middle of a sentence, and whoever
//! kills converters. Enters: nothing. Leaves: what the streams showed. Never:
//! ends by itself.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch::Sender;
use tokio_tungstenite::tungstenite::Message;

use super::Site;
use super::watch::{Events, State};
use crate::process;

fn between(least: u64, most: u64) -> Duration {
    Duration::from_millis(fastrand::u64(least..most))
}

/// Follows all jobs over SSE and resumes from the last position. `open` hears
/// when it first stands.
pub async fn stream_of_all(site: &Site, number: usize, open: Sender<bool>) -> anyhow::Result<()> {
    let mut position: Option<String> = None;
    loop {
        let request = site.client.get(format!("{}/v1/stream?mine=true", site.url));
        let request = match &position {
            Some(position) => request.header("last-event-id", position),
            None => request,
        };
        let answer = request.send().await?;
        ensure!(answer.status() == 200, "a stream of all jobs got {}", answer.status());
        let mut events = Events::of(answer);
        let _ = open.send(true);
        let until = Instant::now() + between(500, 20_000);
        let mut seqs: HashMap<String, u64> = HashMap::new();
        loop {
            // Without a position there is nothing to resume from.
            let left = until.saturating_duration_since(Instant::now());
            let limit = if position.is_some() { left } else { Duration::from_secs(3600) };
            let Ok(event) = tokio::time::timeout(limit, events.next()).await else { break };
            let event = event?.context("a stream of all jobs ended")?;
            position = event.id.or(position);
            if event.name == "snapshot" {
                let state = State::of(&event.data)?;
                let before = seqs.insert(state.job.clone(), state.seq);
                ensure!(before < Some(state.seq), "{} went back from {before:?}", state.job);
                if state.ended() {
                    site.ledger.shown(number, &state.job, state.seq);
                    seqs.remove(&state.job);
                }
            }
        }
        site.ledger.count("streams of all resumed");
        tokio::time::sleep(between(1, 400)).await;
    }
}

/// Follows all jobs over one socket after the other.
pub async fn socket_of_all(site: &Site) -> anyhow::Result<()> {
    loop {
        let url = format!("{}/v1/ws", site.url.replacen("http", "ws", 1));
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
        let subscribe = json!({"type": "subscribe", "mine": true});
        socket.send(Message::text(subscribe.to_string())).await?;
        let listen = async {
            let mut seqs: HashMap<String, u64> = HashMap::new();
            while let Some(message) = socket.next().await {
                let Message::Text(text) = message? else { continue };
                let message: Value = serde_json::from_str(&text)?;
                if message["type"] == "snapshot" {
                    let state = State::of(&message["job"])?;
                    let before = seqs.insert(state.job.clone(), state.seq);
                    ensure!(before < Some(state.seq), "{} went back from {before:?}", state.job);
                }
            }
            anyhow::bail!("a socket of all jobs closed")
        };
        match tokio::time::timeout(between(500, 20_000), listen).await {
            Ok(ended) => ended?,
            Err(_left) => {}
        }
    }
}

/// Opens a connection in one of many ways, holds it, and is gone.
pub async fn come_and_go(site: &Site) -> anyhow::Result<()> {
    let host = site.url.trim_start_matches("http://");
    loop {
        let mut connection = TcpStream::connect(host).await?;
        let job = site.ledger.any().unwrap_or_else(|| "none".to_owned());
        let socket = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let request = match fastrand::u8(..8) {
            // Half a request.
            0 => format!("GET /v1/jobs/{job} HTT"),
            // An upload that breaks off.
            1 => format!(
                "POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Length: 9000000\r\n\
                 Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n\
                 Content-Disposition: form-data; name=file; filename=a.pdf\r\n\r\n{}",
                "%PDF".repeat(30_000)
            ),
            2 => {
                format!("GET /v1/jobs/{job}?after=100000&wait=60 HTTP/1.1\r\nHost: {host}\r\n\r\n")
            }
            3 => format!("GET /v1/ws HTTP/1.1\r\nHost: {host}\r\n{socket}\r\n"),
            4 => format!(
                "GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: {host}\r\n\
                 Accept: text/event-stream\r\n\r\n"
            ),
            5 => "\u{1}\u{2} nonsense\r\n\r\n".to_owned(),
            // Never reads what it asked for.
            _ => format!("GET /v1/stream?mine=true HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        };
        // Whoever sends nonsense may be hung up on in the middle of it.
        let _ = connection.write_all(request.as_bytes()).await;
        tokio::time::sleep(between(1, 15_000)).await;
        if fastrand::bool() {
            // A reset in the place of a goodbye.
            let _ = connection.set_zero_linger();
        }
        site.ledger.count("connections that came and went");
    }
}

/// Kills a converter now and then.
pub async fn kill(site: &Site, server: u32, every: Duration) -> anyhow::Result<()> {
    loop {
        tokio::time::sleep(every.mul_f64(0.5 + fastrand::f64())).await;
        let Some(victim) = fastrand::choice(process::children(server)?) else { continue };
        let victim = Pid::from_raw(victim as i32).context("no process")?;
        // It may have ended by itself.
        if kill_process(victim, Signal::KILL).is_ok() {
            site.ledger.count("converters killed");
        }
    }
}
