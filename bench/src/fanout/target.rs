//! The servers that are compared. Enters: which one. Leaves: how to watch and to
//! publish there, and what its processes cost. Never: a setting that its own
//! documentation does not name.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::wire::{Framing, UPGRADE, Wire};
use crate::caller::{self, Caller};
use crate::process;
use crate::server::Server;

/// One of the servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Kind {
    /// One `send` for each delivery.
    Floor,
    /// nginx with nchan.
    Nchan,
    /// Socket.IO on Node.
    SocketIo,
    /// FastAPI with uvicorn.
    FastApi,
    /// Milepost over WebSockets.
    MilepostWs,
    /// Milepost over server-sent events.
    MilepostSse,
    /// Milepost over WebSockets, with authentication and its audit log.
    MilepostWsKey,
    /// Milepost over server-sent events, likewise.
    MilepostSseKey,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Floor => "bare send loop",
            Self::Nchan => "nginx + nchan",
            Self::SocketIo => "Socket.IO, Node",
            Self::FastApi => "FastAPI, uvicorn",
            Self::MilepostWs => "Milepost, WebSocket",
            Self::MilepostSse => "Milepost, SSE",
            Self::MilepostWsKey => "Milepost, WS, key",
            Self::MilepostSseKey => "Milepost, SSE, key",
        }
    }

    pub const fn is_milepost(self) -> bool {
        self.is_socket() || matches!(self, Self::MilepostSse | Self::MilepostSseKey)
    }

    const fn is_socket(self) -> bool {
        matches!(self, Self::MilepostWs | Self::MilepostWsKey)
    }

    const fn has_key(self) -> bool {
        matches!(self, Self::MilepostWsKey | Self::MilepostSseKey)
    }
}

/// Where the servers are.
pub struct Programs<'a> {
    pub milepost: &'a Path,
    /// What `bench/fanout/run.sh` installed.
    pub peers: Option<&'a Path>,
    pub nginx_conf: Option<&'a Path>,
}

enum Process {
    Milepost(Server),
    Other(Child),
}

/// A running server.
pub struct Target {
    pub kind: Kind,
    process: Process,
    pub address: String,
    /// Who asks, as a header line.
    credential: String,
    /// Names of topics, or ids of jobs.
    topics: Vec<String>,
    /// A message around its seq.
    message: (String, String),
}

impl Target {
    /// Starts it with so many topics, the jobs among them with so many bytes of
    /// metadata. At each of them seq 2 was reached.
    pub async fn start(
        kind: Kind,
        programs: &Programs<'_>,
        topics: usize,
        metadata: usize,
        message: &(String, String),
    ) -> anyhow::Result<Self> {
        let mut credential = String::new();
        let (process, address) = if kind.is_milepost() {
            let server = if kind.has_key() {
                let (server, key) = Server::guarded(programs.milepost, 1).await?;
                credential = format!("Authorization: Bearer {key}\r\n");
                server
            } else {
                Server::start(programs.milepost, 1).await?
            };
            let address = server.url.trim_start_matches("http://").trim_matches('/').to_owned();
            (Process::Milepost(server), address)
        } else {
            let (child, port) = spawn(kind, programs).await?;
            (Process::Other(child), format!("127.0.0.1:{port}"))
        };
        let (topics_so_far, message) = (Vec::new(), message.clone());
        let mut target =
            Self { kind, process, address, credential, topics: topics_so_far, message };
        target.topics = if kind.is_milepost() {
            target.jobs(topics, metadata).await?
        } else {
            (0..topics).map(|topic| format!("t{topic}")).collect()
        };
        Ok(target)
    }

    /// So many jobs, each of them running.
    async fn jobs(&self, count: usize, metadata: usize) -> anyhow::Result<Vec<String>> {
        let mut headers = HeaderMap::new();
        if let Some((_, value)) = self.credential.trim().split_once(": ") {
            headers.insert(AUTHORIZATION, value.parse()?);
        }
        let client = reqwest::Client::builder().default_headers(headers).build()?;
        let url = format!("http://{}/v1/jobs", self.address);
        let submission = match metadata {
            0 => json!({"pipeline": "external"}),
            size => json!({"pipeline": "external", "metadata": "x".repeat(size)}),
        };
        let mut jobs = Vec::new();
        while jobs.len() < count {
            let some = (jobs.len()..count.min(jobs.len() + 32)).map(|_| async {
                let job = client.post(&url).json(&submission).send().await?;
                let job: Value = job.json().await?;
                let id = job["id"].as_str().context("no id")?.to_owned();
                let report = client.post(format!("{url}/{id}/progress")).json(&json!({}));
                let report: Value = report.send().await?.json().await?;
                // Its start, and the report.
                ensure!(report["seq"] == 2, "{report}");
                Ok(id)
            });
            jobs.extend(futures_util::future::try_join_all(some).await?);
        }
        Ok(jobs)
    }

    /// Watches a topic: each message behind the present state.
    pub async fn watch(&self, topic: usize) -> anyhow::Result<Wire> {
        self.watch_over(TcpStream::connect(&self.address).await?, topic, "all").await
    }

    /// As [`Target::watch`], over a connection that stands, in a mode of Milepost.
    pub async fn watch_over(
        &self,
        stream: TcpStream,
        topic: usize,
        mode: &str,
    ) -> anyhow::Result<Wire> {
        let (topic, host) = (&self.topics[topic], &self.address);
        let get = |path: &str, headers: &str| {
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n")
        };
        match self.kind {
            Kind::Floor | Kind::Nchan => {
                let request = get(&format!("/watch/{topic}"), UPGRADE);
                Wire::over(stream, &request, Framing::Socket).await
            }
            Kind::FastApi => {
                let request = get(&format!("/watch/{topic}"), UPGRADE);
                let mut wire = Wire::over(stream, &request, Framing::Socket).await?;
                wire.wait_for("watching").await?;
                Ok(wire)
            }
            Kind::SocketIo => {
                let request = get("/socket.io/?EIO=4&transport=websocket", UPGRADE);
                let mut wire = Wire::over(stream, &request, Framing::Socket).await?;
                wire.wait_for("sid").await?;
                wire.say("40").await?;
                wire.wait_for("sid").await?;
                wire.say(&format!("42[\"watch\",\"{topic}\"]")).await?;
                wire.wait_for("watching").await?;
                Ok(wire)
            }
            Kind::MilepostWs | Kind::MilepostWsKey => {
                let request = get("/v1/ws", &format!("{}{UPGRADE}", self.credential));
                let mut wire = Wire::over(stream, &request, Framing::Socket).await?;
                let subscribe = json!({
                    "type": "subscribe", "jobs": [topic], "mode": mode, "after": {topic: 1},
                });
                wire.say(&subscribe.to_string()).await?;
                wire.wait_for("\"seq\":2,").await?;
                Ok(wire)
            }
            Kind::MilepostSse | Kind::MilepostSseKey => {
                let path = format!("/v1/jobs/{topic}/events?mode={mode}&after=1");
                let accept = format!("{}Accept: text/event-stream\r\n", self.credential);
                let request = get(&path, &accept);
                let mut wire = Wire::over(stream, &request, Framing::Events).await?;
                wire.wait_for("\"seq\":2,").await?;
                Ok(wire)
            }
        }
    }

    /// The request that takes a topic to `seq`, which is one above the last.
    pub fn publish(&self, topic: usize, seq: u64) -> Vec<u8> {
        let (topic, host) = (&self.topics[topic], &self.address);
        let (path, body) = if self.kind.is_milepost() {
            let body = format!("{{\"done\":{seq},\"total\":1000000}}");
            (format!("/v1/jobs/{topic}/progress"), body)
        } else {
            let (before, after) = &self.message;
            (format!("/pub/{topic}"), format!("{before}{seq}{after}"))
        };
        caller::post_with(host, &path, &self.credential, &body)
    }

    /// Watches everything behind `seq` again.
    pub async fn resume(&self, seq: u64) -> anyhow::Result<Wire> {
        let (job, host, who) = (&self.topics[0], &self.address, &self.credential);
        if self.kind.is_socket() {
            let request = format!("GET /v1/ws HTTP/1.1\r\nHost: {host}\r\n{who}{UPGRADE}\r\n");
            let mut wire = Wire::open(&self.address, &request, Framing::Socket).await?;
            let subscribe = json!({"type": "subscribe", "jobs": [job], "after": {job: seq}});
            wire.say(&subscribe.to_string()).await?;
            return Ok(wire);
        }
        let request = format!(
            "GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: {host}\r\n{who}\
             Accept: text/event-stream\r\nLast-Event-ID: {seq}\r\n\r\n"
        );
        Wire::open(&self.address, &request, Framing::Events).await
    }

    /// Completes a job of Milepost's.
    pub async fn complete(&self, topic: usize) -> anyhow::Result<()> {
        let path = format!("/v1/jobs/{}/complete", self.topics[topic]);
        let request = caller::post_with(&self.address, &path, &self.credential, "{}");
        Caller::open(&self.address).await?.call(&request).await?;
        Ok(())
    }

    fn id(&self) -> anyhow::Result<u32> {
        match &self.process {
            Process::Milepost(server) => server.id(),
            Process::Other(child) => child.id().context("it has ended"),
        }
    }

    /// Processor seconds so far, of all its processes.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        process::cpu_seconds_with_children(self.id()?)
    }

    /// Resident bytes of all its processes.
    pub fn resident(&self) -> anyhow::Result<u64> {
        let id = self.id()?;
        let mut bytes = process::held(id)?.resident;
        for child in process::children(id)? {
            bytes += process::held(child)?.resident;
        }
        Ok(bytes)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // nginx's worker outlives a master that is killed.
        if let (Process::Other(_), Ok(id)) = (&self.process, self.id()) {
            for child in process::children(id).unwrap_or_default() {
                if let Some(child) = Pid::from_raw(child as i32) {
                    let _ = kill_process(child, Signal::KILL);
                }
            }
        }
    }
}

/// A message as Milepost sends it, cut at its seq: all servers carry the same.
pub async fn message(programs: &Programs<'_>) -> anyhow::Result<(String, String)> {
    let nothing = (String::new(), String::new());
    let target = Target::start(Kind::MilepostWs, programs, 1, 0, &nothing).await?;
    let url = format!("http://{}/v1/jobs/{}", target.address, target.topics[0]);
    let report = json!({"done": 500, "total": 1_000_000});
    let client = reqwest::Client::new();
    client.post(format!("{url}/progress")).json(&report).send().await?.error_for_status()?;
    let job = client.get(url).send().await?.error_for_status()?.text().await?;
    let (before, after) = job.split_once("\"seq\":3").context("no seq")?;
    let before = format!("{{\"type\":\"snapshot\",\"job\":{before}\"seq\":");
    Ok((before, format!("{after}}}")))
}

/// Starts one that is not ours; returns its port.
async fn spawn(kind: Kind, programs: &Programs<'_>) -> anyhow::Result<(Child, u16)> {
    let peers = || programs.peers.context("run bench/fanout/run.sh, which installs the peers");
    let mut command = match kind {
        Kind::Floor => {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("floor");
            command
        }
        Kind::SocketIo => {
            let mut command = Command::new("node");
            command.arg(peers()?.join("socketio/server.mjs"));
            command
        }
        Kind::FastApi => {
            let mut command = Command::new(peers()?.join("venv/bin/uvicorn"));
            command.current_dir(peers()?).arg("fastapi_app:app").args([
                "--log-level",
                "warning",
                "--no-access-log",
                "--ws-ping-interval",
                "600",
                "--backlog",
                "4096",
            ]);
            command
        }
        Kind::Nchan => {
            let run = peers()?.join("run");
            std::fs::create_dir_all(run.join("logs"))?;
            let mut command = Command::new(peers()?.join("nginx/usr/sbin/nginx"));
            command.arg("-p").arg(&run).arg("-c").arg(run.join("nginx.conf"));
            command
        }
        _ => anyhow::bail!("Milepost is started otherwise"),
    };
    command.kill_on_drop(true).stdin(Stdio::null());
    if matches!(kind, Kind::Floor | Kind::SocketIo) {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("no output")?;
        let line = BufReader::new(stdout).lines().next_line().await?.context("it ended")?;
        let port = line.split_whitespace().last().context("no port")?.parse()?;
        return Ok((child, port));
    }
    // These do not tell a port that they chose.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    if kind == Kind::Nchan {
        let conf = programs.nginx_conf.context("--nginx-conf is missing")?;
        let modules: PathBuf = peers()?.join("nginx/usr/lib/nginx/modules");
        let conf = std::fs::read_to_string(conf)?
            .replace("MODULES", &modules.to_string_lossy())
            .replace("PORT", &port.to_string());
        std::fs::write(peers()?.join("run/nginx.conf"), conf)?;
    } else {
        command.args(["--port", &port.to_string()]);
    }
    let child = command.spawn().with_context(|| format!("{} does not start", kind.name()))?;
    for _ in 0..200 {
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return Ok((child, port));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("{} does not answer", kind.name())
}
