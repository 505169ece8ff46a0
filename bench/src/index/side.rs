//! One engine in a process of its own, so that its memory is nobody else's. Enters:
//! what to do, with a folder. Leaves: figures as JSON on standard output.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use super::data::Bank;
use super::engine::{By, Engine, Kind};
use super::recall;
use crate::figures::quantile;
use crate::process;

/// Questions before it counts.
const WARM_UP: u64 = 20;

/// What one engine is told.
#[derive(clap::Args)]
pub struct Side {
    #[arg(value_parser = kind)]
    kind: Kind,
    what: What,
    folder: PathBuf,
    #[arg(long)]
    chunks: u64,
    #[arg(long)]
    questions: u64,
    #[arg(long)]
    k: usize,
    #[arg(long)]
    searchers: usize,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum What {
    Fill,
    Search,
}

fn kind(name: &str) -> Result<Kind, String> {
    match name {
        "milepost" => Ok(Kind::Milepost),
        "sqlitevec" => Ok(Kind::SqliteVec),
        "tantivy" => Ok(Kind::Tantivy),
        _ => Err("no such engine".to_owned()),
    }
}

/// Does it.
pub async fn side(options: Side) -> anyhow::Result<()> {
    // Engines wait in their own ways, which a runtime's thread must not.
    let said = tokio::task::spawn_blocking(move || options.run()).await??;
    println!("{said}");
    Ok(())
}

impl Side {
    fn run(&self) -> anyhow::Result<Value> {
        let bank = Bank::read(&self.folder)?;
        let folder = self.folder.join(format!("{:?}", self.kind).to_lowercase());
        std::fs::create_dir_all(&folder)?;
        let engine = self.kind.open(&folder, bank.dimensions)?;
        match self.what {
            What::Fill => self.fill(&*engine, &bank, &folder),
            What::Search => self.search(&*engine, &bank),
        }
    }

    fn fill(&self, engine: &dyn Engine, bank: &Bank, folder: &Path) -> anyhow::Result<Value> {
        // Making the chunks takes time too, which is not the engine's.
        let making = Instant::now();
        for number in 0..self.chunks.min(2000) {
            std::hint::black_box(bank.chunk(number));
        }
        let making = making.elapsed().as_secs_f64() * self.chunks.div_ceil(2000) as f64;
        let began = Instant::now();
        engine.fill(bank, self.chunks)?;
        let seconds = (began.elapsed().as_secs_f64() - making).max(1e-9);
        Ok(json!({
            "chunks_per_second": self.chunks as f64 / seconds,
            "bytes": size(folder)?,
            "peak": process::held(std::process::id())?.peak,
        }))
    }

    fn search(&self, engine: &dyn Engine, bank: &Bank) -> anyhow::Result<Value> {
        let nearest: Vec<Vec<u64>> =
            serde_json::from_slice(&std::fs::read(self.folder.join("nearest"))?)?;
        let mut modes = Vec::new();
        for by in engine.modes() {
            for number in 0..WARM_UP {
                let (text, vector) = bank.question(self.questions + number);
                engine.search(*by, &text, &vector, self.k)?;
            }
            let began = Instant::now();
            let next = AtomicU64::new(0);
            let answers = std::thread::scope(|scope| {
                let searchers: Vec<_> = (0..self.searchers)
                    .map(|_| scope.spawn(|| self.searcher(engine, bank, *by, &next)))
                    .collect();
                searchers
                    .into_iter()
                    .map(|searcher| searcher.join().expect("a searcher does not panic"))
                    .collect::<anyhow::Result<Vec<_>>>()
            })?;
            let seconds = began.elapsed().as_secs_f64();
            let answers: Vec<_> = answers.into_iter().flatten().collect();
            let mut times: Vec<f64> = answers.iter().map(|answer| answer.2).collect();
            let shares =
                answers.iter().map(|(number, found, _)| recall(found, &nearest[*number as usize]));
            let share = shares.sum::<f64>() / answers.len().max(1) as f64;
            modes.push(json!({
                "by": format!("{by:?}").to_lowercase(),
                "p50_ms": quantile(&mut times, 0.5) * 1e3,
                "p99_ms": quantile(&mut times, 0.99) * 1e3,
                "per_second": answers.len() as f64 / seconds,
                "recall": (*by == By::Vector).then_some(share),
                "resident": process::held(std::process::id())?.resident,
            }));
        }
        Ok(json!({ "modes": modes }))
    }

    /// Asks what nobody has asked yet; for each question what was found, and how long
    /// it took in seconds.
    fn searcher(
        &self,
        engine: &dyn Engine,
        bank: &Bank,
        by: By,
        next: &AtomicU64,
    ) -> anyhow::Result<Vec<(u64, Vec<u64>, f64)>> {
        let mut answers = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= self.questions {
                return Ok(answers);
            }
            let (text, vector) = bank.question(number);
            let began = Instant::now();
            let found = engine.search(by, &text, &vector, self.k)?;
            answers.push((number, found, began.elapsed().as_secs_f64()));
        }
    }
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() { size(&entry.path())? } else { about.len() };
    }
    Ok(bytes)
}
