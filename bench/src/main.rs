//! Repeats the figures that docs/benchmarks.md states. Enters: a scenario, a
//! folder of documents, a server's binary. Leaves: a few lines of figures.
//! Never: a verdict; a shared machine is too noisy for one.

mod latency;
mod server;
mod throughput;

use std::path::PathBuf;

use anyhow::{Context as _, bail};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["throughput", folder, rest @ ..] => {
            let rounds = rest.first().map_or(Ok(3), |n| n.parse()).context("ROUNDS is a number")?;
            throughput::run(&binary()?, &PathBuf::from(folder), rounds).await
        }
        ["latency", document, rest @ ..] => {
            let watchers = rest.first().map_or(Ok(1), |n| n.parse());
            latency::run(&binary()?, &PathBuf::from(document), watchers.context("WATCHERS")?).await
        }
        _ => {
            bail!("usage: milepost-bench throughput FOLDER [ROUNDS] | latency DOCUMENT [WATCHERS]")
        }
    }
}

/// The server beside this program, or the one that `SERVER_BIN` names.
fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("SERVER_BIN") {
        return Ok(path.into());
    }
    let path = std::env::current_exe()?.with_file_name("milepost");
    anyhow::ensure!(path.exists(), "no server beside this program; build it first");
    Ok(path)
}
