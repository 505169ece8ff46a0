//! What each protocol costs: to connect, to be told of an update, to be kept. Each round
//! takes all protocols in turn, on one server, so that a busy machine is as busy for all.

mod line;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use crate::caller::{Caller, post};
use crate::figures::{median, quantile};
use crate::process;
use crate::server::Server;
use line::{Line, Protocol};

/// Between two updates, so that none is merged with the next one.
const PAUSE: Duration = Duration::from_millis(60);

#[derive(Args)]
pub struct Options {
    /// Times that all protocols are taken in turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Updates for each protocol and round.
    #[arg(long, default_value_t = 40)]
    updates: u64,
    /// Connections that are kept at a time.
    #[arg(long, default_value_t = 100)]
    connections: usize,
    /// Protocols by their first word; all without any.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

/// What was measured of a protocol, in milliseconds, bytes and percent of a core.
#[derive(Default)]
struct Figures {
    connect: Vec<f64>,
    update: Vec<f64>,
    memory: Vec<f64>,
    busy: Vec<f64>,
}

pub async fn run(binary: &Path, options: &Options) -> anyhow::Result<()> {
    let server = Server::start(binary, 1).await?;
    let wanted: Vec<_> = Protocol::ALL
        .into_iter()
        .filter(|p| options.only.is_empty() || options.only.iter().any(|o| p.name().starts_with(o)))
        .collect();
    let mut figures = Vec::new();
    for protocol in &wanted {
        let memory = memory(binary, *protocol, options.connections).await;
        let memory = vec![memory.with_context(|| protocol.name().to_owned())?];
        figures.push(Figures { memory, ..Figures::default() });
    }
    for round in 0..=options.rounds {
        for (protocol, figures) in wanted.iter().zip(&mut figures) {
            let measured = measure(&server, *protocol, options).await;
            let measured = measured.with_context(|| protocol.name().to_owned())?;
            // The first round warms everything up.
            if round > 0 {
                figures.connect.extend(measured.connect);
                figures.update.extend(measured.update);
                figures.busy.extend(measured.busy);
            }
        }
    }
    let count = options.connections;
    println!(
        "protocol              connect p50    p99   update p50    p99   {count} open      CPU"
    );
    for (protocol, mut f) in wanted.iter().zip(figures) {
        println!(
            "{:<20} {:8.2} ms {:6.2} {:9.2} ms {:6.2} {:8.2} MB {:5.1} %",
            protocol.name(),
            quantile(&mut f.connect, 0.5),
            quantile(&mut f.connect, 0.99),
            quantile(&mut f.update, 0.5),
            quantile(&mut f.update, 0.99),
            median(&f.memory) / 1e6,
            median(&f.busy),
        );
    }
    Ok(())
}

async fn measure(
    server: &Server,
    protocol: Protocol,
    options: &Options,
) -> anyhow::Result<Figures> {
    let (job, document) = job(server).await?;
    let mut reporter = Caller::open(server.address()).await?;
    let path = format!("/v1/jobs/{job}/progress");
    let report = |number: u64| {
        let total = 2 * options.updates + 1;
        let body = json!({
            "done": number, "total": total, "unit": "chunk", "message": format!("tick {number}."),
        });
        post(server.address(), &path, &body.to_string())
    };
    reporter.call(&report(0)).await?;
    let mut figures = Figures::default();
    let mut lines = Vec::new();
    for _ in 0..options.connections {
        let began = Instant::now();
        lines.push(Line::open(&server.url, protocol, &job, &document).await?);
        figures.connect.push(millis(began));
    }
    // One watches.
    let mut one = lines.pop().context("no connection")?;
    drop(lines);
    for number in 1..=options.updates {
        tokio::time::sleep(PAUSE).await;
        let began = Instant::now();
        reporter.call(&report(number)).await?;
        one.until(&protocol.mark(number)).await?;
        figures.update.push(millis(began));
    }
    // Many watch: what the server does for them in the time that passes.
    let mut lines = vec![one];
    for _ in 1..options.connections {
        lines.push(Line::open(&server.url, protocol, &job, &document).await?);
    }
    let last = protocol.mark(2 * options.updates);
    let (began, cpu) = (Instant::now(), process::cpu_seconds(server.id()?)?);
    let readers: Vec<_> = lines
        .into_iter()
        .map(|mut line| {
            let last = last.clone();
            tokio::spawn(async move { line.until(&last).await })
        })
        .collect();
    for number in options.updates + 1..=2 * options.updates {
        tokio::time::sleep(PAUSE).await;
        reporter.call(&report(number)).await?;
    }
    for reader in readers {
        reader.await??;
    }
    let spent = process::cpu_seconds(server.id()?)? - cpu;
    figures.busy.push(100.0 * spent / began.elapsed().as_secs_f64());
    Ok(figures)
}

/// What connections take of a server that has just begun, behind the first one.
async fn memory(binary: &Path, protocol: Protocol, connections: usize) -> anyhow::Result<f64> {
    let server = Server::start(binary, 1).await?;
    let (job, document) = job(&server).await?;
    let mut lines = vec![Line::open(&server.url, protocol, &job, &document).await?];
    let before = process::held(server.id()?)?.anonymous;
    for _ in 0..connections {
        lines.push(Line::open(&server.url, protocol, &job, &document).await?);
    }
    let after = process::held(server.id()?)?.anonymous;
    Ok(after.saturating_sub(before) as f64)
}

/// A job whose work is reported, over a document: both ids.
async fn job(server: &Server) -> anyhow::Result<(String, String)> {
    let source = json!({"text": "# A document", "filename": "a.md"});
    let body = json!({"pipeline": "external", "source": source, "stages": [{"name": "chunking"}]});
    let jobs = format!("{}/v1/jobs", server.url.trim_end_matches('/'));
    let response = reqwest::Client::new().post(jobs).json(&body).send().await?;
    let job: Value = response.error_for_status()?.json().await?;
    let id = |value: &Value| value["id"].as_str().map(str::to_owned).context("no id");
    Ok((id(&job)?, id(&job["document"])?))
}

fn millis(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}
