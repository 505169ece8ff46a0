//! Pages per processor second: the bare library in one process, and the same
//! documents through a server, in turn, so that the machine's moods hit both.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use milepost_convert::{Document, Limits, Options, Step};
use serde_json::Value;

use crate::process::cpu_seconds;
use crate::server::Server;

/// Prints a row for each round, and the ratio.
pub async fn run(binary: &Path, folder: &Path, rounds: usize) -> anyhow::Result<()> {
    let documents = documents(folder)?;
    println!("{} documents", documents.len());
    println!("round  pages  bare/cpu-s  server/cpu-s  ratio");
    // One server for all rounds, as the bare library stays in one process too.
    let server = Server::start(binary, 1).await?;
    let mut ratios = Vec::new();
    for round in 1..=rounds {
        let (pages, bare) = bare(&documents)?;
        let (server_pages, server) = through_server(&server, &documents).await?;
        anyhow::ensure!(pages == server_pages, "{pages} pages and {server_pages}");
        let (bare, server) = (pages as f64 / bare, pages as f64 / server);
        ratios.push(server / bare);
        println!("{round:5}  {pages:5}  {bare:10.1}  {server:12.1}  {:5.3}", server / bare);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.3}", ratios[ratios.len() / 2]);
    Ok(())
}

/// The PDFs in a folder, in order.
pub fn documents(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut documents: Vec<PathBuf> = std::fs::read_dir(folder)
        .with_context(|| folder.display().to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "pdf"))
        .collect();
    documents.sort();
    anyhow::ensure!(!documents.is_empty(), "no PDF in {}", folder.display());
    Ok(documents)
}

fn bare(documents: &[PathBuf]) -> anyhow::Result<(u64, f64)> {
    let before = cpu_seconds(std::process::id())?;
    let mut pages = 0;
    for path in documents {
        let document = Document { filename: "a.pdf".into(), bytes: std::fs::read(path)? };
        let mut count = |step: Step| pages += u64::from(matches!(step, Step::Page(_)));
        let made = milepost_convert::convert(
            document,
            &Options::default(),
            &Limits::default(),
            Vec::new(),
            &mut count,
        );
        made.map_err(|error| anyhow::anyhow!("{}: {}", path.display(), error.cause))?;
    }
    Ok((pages, cpu_seconds(std::process::id())? - before))
}

/// Pages, and the processor seconds of server and converter.
pub async fn through_server(server: &Server, documents: &[PathBuf]) -> anyhow::Result<(u64, f64)> {
    let client = reqwest::Client::new();
    let jobs = format!("{}/v1/jobs", server.url);
    let before = server.cpu_seconds()?;
    let mut pages = 0;
    for path in documents {
        let part = reqwest::multipart::Part::bytes(std::fs::read(path)?).file_name("a.pdf");
        // The same documents again and again are to be converted.
        let form = reqwest::multipart::Form::new().text("force", "true").part("file", part);
        let request = client.post(&jobs).header("prefer", "wait=60").multipart(form);
        let job: Value = request.send().await?.json().await?;
        anyhow::ensure!(job["status"] == "completed", "{}: {job}", path.display());
        pages += job["stages"][1]["done"].as_u64().context("no pages")?;
    }
    Ok((pages, server.cpu_seconds()? - before))
}
