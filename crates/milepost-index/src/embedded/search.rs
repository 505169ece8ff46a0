//! A search, from the query to its hits. Enters: a query to one collection. Leaves: hits.
//! It never runs longer than it may, nor on when nobody waits for it any more.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::{Connection, InterruptHandle};

use super::catalog::Listed;
use super::keyword::Plan;
use super::{Embedded, Inner, Result, entries, filter, highlight, keyword, locked, vector};
use crate::error::IndexError;
use crate::query::{Found, Hit, Mode, Query};

/// Hits at most, whatever is asked for.
const MOST: usize = 1000;
/// How many of each kind are fused at least: well above what is shown, so that what is
/// good in both comes before what is best in one.
const LEAST_DEPTH: usize = 100;
const DEPTH: usize = 4;
/// The constant of reciprocal rank fusion: how little the first places stand out. With
/// the usual 60 a chunk that is poor in both lists comes before the best of one; see
/// docs/decisions/0025-the-embedded-index.md.
const FUSION: f64 = 5.0;
/// What a place in the list by words counts, and one in that by meaning: questions whose
/// words stand nowhere are the more common, and fill the list by words with what is near.
const WEIGHTS: (f64, f64) = (0.3, 0.7);

/// By what a search is ended early.
pub(super) struct Stop {
    stopped: AtomicBool,
    deadline: Instant,
    running: Mutex<Option<InterruptHandle>>,
}

impl Stop {
    /// Of a search that may take so long, from now on.
    pub(super) fn after(most: Duration) -> Self {
        let deadline = Instant::now() + most;
        Self { stopped: AtomicBool::new(false), deadline, running: Mutex::new(None) }
    }

    /// An error where the search should end.
    pub(super) fn check(&self) -> Result<()> {
        if self.stopped.load(Ordering::Relaxed) || Instant::now() >= self.deadline {
            return Err(IndexError::Unavailable("the search was ended".into()));
        }
        Ok(())
    }

    /// Runs `work`, whose statements on `connection` end with the search.
    pub(super) fn on<T>(
        &self,
        connection: &Connection,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        *locked(&self.running) = Some(connection.get_interrupt_handle());
        let outcome = self.check().and_then(|()| work());
        // The connection is the next one's from here on.
        *locked(&self.running) = None;
        outcome
    }

    fn now(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(handle) = &*locked(&self.running) {
            handle.interrupt();
        }
    }
}

/// Ends the search with whoever waits for it.
struct Waiting(Arc<Stop>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.now();
    }
}

/// Runs a search where blocking holds up nobody, within the limits.
pub(super) async fn run<T: Send + 'static>(
    index: &Embedded,
    work: impl FnOnce(&Inner, &Stop) -> Result<T> + Send + 'static,
) -> Result<T> {
    let permits = index.inner.searches.clone();
    let closed = |_| IndexError::Unavailable("the index is closed".into());
    let permit = permits.acquire_owned().await.map_err(closed)?;
    let most = index.inner.limits.search_time;
    let waiting = Waiting(Arc::new(Stop::after(most)));
    let stop = waiting.0.clone();
    let search = index.blocking(move |inner| {
        // Held here and not by the caller, who may be gone before this ends.
        let _permit = permit;
        work(inner, &stop)
    });
    match tokio::time::timeout(most, search).await {
        Ok(outcome) => outcome,
        Err(_) => {
            let what = format!("a search took longer than {} seconds", most.as_secs_f64());
            Err(IndexError::Unavailable(what))
        }
    }
}

/// Refuses a query that the collection cannot answer.
pub(super) fn check(listed: &Listed, query: &Query) -> Result<()> {
    if query.mode == Mode::Keyword {
        return Ok(());
    }
    let Some(embedder) = &listed.settings.embedder else {
        return Err(IndexError::NoEmbedder(listed.name.clone()));
    };
    let vector = query.vector.as_deref().unwrap_or_default();
    vector::check(&listed.name, embedder.dimensions, vector)
}

/// A chunk that was found, and how.
#[derive(Clone, Copy, Debug, Default)]
struct Rank {
    score: f64,
    keyword: Option<usize>,
    vector: Option<usize>,
}

/// The best chunks of a collection, in one state of its file.
pub(super) fn search(
    connection: &Connection,
    listed: &Listed,
    query: &Query,
    stop: &Stop,
) -> Result<Found> {
    let k = query.k.min(MOST);
    let depth = (DEPTH * k).max(LEAST_DEPTH);
    let plan = Plan::of(&query.text);
    let chosen = filter::compile(connection, &query.filter)?;
    let by_words = match query.mode {
        Mode::Vector => Vec::new(),
        _ => keyword::best(connection, &plan, chosen.as_ref(), depth)?,
    };
    stop.check()?;
    let by_meaning = match (&query.vector, query.mode) {
        (Some(vector), Mode::Vector | Mode::Hybrid) => {
            let distance = listed.settings.distance;
            let most = if query.mode == Mode::Vector { k } else { depth };
            vector::nearest(connection, vector, distance, chosen.as_ref(), most, stop)?
        }
        _ => Vec::new(),
    };
    let mut documents = HashMap::new();
    let mut hits = Vec::with_capacity(k);
    for (number, rank) in fused(query.mode, &by_words, &by_meaning).into_iter().take(k) {
        stop.check()?;
        let (document, chunk) = entries::chunk(connection, number)?;
        let entry = match documents.get(&document) {
            Some(entry) => entry,
            None => documents.entry(document).or_insert(entries::by_number(connection, document)?),
        };
        hits.push(Hit {
            collection: listed.name.clone(),
            entry: entry.clone(),
            highlight: highlight::highlight(&chunk.text, &plan),
            chunk,
            score: rank.score,
            keyword_rank: rank.keyword,
            vector_rank: rank.vector,
        });
    }
    Ok(Found { hits })
}

/// What was found by words and by meaning, as one list: in `Hybrid` by the sum of the
/// reciprocal ranks. Of equals, the better in either comes first, then the older chunk.
fn fused(mode: Mode, by_words: &[(i64, f64)], by_meaning: &[(i64, f64)]) -> Vec<(i64, Rank)> {
    let mut ranks: HashMap<i64, Rank> = HashMap::new();
    for (at, &(number, score)) in by_words.iter().enumerate() {
        let rank = ranks.entry(number).or_default();
        rank.keyword = Some(at + 1);
        rank.score += if mode == Mode::Hybrid { reciprocal(WEIGHTS.0, at + 1) } else { score };
    }
    for (at, &(number, score)) in by_meaning.iter().enumerate() {
        let rank = ranks.entry(number).or_default();
        rank.vector = Some(at + 1);
        rank.score += if mode == Mode::Hybrid { reciprocal(WEIGHTS.1, at + 1) } else { score };
    }
    let best = |rank: &Rank| rank.keyword.into_iter().chain(rank.vector).min();
    let mut all: Vec<(i64, Rank)> = ranks.into_iter().collect();
    all.sort_by(|(one, first), (other, second)| {
        second
            .score
            .total_cmp(&first.score)
            .then(best(first).cmp(&best(second)))
            .then(one.cmp(other))
    });
    all
}

fn reciprocal(weight: f64, rank: usize) -> f64 {
    weight / (FUSION + rank as f64)
}
