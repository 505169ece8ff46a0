//! A build: stages chunks, publishes documents, ends. Enters: what one job brings.
//! Leaves: documents that can be found. It never shows one of which a part is missing.
//!
//! Staged chunks have a file of their own for each build, so that nobody else waits for
//! it, and what is given up is removed by its name. A document goes from there into the
//! generation in one transaction; only then are its staged chunks forgotten. A process
//! that ends in between has them in both places, and publishing again finds that this
//! build has published the document already.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use milepost_core::{CollectionName, OwnerId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::calls::{all_below, text_of};
use super::catalog::{self, Listed, Underway};
use super::entries::{self, Numbered};
use super::vector;
use super::{Embedded, Inner, Result, locked, schema, shelf};
use crate::chunk::{Entry, Facts, Staged};
use crate::collection::{Collection, EmbedderId, Settings};
use crate::error::IndexError;
use crate::index::{Build, Builder};

/// Writes into a collection of an [`Embedded`] index.
pub struct EmbeddedBuilder {
    index: Embedded,
    shared: Arc<Shared>,
}

/// What the calls of one build share.
pub(super) struct Shared {
    pub(super) owner: OwnerId,
    pub(super) name: CollectionName,
    pub(super) token: String,
    pub(super) settings: Settings,
    pub(super) build: Underway,
    pub(super) staging: Mutex<Connection>,
}

impl EmbeddedBuilder {
    /// Begins a build, or goes on with it.
    pub(super) fn begin(index: Embedded, build: Build, at: Timestamp) -> Result<Self> {
        let inner = &index.inner;
        let present = match inner.catalog.find(&build.owner, &build.collection)? {
            Some(listed) => listed,
            None => inner.make(&build.owner, &build.collection, &build.settings, at)?.0,
        };
        let (listed, underway) = inner.begin(present.id, &build)?;
        let settings = if underway.anew { &underway.settings } else { &listed.settings };
        let staging = schema::staging(&inner.staging_path(underway.staging));
        let staging = staging.map_err(|error| match inner.catalog.underway(underway.id) {
            Ok(None) => IndexError::Replaced(build.collection.clone()),
            _ => error,
        })?;
        let shared = Shared {
            owner: build.owner,
            name: build.collection,
            token: build.token.to_string(),
            settings: settings.clone(),
            build: underway,
            staging: Mutex::new(staging),
        };
        Ok(Self { shared: Arc::new(shared), index })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner, &Shared) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = self.shared.clone();
        self.index
            .blocking(move |inner| work(inner, &shared).or_else(|e| shared.explain(inner, e)))
            .await
    }
}

impl Builder for EmbeddedBuilder {
    fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    async fn vectors(&self, hashes: &[String]) -> Result<HashMap<String, Vec<f32>>> {
        let hashes = hashes.to_vec();
        self.blocking(move |inner, shared| shared.vectors(inner, &hashes)).await
    }

    async fn staged(&self, key: &str) -> Result<BTreeSet<u32>> {
        let key = key.to_owned();
        self.blocking(move |inner, shared| {
            shared.required(inner)?;
            let mut places = shared.staged(&key)?;
            if let Some((_, published)) = shared.published(inner, &key)? {
                places.extend(all_below(published.entry.chunks as u32));
            }
            Ok(places)
        })
        .await
    }

    async fn stage(&self, key: &str, chunks: Vec<Staged>) -> Result<()> {
        let key = key.to_owned();
        self.blocking(move |inner, shared| shared.stage(inner, &key, chunks)).await
    }

    async fn publish(&self, facts: Facts, chunks: u32, at: Timestamp) -> Result<Entry> {
        self.blocking(move |inner, shared| shared.publish(inner, facts, chunks, at)).await
    }

    async fn finish(&self, at: Timestamp) -> Result<Collection> {
        self.blocking(move |inner, shared| shared.finish(inner, at)).await
    }
}

impl Inner {
    fn begin(&self, collection: i64, build: &Build) -> Result<(Listed, Underway)> {
        let fresh = Uuid::now_v7();
        let (listed, underway, gone) = self.catalog.write(|transaction| {
            let listed = catalog::find_by_id(transaction, collection)?
                .ok_or_else(|| IndexError::Replaced(build.collection.clone()))?;
            // It was finished before: what it has still to do, it does to what it made.
            let done = build.recreate
                && listed.made_by == Some(build.token)
                && listed.settings.embedder == build.settings.embedder;
            let anew = build.recreate && !done;
            if !anew {
                same_embedder(&listed, build.settings.embedder.as_ref())?;
            }
            let settings = if anew { &build.settings } else { &listed.settings };
            let generation = if anew { fresh } else { listed.generation };
            let mut gone = None;
            if let Some(mut found) = catalog::find_build(transaction, build.token, listed.id)? {
                if found.anew == anew && found.settings.embedder == settings.embedder {
                    if !anew {
                        transaction.execute(
                            "UPDATE builds SET generation = ? WHERE id = ?",
                            params![generation.to_string(), found.id],
                        )?;
                        found.generation = generation;
                    }
                    return Ok((listed, found, None));
                }
                transaction.execute("DELETE FROM builds WHERE id = ?", [found.id])?;
                gone = Some(found);
            }
            let staging = Uuid::now_v7();
            transaction.execute(
                "INSERT INTO builds (token, collection, generation, anew, settings, staging) \
                 VALUES (?, ?, ?, ?, ?, ?)",
                params![
                    build.token.to_string(),
                    listed.id,
                    generation.to_string(),
                    anew,
                    text_of(settings),
                    staging.to_string()
                ],
            )?;
            if anew {
                self.shelf.make(&listed.about(generation), generation)?;
            }
            let id = transaction.last_insert_rowid();
            let settings = settings.clone();
            let underway = Underway { id, collection, generation, anew, settings, staging };
            Ok((listed, underway, gone))
        })?;
        gone.iter().for_each(|build| self.clear_build(build));
        Ok((listed, underway))
    }
}

/// Refuses another embedder than a collection's. One that is not named is the
/// collection's.
fn same_embedder(listed: &Listed, got: Option<&EmbedderId>) -> Result<()> {
    match (&listed.settings.embedder, got) {
        (Some(wants), Some(got)) if wants != got => Err(IndexError::OtherEmbedder {
            collection: listed.name.clone(),
            wants: Box::new(wants.clone()),
            got: Box::new(got.clone()),
        }),
        (None, Some(_)) => Err(IndexError::NoEmbedder(listed.name.clone())),
        _ => Ok(()),
    }
}

impl Shared {
    fn replaced(&self) -> IndexError {
        IndexError::Replaced(self.name.clone())
    }

    /// The collection, as long as this build is one of it and it is what was built upon.
    pub(super) fn required(&self, inner: &Inner) -> Result<Listed> {
        let listed = inner.catalog.read(|connection| {
            let listed = catalog::find_by_id(connection, self.build.collection)?;
            Ok(listed.filter(|listed| listed.owner == self.owner))
        })?;
        let listed = listed.ok_or_else(|| self.replaced())?;
        if inner.catalog.underway(self.build.id)?.is_none() {
            return Err(self.replaced());
        }
        if !self.build.anew {
            if listed.generation != self.build.generation {
                return Err(self.replaced());
            }
            if listed.settings.embedder != self.settings.embedder {
                same_embedder(&listed, self.settings.embedder.as_ref())?;
                return Err(self.replaced());
            }
        }
        Ok(listed)
    }

    /// What went wrong: files that cannot be used may have been removed meanwhile, with what
    /// this build is of.
    fn explain<T>(&self, inner: &Inner, error: IndexError) -> Result<T> {
        if matches!(error, IndexError::Unavailable(_) | IndexError::Damaged(_)) {
            self.required(inner)?;
        }
        Err(error)
    }

    pub(super) fn staged(&self, key: &str) -> Result<BTreeSet<u32>> {
        let staging = locked(&self.staging);
        let mut statement = staging.prepare_cached("SELECT place FROM chunks WHERE key = ?")?;
        let rows = statement.query_map([key], |row| row.get(0))?;
        rows.map(|row| Ok(row?)).collect()
    }

    /// The document with this key, where it was this build that published it.
    fn published(&self, inner: &Inner, key: &str) -> Result<Option<(Listed, Numbered)>> {
        let listed = self.required(inner)?;
        let generation = inner.shelf.get(&listed, self.build.generation);
        let found = generation.read(|connection| entries::by_key(connection, key))?;
        let own = found.filter(|(_, token)| *token == self.token);
        Ok(own.map(|(numbered, _)| (listed, numbered)))
    }

    fn vectors(&self, inner: &Inner, hashes: &[String]) -> Result<HashMap<String, Vec<f32>>> {
        let listed = self.required(inner)?;
        let mut found = HashMap::new();
        if self.settings.embedder.is_none() {
            return Ok(found);
        }
        let known =
            "SELECT vector FROM chunks JOIN vectors ON chunk = number WHERE hash = ? LIMIT 1";
        let mut look = |connection: &Connection, sql: &str| -> Result<()> {
            let mut statement = connection.prepare_cached(sql)?;
            for hash in hashes {
                if found.contains_key(hash) {
                    continue;
                }
                let row = statement.query_row([hash], |row| row.get::<_, Vec<u8>>(0));
                if let Some(bytes) = row.optional()? {
                    found.insert(hash.clone(), vector::from_bytes(&bytes));
                }
            }
            Ok(())
        };
        let staged = "SELECT vector FROM chunks WHERE hash = ? AND vector IS NOT NULL LIMIT 1";
        look(&locked(&self.staging), staged)?;
        inner
            .shelf
            .get(&listed, self.build.generation)
            .read(|connection| look(connection, known))?;
        if self.build.anew && listed.settings.embedder == self.settings.embedder {
            let present = inner.shelf.get(&listed, listed.generation);
            // They would only have saved work.
            if let Err(error) = present.read(|connection| look(connection, known)) {
                tracing::warn!(%error, "vectors of a collection that is made anew");
            }
        }
        Ok(found)
    }

    fn stage(&self, inner: &Inner, key: &str, chunks: Vec<Staged>) -> Result<()> {
        self.required(inner)?;
        let mut rows = Vec::with_capacity(chunks.len());
        for Staged { chunk, vector } in chunks {
            let vector = match (&self.settings.embedder, vector) {
                (None, None) => None,
                (None, Some(_)) => return Err(IndexError::NoEmbedder(self.name.clone())),
                (Some(embedder), vector) => {
                    let vector = vector.unwrap_or_default();
                    vector::check(&self.name, embedder.dimensions, &vector)?;
                    Some(vector::to_bytes(&vector))
                }
            };
            let json = serde_json::to_string(&chunk).expect("a chunk has text keys");
            rows.push((chunk.index, json, chunk.hash, vector));
        }
        let mut staging = locked(&self.staging);
        let transaction = staging.transaction()?;
        {
            let mut statement = transaction.prepare_cached(
                "INSERT OR REPLACE INTO chunks (key, place, chunk, hash, vector) \
                 VALUES (?, ?, ?, ?, ?)",
            )?;
            for (place, json, hash, vector) in rows {
                statement.execute(params![key, place, json, hash, vector])?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn finish(&self, inner: &Inner, at: Timestamp) -> Result<Collection> {
        let former = inner.catalog.write(|transaction| {
            let listed = catalog::find_by_id(transaction, self.build.collection)?
                .filter(|listed| listed.owner == self.owner)
                .ok_or_else(|| self.replaced())?;
            let deleted =
                transaction.execute("DELETE FROM builds WHERE id = ?", [self.build.id])?;
            if listed.generation == self.build.generation {
                return Ok(None);
            }
            // Somebody else made it anew who began later; or gave this build up.
            if !self.build.anew || deleted == 0 || listed.made > self.build.id {
                return Err(self.replaced());
            }
            transaction.execute(
                "UPDATE collections SET generation = ?, settings = ?, made = ?, made_by = ?, \
                 updated_at = max(updated_at, ?) WHERE id = ?",
                params![
                    self.build.generation.to_string(),
                    text_of(&self.settings),
                    self.build.id,
                    self.token,
                    at.as_micros(),
                    listed.id
                ],
            )?;
            Ok(Some(listed.generation))
        })?;
        if let Some(former) = former {
            inner.shelf.remove(former);
        }
        shelf::remove_file(&inner.staging_path(self.build.staging));
        inner.collection(&inner.catalog.require(&self.owner, &self.name)?)
    }
}
