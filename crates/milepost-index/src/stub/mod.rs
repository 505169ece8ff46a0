//! Stands in for the index until it is here: it holds nothing, and takes nothing in.
#![allow(dead_code, missing_docs, clippy::unused_async)]

mod config;
mod engines;
mod error;

pub use engines::*;

use crate::*;
use milepost_core::{CollectionName, OwnerId, Timestamp};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use uuid::Uuid;
#[derive(Clone)]
pub struct Embedded;
#[derive(Clone, Default)]
pub struct Limits {
    pub max_collections: u64,
    pub open_files: usize,
}
type Result<T> = std::result::Result<T, IndexError>;
fn no<T>() -> Result<T> {
    Err(IndexError::Unavailable("stub".into()))
}
impl Embedded {
    pub fn open(_: &Path, _: Limits) -> Result<Self> {
        Ok(Self)
    }
}
pub struct B;
impl Index for Embedded {
    type Builder = B;
    async fn put(
        &self,
        _: &OwnerId,
        _: &CollectionName,
        _: Settings,
        _: Timestamp,
    ) -> Result<(Collection, bool)> {
        Err(IndexError::TooMany { most: 0 })
    }
    async fn get(&self, _: &OwnerId, _: &CollectionName) -> Result<Option<Collection>> {
        Ok(None)
    }
    async fn list(
        &self,
        _: &OwnerId,
        _: Option<&CollectionName>,
        _: usize,
    ) -> Result<Vec<Collection>> {
        Ok(vec![])
    }
    async fn delete(&self, _: &OwnerId, _: &CollectionName) -> Result<bool> {
        Ok(false)
    }
    async fn entries(
        &self,
        _: &OwnerId,
        name: &CollectionName,
        _: Option<EntryId>,
        _: usize,
    ) -> Result<Vec<Entry>> {
        Err(IndexError::NoCollection(name.clone()))
    }
    async fn entry(&self, _: &OwnerId, name: &CollectionName, _: EntryId) -> Result<Option<Entry>> {
        Err(IndexError::NoCollection(name.clone()))
    }
    async fn remove(
        &self,
        _: &OwnerId,
        name: &CollectionName,
        _: EntryId,
        _: Timestamp,
    ) -> Result<bool> {
        Err(IndexError::NoCollection(name.clone()))
    }
    async fn search(&self, _: &OwnerId, name: &CollectionName, _: &Query) -> Result<Found> {
        Err(IndexError::NoCollection(name.clone()))
    }
    async fn build(&self, _: Build, _: Timestamp) -> Result<B> {
        no()
    }
    async fn abandon(&self, _: Uuid) -> Result<()> {
        Ok(())
    }
    async fn tokens(&self) -> Result<Vec<Uuid>> {
        Ok(vec![])
    }
}
impl Builder for B {
    fn settings(&self) -> &Settings {
        unreachable!()
    }
    async fn vectors(&self, _: &[String]) -> Result<HashMap<String, Vec<f32>>> {
        no()
    }
    async fn staged(&self, _: &str) -> Result<BTreeSet<u32>> {
        no()
    }
    async fn stage(&self, _: &str, _: Vec<Staged>) -> Result<()> {
        no()
    }
    async fn publish(&self, _: Facts, _: u32, _: Timestamp) -> Result<Entry> {
        no()
    }
    async fn finish(&self, _: Timestamp) -> Result<Collection> {
        no()
    }
}
