//! The index that the server has. Enters: chunks of documents of a hundred each.
//! Leaves: what it finds. It is called as the server calls it.

use std::path::Path;

use milepost_core::{CollectionName, JobId, OwnerId, Timestamp};
use milepost_index::{
    Build, Builder as _, Chunk, Distance, Embedded, EmbedderId, Facts, Filter, Index as _, Limits,
    Mode, Query, Settings, Staged,
};
use tokio::runtime::Handle;

use super::data::Bank;
use super::engine::{By, Engine, OF_DOCUMENT};

/// Chunks that are staged at a time.
const BATCH: u64 = 50;

pub struct Own {
    index: Embedded,
    owner: OwnerId,
    name: CollectionName,
    settings: Settings,
    runtime: Handle,
}

impl Own {
    pub fn open(folder: &Path, dimensions: usize) -> anyhow::Result<Self> {
        let embedder = EmbedderId {
            name: "made".to_owned(),
            model: "made".to_owned(),
            dimensions: u32::try_from(dimensions)?,
        };
        Ok(Self {
            index: Embedded::open(folder, Limits::default())?,
            owner: OwnerId::local(),
            name: "measured".parse()?,
            settings: Settings {
                chunker: serde_json::Value::Null,
                embedder: Some(embedder),
                distance: Distance::Cosine,
            },
            runtime: Handle::current(),
        })
    }

    async fn write(&self, bank: &Bank, chunks: u64) -> anyhow::Result<()> {
        let at = Timestamp::from_micros(0);
        let build = Build {
            owner: self.owner.clone(),
            collection: self.name.clone(),
            settings: self.settings.clone(),
            token: "00000000-0000-7000-8000-000000000001".parse::<JobId>()?.uuid(),
            recreate: false,
        };
        let builder = self.index.build(build, at).await?;
        for document in 0..chunks.div_ceil(OF_DOCUMENT) {
            let key = format!("{document:06}.md");
            let mine = OF_DOCUMENT.min(chunks - document * OF_DOCUMENT);
            for from in (0..mine).step_by(BATCH as usize) {
                let batch = (from..mine.min(from + BATCH))
                    .map(|index| staged(bank, document * OF_DOCUMENT + index, index as u32))
                    .collect();
                builder.stage(&key, batch).await?;
            }
            let facts = Facts { key: key.clone(), filename: key, ..Facts::default() };
            builder.publish(facts, mine as u32, at).await?;
        }
        builder.finish(at).await?;
        Ok(())
    }
}

fn staged(bank: &Bank, number: u64, index: u32) -> Staged {
    let (text, vector) = bank.chunk(number);
    Staged {
        chunk: Chunk {
            index,
            headings: Vec::new(),
            pages: None,
            language: Some("en".to_owned()),
            keywords: Vec::new(),
            characters: text.chars().count() as u32,
            tokens: None,
            hash: format!("{number:064x}"),
            text,
        },
        vector: Some(vector),
    }
}

impl Engine for Own {
    fn modes(&self) -> &'static [By] {
        &[By::Keyword, By::Vector, By::Hybrid]
    }

    fn fill(&self, bank: &Bank, chunks: u64) -> anyhow::Result<()> {
        self.runtime.block_on(self.write(bank, chunks))
    }

    fn search(&self, by: By, text: &str, vector: &[f32], k: usize) -> anyhow::Result<Vec<u64>> {
        let mode = match by {
            By::Keyword => Mode::Keyword,
            By::Vector => Mode::Vector,
            By::Hybrid => Mode::Hybrid,
        };
        let vector = (by != By::Keyword).then(|| vector.to_vec());
        let query = Query { text: text.to_owned(), k, mode, vector, filter: Filter::default() };
        let found = self.runtime.block_on(self.index.search(&self.owner, &self.name, &query))?;
        found
            .hits
            .iter()
            .map(|hit| {
                let name = hit.entry.facts.filename.trim_end_matches(".md");
                Ok(name.parse::<u64>()? * OF_DOCUMENT + u64::from(hit.chunk.index))
            })
            .collect()
    }
}
