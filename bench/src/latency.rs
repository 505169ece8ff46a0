//! From the moment at which an update is recorded to the moment at which a
//! watcher has it: the commit to disk, the way through bus and hub, the encoding
//! and the socket. Both clocks are this machine's.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::server::Server;

/// Converts `document` ten times, each watched by `watchers` sockets in mode
/// `all`, and prints the quantiles over all messages.
pub async fn run(binary: &Path, document: &Path, watchers: usize) -> anyhow::Result<()> {
    let server = Server::start(binary, 1).await?;
    let client = reqwest::Client::new();
    let bytes = std::fs::read(document)?;
    let mut micros = Vec::new();
    for _ in 0..10 {
        let name = document.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let part = reqwest::multipart::Part::bytes(bytes.clone()).file_name(name);
        let form = reqwest::multipart::Form::new().part("file", part).text("hold", "true");
        let form = form.text("force", "true");
        let jobs = format!("{}/v1/jobs", server.url);
        let job: Value = client.post(&jobs).multipart(form).send().await?.json().await?;
        let id = job["id"].as_str().context("no id")?.to_owned();
        let mut sockets = Vec::new();
        for _ in 0..watchers {
            sockets.push(watch(&server.url, &id).await?);
        }
        let readers: Vec<_> = sockets.into_iter().map(|s| tokio::spawn(read(s))).collect();
        client.post(format!("{jobs}/{id}/confirm")).send().await?.error_for_status()?;
        for reader in readers {
            micros.extend(reader.await??);
        }
    }
    micros.sort_unstable();
    let at = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
    println!("{} messages to {watchers} watchers", micros.len());
    println!("p50 {:.2} ms  p99 {:.2} ms  max {:.2} ms", at(0.5), at(0.99), at(1.0));
    Ok(())
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// Subscribes and waits for the state before the work.
async fn watch(server: &str, job: &str) -> anyhow::Result<Socket> {
    let url = format!("{}/v1/ws", server.replacen("http", "ws", 1));
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
    let subscribe = json!({"type": "subscribe", "jobs": [job], "mode": "all", "after": {job: 1}});
    socket.send(Message::text(subscribe.to_string())).await?;
    loop {
        let message = socket.next().await.context("the socket ended")??;
        if message.to_text()?.contains("subscribed") {
            return Ok(socket);
        }
    }
}

/// The microseconds of each update until its message was here.
async fn read(mut socket: Socket) -> anyhow::Result<Vec<i64>> {
    let mut micros = Vec::new();
    loop {
        let message = socket.next().await.context("the socket ended")??;
        let here = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as i64;
        let message: Value = serde_json::from_str(message.to_text()?)?;
        if message["type"] != "snapshot" {
            continue;
        }
        let recorded = message["job"]["updated_at"].as_str().context("no time")?;
        micros.push(here - micros_of(recorded)?);
        if message["job"]["status"] == "completed" {
            return Ok(micros);
        }
    }
}

/// Microseconds since the Unix epoch of an RFC 3339 time of today; only the time
/// of the day is read, since a run does not last for a day.
fn micros_of(time: &str) -> anyhow::Result<i64> {
    let clock = time.split_once('T').context("no time")?.1.trim_end_matches('Z');
    let mut parts = clock.split(':');
    let mut next = || parts.next().context("a part is missing");
    let (hours, minutes): (i64, i64) = (next()?.parse()?, next()?.parse()?);
    let seconds: f64 = next()?.parse()?;
    let of_day = (hours * 3600 + minutes * 60) * 1_000_000 + (seconds * 1e6).round() as i64;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as i64;
    let day = 86_400_000_000;
    Ok(now - now.rem_euclid(day) + of_day)
}
