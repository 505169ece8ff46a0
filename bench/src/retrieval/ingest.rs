//! Texts into a collection, the way that documents take. Enters: texts, how they are
//! cut, what embeds them. Leaves: a collection that can be searched. Never: a way of
//! its own.

use std::collections::BTreeMap;

use anyhow::Context as _;
use milepost_convert::{Chunker, Document, Limits, Options, embedded_text};
use milepost_core::{CollectionName, JobId, OwnerId, Timestamp};
use milepost_index::{
    Build, Builder as _, Chunk, Distance, Embedder, Facts, Index, Settings, Staged,
};
use serde_json::Value;

/// Chunks that are written at a time.
const BATCH: usize = 64;

/// What makes a collection.
pub struct Plan<'a> {
    pub owner: &'a OwnerId,
    pub collection: &'a CollectionName,
    pub chunker: &'a Chunker,
    pub embedder: Option<&'a Embedder>,
}

/// Cuts all texts, embeds them and makes them searchable; gives the number of chunks.
pub async fn fill<I: Index>(
    index: &I,
    plan: &Plan<'_>,
    texts: &BTreeMap<String, String>,
) -> anyhow::Result<usize> {
    let chunked = cut(plan, texts)?;
    let settings = Settings {
        chunker: serde_json::to_value(plan.chunker)?,
        embedder: match plan.embedder {
            Some(embedder) => Some(embedder.id().await.map_err(said)?),
            None => None,
        },
        distance: Distance::Cosine,
    };
    let at = Timestamp::from_micros(0);
    let build = Build {
        owner: plan.owner.clone(),
        collection: plan.collection.clone(),
        settings,
        token: "00000000-0000-7000-8000-000000000001".parse::<JobId>()?.uuid(),
        recreate: true,
    };
    let builder = index.build(build, at).await?;
    let mut count = 0;
    for (facts, chunks) in chunked {
        for batch in chunks.chunks(BATCH) {
            builder.stage(&facts.key, embed(plan.embedder, batch).await?).await?;
        }
        count += chunks.len();
        builder.publish(facts, chunks.len() as u32, at).await?;
    }
    builder.finish(at).await?;
    Ok(count)
}

/// Each text's facts and chunks.
fn cut(
    plan: &Plan<'_>,
    texts: &BTreeMap<String, String>,
) -> anyhow::Result<Vec<(Facts, Vec<Chunk>)>> {
    let (options, limits) = (Options::default(), Limits::default());
    // A line for each document.
    let mut extracts = Vec::new();
    for (name, text) in texts {
        let document = Document { filename: format!("{name}.md"), bytes: text.clone().into() };
        let extract = milepost_convert::extract(
            document,
            "text/markdown",
            &options,
            &limits,
            Vec::new(),
            &mut drop,
        );
        extracts
            .extend_from_slice(extract.map_err(|error| anyhow::anyhow!(error.cause))?.as_bytes());
        extracts.push(b'\n');
    }
    let tokenizer = plan.embedder.and_then(Embedder::tokenizer);
    let made =
        milepost_convert::chunk(&extracts, plan.chunker, tokenizer.as_deref(), &limits, &mut drop)
            .map_err(|error| anyhow::anyhow!(error.cause))?;
    let made: Value = serde_json::from_str(&made)?;
    let mut chunked: Vec<(Facts, Vec<Chunk>)> = Vec::new();
    for source in made["sources"].as_array().context("no sources")? {
        let filename = source["source"].as_str().context("no name")?.to_owned();
        let title = source["title"].as_str().map(str::to_owned);
        chunked.push((
            Facts { key: filename.clone(), filename, title, ..Facts::default() },
            Vec::new(),
        ));
    }
    for chunk in made["chunks"].as_array().context("no chunks")? {
        let place = chunk["document"].as_u64().context("no place")? as usize;
        chunked.get_mut(place).context("no such source")?.1.push(taken(chunk)?);
    }
    Ok(chunked)
}

/// A chunk of a converter's result as the index takes it.
fn taken(chunk: &Value) -> anyhow::Result<Chunk> {
    let strings = |name: &str| -> Vec<String> {
        let of = chunk[name].as_array().into_iter().flatten();
        of.filter_map(|value| value.as_str().map(str::to_owned)).collect()
    };
    Ok(Chunk {
        index: chunk["index"].as_u64().context("no index")? as u32,
        text: chunk["text"].as_str().context("no text")?.to_owned(),
        headings: strings("headings"),
        pages: None,
        language: chunk["language"].as_str().map(str::to_owned),
        keywords: strings("keywords"),
        characters: chunk["characters"].as_u64().context("no length")? as u32,
        tokens: chunk["tokens"].as_u64().map(|tokens| tokens as u32),
        hash: chunk["hash"].as_str().context("no hash")?.to_owned(),
    })
}

async fn embed(embedder: Option<&Embedder>, chunks: &[Chunk]) -> anyhow::Result<Vec<Staged>> {
    let mut vectors = Vec::new();
    if let Some(embedder) = embedder {
        let texts: Vec<String> =
            chunks.iter().map(|chunk| embedded_text(&chunk.headings, &chunk.text)).collect();
        for texts in texts.chunks(embedder.batch()) {
            vectors.extend(embedder.documents(texts).await.map_err(said)?);
        }
    }
    let mut vectors = vectors.into_iter();
    Ok(chunks.iter().map(|chunk| Staged { chunk: chunk.clone(), vector: vectors.next() }).collect())
}

/// What an embedder says, with the cause that its users are not shown.
pub fn said(error: milepost_index::EmbedError) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}
