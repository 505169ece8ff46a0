//! What a client wants done. Enters: checked fields of any protocol. Leaves: a request, or
//! what is wrong with it as a whole. Never: asks whether what it names is there.

use milepost_convert::Options;
use milepost_core::{CollectionName, DocumentInfo, OwnerId, Pipeline, Plan};
use serde_json::Value;

use super::{SubmitError, check_metadata};
use crate::fetch::Remote;
use crate::pipeline;
use crate::store::Content;

/// Why nothing is fetched for an external job.
pub(super) const EXTERNAL_FETCHES: &str = "Whoever works on an `external` job fetches its document; put the \
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
    /// What is said of it.
    pub about: About,
    /// The documents, where the job has several; none of them is remote.
    pub sources: Vec<(Source, About)>,
    /// The collection that it fills; [`super::COLLECTION`] where nobody says.
    pub collection: Option<CollectionName>,
    /// How.
    pub options: Options,
    /// What the client attached.
    pub metadata: Option<Value>,
    /// Wait for a confirmation.
    pub hold: bool,
    /// Higher goes first among the owner's own jobs.
    pub priority: i32,
    /// Convert even where that was done before.
    pub force: bool,
    /// Not beside an unfinished job over the same document.
    pub alone: bool,
}

impl Request {
    pub(super) fn uploads(&self) -> impl Iterator<Item = &Content> {
        let several = self.sources.iter().map(|(source, _)| source);
        self.source.iter().chain(several).filter_map(|source| match source {
            Source::Uploaded(upload) => Some(&upload.content),
            _ => None,
        })
    }

    pub(super) fn check(&self) -> Result<(), SubmitError> {
        let external = self.pipeline == Pipeline::External;
        if self.source.is_none() && self.sources.is_empty() && !external && !self.hold {
            return Err(SubmitError::NoSource);
        }
        if external && matches!(self.source, Some(Source::Remote(_))) {
            return Err(SubmitError::WrongUrl(EXTERNAL_FETCHES));
        }
        pipeline::check_options(self.pipeline, &self.options).map_err(SubmitError::WrongOption)?;
        let several = self.sources.iter().map(|(_, about)| about);
        for about in several.chain([&self.about]) {
            check_metadata(about.metadata.as_ref())?;
        }
        check_metadata(self.metadata.as_ref())
    }
}

/// What is said of a document that goes into a collection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// What makes it the same document there.
    pub key: Option<String>,
    /// What its owner attached to it.
    pub metadata: Option<Value>,
}

/// Where the document comes from.
pub enum Source {
    /// It is stored already, with this SHA-256, and the caller has seen that the
    /// owner may use it.
    Stored(DocumentInfo, String),
    /// It came with the request.
    Uploaded(Upload),
    /// It is to be fetched first; see [`super::Submitter::remote`].
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
