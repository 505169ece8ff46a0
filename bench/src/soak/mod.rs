//! Mixed work for a long time. Enters: documents, a duration. Leaves: a CSV file
//! of what the server held, and whether it went well: no end was missed, no job
//! was lost, nothing was left behind, nothing grows. The server itself is not
//! killed, as its memory would begin anew; its converters are.

mod audit;
mod crowd;
mod ledger;
mod life;
mod samples;
mod watch;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::process;
use crate::server::Launch;
use ledger::Ledger;
use samples::Samples;

/// How to soak.
#[derive(clap::Args)]
pub struct Options {
    /// How long new work comes in.
    #[arg(long, default_value_t = 60.0)]
    minutes: f64,
    /// Folders of documents; those below them are not entered.
    #[arg(long, default_value = "fixtures")]
    documents: Vec<PathBuf>,
    /// Jobs that live at the same time.
    #[arg(long, default_value_t = 8)]
    lives: usize,
    /// Connections that come, do nothing good, and go.
    #[arg(long, default_value_t = 60)]
    crowd: usize,
    /// Where the samples and the server's log are written.
    #[arg(long, default_value = "target/soak")]
    out: PathBuf,
}

/// Streams of all jobs that are held to show every end.
const STREAMS: usize = 2;
const SLOTS: usize = 2;

/// What all clients share.
pub struct Site {
    url: String,
    client: reqwest::Client,
    ledger: Ledger,
    documents: Vec<PathBuf>,
}

impl Site {
    /// The JSON at `path`.
    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await?;
        let status = answer.status();
        ensure!(status == 200, "GET {path}: {status} {}", answer.text().await?);
        Ok(answer.json().await?)
    }

    /// Posts and expects one of `expected`; returns the answer of the first.
    async fn post(
        &self,
        path: &str,
        body: Option<Value>,
        expected: &[u16],
    ) -> anyhow::Result<Option<Value>> {
        let request = self.client.post(format!("{}{path}", self.url));
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        ensure!(expected.contains(&status), "POST {path}: {status} {text}");
        Ok(if status == expected[0] { Some(serde_json::from_str(&text)?) } else { None })
    }
}

/// Soaks, and fails where it did not go well.
pub async fn run(binary: &Path, options: &Options) -> anyhow::Result<()> {
    let length = Duration::from_secs_f64(options.minutes * 60.0);
    // Short against the whole, so that deletions keep pace for most of it.
    let retention = (length / 8).clamp(Duration::from_secs(7), Duration::from_secs(180));
    std::fs::create_dir_all(&options.out)?;
    let log = File::create(options.out.join("server.log"))?;
    let launch = Launch::new(binary, SLOTS)?
        .set("RETENTION", format!("{}s", retention.as_secs()))
        .set("WORKER_RECYCLE_AFTER", 50)
        .set("LOG_LEVEL", "warn")
        .log(log);
    let mut server = launch.start().await?;
    let id = server.id()?;
    let site = Arc::new(Site {
        url: server.url.trim_end_matches('/').to_owned(),
        client: reqwest::Client::new(),
        ledger: Ledger::new(retention, STREAMS),
        documents: documents(&options.documents)?,
    });
    println!(
        "{} documents, {:.1} minutes, retention {} s; samples in {}",
        site.documents.len(),
        options.minutes,
        retention.as_secs(),
        options.out.display()
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    let at_rest = process::held(id)?.descriptors;

    let crowd = gather(&site, id, options.crowd, length).await?;
    let until = Instant::now() + length;
    let mut lives = JoinSet::new();
    for _ in 0..options.lives {
        let site = site.clone();
        lives.spawn(async move {
            while Instant::now() < until {
                if let Err(error) = life::live(&site).await {
                    site.ledger.fault(format!("{error:#}"));
                }
                tokio::time::sleep(Duration::from_millis(fastrand::u64(..800))).await;
            }
        });
    }
    let mut samples = Samples::begin(&options.out.join("samples.csv"))?;
    let every = (length / 60).clamp(Duration::from_secs(1), Duration::from_secs(10));
    while Instant::now() < until {
        tokio::time::sleep(every).await;
        samples.take(id, &server.data).context("the server is gone")?;
    }
    lives.join_all().await;
    drop(crowd);

    // Until the sweeper has been there once more for the last of them.
    tokio::time::sleep(retention + retention.min(Duration::from_secs(60)) * 2).await;
    if let Err(error) = audit::nothing_left(&site, &server.data).await {
        site.ledger.fault(format!("{error:#}"));
    }
    let left = process::held(id)?.descriptors;
    println!("\ndescriptors at rest: {at_rest} before, {left} after");
    if left > at_rest + 20 {
        site.ledger.fault(format!("{left} descriptors are open at rest, {at_rest} before"));
    }
    let status = server.stop().await?;
    if !status.success() {
        site.ledger.fault(format!("the server ended with {status}"));
    }
    for (what, count) in site.ledger.counts() {
        println!("{count:>9} {what}");
    }
    let growing = samples.judge();
    let faults = site.ledger.faults();
    faults.iter().for_each(|fault| println!("fault: {fault}"));
    ensure!(faults.is_empty(), "{} faults", faults.len());
    ensure!(growing.is_empty(), "{}", growing.join("; "));
    println!("\nit went well");
    Ok(())
}

/// Sets everybody but the owners of jobs to work; they stop when this is dropped.
async fn gather(
    site: &Arc<Site>,
    server: u32,
    size: usize,
    length: Duration,
) -> anyhow::Result<JoinSet<()>> {
    let mut crowd = JoinSet::new();
    let mut join = |site: &Arc<Site>, task: Task| {
        let site = site.clone();
        crowd.spawn(async move {
            loop {
                if let Err(error) = task.run(&site).await {
                    site.ledger.fault(format!("{error:#}"));
                    // What it promised is lost with it; go on with the rest.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        });
    };
    for number in 0..STREAMS {
        let (open, mut opened) = tokio::sync::watch::channel(false);
        join(site, Task::Stream(number, open));
        opened.wait_for(|open| *open).await?;
    }
    join(site, Task::Socket);
    join(site, Task::Audit);
    // Some two hundred kills in an hour, and a few in a minute.
    join(
        site,
        Task::Kill(server, (length / 10).clamp(Duration::from_secs(5), Duration::from_secs(18))),
    );
    for _ in 0..size {
        join(site, Task::ComeAndGo);
    }
    Ok(crowd)
}

enum Task {
    Stream(usize, tokio::sync::watch::Sender<bool>),
    Socket,
    Audit,
    Kill(u32, Duration),
    ComeAndGo,
}

impl Task {
    async fn run(&self, site: &Site) -> anyhow::Result<()> {
        match self {
            Self::Stream(number, open) => crowd::stream_of_all(site, *number, open.clone()).await,
            Self::Socket => crowd::socket_of_all(site).await,
            Self::Audit => audit::run(site).await,
            Self::Kill(server, every) => crowd::kill(site, *server, *every).await,
            Self::ComeAndGo => crowd::come_and_go(site).await,
        }
    }
}

/// The documents in `folders`, without what stands beside them to explain them.
fn documents(folders: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in folders {
        let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        found.extend(entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| {
            path.is_file() && path.extension().is_some_and(|ending| ending != "py")
        }));
    }
    found.sort();
    ensure!(!found.is_empty(), "no documents");
    Ok(found)
}
