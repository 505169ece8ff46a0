//! Stands in for the engines until they are here: there is none of any name.

pub use super::config::{EmbedderConfig, Key, RerankerConfig};
pub use super::error::{EmbedError, EmbedErrorKind};
use crate::collection::EmbedderId;
use std::collections::BTreeMap;
#[derive(Clone, Default)]
pub struct Embedders;
#[derive(Clone)]
pub struct Embedder;
#[derive(Clone, Default)]
pub struct Rerankers;
#[derive(Clone)]
pub struct Reranker;
fn none() -> EmbedError {
    EmbedError::setting("x", "no")
}
impl Embedders {
    pub fn open(_: BTreeMap<String, EmbedderConfig>) -> Result<Self, EmbedError> {
        Ok(Self)
    }
    pub fn get(&self, _: &str) -> Option<Embedder> {
        None
    }
    pub fn names(&self) -> Vec<String> {
        vec![]
    }
}
impl Rerankers {
    pub fn open(_: BTreeMap<String, RerankerConfig>) -> Result<Self, EmbedError> {
        Ok(Self)
    }
    pub fn get(&self, _: &str) -> Option<Reranker> {
        None
    }
    pub fn names(&self) -> Vec<String> {
        vec![]
    }
}
impl Embedder {
    pub fn name(&self) -> &str {
        ""
    }
    pub async fn id(&self) -> Result<EmbedderId, EmbedError> {
        Err(none())
    }
    pub async fn documents(&self, _: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Err(none())
    }
    pub async fn query(&self, _: &str) -> Result<Vec<f32>, EmbedError> {
        Err(none())
    }
}
impl Reranker {
    pub fn name(&self) -> &str {
        ""
    }
    pub async fn rerank(
        &self,
        _: &str,
        _: &[String],
        _: usize,
    ) -> Result<Vec<(usize, f64)>, EmbedError> {
        Err(none())
    }
}
