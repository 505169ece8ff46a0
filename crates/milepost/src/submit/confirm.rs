//! A held job may run. Enters: whose order, and what the job may have waited for.
//! Leaves: the job, queued. Never: anything where the job waits for nothing.

use std::sync::Arc;

use milepost_convert::Options;
use milepost_core::{Caller, Denied, EventKind, Pipeline, Scope, Snapshot, Status};

use super::request::EXTERNAL_FETCHES;
use super::{Brought, Source, Submitter, public_options};
use crate::pipeline::{self, Misplaced};
use crate::store::{Appended, Decision, StoreError};

/// Why a held job was not confirmed.
#[derive(Debug)]
pub enum ConfirmError {
    /// There is no such job for this caller.
    NotFound,
    /// The caller sees it, and may not confirm it.
    Forbidden,
    /// It does not wait for a confirmation.
    NotAwaiting(Box<Snapshot>),
    /// It has several documents, and takes no other.
    HasSources,
    /// It still has no document.
    NoSource,
    /// Its pipeline does not take an option.
    WrongOption(Misplaced),
    /// Nothing can be fetched for it, for this reason.
    WrongUrl(&'static str),
    /// The store failed.
    Store(StoreError),
}

impl From<Denied> for ConfirmError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Hidden => Self::NotFound,
            Denied::Forbidden => Self::Forbidden,
        }
    }
}

impl Submitter {
    /// Lets a held job run, with the document that it may have waited for, and
    /// with `options` in the place of the submitted ones. The document is stored as
    /// the job's owner's, whoever confirms it.
    ///
    /// # Errors
    /// See [`ConfirmError`]; then nothing is stored.
    pub async fn confirm(
        &self,
        caller: &Caller,
        job: &Snapshot,
        source: Option<Source>,
        options: Option<Options>,
    ) -> Result<Arc<Snapshot>, ConfirmError> {
        let Brought { info, document, remote, .. } = self.bring(&job.owner, source);
        let uploaded = document.as_ref().map(|document| document.content.clone());
        let collection = job.collection.as_ref().map(|name| name.as_str());
        let embeds =
            job.pipeline == Pipeline::Ingest && self.will_embed(&job.owner, collection).await;
        let caller = caller.clone();
        let appended = self
            .journal
            .append(job.id, move |job| {
                caller.check(Scope::Submit, &job.owner, Some(job.id))?;
                if job.status != Status::Awaiting {
                    return Err(ConfirmError::NotAwaiting(Box::new(job.clone())));
                }
                let fetch = remote.is_some();
                if fetch && !job.needs_worker() {
                    return Err(ConfirmError::WrongUrl(EXTERNAL_FETCHES));
                }
                let brings = info.is_some() || fetch;
                if brings && job.documents.is_some() {
                    return Err(ConfirmError::HasSources);
                }
                let has =
                    brings || job.document.is_some() || job.documents.is_some() || job.fetches();
                if !has && job.needs_worker() {
                    return Err(ConfirmError::NoSource);
                }
                let other_steps = brings && fetch != job.fetches() && job.needs_worker();
                let plan = other_steps.then(|| pipeline::plan(job.pipeline, fetch, embeds));
                if let Some(options) = &options {
                    pipeline::check_options(job.pipeline, options)
                        .map_err(ConfirmError::WrongOption)?;
                }
                let shown = options.as_ref().map(|given| public_options(job.pipeline, given));
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
}
