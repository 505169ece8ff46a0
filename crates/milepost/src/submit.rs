//! A checked request becomes a new job. Enters: who, what, over which document.
//! Leaves: a durable job, or a clear refusal. Never: reads a document, or
//! answers before the job would survive a power loss.

use std::sync::Arc;

use bytes::Bytes;
use milepost_convert::Options;
use milepost_core::{
    DocumentId, DocumentInfo, EventKind, JobId, OwnerId, Pipeline, Plan, Snapshot, Status,
    Submitted as Submission,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::config::QueueConfig;
use crate::fetch::Remote;
use crate::journal::Journal;
use crate::pipeline;
use crate::store::{
    Appended, Blobs, Content, Decision, Incoming, NewDocument, NewJob, StoreError, Submitted,
};

/// The most that `metadata` may take, as JSON.
pub const MAX_METADATA_BYTES: usize = 4096;
/// Bounds an idempotency key.
pub const MAX_KEY_BYTES: usize = 255;
/// Seconds after which a client may try a full queue again.
const RETRY_AFTER_SECS: u64 = 5;

/// Why nothing is fetched for an external job.
const EXTERNAL_FETCHES: &str = "Whoever works on an `external` job fetches its document; put the \
                                URL into `metadata`.";

/// What a client wants done.
pub struct Request {
    /// Whose job it will be.
    pub owner: OwnerId,
    /// What is to be done.
    pub pipeline: Pipeline,
    /// Its steps, where they are not the pipeline's own.
    pub plan: Option<Plan>,
    /// The document; only a held job may lack it.
    pub source: Option<Source>,
    /// How.
    pub options: Options,
    /// What the client attached.
    pub metadata: Option<Value>,
    /// Wait for a confirmation.
    pub hold: bool,
    /// Higher goes first among the owner's own jobs.
    pub priority: i32,
    /// The same key means the same request.
    pub idempotency_key: Option<String>,
}

/// Where the document comes from.
pub enum Source {
    /// It is stored already, and the caller has seen that the owner may use it.
    Stored(DocumentInfo),
    /// It came with the request.
    Uploaded(Upload),
    /// It is to be fetched first; see [`Submitter::remote`].
    Remote(Remote),
}

/// A document that came with a request and is not yet named by any row.
pub struct Upload {
    /// As the client named it.
    pub filename: String,
    /// As the client declared it.
    pub media_type: Option<String>,
    /// Its bytes, durable.
    pub content: Content,
}

/// Why there is no job.
#[derive(Debug)]
pub enum SubmitError {
    /// A job that is not held needs a document.
    NoSource,
    /// The document was removed meanwhile.
    DocumentGone,
    /// The operator wants no documents fetched.
    FetchingOff,
    /// The URL is none that can be fetched, for this reason.
    WrongUrl(&'static str),
    /// The metadata is larger than [`MAX_METADATA_BYTES`].
    MetadataTooLarge,
    /// The idempotency key came before with another request.
    KeyReused,
    /// Too many jobs wait.
    QueueFull {
        /// Seconds after which it is worth another try.
        retry_after_secs: u64,
    },
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for SubmitError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Why a held job was not confirmed.
#[derive(Debug)]
pub enum ConfirmError {
    /// There is no such job for this owner.
    NotFound,
    /// It does not wait for a confirmation.
    NotAwaiting(Box<Snapshot>),
    /// It still has no document.
    NoSource,
    /// Nothing can be fetched for it, for this reason.
    WrongUrl(&'static str),
    /// The store failed.
    Store(StoreError),
}

/// Takes submissions in; cheap to clone.
#[derive(Clone)]
pub struct Submitter {
    journal: Journal,
    blobs: Blobs,
    config: QueueConfig,
    /// Whether documents may be fetched.
    fetching: bool,
}

/// Where a request's document is and will be.
#[derive(Default)]
struct Brought {
    info: Option<DocumentInfo>,
    /// It has no row yet.
    document: Option<NewDocument>,
    /// It is to be fetched from there.
    remote: Option<String>,
}

impl Submitter {
    /// Submissions go to `journal`, large documents to `blobs`.
    pub const fn new(journal: Journal, blobs: Blobs, config: QueueConfig, fetching: bool) -> Self {
        Self { journal, blobs, config, fetching }
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

    /// Makes the job, or finds the one that the same request made before.
    ///
    /// # Errors
    /// See [`SubmitError`]; then nothing is stored.
    pub async fn submit(&self, request: Request) -> Result<Arc<Snapshot>, SubmitError> {
        let needs_source = request.pipeline != Pipeline::External && !request.hold;
        if request.source.is_none() && needs_source {
            return Err(SubmitError::NoSource);
        }
        if request.pipeline == Pipeline::External
            && matches!(request.source, Some(Source::Remote(_)))
        {
            return Err(SubmitError::WrongUrl(EXTERNAL_FETCHES));
        }
        let options = public_options(&request.options);
        if let Some(metadata) = &request.metadata
            && metadata.to_string().len() > MAX_METADATA_BYTES
        {
            return Err(SubmitError::MetadataTooLarge);
        }
        let fingerprint = fingerprint(&request);
        let Brought { info, document, remote } = self.bring(&request.owner, request.source);
        let plan = || pipeline::plan(request.pipeline, remote.is_some());
        let uploaded = document.as_ref().map(|document| document.content.clone());
        let clock = self.journal.clock();
        let outcome = self
            .journal
            .submit(NewJob {
                id: JobId::new(clock.new_id()),
                at: clock.now(),
                submission: Submission {
                    owner: request.owner,
                    pipeline: request.pipeline,
                    plan: request.plan.unwrap_or_else(plan),
                    document: info,
                    options,
                    metadata: request.metadata,
                    batch: None,
                    priority: request.priority,
                    max_attempts: self.config.retries + 1,
                    hold: request.hold,
                },
                password: request.options.password,
                remote,
                document,
                idempotency: request.idempotency_key.map(|key| (key, fingerprint)),
                max_waiting: self.config.max_waiting,
            })
            .await;
        if let (Some(content), false) = (&uploaded, matches!(outcome, Ok(Submitted::Created(_)))) {
            self.discard(content).await;
        }
        match outcome? {
            Submitted::Created(snapshot) | Submitted::Existing(snapshot) => Ok(snapshot),
            Submitted::KeyReused => Err(SubmitError::KeyReused),
            Submitted::NoDocument => Err(SubmitError::DocumentGone),
            Submitted::QueueFull => {
                Err(SubmitError::QueueFull { retry_after_secs: RETRY_AFTER_SECS })
            }
        }
    }

    /// Stores a document without a job.
    ///
    /// # Errors
    /// Where the store fails; then nothing is stored.
    pub async fn add_document(
        &self,
        owner: OwnerId,
        upload: Upload,
    ) -> Result<DocumentId, StoreError> {
        let new = self.new_document(owner, upload);
        let id = new.info.id;
        self.journal.add_document(new).await?;
        Ok(id)
    }

    /// Lets a held job run, with the document that it may have waited for, and
    /// with `options` in the place of the submitted ones.
    ///
    /// # Errors
    /// See [`ConfirmError`]; then nothing is stored.
    pub async fn confirm(
        &self,
        owner: OwnerId,
        job: JobId,
        source: Option<Source>,
        options: Option<Options>,
    ) -> Result<Arc<Snapshot>, ConfirmError> {
        let Brought { info, document, remote } = self.bring(&owner, source);
        let uploaded = document.as_ref().map(|document| document.content.clone());
        let appended = self
            .journal
            .append(job, move |job| {
                if job.owner != owner {
                    return Err(ConfirmError::NotFound);
                }
                if job.status != Status::Awaiting {
                    return Err(ConfirmError::NotAwaiting(Box::new(job.clone())));
                }
                let fetch = remote.is_some();
                if fetch && !job.needs_worker() {
                    return Err(ConfirmError::WrongUrl(EXTERNAL_FETCHES));
                }
                let brings = info.is_some() || fetch;
                let has = brings || job.document.is_some() || job.fetches();
                if !has && job.needs_worker() {
                    return Err(ConfirmError::NoSource);
                }
                let other_steps = brings && fetch != job.fetches() && job.needs_worker();
                let plan = other_steps.then(|| pipeline::plan(job.pipeline, fetch));
                let shown = options.as_ref().map(public_options);
                let confirmed = EventKind::Confirmed { document: info, options: shown, plan };
                let password = options.and_then(|options| options.password);
                Ok(Decision { document, password, remote, ..Decision::event(confirmed) })
            })
            .await;
        if let (Some(content), false) = (&uploaded, matches!(appended, Ok(Appended::Done(_)))) {
            self.discard(content).await;
        }
        match appended.map_err(ConfirmError::Store)? {
            Appended::Done(snapshot) => Ok(snapshot),
            Appended::Refused(refusal) => Err(refusal),
            Appended::NotFound => Err(ConfirmError::NotFound),
        }
    }

    fn bring(&self, owner: &OwnerId, source: Option<Source>) -> Brought {
        match source {
            None => Brought::default(),
            Some(Source::Stored(info)) => Brought { info: Some(info), ..Brought::default() },
            Some(Source::Uploaded(upload)) => {
                let new = self.new_document(owner.clone(), upload);
                let info = Some(new.info.clone());
                Brought { info, document: Some(new), remote: None }
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

/// The options without the password, which is kept beside the log.
fn public_options(options: &Options) -> Value {
    let shown = Options { password: None, ..options.clone() };
    let mut value = serde_json::to_value(shown).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    value
}

/// The same for the same request: all that the client chose, by content.
fn fingerprint(request: &Request) -> String {
    let source = match &request.source {
        None => Value::Null,
        Some(Source::Stored(info)) => json!({"document": info.id}),
        Some(Source::Uploaded(upload)) => {
            json!({"sha256": upload.content.sha256, "filename": upload.filename})
        }
        Some(Source::Remote(remote)) => json!({"remote": remote.to_stored()}),
    };
    let whole = json!({
        "pipeline": request.pipeline,
        "plan": request.plan,
        "source": source,
        "options": serde_json::to_value(&request.options).unwrap_or_default(),
        "metadata": request.metadata,
        "hold": request.hold,
        "priority": request.priority,
    });
    // Hashed, as it may hold a password.
    Sha256::digest(sorted(whole).to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same for the same content, in whatever order the client wrote it.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
