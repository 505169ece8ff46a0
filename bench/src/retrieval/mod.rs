//! How well search finds the passage that answers a question. Enters: the questions
//! and texts of `bench/retrieval`, a model's folder. Leaves: recall and mean reciprocal
//! rank, for each way of cutting and of searching; fails where the fusion of two is
//! worse than the better of them.

mod fusion;
mod ingest;
mod score;
pub mod set;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use milepost_convert::Chunker;
use milepost_core::{CollectionName, OwnerId};
use milepost_index::{
    Embedded, Embedder, EmbedderConfig, Embedders, Filter, Hit, Index, Limits, Mode, Query,
};

use fusion::Lists;
use ingest::Plan;
pub use ingest::said;
use score::{DEPTH, Score};
use set::{Question, Set};

/// What is measured.
#[derive(clap::Args)]
pub struct Options {
    /// A sentence model; `scripts/minilm` prints the folder of one. Without it only
    /// words are looked for.
    #[arg(long, env = "MILEPOST_TEST_MODEL")]
    model: Option<PathBuf>,
    /// Ways of cutting, each as the JSON that the API takes.
    #[arg(
        long,
        default_values = [
            r#"{"kind":"hybrid"}"#,
            r#"{"kind":"hierarchical"}"#,
            r#"{"kind":"markdown"}"#,
            r#"{"kind":"hybrid","unit":"tokens","tokenizer":"embedder","max":128}"#,
        ]
    )]
    chunker: Vec<String>,
    /// Other questions and texts.
    #[arg(long)]
    set: Option<PathBuf>,
    /// Compares ways of fusing.
    #[arg(long)]
    fusions: bool,
    /// Prints each question that is not answered within the first five hits.
    #[arg(long)]
    worst: bool,
}

/// Prints a table for each way of cutting.
pub async fn run(options: &Options) -> anyhow::Result<()> {
    let set = Set::read(&options.set.clone().unwrap_or_else(set::folder))?;
    let embedder = options.model.clone().map(model).transpose()?;
    let bytes: usize = set.texts.values().map(String::len).sum();
    println!("{} questions, {} texts, {bytes} bytes", set.questions.len(), set.texts.len());
    if embedder.is_none() {
        println!("no --model: only words are looked for");
    }
    let mut worse = Vec::new();
    for chunker in &options.chunker {
        let cut: Chunker = serde_json::from_str(chunker).context("--chunker")?;
        let measured = Collection::made(&set, &cut, embedder.as_ref()).await?;
        println!("\n{chunker}: {} chunks", measured.chunks);
        let scores = measured.scores(&set, options.worst).await?;
        if let [keyword, vector, hybrid] = scores[..] {
            let best = |of: fn(&Score) -> f64| of(&keyword).max(of(&vector));
            if hybrid.five < best(|score| score.five)
                || hybrid.reciprocal < best(|score| score.reciprocal)
            {
                worse.push(chunker.as_str());
            }
        }
        if options.fusions && embedder.is_some() {
            fusion::compare(&measured.lists(&set).await?);
        }
    }
    ensure!(worse.is_empty(), "hybrid is worse than the better of the two with {worse:?}");
    Ok(())
}

/// The model in a folder.
pub fn model(folder: PathBuf) -> anyhow::Result<Embedder> {
    let config = BTreeMap::from([("model".to_owned(), EmbedderConfig::local(folder))]);
    Embedders::open(config).map_err(said)?.get("model").context("the model was not opened")
}

/// The texts, ready to be searched.
struct Collection<'a> {
    index: Embedded,
    owner: OwnerId,
    name: CollectionName,
    chunks: usize,
    embedder: Option<&'a Embedder>,
    /// Goes away with its files.
    _folder: tempfile::TempDir,
}

impl<'a> Collection<'a> {
    async fn made(
        set: &Set,
        chunker: &Chunker,
        embedder: Option<&'a Embedder>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let index = Embedded::open(folder.path(), Limits::default())?;
        let (owner, name) = (OwnerId::local(), "measured".parse::<CollectionName>()?);
        let plan = Plan { owner: &owner, collection: &name, chunker, embedder };
        let chunks = ingest::fill(&index, &plan, &set.texts).await?;
        Ok(Self { index, owner, name, chunks, embedder, _folder: folder })
    }

    /// A row for each mode: over all questions, and over the half by which nothing was
    /// chosen.
    async fn scores(&self, set: &Set, worst: bool) -> anyhow::Result<Vec<Score>> {
        let modes: &[Mode] = match self.embedder {
            Some(_) => &[Mode::Keyword, Mode::Vector, Mode::Hybrid],
            None => &[Mode::Keyword],
        };
        println!("{:>36}{:>19}", "all questions", "held out");
        println!("         recall@5  recall@10    MRR   recall@5    MRR   recall@5 by kind");
        let mut scores = Vec::new();
        for mode in modes {
            let mut places = Vec::new();
            let mut kinds: BTreeMap<&str, Vec<Option<usize>>> = BTreeMap::new();
            for question in &set.questions {
                let hits = self.search(question, *mode, DEPTH).await?;
                let place = score::place(question, &hits);
                places.push(place);
                kinds.entry(&question.kind).or_default().push(place);
                if worst && place.is_none_or(|place| place > 5) {
                    println!("  {place:?} {mode:?} [{}] {}", question.document, question.text);
                }
            }
            let score = Score::of(&places);
            let held = Score::of(&places.iter().copied().skip(1).step_by(2).collect::<Vec<_>>());
            let kinds: Vec<String> = kinds
                .iter()
                .map(|(kind, places)| format!("{kind} {:.2}", Score::of(places).five))
                .collect();
            println!(
                "{:<8} {:>8.3} {:>10.3} {:>6.3} {:>10.3} {:>6.3}   {}",
                format!("{mode:?}").to_lowercase(),
                score.five,
                score.ten,
                score.reciprocal,
                held.five,
                held.reciprocal,
                kinds.join(", ")
            );
            scores.push(score);
        }
        Ok(scores)
    }

    async fn search(&self, question: &Question, mode: Mode, k: usize) -> anyhow::Result<Vec<Hit>> {
        let vector = match self.embedder {
            Some(embedder) if mode != Mode::Keyword => {
                Some(embedder.query(&question.text).await.map_err(said)?)
            }
            _ => None,
        };
        let text = question.text.clone();
        let query = Query { text, k, mode, vector, filter: Filter::default() };
        Ok(self.index.search(&self.owner, &self.name, &query).await?.hits)
    }

    /// What both engines find, deep down.
    async fn lists(&self, set: &Set) -> anyhow::Result<Vec<Lists>> {
        let mut lists = Vec::new();
        for question in &set.questions {
            let keyword = self.search(question, Mode::Keyword, 100).await?;
            let vector = self.search(question, Mode::Vector, 100).await?;
            let id = |hit: &Hit| format!("{}#{:06}", hit.entry.facts.filename, hit.chunk.index);
            let right = |hit: &&Hit| score::place(question, std::slice::from_ref(hit)).is_some();
            lists.push(Lists {
                answers: keyword.iter().chain(&vector).filter(right).map(id).collect(),
                keyword: keyword.iter().map(id).collect(),
                vector: vector.iter().map(id).collect(),
            });
        }
        Ok(lists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words alone, as a server without a model searches.
    #[tokio::test]
    async fn words_find_most_of_what_is_asked_in_words() {
        let mut set = Set::read(&set::folder()).unwrap();
        set.questions.retain(|question| question.kind == "words" || question.kind == "names");
        let collection = Collection::made(&set, &Chunker::default(), None).await.unwrap();
        assert!(collection.chunks > 300);
        let [score] = collection.scores(&set, false).await.unwrap()[..] else { panic!() };
        assert!(score.five > 0.8, "{score:?}");
    }
}
