//! What every index promises, whatever it is built on.
//!
//! An index is written by builds. What a build has staged is durable and seen by
//! nobody; a document becomes visible as a whole, in the place of the one with the same
//! key. A build that makes a collection anew is beside the present one until it is
//! finished, and then takes its place in one step. So a search never sees a half, and a
//! build that was interrupted goes on with what it has staged.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;

use milepost_core::{CollectionName, OwnerId, Timestamp};
use uuid::Uuid;

use crate::chunk::{Entry, EntryId, Facts, Staged};
use crate::collection::{Collection, Settings};
use crate::error::IndexError;
use crate::query::{Found, Query};

/// What a build is for.
#[derive(Clone, Debug)]
pub struct Build {
    /// Whose collection; it is made where it is not there.
    pub owner: OwnerId,
    /// Which.
    pub collection: CollectionName,
    /// Of a new collection, or of one that is made anew. A present one keeps its own; it
    /// is refused where this names another embedder, and where it names none, that of the
    /// collection is meant.
    pub settings: Settings,
    /// Who builds: the same again goes on where it was.
    pub token: Uuid,
    /// Whether the collection is made anew.
    pub recreate: bool,
}

type Result<T> = std::result::Result<T, IndexError>;

/// Collections of all owners. Cheap to clone. Every call waits without holding up the
/// runtime.
pub trait Index: Clone + Send + Sync + 'static {
    /// What writes into one collection.
    type Builder: Builder;

    /// Makes a collection, or gives an empty one other settings; says whether it is new.
    /// The chunker of one with documents may change, its embedder and distance may not.
    fn put(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        settings: Settings,
        at: Timestamp,
    ) -> impl Future<Output = Result<(Collection, bool)>> + Send;

    /// One of the owner's collections.
    fn get(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
    ) -> impl Future<Output = Result<Option<Collection>>> + Send;

    /// The owner's collections behind `after`, by name, `limit` at most.
    fn list(
        &self,
        owner: &OwnerId,
        after: Option<&CollectionName>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Collection>>> + Send;

    /// Removes a collection and all in it; says whether it was there.
    fn delete(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// The documents in a collection behind `after`, oldest first, `limit` at most.
    fn entries(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        after: Option<EntryId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Entry>>> + Send;

    /// One of them.
    fn entry(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        id: EntryId,
    ) -> impl Future<Output = Result<Option<Entry>>> + Send;

    /// Removes a document from a collection; says whether it was there.
    fn remove(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        id: EntryId,
        at: Timestamp,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// The best chunks of one collection.
    fn search(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        query: &Query,
    ) -> impl Future<Output = Result<Found>> + Send;

    /// Begins a build, or goes on with the one of the same token.
    fn build(
        &self,
        build: Build,
        at: Timestamp,
    ) -> impl Future<Output = Result<Self::Builder>> + Send;

    /// Drops what builds of this token have staged, and what they have begun to make
    /// anew. What is visible stays.
    fn abandon(&self, token: Uuid) -> impl Future<Output = Result<()>> + Send;

    /// The tokens of builds that have something staged, for whoever tidies up.
    fn tokens(&self) -> impl Future<Output = Result<Vec<Uuid>>> + Send;
}

/// Writes into one collection, for one build.
pub trait Builder: Send + Sync + 'static {
    /// The settings that are in force for it: those of the collection.
    fn settings(&self) -> &Settings;

    /// The vectors that are known for these hashes, made by the same embedder: of the
    /// present collection, of the one that is being made, and staged ones.
    fn vectors(
        &self,
        hashes: &[String],
    ) -> impl Future<Output = Result<HashMap<String, Vec<f32>>>> + Send;

    /// The places of the chunks of this document that need not be staged: they are, or
    /// this build has published them.
    fn staged(&self, key: &str) -> impl Future<Output = Result<BTreeSet<u32>>> + Send;

    /// Stages chunks of a document; one that is staged already is replaced.
    fn stage(&self, key: &str, chunks: Vec<Staged>) -> impl Future<Output = Result<()>> + Send;

    /// Makes a document visible with the chunks of it that are staged below `chunks`, in
    /// the place of the one with the same key. All of them must be staged, or published
    /// by this build. The same again changes nothing.
    fn publish(
        &self,
        facts: Facts,
        chunks: u32,
        at: Timestamp,
    ) -> impl Future<Output = Result<Entry>> + Send;

    /// Ends the build: a collection that was made anew takes the place of the former.
    /// The same again changes nothing.
    fn finish(&self, at: Timestamp) -> impl Future<Output = Result<Collection>> + Send;
}
