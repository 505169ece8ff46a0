//! A checked request becomes new jobs: one, or several as a batch. Enters: who,
//! what, over which document. Leaves: durable jobs, or a clear refusal of all.
//! Never: reads a document, or answers before the jobs would survive a power
//! loss.

mod batch;
mod confirm;
mod error;
mod fingerprint;
mod into;
mod request;

use std::sync::Arc;

use bytes::Bytes;
use milepost_convert::Options;
use milepost_core::{
    BatchId, CollectionName, DocumentId, DocumentInfo, JobId, OwnerId, Pipeline, Snapshot,
    Submitted as Submission,
};
use serde_json::Value;

pub use batch::Refused;
pub use confirm::ConfirmError;
pub use error::SubmitError;
pub use request::{About, Request, Source, Upload};

pub use crate::pipeline::{CHUNKS, Misplaced};

use crate::config::{Config, QueueConfig};
use crate::fetch::Remote;
use crate::index::Indexing;
use crate::journal::Journal;
use crate::pipeline;
use crate::store::{
    Allowance, Blobs, Content, Incoming, NewDocument, NewJob, NewJobs, NewSource, StorageFull,
    StoreError, Submitted,
};

/// The most that `metadata` may take, as JSON.
pub const MAX_METADATA_BYTES: usize = 4096;
/// Bounds an idempotency key.
pub const MAX_KEY_BYTES: usize = 255;
/// Bounds what makes a document the same in its collection.
pub const MAX_ENTRY_KEY_BYTES: usize = 512;
/// The collection that is filled where nobody says which.
pub const COLLECTION: &str = "default";
/// Seconds after which a client may try a full queue again.
const RETRY_AFTER_SECS: u64 = 5;

/// The jobs of a request, at least one.
pub struct Accepted {
    /// They, in the order of the request.
    pub jobs: Vec<Arc<Snapshot>>,
    /// Whether an earlier request has made them.
    pub repeated: bool,
}

/// Takes submissions in; cheap to clone.
#[derive(Clone)]
pub struct Submitter {
    journal: Journal,
    blobs: Blobs,
    indexing: Indexing,
    config: QueueConfig,
    /// No batch has more jobs.
    max_batch: u64,
    /// What an owner may use.
    allowance: Allowance,
    /// Whether documents may be fetched.
    fetching: bool,
}

/// Where a request's document is and will be.
#[derive(Default)]
struct Brought {
    info: Option<DocumentInfo>,
    /// The SHA-256 of its content.
    sha256: Option<String>,
    /// It has no row yet.
    document: Option<NewDocument>,
    /// It is to be fetched from there.
    remote: Option<String>,
}

impl Submitter {
    /// Submissions go to `journal`, large documents to `blobs`.
    pub fn new(journal: Journal, blobs: Blobs, indexing: Indexing, config: &Config) -> Self {
        let (max_batch, fetching) = (config.limits.batch_jobs, config.fetch.enabled);
        let allowance = allowance(config);
        let config = config.queue.clone();
        Self { journal, blobs, indexing, config, max_batch, allowance, fetching }
    }

    /// What an owner may use.
    pub const fn allowance(&self) -> Allowance {
        self.allowance
    }

    /// Begins to take in a document.
    pub fn incoming(&self) -> Incoming {
        self.blobs.incoming(self.journal.clock().new_id())
    }

    /// Takes in a document that is in memory already.
    ///
    /// # Errors
    /// Where it cannot be stored.
    pub async fn store_bytes(&self, bytes: Bytes) -> Result<Content, StoreError> {
        self.blobs.store(self.journal.clock().new_id(), bytes).await
    }

    /// A document that is to be fetched, by the URL that the client sent.
    ///
    /// # Errors
    /// [`SubmitError::FetchingOff`], [`SubmitError::WrongUrl`].
    pub fn remote(&self, url: &str, filename: Option<String>) -> Result<Source, SubmitError> {
        if !self.fetching {
            return Err(SubmitError::FetchingOff);
        }
        Remote::parse(url, filename).map(Source::Remote).map_err(SubmitError::WrongUrl)
    }

    /// Removes an upload that did not become a document.
    pub async fn discard(&self, content: &Content) {
        if let crate::store::Place::Object(name) = &content.place {
            // What cannot be removed now is removed by the sweeper.
            let _ = self.blobs.remove(name).await;
        }
    }

    /// Makes the job, or finds the one that the same request made before: the same
    /// `key` means the same request.
    ///
    /// # Errors
    /// See [`SubmitError`]; then nothing is stored.
    pub async fn submit(
        &self,
        request: Request,
        key: Option<String>,
    ) -> Result<Accepted, SubmitError> {
        let idempotency = key.map(|key| (key, fingerprint::of_one(&request)));
        let accepted = self.accept(vec![request], None, None, idempotency).await;
        accepted.map_err(|refused| refused.error)
    }

    /// Makes the jobs of one request, all or none. `joins` is a batch that must be
    /// there, `batch` the one that they will belong to.
    async fn accept(
        &self,
        requests: Vec<Request>,
        batch: Option<BatchId>,
        joins: Option<BatchId>,
        idempotency: Option<(String, String)>,
    ) -> Result<Accepted, Refused> {
        let uploads: Vec<_> = requests.iter().flat_map(Request::uploads).cloned().collect();
        let outcome = self.store(requests, batch, joins, idempotency).await;
        if !matches!(outcome, Ok(Submitted::Created(_))) {
            for content in &uploads {
                self.discard(content).await;
            }
        }
        let refused = |error| Err(Refused { place: None, error });
        match outcome? {
            Submitted::Created(jobs) => Ok(Accepted { jobs, repeated: false }),
            Submitted::Existing(jobs) => Ok(Accepted { jobs, repeated: true }),
            Submitted::UnderWay(job) => refused(SubmitError::UnderWay(job)),
            Submitted::KeyReused => refused(SubmitError::KeyReused),
            Submitted::NoDocument(place, of) => {
                let error = of.map_or(SubmitError::DocumentGone, SubmitError::SourceGone);
                Err(Refused { place: Some(place), error })
            }
            Submitted::QueueFull => {
                refused(SubmitError::QueueFull { retry_after_secs: RETRY_AFTER_SECS })
            }
            Submitted::OwnerQueueFull => {
                let most = self.allowance.waiting;
                let retry_after_secs = RETRY_AFTER_SECS;
                refused(SubmitError::OwnerQueueFull { most, retry_after_secs })
            }
            Submitted::QueueTooSmall => {
                let most = self.config.max_waiting.min(self.allowance.waiting);
                refused(SubmitError::QueueTooSmall { most })
            }
            Submitted::StorageFull(StorageFull { stored }) => {
                refused(SubmitError::StorageFull { stored, most: self.allowance.bytes })
            }
            Submitted::NoBatch => refused(SubmitError::NoBatch),
            Submitted::BatchFull => refused(SubmitError::BatchFull { most: self.max_batch }),
        }
    }

    async fn store(
        &self,
        requests: Vec<Request>,
        batch: Option<BatchId>,
        joins: Option<BatchId>,
        idempotency: Option<(String, String)>,
    ) -> Result<Submitted, Refused> {
        let Some(owner) = requests.first().map(|request| request.owner.clone()) else {
            return Err(SubmitError::NoSource.into());
        };
        let mut jobs = Vec::with_capacity(requests.len());
        for (place, request) in requests.into_iter().enumerate() {
            let new = match request.check() {
                Ok(()) => self.embeds(&request).await,
                Err(error) => Err(error),
            };
            let embeds = new.map_err(|error| Refused { place: Some(place), error })?;
            jobs.push(self.new_job(request, batch, embeds));
        }
        let (max_batch, max_waiting) = (self.max_batch, self.config.max_waiting);
        let allowance = self.allowance;
        let new = NewJobs { owner, jobs, idempotency, joins, max_batch, max_waiting, allowance };
        Ok(self.journal.submit(new).await.map_err(SubmitError::Store)?)
    }

    fn new_job(&self, request: Request, batch: Option<BatchId>, embeds: bool) -> NewJob {
        let options = public_options(request.pipeline, &request.options);
        let sources = self.sources(&request.owner, request.about, request.sources);
        let several = sources.iter().filter(|source| source.document.is_some()).count() as u64;
        let ingests = request.pipeline == Pipeline::Ingest;
        let collection = ingests.then(|| request.collection.unwrap_or_else(default_collection));
        let Brought { info, sha256, document, remote } = self.bring(&request.owner, request.source);
        let plan = || pipeline::plan(request.pipeline, remote.is_some(), embeds);
        let reuse = match (&info, &sha256) {
            (Some(info), Some(sha256)) if !request.hold && !request.force => {
                let name = &info.filename;
                pipeline::reuse::key(request.pipeline, sha256, name, &request.options)
            }
            _ => None,
        };
        let clock = self.journal.clock();
        NewJob {
            id: JobId::new(clock.new_id()),
            at: clock.now(),
            submission: Submission {
                owner: request.owner,
                pipeline: request.pipeline,
                plan: request.plan.unwrap_or_else(plan),
                document: info,
                options,
                metadata: request.metadata,
                batch,
                priority: request.priority,
                max_attempts: self.config.retries + 1,
                hold: request.hold,
                force: request.force,
                collection,
                documents: (several > 0).then_some(several),
            },
            password: request.options.password,
            remote,
            document,
            sources,
            reuse,
            alone: request.alone,
        }
    }

    /// The sources of a job, of which one needs a row only where something is said of it.
    fn sources(
        &self,
        owner: &OwnerId,
        about: About,
        several: Vec<(Source, About)>,
    ) -> Vec<NewSource> {
        if several.is_empty() && about != About::default() {
            let About { key, metadata } = about;
            return vec![NewSource { document: None, new: None, key, metadata }];
        }
        let source = |(source, About { key, metadata })| {
            let Brought { info, document: new, .. } = self.bring(owner, Some(source));
            NewSource { document: info.map(|info| info.id), new, key, metadata }
        };
        several.into_iter().map(source).collect()
    }

    /// Stores a document without a job, under a title where it has one.
    ///
    /// # Errors
    /// [`SubmitError::StorageFull`], or where the store fails; then nothing is stored.
    pub async fn add_document(
        &self,
        owner: OwnerId,
        upload: Upload,
        title: Option<String>,
    ) -> Result<DocumentId, SubmitError> {
        let new = NewDocument { title, ..self.new_document(owner, upload) };
        let id = new.info.id;
        let most = self.allowance.bytes;
        let added = self.journal.add_document(new, self.allowance).await?;
        added.map_err(|StorageFull { stored }| SubmitError::StorageFull { stored, most })?;
        Ok(id)
    }

    fn bring(&self, owner: &OwnerId, source: Option<Source>) -> Brought {
        match source {
            None => Brought::default(),
            Some(Source::Stored(info, sha256)) => {
                Brought { info: Some(info), sha256: Some(sha256), ..Brought::default() }
            }
            Some(Source::Uploaded(upload)) => {
                let new = self.new_document(owner.clone(), upload);
                let (info, sha256) = (Some(new.info.clone()), Some(new.content.sha256.clone()));
                Brought { info, sha256, document: Some(new), remote: None }
            }
            Some(Source::Remote(remote)) => {
                Brought { remote: Some(remote.to_stored()), ..Brought::default() }
            }
        }
    }

    fn new_document(&self, owner: OwnerId, upload: Upload) -> NewDocument {
        let Upload { filename, media_type, content } = upload;
        NewDocument::new(self.journal.clock(), owner, &filename, media_type, content)
    }
}

fn default_collection() -> CollectionName {
    COLLECTION.parse().expect("the name is one")
}

/// What an owner may use. Without authentication there is but one, who may use all.
fn allowance(config: &Config) -> Allowance {
    if !config.has_owners() {
        return Allowance::UNLIMITED;
    }
    let most = |limit: u64| if limit == 0 { u64::MAX } else { limit };
    let limits = &config.limits;
    Allowance { bytes: most(limits.owner_bytes.as_u64()), waiting: most(limits.owner_waiting) }
}

/// Metadata comes back with every snapshot, so it is small.
///
/// # Errors
/// [`SubmitError::MetadataTooLarge`].
pub fn check_metadata(metadata: Option<&Value>) -> Result<(), SubmitError> {
    let bytes = metadata.map_or(0, |metadata| metadata.to_string().len());
    if bytes > MAX_METADATA_BYTES { Err(SubmitError::MetadataTooLarge) } else { Ok(()) }
}

/// The options without the password, which is kept beside the log, and without
/// formats where the pipeline gives no choice of them.
fn public_options(pipeline: Pipeline, options: &Options) -> Value {
    let shown = Options { password: None, ..options.clone() };
    let mut value = serde_json::to_value(shown).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, value| !value.is_null());
        if matches!(pipeline, Pipeline::Sentences | Pipeline::Ingest) {
            object.remove("formats");
        }
    }
    value
}
