//! Vectors from a model that runs here. Enters: texts of any length. Leaves: a vector
//! for each, in their order. Never: uses more processors than the operator allows, or
//! goes on for somebody who has gone away.
//!
//! One thread has the model, and a pool of its own for the arithmetic. It is started,
//! and the weights are read, when the first text comes. Documents are worked through in
//! rounds of a few texts, and queries are looked for between two rounds.

mod folder;
mod lines;
mod model;

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, available_parallelism};

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::error::{EmbedError, EmbedErrorKind};
use super::turns::IN_A_ROW;
use folder::Folder;
use lines::{Lines, Task};
use model::{Model, Tokens, hex};

/// How many texts a thread works through at once: more take longer in all, for they do
/// not stay in the processor's cache.
const AT_ONCE: usize = 4;
/// How much of a hash names a model, in hexadecimal digits.
const HASH_DIGITS: usize = 12;

/// A model with its thread. Cheap to clone; the thread ends with the last.
#[derive(Clone)]
pub(super) struct Local(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    batch: usize,
    threads: usize,
    started: Mutex<bool>,
}

struct Shared {
    name: String,
    folder: Folder,
    lines: Lines,
    /// SHA-256 of the weights.
    hash: OnceLock<String>,
}

impl Local {
    /// Reads all of the folder but the weights.
    pub(super) fn open(
        name: &str,
        folder: &Path,
        threads: usize,
        batch: usize,
    ) -> Result<Self, EmbedError> {
        let folder = Folder::read(name, folder)?;
        let all = available_parallelism().map_or(1, usize::from);
        let threads = if threads == 0 { (all / 2).max(1) } else { threads.min(all) };
        let (lines, hash) = (Lines::default(), OnceLock::new());
        let shared = Arc::new(Shared { name: name.to_owned(), folder, lines, hash });
        Ok(Self(Arc::new(Handle { shared, batch, threads, started: Mutex::new(false) })))
    }

    pub(super) fn batch(&self) -> usize {
        self.0.batch
    }

    pub(super) fn dimensions(&self) -> u32 {
        let size = self.0.shared.folder.config.hidden_size;
        u32::try_from(size).expect("it was checked when the folder was read")
    }

    pub(super) fn max_tokens(&self) -> usize {
        self.0.shared.folder.max_tokens
    }

    pub(super) fn tokenizer(&self) -> Arc<[u8]> {
        Arc::clone(&self.0.shared.folder.tokenizer_json)
    }

    /// The folder's name with a hash of the weights, which are read for that once.
    pub(super) async fn model(&self) -> Result<String, EmbedError> {
        let shared = Arc::clone(&self.0.shared);
        let hashed = match shared.hash.get() {
            Some(_) => Ok(()),
            None => tokio::task::spawn_blocking({
                let shared = Arc::clone(&shared);
                move || shared.hash_file()
            })
            .await
            .unwrap_or_else(|error| Err(shared.unusable(&error.to_string()))),
        };
        hashed?;
        let hash = shared.hash.get().expect("it was found just now");
        Ok(format!("{}-{}", shared.folder.name, &hash[..HASH_DIGITS]))
    }

    pub(super) async fn embed(
        &self,
        texts: Vec<String>,
        hurry: bool,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.start()?;
        let (reply, answer) = oneshot::channel();
        self.0.shared.lines.push(Task { texts, reply }, hurry);
        answer.await.unwrap_or_else(|_| Err(self.0.shared.unusable("its thread has ended")))
    }

    fn start(&self) -> Result<(), EmbedError> {
        let mut started = self.0.started.lock().unwrap_or_else(PoisonError::into_inner);
        if *started {
            return Ok(());
        }
        let shared = Arc::clone(&self.0.shared);
        let busy = |error: &dyn std::fmt::Display| self.0.shared.unavailable(&error.to_string());
        let pool = ThreadPoolBuilder::new()
            .num_threads(self.0.threads)
            .thread_name(|place| format!("embed-{place}"))
            .build()
            .map_err(|error| busy(&error))?;
        let thread = thread::Builder::new().name("embed".to_owned());
        thread.spawn(move || work(&shared, &pool)).map_err(|error| busy(&error))?;
        *started = true;
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.lines.close();
    }
}

impl Shared {
    fn hash_file(&self) -> Result<(), EmbedError> {
        let hash = || {
            let mut hasher = Sha256::new();
            io::copy(&mut File::open(&self.folder.weights)?, &mut Hashed(&mut hasher))?;
            Ok::<_, io::Error>(hex(&hasher.finalize()))
        };
        let hash = hash().map_err(|error| self.unusable(&error.to_string()))?;
        self.same(hash)
    }

    /// Weights that change below a running server would mix vectors of two models.
    fn same(&self, hash: String) -> Result<(), EmbedError> {
        if *self.hash.get_or_init(|| hash.clone()) == hash {
            return Ok(());
        }
        Err(self.unusable("its weights have changed since the server was started"))
    }

    fn unusable(&self, why: &str) -> EmbedError {
        let message = format!(
            "The embedder `{}` cannot be used; the operator has to look at its folder and at the \
             log.",
            self.name
        );
        EmbedError::new(EmbedErrorKind::Unusable, message, why)
    }

    fn unavailable(&self, why: &str) -> EmbedError {
        let message =
            format!("The embedder `{}` cannot be started at present; try again later.", self.name);
        EmbedError::new(EmbedErrorKind::Unavailable, message, why)
    }
}

/// What the model's thread does.
fn work(shared: &Shared, pool: &ThreadPool) {
    let mut model = None;
    while let Some(task) = shared.lines.next() {
        if model.is_none() {
            match loaded(shared) {
                Ok(loaded) => model = Some(loaded),
                Err(error) => {
                    tracing::error!(embedder = %shared.name, cause = %error.cause, "no model");
                    let _gone = task.reply.send(Err(error));
                    continue;
                }
            }
        }
        if let Some(model) = &model {
            answer(shared, model, pool, task, true);
        }
    }
}

fn loaded(shared: &Shared) -> Result<Model, EmbedError> {
    let loaded = catch_unwind(AssertUnwindSafe(|| Model::load(&shared.folder)));
    let loaded = loaded.unwrap_or_else(|_| Err("reading its weights panicked".to_owned()));
    let loaded = loaded.map_err(|why| shared.unusable(&why))?;
    shared.same(loaded.hash.clone())?;
    tracing::info!(embedder = %shared.name, model = %shared.folder.name, "a model was loaded");
    Ok(loaded)
}

fn answer(shared: &Shared, model: &Model, pool: &ThreadPool, task: Task, yields: bool) {
    let Task { texts, reply } = task;
    // A text is a stranger's, and a library's fault must not end the thread.
    let vectors = catch_unwind(AssertUnwindSafe(|| {
        vectors(shared, model, pool, &texts, || {
            if yields {
                // Not all of them: there may be new ones for as long as these are answered.
                for query in std::iter::from_fn(|| shared.lines.hurried()).take(IN_A_ROW) {
                    answer(shared, model, pool, query, false);
                }
            }
            !reply.is_closed()
        })
    }));
    let vectors = vectors.unwrap_or_else(|_| Err("it panicked".to_owned()));
    let _gone = reply.send(vectors.map_err(|why| {
        tracing::error!(embedder = %shared.name, cause = %why, "no vectors");
        shared.unusable(&why)
    }));
}

/// In rounds; `goes_on` is asked before each.
fn vectors(
    shared: &Shared,
    model: &Model,
    pool: &ThreadPool,
    texts: &[String],
    goes_on: impl Fn() -> bool,
) -> Result<Vec<Vec<f32>>, String> {
    let folder = &shared.folder;
    let mut vectors = vec![Vec::new(); texts.len()];
    let mut tokens: Vec<(usize, Tokens)> = Vec::with_capacity(texts.len());
    for part in texts.chunks(pool.current_num_threads() * AT_ONCE) {
        if !goes_on() {
            return Ok(Vec::new());
        }
        let read: Result<Vec<_>, _> =
            pool.install(|| part.par_iter().map(|text| folder.tokens(text)).collect());
        tokens.extend((tokens.len()..).zip(read?));
    }
    // Those of one length beside each other have little to be filled up with.
    tokens.sort_by_key(|(_, text)| text.len());
    for round in tokens.chunks(pool.current_num_threads() * AT_ONCE) {
        if !goes_on() {
            return Ok(Vec::new());
        }
        let run = |few: &[(usize, Tokens)]| {
            let texts: Vec<&Tokens> = few.iter().map(|(_, text)| text).collect();
            model.run(folder, &texts)
        };
        let made: Result<Vec<_>, _> = pool.install(|| round.par_chunks(AT_ONCE).map(run).collect());
        for ((place, _), vector) in round.iter().zip(made?.into_iter().flatten()) {
            vectors[*place] = vector;
        }
    }
    Ok(vectors)
}

struct Hashed<'a>(&'a mut Sha256);

impl io::Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
