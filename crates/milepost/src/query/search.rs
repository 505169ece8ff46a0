//! Search in one collection, or in several at once. Enters: who asks, and what. Leaves:
//! the best hits of that owner's own. Never: takes longer than it may, or more at a time
//! than the machine has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use milepost_core::{Caller, CollectionName, OwnerId};
use milepost_index::{
    Collection, EmbedError, EmbedderId, Filter, Hit, Index as _, IndexError, Mode,
    Query as Question,
};
use tokio::sync::Semaphore;

use super::collections::own;
use super::{Query, QueryError, hidden};
use crate::config::IndexConfig;
use crate::index::Indexing;

/// What is put between equal ranks and their sum; as most systems have it.
const RANK_OFFSET: f64 = 60.0;
/// Hits that are ordered anew.
const RERANKED: usize = 50;
/// Collections of one list.
const STEP: usize = 200;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// In words.
    pub text: String,
    /// How many hits at most.
    pub k: usize,
    /// By what; without one by both where there are vectors, else by words.
    pub mode: Option<Mode>,
    /// What every hit must be.
    pub filter: Filter,
    /// Whether a reranker has the last word.
    pub rerank: bool,
}

/// What was found.
#[derive(Debug)]
pub struct Answer {
    /// The best first.
    pub hits: Vec<Hit>,
    /// By what was searched; of several collections by the most of it.
    pub mode: Mode,
    /// Whether a reranker had the last word.
    pub reranked: bool,
    /// Collections that one search does not reach any more.
    pub left_out: u64,
}

/// Why nothing was searched.
#[derive(Debug)]
pub enum SearchError {
    /// As for every question.
    Query(QueryError),
    /// The embedder that a collection needs is not configured any more.
    NoSuchEmbedder(CollectionName, String),
    /// It is, but does not answer.
    Embedder(EmbedError),
    /// There is nothing that could order hits anew.
    NoReranker,
    /// It took longer than this.
    TimedOut(Duration),
}

impl From<QueryError> for SearchError {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<IndexError> for SearchError {
    fn from(error: IndexError) -> Self {
        Self::Query(error.into())
    }
}

/// Limits of searches; cheap to clone.
#[derive(Clone)]
pub(super) struct Searching {
    seats: Arc<Semaphore>,
    most: usize,
    timeout: Duration,
}

impl Searching {
    pub(super) fn new(config: &IndexConfig) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let seats = match config.searches {
            0 => processors * 2,
            seats => seats.min(Semaphore::MAX_PERMITS),
        };
        let (most, timeout) = (config.max_searched, config.search_timeout);
        Self { seats: Arc::new(Semaphore::new(seats)), most, timeout }
    }
}

impl Query {
    /// Searches one of the caller's collections.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn search(
        &self,
        caller: &Caller,
        name: &CollectionName,
        wanted: &Wanted,
    ) -> Result<Answer, SearchError> {
        let search = async {
            let collection = self.collection(caller, name).await?;
            self.search_in(&caller.owner, vec![collection], wanted, true).await
        };
        self.in_time(search).await
    }

    /// Searches several of the caller's collections, or all of them where none is named.
    /// One search covers a bounded number, the first by name.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn search_all(
        &self,
        caller: &Caller,
        names: Vec<CollectionName>,
        wanted: &Wanted,
    ) -> Result<Answer, SearchError> {
        let search = async {
            own(caller)?;
            let named = !names.is_empty();
            let mut collections = Vec::new();
            for name in names {
                collections.push(self.collection(caller, &name).await?);
            }
            let mut left_out = 0;
            if !named {
                collections = self.all_collections(&caller.owner).await?;
                left_out = collections.len().saturating_sub(self.searching.most) as u64;
                collections.truncate(self.searching.most);
            }
            let answer = self.search_in(&caller.owner, collections, wanted, named).await?;
            Ok(Answer { left_out, ..answer })
        };
        self.in_time(search).await
    }

    async fn in_time<T>(
        &self,
        search: impl Future<Output = Result<T, SearchError>>,
    ) -> Result<T, SearchError> {
        let most = self.searching.timeout;
        tokio::time::timeout(most, search).await.unwrap_or(Err(SearchError::TimedOut(most)))
    }

    async fn all_collections(&self, owner: &OwnerId) -> Result<Vec<Collection>, QueryError> {
        let mut all: Vec<Collection> = Vec::new();
        loop {
            let after = all.last().map(|last| last.name.clone());
            let list = self.indexing.collections.list(owner, after.as_ref(), STEP);
            let mut next = list.await?;
            let last = next.len() < STEP;
            all.append(&mut next);
            if last {
                // There is nothing to find in the others.
                all.retain(|collection| collection.chunks > 0);
                return Ok(all);
            }
        }
    }

    /// `named`: the client has chosen these, so that one which cannot be searched in that
    /// way is a mistake, and not only one that has nothing to say.
    async fn search_in(
        &self,
        owner: &OwnerId,
        collections: Vec<Collection>,
        wanted: &Wanted,
        named: bool,
    ) -> Result<Answer, SearchError> {
        let reranker = match wanted.rerank {
            true => Some(self.indexing.reranker().ok_or(SearchError::NoReranker)?),
            false => None,
        };
        let mut plan = Vec::new();
        for collection in collections {
            let vectors = collection.settings.embedder.is_some();
            let mode = match (wanted.mode, vectors) {
                (Some(Mode::Keyword), _) | (None, false) => Mode::Keyword,
                (Some(mode), true) => mode,
                (None, true) => Mode::Hybrid,
                (Some(_), false) if named => {
                    return Err(IndexError::NoEmbedder(collection.name).into());
                }
                (Some(Mode::Vector), false) => continue,
                (Some(_), false) => Mode::Keyword,
            };
            plan.push((collection, mode));
        }
        let depth = if reranker.is_some() { wanted.k.max(RERANKED) } else { wanted.k };
        let vectors = self.vectors(&plan, &wanted.text).await?;
        let searches = plan.iter().map(|(collection, mode)| {
            let vector = collection.settings.embedder.as_ref().filter(|_| *mode != Mode::Keyword);
            let question = Question {
                text: wanted.text.clone(),
                k: depth,
                mode: *mode,
                vector: vector.and_then(|id| vectors.get(&id.name).cloned()),
                filter: wanted.filter.clone(),
            };
            self.one(owner, &collection.name, question, named)
        });
        let lists = try_join_all(searches).await?;
        let hits = fused(lists, depth);
        let most = plan.iter().map(|(_, mode)| *mode).max_by_key(|mode| reach(*mode));
        let mode = most.or(wanted.mode).unwrap_or(Mode::Keyword);
        let mut answer = Answer { hits, mode, reranked: false, left_out: 0 };
        if let Some(reranker) = reranker {
            let top = wanted.k.min(answer.hits.len());
            match self.indexing.in_new_order(&reranker, &wanted.text, &answer.hits, top).await {
                Ok(hits) => (answer.hits, answer.reranked) = (hits, true),
                // The answer says so, and is as good as without one.
                Err(error) => {
                    tracing::warn!(cause = %error.cause, "hits stay in their order: {error}");
                }
            }
        }
        answer.hits.truncate(wanted.k);
        Ok(answer)
    }

    async fn one(
        &self,
        owner: &OwnerId,
        name: &CollectionName,
        question: Question,
        named: bool,
    ) -> Result<Vec<Hit>, SearchError> {
        let _seat = self.searching.seats.acquire().await.expect("nobody closes it");
        match self.indexing.collections.search(owner, name, &question).await {
            Ok(found) => Ok(found.hits),
            // It was deleted in this moment.
            Err(IndexError::NoCollection(_)) if named => Err(hidden("collection").into()),
            Err(IndexError::NoCollection(_)) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// The vector of the query by each embedder that is needed.
    async fn vectors(
        &self,
        plan: &[(Collection, Mode)],
        text: &str,
    ) -> Result<BTreeMap<String, Vec<f32>>, SearchError> {
        let mut needed: BTreeMap<&str, Vec<(&CollectionName, &EmbedderId)>> = BTreeMap::new();
        for (collection, mode) in plan {
            let id = collection.settings.embedder.as_ref().filter(|_| *mode != Mode::Keyword);
            if let Some(id) = id {
                needed.entry(&id.name).or_default().push((&collection.name, id));
            }
        }
        let calls = needed.into_iter().map(async |(name, collections)| {
            let gone = || {
                let collection = collections[0].0.clone();
                SearchError::NoSuchEmbedder(collection, name.to_owned())
            };
            let embedder = self.indexing.embedders.get(name).ok_or_else(gone)?;
            let got = embedder.id().await.map_err(SearchError::Embedder)?;
            if let Some((collection, wants)) = collections.iter().find(|(_, id)| **id != got) {
                let (wants, got) = (Box::new((*wants).clone()), Box::new(got));
                let collection = (*collection).clone();
                let error = IndexError::OtherEmbedder { collection, wants, got };
                return Err(SearchError::from(error));
            }
            let vector = self.indexing.embed_query(&embedder, text).await;
            Ok((name.to_owned(), vector.map_err(SearchError::Embedder)?))
        });
        Ok(try_join_all(calls).await?.into_iter().collect())
    }
}

impl Indexing {
    async fn in_new_order(
        &self,
        reranker: &milepost_index::Reranker,
        text: &str,
        hits: &[Hit],
        top: usize,
    ) -> Result<Vec<Hit>, EmbedError> {
        if hits.is_empty() {
            return Ok(Vec::new());
        }
        let texts: Vec<String> = hits.iter().map(spoken).collect();
        let order = self.rerank(reranker, text, &texts, top).await?;
        let placed =
            |(place, score): (usize, f64)| hits.get(place).map(|hit| Hit { score, ..hit.clone() });
        Ok(order.into_iter().filter_map(placed).collect())
    }
}

/// What a reranker reads of a hit.
fn spoken(hit: &Hit) -> String {
    let headings = hit.chunk.headings.iter().map(String::as_str);
    headings.chain([hit.chunk.text.as_str()]).collect::<Vec<_>>().join("\n")
}

const fn reach(mode: Mode) -> u8 {
    match mode {
        Mode::Keyword => 0,
        Mode::Vector => 1,
        Mode::Hybrid => 2,
    }
}

/// One list from several, by the sum of reciprocal ranks. Among equal ranks the name of
/// the collection decides, so that the same question has the same answer.
fn fused(mut lists: Vec<Vec<Hit>>, most: usize) -> Vec<Hit> {
    if lists.len() == 1 {
        return lists.pop().unwrap_or_default();
    }
    let ranked = |hits: Vec<Hit>| {
        let hits = hits.into_iter().enumerate();
        hits.map(|(place, hit)| Hit { score: 1.0 / (RANK_OFFSET + 1.0 + place as f64), ..hit })
    };
    let mut all: Vec<Hit> = lists.into_iter().flat_map(ranked).collect();
    all.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| a.collection.as_str().cmp(b.collection.as_str()))
    });
    all.truncate(most);
    all
}
