//! The calls on collections and documents. Enters: an owner with a request. Leaves: the
//! answer. Never: a row that was found without the owner.

use std::collections::BTreeSet;

use milepost_core::{CollectionName, OwnerId, Timestamp};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::builder::EmbeddedBuilder;
use super::catalog::{self, Listed, Underway};
use super::{Embedded, Inner, Result, entries, search, shelf};
use crate::chunk::{Entry, EntryId};
use crate::collection::{Collection, Settings};
use crate::error::IndexError;
use crate::index::{Build, Index};
use crate::query::{Found, Query};

/// How often a generation is looked up again that was replaced between being named and
/// being opened.
const LOOKS: usize = 5;

impl Index for Embedded {
    type Builder = EmbeddedBuilder;

    async fn put(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        settings: Settings,
        at: Timestamp,
    ) -> Result<(Collection, bool)> {
        self.inner.may_change()?;
        let (owner, name) = (owner.clone(), name.clone());
        self.blocking(move |inner| inner.put(&owner, &name, settings, at)).await
    }

    async fn get(&self, owner: &OwnerId, name: &CollectionName) -> Result<Option<Collection>> {
        let (owner, name) = (owner.clone(), name.clone());
        self.blocking(move |inner| {
            match inner.on_present(&owner, &name, |listed| inner.collection(listed)) {
                Err(IndexError::NoCollection(_)) => Ok(None),
                other => other.map(Some),
            }
        })
        .await
    }

    async fn list(
        &self,
        owner: &OwnerId,
        after: Option<&CollectionName>,
        limit: usize,
    ) -> Result<Vec<Collection>> {
        let (owner, after) = (owner.clone(), after.cloned());
        self.blocking(move |inner| inner.list(&owner, after.as_ref(), limit)).await
    }

    async fn delete(&self, owner: &OwnerId, name: &CollectionName) -> Result<bool> {
        self.inner.may_change()?;
        let (owner, name) = (owner.clone(), name.clone());
        self.blocking(move |inner| inner.delete(&owner, &name)).await
    }

    async fn entries(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        let (owner, name) = (owner.clone(), name.clone());
        self.blocking(move |inner| {
            inner.ask(&owner, &name, |connection| entries::list(connection, after, limit))
        })
        .await
    }

    async fn entry(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        id: EntryId,
    ) -> Result<Option<Entry>> {
        let (owner, name) = (owner.clone(), name.clone());
        self.blocking(move |inner| {
            let found = inner.ask(&owner, &name, |connection| entries::by_id(connection, id))?;
            Ok(found.map(|found| found.entry))
        })
        .await
    }

    async fn remove(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        id: EntryId,
        at: Timestamp,
    ) -> Result<bool> {
        self.inner.may_change()?;
        let (owner, name) = (owner.clone(), name.clone());
        self.blocking(move |inner| {
            inner.on_present(&owner, &name, |listed| inner.remove_entry(listed, id, at))
        })
        .await
    }

    async fn search(&self, owner: &OwnerId, name: &CollectionName, query: &Query) -> Result<Found> {
        let (owner, name, query) = (owner.clone(), name.clone(), query.clone());
        search::run(self, move |inner, stop| {
            inner.on_present(&owner, &name, |listed| {
                search::check(listed, &query)?;
                let generation = inner.shelf.get(listed, listed.generation);
                generation.read(|connection| {
                    stop.on(connection, || search::search(connection, listed, &query, stop))
                })
            })
        })
        .await
    }

    async fn build(&self, build: Build, at: Timestamp) -> Result<EmbeddedBuilder> {
        self.inner.may_change()?;
        let index = self.clone();
        self.blocking(move |_| EmbeddedBuilder::begin(index, build, at)).await
    }

    async fn abandon(&self, token: Uuid) -> Result<()> {
        self.inner.may_change()?;
        self.blocking(move |inner| {
            let gone = inner.catalog.write(|transaction| {
                let token = token.to_string();
                let gone = catalog::builds_where(transaction, "token = ?", &token)?;
                transaction.execute("DELETE FROM builds WHERE token = ?", [token])?;
                Ok(gone)
            })?;
            gone.iter().for_each(|build| inner.clear_build(build));
            Ok(())
        })
        .await
    }

    async fn tokens(&self) -> Result<Vec<Uuid>> {
        self.blocking(|inner| inner.catalog.tokens()).await
    }
}

impl Inner {
    /// Does something with a collection; once more where its generation was replaced, and
    /// the file with it, before it was opened.
    fn on_present<T>(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        mut act: impl FnMut(&Listed) -> Result<T>,
    ) -> Result<T> {
        let mut listed = self.catalog.require(owner, name)?;
        for _ in 0..LOOKS {
            let outcome = act(&listed);
            if !matches!(outcome, Err(IndexError::Damaged(_) | IndexError::Unavailable(_))) {
                return outcome;
            }
            let now = self.catalog.require(owner, name)?;
            if now.generation == listed.generation {
                return outcome;
            }
            listed = now;
        }
        Err(IndexError::Unavailable(format!("the collection {name} is replaced all the time")))
    }

    fn ask<T>(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        mut question: impl FnMut(&Connection) -> Result<T>,
    ) -> Result<T> {
        self.on_present(owner, name, |listed| {
            self.shelf.get(listed, listed.generation).read(&mut question)
        })
    }

    fn list(
        &self,
        owner: &OwnerId,
        after: Option<&CollectionName>,
        limit: usize,
    ) -> Result<Vec<Collection>> {
        let mut collections = Vec::new();
        for listed in self.catalog.list(owner, after, limit)? {
            match self.collection(&listed) {
                Ok(collection) => collections.push(collection),
                Err(error) => {
                    // Replaced or deleted meanwhile; or damaged, which is no reason to
                    // show none of the others, nor to hide the one that should go.
                    let again = self.catalog.find(owner, &listed.name)?;
                    let Some(again) = again else { continue };
                    collections.push(self.collection(&again).unwrap_or_else(|_| {
                        tracing::error!(%error, generation = %listed.generation,
                            "a collection cannot be read");
                        unreadable(&again)
                    }));
                }
            }
        }
        Ok(collections)
    }

    fn put(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        settings: Settings,
        at: Timestamp,
    ) -> Result<(Collection, bool)> {
        let Some(present) = self.catalog.find(owner, name)? else {
            let (listed, new) = self.make(owner, name, &settings, at)?;
            if new {
                return Ok((self.collection(&listed)?, true));
            }
            // Somebody else was faster.
            return self.put(owner, name, settings, at);
        };
        if present.settings == settings {
            return Ok((self.collection(&present)?, false));
        }
        let same_vectors = present.settings.embedder == settings.embedder
            && present.settings.distance == settings.distance;
        let generation = self.shelf.get(&present, present.generation);
        // While this is held nothing is published, so that an empty one stays empty.
        let mut writer = generation.writer()?;
        let documents = shelf::counts(writer.connection())?.documents;
        if documents > 0 && !same_vectors {
            return Err(IndexError::Fixed(name.clone()));
        }
        let json = text_of(&settings);
        let changed = self.catalog.write(|transaction| {
            Ok(transaction.execute(
                "UPDATE collections SET settings = ?, updated_at = max(updated_at, ?) \
                 WHERE id = ? AND generation = ?",
                params![json, at.as_micros(), present.id, present.generation.to_string()],
            )?)
        })?;
        drop(writer);
        if changed == 0 {
            return self.put(owner, name, settings, at);
        }
        Ok((self.collection(&self.catalog.require(owner, name)?)?, false))
    }

    /// Makes an empty collection; gives the present one, with `false`, where there is one.
    pub(super) fn make(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        settings: &Settings,
        at: Timestamp,
    ) -> Result<(Listed, bool)> {
        let generation = Uuid::now_v7();
        let about = super::schema::About {
            owner: owner.as_str().to_owned(),
            collection: name.as_str().to_owned(),
            generation: generation.to_string(),
        };
        self.shelf.make(&about, generation)?;
        let made = self.catalog.write(|transaction| {
            if let Some(present) = catalog::find(transaction, owner, name)? {
                return Ok((present, false));
            }
            let sql = "SELECT count(*) FROM collections WHERE owner = ?";
            let has: i64 = transaction.query_row(sql, [owner.as_str()], |row| row.get(0))?;
            let most = self.limits.max_collections;
            if has as u64 >= most {
                return Err(IndexError::TooMany { most });
            }
            transaction.execute(
                "INSERT INTO collections (owner, name, generation, settings, created_at, \
                 updated_at) VALUES (?, ?, ?, ?, ?, ?)",
                params![
                    owner.as_str(),
                    name.as_str(),
                    generation.to_string(),
                    text_of(settings),
                    at.as_micros(),
                    at.as_micros()
                ],
            )?;
            let present = catalog::find(transaction, owner, name)?;
            Ok((present.expect("it was inserted in this transaction"), true))
        });
        if !matches!(made, Ok((_, true))) {
            self.shelf.remove(generation);
        }
        made
    }

    fn delete(&self, owner: &OwnerId, name: &CollectionName) -> Result<bool> {
        let gone = self.catalog.write(|transaction| {
            let Some(listed) = catalog::find(transaction, owner, name)? else { return Ok(None) };
            let builds = catalog::builds_where(transaction, "collection = ?", &listed.id)?;
            transaction.execute("DELETE FROM builds WHERE collection = ?", [listed.id])?;
            transaction.execute("DELETE FROM collections WHERE id = ?", [listed.id])?;
            Ok(Some((listed, builds)))
        })?;
        let Some((listed, builds)) = gone else { return Ok(false) };
        builds.iter().for_each(|build| self.clear_build(build));
        self.shelf.remove(listed.generation);
        Ok(true)
    }

    fn remove_entry(&self, listed: &Listed, id: EntryId, at: Timestamp) -> Result<bool> {
        let generation = self.shelf.get(listed, listed.generation);
        let mut writer = generation.writer()?;
        let transaction = writer.connection().transaction()?;
        let Some(gone) = entries::by_id(&transaction, id)? else { return Ok(false) };
        entries::remove(&transaction, &gone, at)?;
        let counts = shelf::counts(&transaction)?;
        transaction.commit()?;
        self.shelf.note(generation.id, counts);
        Ok(true)
    }

    /// Removes the files of a build that the catalog no longer names.
    pub(super) fn clear_build(&self, build: &Underway) {
        if build.anew {
            self.shelf.remove(build.generation);
        }
        shelf::remove_file(&self.staging_path(build.staging));
    }
}

/// What is shown of a collection whose file is damaged or gone: that it is there.
fn unreadable(listed: &Listed) -> Collection {
    Collection {
        name: listed.name.clone(),
        settings: listed.settings.clone(),
        documents: 0,
        chunks: 0,
        bytes: 0,
        created_at: listed.created_at,
        updated_at: listed.updated_at,
    }
}

pub(super) fn text_of(settings: &Settings) -> String {
    serde_json::to_string(settings).expect("settings have text keys")
}

/// The places below `chunks`.
pub(super) fn all_below(chunks: u32) -> BTreeSet<u32> {
    (0..chunks).collect()
}
