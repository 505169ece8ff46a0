//! A large collection: how fast it is written and searched, what it holds. Enters: a
//! number of chunks. Leaves: figures of the index, of sqlite-vec alone and of tantivy
//! alone, over the same chunks, each in processes of its own; and which share of the
//! true nearest the index finds.

mod data;
mod engine;
#[cfg(feature = "peers")]
mod flat;
mod own;
mod side;
#[cfg(feature = "peers")]
mod words;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::retrieval;
use crate::retrieval::set::{self, Set};
use data::Bank;
use engine::Kind;
pub use side::{Side, side};

/// What is measured.
#[derive(clap::Args)]
pub struct Options {
    #[arg(long, default_value_t = 100_000)]
    chunks: u64,
    /// A sentence model; `scripts/minilm` prints the folder of one. Without it vectors
    /// are made up, in clusters.
    #[arg(long, env = "MILEPOST_TEST_MODEL")]
    model: Option<PathBuf>,
    /// How many questions each mode is asked, by one searcher and by several.
    #[arg(long, default_value_t = 400)]
    questions: u64,
    /// How many search at the same time, at last.
    #[arg(long, default_value_t = 4)]
    searchers: usize,
    /// Hits of each answer.
    #[arg(long, default_value_t = 10)]
    k: usize,
    /// Only these; all but the first are there with `--features peers` alone.
    #[arg(long, value_delimiter = ',', default_value = "milepost,sqlite-vec,tantivy")]
    engines: Vec<Kind>,
    /// Keeps what is made there, instead of in a temporary folder.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// Prints the tables.
pub async fn run(options: &Options) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let folder = options.folder.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(folder)?;
    let embedder = options.model.clone().map(retrieval::model).transpose()?;
    let bank = Bank::made(&Set::read(&set::folder())?, embedder.as_ref()).await?;
    bank.write(folder)?;
    let whose = if embedder.is_some() { "of the model" } else { "made up, in clusters" };
    let (sentences, dimensions) = (bank.sentences.len(), bank.dimensions);
    println!("{} chunks of {sentences} sentences; vectors {whose}", options.chunks);
    println!("{dimensions} dimensions; {} questions, k = {}", options.questions, options.k);
    // Its memory is not wanted any more.
    drop(embedder);
    let (chunks, questions, k) = (options.chunks, options.questions, options.k);
    let nearest =
        tokio::task::spawn_blocking(move || data::exact(&bank, chunks, questions, k)).await?;
    std::fs::write(folder.join("nearest"), serde_json::to_vec(&nearest)?)?;

    println!("\n{:<17} chunks/s    on disk  filling, peak", "written");
    let here: Vec<Kind> = options.engines.iter().copied().filter(|kind| kind.is_here()).collect();
    for kind in &here {
        let said = ask(options, folder, *kind, "fill", 1)?;
        println!(
            "{:<17} {:>8.0} {:>10} {:>14}",
            kind.title(),
            number(&said["chunks_per_second"])?,
            mib(number(&said["bytes"])?),
            mib(number(&said["peak"])?)
        );
    }
    println!(
        "\n{:<17} {:<9} searchers     p50     p99  searches/s  recall@{k}  resident",
        "searched", "by"
    );
    for kind in &here {
        for searchers in [1, options.searchers] {
            let said = ask(options, folder, *kind, "search", searchers)?;
            for row in said["modes"].as_array().context("no modes")? {
                println!(
                    "{:<17} {:<9} {searchers:>9} {:>6.1}ms {:>5.1}ms {:>11.0}  {:>9}  {:>8}",
                    kind.title(),
                    row["by"].as_str().context("no mode")?,
                    number(&row["p50_ms"])?,
                    number(&row["p99_ms"])?,
                    number(&row["per_second"])?,
                    row["recall"].as_f64().map_or("–".to_owned(), |share| format!("{share:.3}")),
                    mib(number(&row["resident"])?)
                );
            }
        }
    }
    Ok(())
}

/// Has one engine do something in a process of its own.
fn ask(
    options: &Options,
    folder: &Path,
    kind: Kind,
    what: &str,
    searchers: usize,
) -> anyhow::Result<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("index-side").arg(format!("{kind:?}").to_lowercase()).arg(what).arg(folder);
    for (name, value) in [
        ("--chunks", options.chunks),
        ("--questions", options.questions),
        ("--k", options.k as u64),
        ("--searchers", searchers as u64),
    ] {
        command.arg(name).arg(value.to_string());
    }
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{kind:?} failed to {what}: {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn number(value: &Value) -> anyhow::Result<f64> {
    value.as_f64().context("a figure is missing")
}

fn mib(bytes: f64) -> String {
    format!("{:.0} MiB", bytes / 1024.0 / 1024.0)
}

/// Which share of the true nearest was found.
fn recall(found: &[u64], nearest: &[u64]) -> f64 {
    let right = nearest.iter().filter(|number| found.contains(number)).count();
    right as f64 / nearest.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::engine::By;
    use super::*;

    /// All engines over few chunks, in this process.
    #[tokio::test(flavor = "multi_thread")]
    async fn each_engine_finds_what_was_written() {
        let set = Set::read(&set::folder()).unwrap();
        let bank = Bank::made(&set, None).await.unwrap();
        let nearest = data::exact(&bank, 300, 5, 10);
        tokio::task::spawn_blocking(move || {
            for kind in [Kind::Milepost, Kind::SqliteVec, Kind::Tantivy] {
                if !kind.is_here() {
                    continue;
                }
                let folder = tempfile::tempdir().unwrap();
                let engine = kind.open(folder.path(), bank.dimensions).unwrap();
                engine.fill(&bank, 300).unwrap();
                let (text, vector) = bank.chunk(42);
                for by in engine.modes() {
                    let found = engine.search(*by, &text, &vector, 10).unwrap();
                    assert_eq!(found.first(), Some(&42), "{kind:?} {by:?}");
                }
                if engine.modes().contains(&By::Vector) {
                    for (number, nearest) in (0..).zip(&nearest) {
                        let (text, vector) = bank.question(number);
                        let found = engine.search(By::Vector, &text, &vector, 10).unwrap();
                        assert!(recall(&found, nearest) > 0.99, "{kind:?} {found:?} {nearest:?}");
                    }
                }
            }
        })
        .await
        .unwrap();
    }
}
