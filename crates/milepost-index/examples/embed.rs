//! How fast a model embeds on this machine. Enters: its folder and how many processors
//! it may use. Leaves: texts of about 200 tokens per second, how long a query takes by
//! itself and beside them, and memory. Never: is part of the product.
//!
//! `cargo run --release -p milepost-index --example embed -- "$(scripts/minilm)" 2`

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

use milepost_index::{Embedder, EmbedderConfig, Embedders};

const TEXTS: usize = 512;
const QUERIES: usize = 50;
/// About 20 tokens.
const SENTENCE: &str =
    "The committee heard witnesses on the second day and asked each of them about the bridge. ";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("the folder of a model is missing")?;
    let processors = arguments.next().map_or(Ok(0), |text| text.parse())?;
    let mut config = EmbedderConfig::local(folder);
    if let EmbedderConfig::Local { threads, .. } = &mut config {
        *threads = processors;
    }
    let embedders = Embedders::open(BTreeMap::from([("it".to_owned(), config)]))?;
    let embedder = embedders.get("it").ok_or("it was just opened")?;
    let begun = Instant::now();
    let id = embedder.id().await?;
    embedder.query("What is it about?").await?;
    println!("{} is ready after {:?}", id.model, begun.elapsed());

    queries(&embedder, "by itself").await?;
    let texts: Vec<String> =
        (0..TEXTS).map(|count| format!("{count}. {}", SENTENCE.repeat(11))).collect();
    let begun = Instant::now();
    let task = tokio::spawn({
        let embedder = embedder.clone();
        async move {
            for batch in texts.chunks(embedder.batch()) {
                embedder.documents(batch).await?;
            }
            Ok::<Duration, milepost_index::EmbedError>(begun.elapsed())
        }
    });
    queries(&embedder, "beside documents").await?;
    let taken = task.await??.as_secs_f64();
    println!("{:.1} texts per second, {QUERIES} queries among them", TEXTS as f64 / taken);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"))
    {
        println!("{line}");
    }
    Ok(())
}

async fn queries(embedder: &Embedder, when: &str) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    for count in 0..QUERIES {
        let begun = Instant::now();
        embedder.query(&format!("Who was asked about bridge number {count}?")).await?;
        times.push(begun.elapsed());
    }
    times.sort();
    println!("a query {when}: {:?} at p50, {:?} at worst", times[QUERIES / 2], times[QUERIES - 1]);
    Ok(())
}
