//! Short ways to say what tests need. Enters: words. Leaves: chunks, documents, queries.

use milepost_core::{CollectionName, OwnerId, Timestamp};
use milepost_index::{
    Build, Builder, Chunk, Distance, EmbedderId, Entry, Facts, Filter, Hit, Index, Mode, Query,
    Settings, Staged,
};
use serde_json::json;
use uuid::Uuid;

pub fn owner() -> OwnerId {
    OwnerId::local()
}

pub fn name(text: &str) -> CollectionName {
    text.parse().unwrap()
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

pub fn embedder(dimensions: u32) -> EmbedderId {
    EmbedderId { name: "mini".into(), model: "mini-1".into(), dimensions }
}

/// Settings of a collection with vectors of so many dimensions; 0 is none.
pub fn settings(dimensions: u32) -> Settings {
    let embedder = (dimensions > 0).then(|| embedder(dimensions));
    Settings { chunker: json!({"kind": "hybrid"}), embedder, distance: Distance::Cosine }
}

pub fn build(token: u128, settings: Settings) -> Build {
    Build {
        owner: owner(),
        collection: name("papers"),
        settings,
        token: Uuid::from_u128(token),
        recreate: false,
    }
}

pub fn chunk(index: u32, text: &str) -> Chunk {
    Chunk {
        index,
        text: text.into(),
        headings: Vec::new(),
        pages: None,
        language: None,
        keywords: Vec::new(),
        characters: text.chars().count() as u32,
        tokens: None,
        hash: format!("hash of {text}"),
    }
}

pub fn facts(key: &str) -> Facts {
    Facts { key: key.into(), filename: format!("{key}.pdf"), ..Facts::default() }
}

pub fn plain(texts: &[&str]) -> Vec<Staged> {
    let chunks = (0..).zip(texts).map(|(index, text)| chunk(index, text));
    chunks.map(|chunk| Staged { chunk, vector: None }).collect()
}

/// Stages and publishes a document.
pub async fn add<B: Builder>(builder: &B, facts: Facts, chunks: Vec<Staged>) -> Entry {
    let count = chunks.len() as u32;
    builder.stage(&facts.key, chunks).await.unwrap();
    builder.publish(facts, count, at(10)).await.unwrap()
}

/// A collection `papers` with one document for each text, `d0`, `d1` and so on.
pub async fn filled<I: Index>(index: &I, texts: &[&str]) {
    let builder = index.build(build(1, settings(0)), at(0)).await.unwrap();
    for (place, text) in texts.iter().enumerate() {
        add(&builder, facts(&format!("d{place}")), plain(&[text])).await;
    }
    builder.finish(at(20)).await.unwrap();
}

pub fn query(text: &str) -> Query {
    Query { text: text.into(), k: 10, mode: Mode::Keyword, vector: None, filter: Filter::default() }
}

pub async fn hits<I: Index>(index: &I, query: &Query) -> Vec<Hit> {
    index.search(&owner(), &name("papers"), query).await.unwrap().hits
}

/// The keys of the documents that are found, the best first.
pub async fn keys<I: Index>(index: &I, query: &Query) -> Vec<String> {
    hits(index, query).await.into_iter().map(|hit| hit.entry.facts.key).collect()
}

/// As [`keys`], by words.
pub async fn found<I: Index>(index: &I, text: &str) -> Vec<String> {
    keys(index, &query(text)).await
}
