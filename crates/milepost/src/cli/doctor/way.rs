//! What stands between here and a server. Enters: the server's address. Leaves:
//! checks on whether updates come through as they happen. Never: leaves the job
//! behind that it makes for that.

use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use milepost_core::JobId;
use reqwest::{Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{Check, Report};
use crate::cli::client::Client;
use crate::cli::sse::Parser;
use crate::cli::trouble::{Thing, Trouble};

/// An update that takes longer was kept back on its way.
const PATIENCE: Duration = Duration::from_secs(5);
/// Updates that are sent: a buffer may let the first of them through.
const UPDATES: u64 = 3;

const SSE: &str = "server-sent events";
const WEBSOCKET: &str = "WebSocket";
const BUFFERED: &str = "Something on the way collects the answer before it passes it on. Switch \
                        its buffering off for this path (nginx: proxy_buffering off).";
const NO_SOCKET: &str = "Something on the way does not pass WebSocket upgrades on (nginx: \
                         proxy_http_version 1.1, and the Upgrade and Connection headers). Clients \
                         go on with server-sent events.";
const CUT: &str = "Something on the way ends connections that are silent for a while. Set its \
                   read timeout to 90 s or more (nginx: proxy_read_timeout 90s).";

/// Tries both ways of watching, with a job that is deleted afterwards.
pub async fn check(client: &Client, idle: Duration, report: &mut Report) -> anyhow::Result<()> {
    let began = Instant::now();
    let job = match open_job(client).await {
        Ok(job) => job,
        Err(trouble) => {
            let advice = "Without that, nothing else can be checked.";
            return report.add(Check::bad("server", trouble.to_string(), advice));
        }
    };
    let took = began.elapsed().as_millis();
    report.add(Check::fine("server", format!("{} took a job in {took} ms", client.server())))?;
    let checked = tokio::select! {
        checked = watch(client, job, idle, report) => checked,
        _ = tokio::signal::ctrl_c() => Err(Trouble::Interrupted("interrupted".to_owned()).into()),
    };
    let removed = remove_job(client, job).await;
    checked?;
    if let Err(trouble) = removed {
        let found = format!("job {job} could not be deleted: {trouble}");
        report.add(Check::warning("cleaning up", found, "Delete it with `milepost delete`."))?;
    }
    Ok(())
}

async fn watch(
    client: &Client,
    job: JobId,
    idle: Duration,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut lines = Vec::new();
    for (name, opened, advice) in [
        (SSE, events(client, job).await, BUFFERED),
        (WEBSOCKET, socket(client, job).await, NO_SOCKET),
    ] {
        let mut line = match opened {
            Ok(line) => line,
            Err(found) => {
                report.add(Check::bad(name, found, advice))?;
                continue;
            }
        };
        match slowest(client, job, &mut line).await? {
            Some(slowest) => {
                let slowest = slowest.as_millis();
                let found = format!("{UPDATES} updates came as they happened ({slowest} ms)");
                report.add(Check::fine(name, found))?;
                lines.push((name, line));
            }
            None => {
                let found = format!("an update did not come within {} s", PATIENCE.as_secs());
                report.add(Check::bad(name, found, BUFFERED))?;
            }
        }
    }
    if idle.is_zero() || lines.is_empty() {
        return Ok(());
    }
    // It is the silence that is tried, so there is nothing to wait for.
    tokio::time::sleep(idle).await;
    for (name, mut line) in lines {
        let time = humantime::format_duration(idle);
        let check = match slowest(client, job, &mut line).await? {
            Some(_) => Check::fine(name, format!("lives after {time} without news")),
            None => Check::bad(name, format!("is dead after {time} without news"), CUT),
        };
        report.add(check)?;
    }
    Ok(())
}

/// A connection that watches; gives the seq of each snapshot.
struct Line {
    seqs: mpsc::Receiver<u64>,
    reader: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// The longest time from a report to its arrival, or `None` where one stays away.
async fn slowest(
    client: &Client,
    job: JobId,
    line: &mut Line,
) -> Result<Option<Duration>, Trouble> {
    let mut slowest = Duration::ZERO;
    for _ in 0..UPDATES {
        let began = Instant::now();
        let seq = progress(client, job).await?;
        let arrival = async {
            while let Some(heard) = line.seqs.recv().await {
                if heard >= seq {
                    return true;
                }
            }
            false
        };
        if !tokio::time::timeout(PATIENCE, arrival).await.unwrap_or(false) {
            return Ok(None);
        }
        slowest = slowest.max(began.elapsed());
    }
    Ok(Some(slowest))
}

async fn events(client: &Client, job: JobId) -> Result<Line, String> {
    let request = client.get_job(job, &["events"]).header(header::ACCEPT, "text/event-stream");
    let opening = client.send(request, Thing::Job(job));
    let response = match tokio::time::timeout(PATIENCE, opening).await {
        Ok(Ok(response)) => response,
        Ok(Err(trouble)) => return Err(trouble.to_string()),
        Err(_) => return Err(format!("no answer began within {} s", PATIENCE.as_secs())),
    };
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
        return Err("the answer is no event stream".to_owned());
    }
    let (sender, seqs) = mpsc::channel(16);
    let reader = tokio::spawn(async move {
        let (mut parser, mut chunks) = (Parser::default(), response.bytes_stream());
        while let Some(Ok(chunk)) = chunks.next().await {
            let Ok(events) = parser.push(&chunk) else { return };
            for event in events {
                let snapshot = serde_json::from_str::<Value>(&event.data).unwrap_or_default();
                if let Some(seq) = snapshot["seq"].as_u64() {
                    let _ = sender.send(seq).await;
                }
            }
        }
    });
    Ok(Line { seqs, reader })
}

async fn socket(client: &Client, job: JobId) -> Result<Line, String> {
    let key = generate_key();
    let request = client
        .request(Method::GET, &["ws"])
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, &key)
        .header(header::SEC_WEBSOCKET_PROTOCOL, "milepost.v1");
    let response = match tokio::time::timeout(PATIENCE, request.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(client.broken(&error).to_string()),
        Err(_) => return Err(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(format!("the upgrade is answered with {}", response.status()));
    }
    let accepted = response.headers().get(header::SEC_WEBSOCKET_ACCEPT);
    if accepted.is_none_or(|accepted| *accepted != derive_accept_key(key.as_bytes())) {
        return Err("whoever answered the upgrade speaks no WebSocket".to_owned());
    }
    let upgraded = response.upgrade().await.map_err(|error| client.broken(&error).to_string())?;
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
    let subscribe = json!({"type": "subscribe", "jobs": [job.to_string()]}).to_string();
    socket.send(Message::text(subscribe)).await.map_err(|error| error.to_string())?;
    let (sender, seqs) = mpsc::channel(16);
    let reader = tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else { continue };
            let message = serde_json::from_str::<Value>(&text).unwrap_or_default();
            if let Some(seq) = message["job"]["seq"].as_u64() {
                let _ = sender.send(seq).await;
            }
        }
    });
    Ok(Line { seqs, reader })
}

async fn open_job(client: &Client) -> Result<JobId, Trouble> {
    let body = json!({"pipeline": "external", "metadata": {"made_by": "milepost doctor"}});
    let request = client.request(Method::POST, &["jobs"]).json(&body).timeout(PATIENCE);
    Ok(client.snapshot(request, Thing::Path("jobs")).await?.id)
}

async fn progress(client: &Client, job: JobId) -> Result<u64, Trouble> {
    #[derive(Deserialize)]
    struct Taken {
        seq: u64,
    }
    let job_id = job.to_string();
    let request = client.request(Method::POST, &["jobs", &job_id, "progress"]).json(&json!({}));
    Ok(client.json::<Taken>(request, Thing::Job(job)).await?.seq)
}

async fn remove_job(client: &Client, job: JobId) -> Result<(), Trouble> {
    client.order(Method::POST, job, &["cancel"]).await?;
    client.order(Method::DELETE, job, &[]).await
}
