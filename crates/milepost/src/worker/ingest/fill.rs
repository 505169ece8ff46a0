//! Chunks into their collection. Enters: a lease on a job whose chunks are stored. Leaves: each
//! document in the collection, and the job completed. Never: embeds what is embedded, shows half of
//! a document, or goes on for long once the lease is lost.

use std::collections::{BTreeSet, HashMap};

use futures_util::{StreamExt, stream};
use milepost_convert::embedded_text;
use milepost_core::{EventKind, Unit};
use milepost_index::{
    Build, Builder, Chunk, Collection, Distance, Embedder, Index as _, Settings, Staged,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::elements::Elements;
use super::entries::{Entry, now};
use super::{advanced, no_collection, options};
use crate::index::Collections;
use crate::pipeline::CHUNKS;
use crate::pipeline::ingest::INDEXING;
use crate::pipeline::reuse;
use crate::store::{AGAIN, Decision, Lease, StoreError};
use crate::worker::run::{Outcome, Runner, Stop};

/// One chunk as JSON, in bytes.
const MAX_CHUNK: usize = 4 * 1024 * 1024;
/// Chunks that are written at once, at most.
const GROUP: u64 = 256;
/// Chunks that are written at once, at least, where there are as many.
const LEAST: u64 = 8;
/// Groups, about, of a small document: so many times is said how far it is.
const GROUPS: u64 = 20;
/// How often is said how far a large job is.
const REPORTS: u64 = 200;

/// A chunk as the converter writes it.
#[derive(Deserialize)]
struct Row {
    document: u64,
    index: u32,
    text: String,
    #[serde(default)]
    headings: Vec<String>,
    #[serde(default)]
    pages: Option<(u32, u32)>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    keywords: Vec<String>,
    characters: u32,
    #[serde(default)]
    tokens: Option<u32>,
}

type Writer = <Collections as milepost_index::Index>::Builder;

/// A job that is being written.
struct Filling<'a> {
    runner: &'a Runner,
    lease: &'a Lease,
    writer: &'a Writer,
    embedder: Option<Embedder>,
    /// Whether what is staged, or published, is what these chunks are.
    trusts: bool,
    entries: Vec<Entry>,
    /// The first of them that is not published.
    unpublished: usize,
    /// How many of the job's documents are.
    documents: u64,
    total: u64,
    done: u64,
    told: u64,
}

impl Runner {
    /// Writes the job's chunks into its collection. `revoked` says that the lease is gone,
    /// `draining` that the job is to be given back.
    pub async fn fill(
        &self,
        lease: &Lease,
        revoked: &CancellationToken,
        draining: &CancellationToken,
    ) -> Outcome {
        let written = tokio::select! {
            biased;
            () = revoked.cancelled() => return Outcome::Revoked,
            written = self.write(lease, draining) => written,
        };
        written.unwrap_or_else(|stop| stop.outcome(&lease.snapshot, &self.config))
    }

    /// The embedder that writing the job's chunks takes, by its name; or why they cannot be
    /// written.
    pub async fn need(&self, lease: &Lease) -> Result<Option<String>, Outcome> {
        let found = async {
            let present = self.collection(lease).await?;
            self.embedder(lease, &options(lease)?, present.as_ref())
        };
        let found = found.await;
        found
            .map(|embedder| embedder.map(|embedder| embedder.name().to_owned()))
            .map_err(|stop: Stop| stop.outcome(&lease.snapshot, &self.config))
    }

    async fn write(&self, lease: &Lease, draining: &CancellationToken) -> Result<Outcome, Stop> {
        let options = options(lease)?;
        let present = self.collection(lease).await?;
        let embedder = self.embedder(lease, &options, present.as_ref())?;
        let parts = self.parts(lease).await?;
        let entries = self.entries(lease, &parts).await?;
        let total = entries.iter().map(|entry| u64::from(entry.chunks)).sum();
        let begins = EventKind::Stage {
            stage: INDEXING.to_owned(),
            unit: Some(Unit::chunk()),
            total: Some(total),
            document: None,
        };
        self.report(lease, Decision::event(begins)).await?;
        let settings = self.settings(&options, present, embedder.as_ref()).await?;
        let build = Build {
            owner: lease.snapshot.owner.clone(),
            collection: lease.snapshot.collection.clone().ok_or_else(no_collection)?,
            settings,
            token: lease.snapshot.id.uuid(),
            recreate: options.force_recreate,
        };
        let writer = self.indexing.collections.build(build, now(self)).await?;
        let mut filling = Filling {
            runner: self,
            lease,
            writer: &writer,
            embedder,
            trusts: self.made(lease, 0, AGAIN).await?.is_none(),
            entries,
            unpublished: 0,
            documents: 0,
            total,
            done: 0,
            told: taken_over(lease),
        };
        if !filling.write(draining).await? {
            return Ok(Outcome::GivenBack);
        }
        writer.finish(now(self)).await?;
        let unread = self.unread(lease, &parts).await?.len() as u64;
        let documents = lease.snapshot.documents.map(|all| all.total.saturating_sub(unread));
        let mut events = Vec::new();
        if filling.told < total || documents.is_some_and(|documents| documents > filling.documents)
        {
            events.push(advanced(total, documents));
        }
        events.push(EventKind::Completed { formats: vec![CHUNKS.to_owned()], reused: None });
        let reuse = self.lends(lease).await?;
        self.report(lease, Decision { events, reuse, ..Decision::default() }).await?;
        Ok(Outcome::Completed)
    }

    /// By what the pages of this job are known again, where others may have them.
    async fn lends(&self, lease: &Lease) -> Result<Option<String>, Stop> {
        let job = &lease.snapshot;
        // What several attempts made, several converters may have made.
        let (Some(info), 1) = (&job.document, job.attempt) else { return Ok(None) };
        let Some(row) = self.store.document(info.id).await? else { return Ok(None) };
        // A placeholder may turn out better another time.
        if !self.store.placeholder_pages(job.id).await?.is_empty() {
            return Ok(None);
        }
        Ok(reuse::lent(&row.content.sha256, &info.filename, &options(lease)?))
    }

    /// Those of a collection that is made; one that is there has its own.
    async fn settings(
        &self,
        options: &milepost_convert::Options,
        present: Option<Collection>,
        embedder: Option<&Embedder>,
    ) -> Result<Settings, Stop> {
        let id = match embedder {
            Some(embedder) => Some(embedder.id().await?),
            None => None,
        };
        let kept = present.map(|present| present.settings);
        let distance = kept.as_ref().map_or(Distance::default(), |kept| kept.distance);
        let chunker = match (&options.chunker, kept) {
            (None, Some(kept)) => kept.chunker,
            (chunker, _) => serde_json::to_value(chunker.clone().unwrap_or_default())
                .map_err(StoreError::from)?,
        };
        Ok(Settings { chunker, embedder: id, distance })
    }
}

/// How many chunks earlier attempts have said to be done.
fn taken_over(lease: &Lease) -> u64 {
    let indexing = lease.snapshot.stages.iter().find(|stage| stage.name == INDEXING);
    indexing.map_or(0, |stage| stage.taken_over)
}

impl Filling<'_> {
    /// Whether all is written; not where the server shuts down.
    async fn write(&mut self, draining: &CancellationToken) -> Result<bool, Stop> {
        let (store, blobs) = (&self.runner.store, &self.runner.blobs);
        let chunks = store.text(self.lease.snapshot.id, 0, CHUNKS.to_owned()).await?;
        let chunks = chunks.ok_or_else(|| StoreError::Damaged("there are no chunks".into()))?;
        let stream = blobs.open(&chunks.content, 0..chunks.content.bytes).await?;
        let mut elements = Elements::new(stream, CHUNKS, MAX_CHUNK, true);
        let mut group: Vec<(usize, Chunk)> = Vec::new();
        let (mut entry, mut next) = (0, 0);
        while let Some(element) = elements.next().await? {
            let row: Row = serde_json::from_slice(&element).map_err(StoreError::from)?;
            while self.entries.get(entry).is_some_and(|entry| entry.chunks == next) {
                (entry, next) = (entry + 1, 0);
            }
            // The converter is not believed.
            if entry >= self.entries.len() || row.document != entry as u64 || row.index != next {
                return Err(StoreError::Damaged("a chunk is out of order".into()).into());
            }
            next += 1;
            group.push((entry, chunk(row)));
            if group.len() >= self.group() {
                self.write_group(std::mem::take(&mut group), entry).await?;
                if draining.is_cancelled() {
                    return Ok(false);
                }
            }
        }
        while self.entries.get(entry).is_some_and(|entry| entry.chunks == next) {
            (entry, next) = (entry + 1, 0);
        }
        if entry != self.entries.len() {
            return Err(StoreError::Damaged("chunks are missing".into()).into());
        }
        self.write_group(group, entry).await?;
        Ok(true)
    }

    /// How many chunks are written at once.
    fn group(&self) -> usize {
        let few = (self.total / GROUPS).max(LEAST);
        let group = match &self.embedder {
            None => few.min(GROUP),
            Some(embedder) => {
                let batch = embedder.batch() as u64;
                few.clamp(batch, (batch * embedder.concurrency() as u64).max(batch))
                    .min(GROUP.max(batch))
            }
        };
        group as usize
    }

    /// Writes some chunks, then publishes the documents before `upto`, which are whole.
    async fn write_group(&mut self, group: Vec<(usize, Chunk)>, upto: usize) -> Result<(), Stop> {
        let size = group.len() as u64;
        let mut wanted: Vec<(usize, Vec<Chunk>)> = Vec::new();
        for (entry, chunk) in group {
            match wanted.last_mut() {
                Some((last, chunks)) if *last == entry => chunks.push(chunk),
                _ => wanted.push((entry, vec![chunk])),
            }
        }
        for (entry, chunks) in wanted.iter_mut().filter(|_| self.trusts) {
            let staged: BTreeSet<u32> = self.writer.staged(&self.entries[*entry].facts.key).await?;
            chunks.retain(|chunk| !staged.contains(&chunk.index));
        }
        let (vectors, failed) = self.vectors(&wanted).await?;
        for (entry, chunks) in wanted {
            let ready = chunks.into_iter().filter_map(|chunk| {
                let vector = match &self.embedder {
                    None => None,
                    Some(_) => Some(vectors.get(&chunk.hash)?.clone()),
                };
                Some(Staged { chunk, vector })
            });
            let ready: Vec<_> = ready.collect();
            if !ready.is_empty() {
                self.writer.stage(&self.entries[entry].facts.key, ready).await?;
            }
        }
        if let Some(stop) = failed {
            return Err(stop);
        }
        while self.unpublished < upto {
            let entry = &self.entries[self.unpublished];
            let at = now(self.runner);
            self.writer.publish(entry.facts.clone(), entry.chunks, at).await?;
            self.documents = entry.documents;
            self.unpublished += 1;
        }
        self.done += size;
        let step = (self.total / REPORTS).max(1);
        if self.done >= self.told + step || self.done == self.total {
            self.told = self.told.max(self.done);
            let documents = self.lease.snapshot.documents.map(|_| self.documents);
            let decision = Decision::event(advanced(self.told, documents));
            self.runner.report(self.lease, decision).await?;
        }
        Ok(())
    }

    /// The vectors of these chunks by their hashes; where the embedder failed, those that there
    /// are, and why.
    async fn vectors(
        &self,
        wanted: &[(usize, Vec<Chunk>)],
    ) -> Result<(HashMap<String, Vec<f32>>, Option<Stop>), Stop> {
        let Some(embedder) = &self.embedder else { return Ok(Default::default()) };
        let chunks = || wanted.iter().flat_map(|(_, chunks)| chunks);
        let hashes: Vec<_> = chunks().map(|chunk| chunk.hash.clone()).collect();
        let mut vectors = self.writer.vectors(&hashes).await?;
        let mut seen = BTreeSet::new();
        let missing: Vec<_> = chunks()
            .filter(|chunk| !vectors.contains_key(&chunk.hash) && seen.insert(&chunk.hash))
            .collect();
        let batches = missing.chunks(embedder.batch().max(1)).map(|batch| {
            let texts: Vec<_> =
                batch.iter().map(|chunk| embedded_text(&chunk.headings, &chunk.text)).collect();
            let indexing = &self.runner.indexing;
            async move { (batch, indexing.embed_documents(embedder, &texts).await) }
        });
        let batches: Vec<_> = batches.collect();
        let mut calls = stream::iter(batches).buffered(embedder.concurrency().max(1));
        let mut failed = None;
        while let Some((batch, made)) = calls.next().await {
            match made {
                Ok(made) => vectors.extend(batch.iter().map(|chunk| chunk.hash.clone()).zip(made)),
                // What is paid for is kept: all calls of a group are under way by then.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Ok((vectors, failed.map(Stop::from)))
    }
}

fn chunk(row: Row) -> Chunk {
    let embedded = Sha256::digest(embedded_text(&row.headings, &row.text));
    Chunk {
        index: row.index,
        // Reckoned again: a vector is found by it.
        hash: embedded.iter().map(|byte| format!("{byte:02x}")).collect(),
        text: row.text,
        headings: row.headings,
        pages: row.pages,
        language: row.language,
        keywords: row.keywords,
        characters: row.characters,
        tokens: row.tokens,
    }
}
