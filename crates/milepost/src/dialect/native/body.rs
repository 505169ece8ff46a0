//! The body of a submission: a form, a JSON object, or a JSON array of such
//! objects. Enters: bytes of any kind. Leaves: one shape for all, whose uploads
//! are stored. Never: leaves an upload behind where it refuses.

use axum::extract::Request;
use milepost_convert::Options;
use milepost_core::{Caller, CollectionName, OwnerId, Pipeline, Plan};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::collections::ChunkerFields;
use super::external::{self, StageFields};
use super::form;
use super::source::{self, JsonSource};
use crate::dialect::form::MAX_LABEL_CHARS;
use crate::http::Services;
use crate::http::extract::{self, parse_object};
use crate::http::problem::{Code, Problem};
use crate::submit::{self, About, MAX_METADATA_BYTES, Source, SubmitError, Upload};

/// How a priority may range.
const PRIORITIES: std::ops::RangeInclusive<i32> = -100..=100;
/// Metadata that is longer as text is too long without its spaces, too, or should be.
const MAX_METADATA_TEXT: usize = 4 * MAX_METADATA_BYTES;

/// What a request submits.
pub enum Body {
    /// One job.
    One(Box<Fields>),
    /// A batch of jobs.
    Many(Vec<Fields>),
}

/// A submission's fields, from any kind of body.
#[derive(Default)]
pub struct Fields {
    /// What is to be done.
    pub pipeline: Option<Pipeline>,
    /// The steps of an external job.
    pub plan: Option<Plan>,
    /// The document.
    pub source: Option<Source>,
    /// What is said of it.
    pub about: About,
    /// The documents, where the job has several.
    pub sources: Vec<(Source, About)>,
    /// The collection that it fills.
    pub collection: Option<CollectionName>,
    /// How it is to be done.
    pub options: Options,
    /// What the client attached.
    pub metadata: Option<Value>,
    /// Wait for a confirmation.
    pub hold: bool,
    /// Higher goes first.
    pub priority: i32,
    /// Convert even where that was done before.
    pub force: bool,
    /// The names of the fields that came.
    pub given: Vec<&'static str>,
    /// What a message calls it, where it is one of several.
    pub label: Option<String>,
}

impl Fields {
    /// What can be said of them without a look at anything else. Only an external
    /// job has steps of its own, and only others have options.
    pub fn check(&self) -> Result<(), Problem> {
        let external = self.pipeline == Some(Pipeline::External);
        if self.plan.is_some() && !external {
            return Err(Problem::field("stages", "Only the pipeline `external` takes `stages`."));
        }
        if external && self.given.contains(&"options") {
            let detail = "The pipeline `external` takes no `options`; use `metadata`.";
            return Err(Problem::field("options", detail));
        }
        if self.pipeline != Some(Pipeline::Ingest) {
            let only = |field: &'static str| {
                Err(Problem::field(field, "Only the pipeline `ingest` takes it."))
            };
            if self.collection.is_some() {
                return only("collection");
            }
            if self.given.contains(&"sources") {
                return only("sources");
            }
        }
        Ok(submit::check_metadata(self.metadata.as_ref())?)
    }

    /// The same with another file.
    pub fn with_file(&self, upload: Upload) -> Self {
        Self {
            pipeline: self.pipeline,
            plan: self.plan.clone(),
            source: Some(Source::Uploaded(upload)),
            about: About::default(),
            sources: Vec::new(),
            collection: self.collection.clone(),
            options: self.options.clone(),
            metadata: self.metadata.clone(),
            hold: self.hold,
            priority: self.priority,
            force: self.force,
            given: self.given.clone(),
            label: None,
        }
    }

    /// Removes its uploads, which no row names.
    pub async fn discard(&self, services: &Services) {
        let several = self.sources.iter().map(|(source, _)| source);
        source::discard(services, self.source.iter().chain(several)).await;
    }
}

/// A submission as JSON; an array of them makes a batch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonFields {
    /// `convert`, which is the default; `sentences`: the text, split into
    /// sentences; `ingest`: the text in chunks that can be searched; `external`:
    /// the work is done outside and reported to the job.
    #[schema(example = "convert")]
    pipeline: Option<String>,
    /// The steps of an `external` job; without them one of weight 1.
    stages: Option<Vec<StageFields>>,
    /// The document; a job on `hold` may get it later.
    #[schema(value_type = Option<JsonSource>)]
    source: Option<Box<RawValue>>,
    /// Documents that one job works on together, in the place of `source`; 1000 at most.
    /// Only of `ingest`.
    #[schema(value_type = Option<Vec<JsonSource>>)]
    sources: Option<Box<RawValue>>,
    /// The collection that is filled; `default` where it is left out. It is made where it
    /// is not there. Only of `ingest`.
    collection: Option<String>,
    /// How to convert.
    #[schema(value_type = Option<OptionFields>)]
    options: Option<Box<RawValue>>,
    /// Anything that is to come back with every snapshot, 4 KiB at most.
    #[schema(value_type = Option<Value>)]
    metadata: Option<Box<RawValue>>,
    /// Wait for a confirmation.
    #[serde(default)]
    hold: bool,
    /// Higher goes first among one's own jobs, -100 to 100.
    #[serde(default)]
    priority: i32,
    /// Convert even if the same was converted before.
    #[serde(default)]
    force: bool,
}

/// How to convert.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the converter's options to readers of the API")]
pub struct OptionFields {
    /// Pages of the document, from 1: `1-3,7,10-`.
    pages: Option<String>,
    /// The document's password. It is in no log, event or answer.
    password: Option<String>,
    /// Formats to make and keep: `markdown`, `json`, `html`, `text`. All by
    /// default. Only of `convert`.
    formats: Option<Vec<String>>,
    /// Pages of one chunk, 1 to 100; by the document's length where it is left out.
    /// Only of `sentences`.
    chunk_pages: Option<u32>,
    /// How documents are cut, in the place of what the collection says. Only of `ingest`.
    chunker: Option<ChunkerFields>,
    /// What makes vectors, by the operator's name for it, of a collection that this job
    /// makes, or makes anew. Only of `ingest`.
    embedder: Option<String>,
    /// Make the collection anew: it holds the documents of this job alone once that is
    /// completed, and is searched as it was until then. Only of `ingest`.
    force_recreate: Option<bool>,
}

/// Reads what `caller` submits, as a submission of any kind, to a job of `owner`. Where
/// it names no pipeline, the `usual` one is meant.
///
/// # Errors
/// A problem that names what is wrong; uploads are then discarded.
pub async fn read(
    services: &Services,
    caller: &Caller,
    owner: &OwnerId,
    usual: Option<Pipeline>,
    request: Request,
) -> Result<Body, Problem> {
    match extract::media_type(request.headers()).as_deref() {
        Some("multipart/form-data") => form::read(services, usual, request).await,
        Some("application/json") => {
            let limit = services.config.limits.json_body.as_u64();
            // Not as a tree, which may take a hundred times what its text does.
            let body: Box<RawValue> = extract::json(request, limit).await?;
            if body.get().starts_with('[') {
                let most = services.config.limits.request_jobs;
                let bodies = extract::elements(body.get(), most)?.ok_or_else(|| too_many(most))?;
                return read_array(services, caller, owner, usual, bodies).await.map(Body::Many);
            }
            let one = read_object(services, caller, owner, usual, &body).await?;
            Ok(Body::One(Box::new(one)))
        }
        _ => Err(Problem::new(
            Code::UnsupportedMediaType,
            "Send multipart/form-data with a `file`, or application/json with a `source`.",
        )),
    }
}

/// Says which of several submissions a problem is about.
pub fn of_part(mut problem: Problem, place: usize, total: usize, label: Option<&str>) -> Problem {
    let number = format!("submission {} of {total}", place + 1);
    let what = label.map_or_else(|| number.clone(), |label| format!("`{label}`, {number}"));
    let within = problem.field.as_deref().filter(|field| *field != "body");
    let field = within.map_or_else(|| format!("[{place}]"), |field| format!("[{place}].{field}"));
    problem.field = Some(field);
    problem.detail = format!("In {what}: {}", problem.detail);
    problem
}

async fn read_array(
    services: &Services,
    caller: &Caller,
    owner: &OwnerId,
    usual: Option<Pipeline>,
    bodies: Vec<&RawValue>,
) -> Result<Vec<Fields>, Problem> {
    let total = bodies.len();
    if total == 0 {
        return Err(Problem::field("body", "A batch has at least one submission."));
    }
    let mut all = Vec::with_capacity(total);
    for (place, body) in bodies.into_iter().enumerate() {
        let label = label(body);
        match read_object(services, caller, owner, usual, body).await {
            Ok(fields) => all.push(Fields { label, ..fields }),
            Err(problem) => {
                for fields in &all {
                    fields.discard(services).await;
                }
                return Err(of_part(problem, place, total, label.as_deref()));
            }
        }
    }
    Ok(all)
}

/// More jobs than one request may make.
pub fn too_many(most: usize) -> Problem {
    let detail = format!(
        "One request makes {most} jobs at most; send the others with further requests to \
         /v1/jobs?batch=ID, the id of the batch that the first one made."
    );
    Problem::new(Code::BodyTooLarge, detail)
}

/// The name, or else the id, of a submission's document.
fn label(body: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        source: Names,
    }
    #[derive(Deserialize)]
    struct Names {
        filename: Option<String>,
        document: Option<String>,
    }
    let Names { filename, document } = serde_json::from_str::<Named>(body.get()).ok()?.source;
    Some(filename.or(document)?.chars().take(MAX_LABEL_CHARS).collect())
}

/// What the client attached, as far as it is not too long to be looked at.
pub fn metadata(text: &RawValue) -> Result<Option<Value>, Problem> {
    if text.get().len() > MAX_METADATA_TEXT {
        return Err(SubmitError::MetadataTooLarge.into());
    }
    extract::parse_json(text.get().as_bytes(), "metadata")
}

async fn read_object(
    services: &Services,
    caller: &Caller,
    owner: &OwnerId,
    usual: Option<Pipeline>,
    body: &RawValue,
) -> Result<Fields, Problem> {
    let body: JsonFields = parse_object(body, "")?;
    let given = [
        ("pipeline", body.pipeline.is_some()),
        ("stages", body.stages.is_some()),
        ("options", body.options.is_some()),
        ("sources", body.sources.is_some()),
        ("collection", body.collection.is_some()),
        ("metadata", body.metadata.is_some()),
        ("hold", body.hold),
        ("force", body.force),
        ("priority", body.priority != 0),
    ];
    let mut fields = Fields {
        given: given.into_iter().filter_map(|(name, came)| came.then_some(name)).collect(),
        pipeline: body.pipeline.as_deref().map(pipeline).transpose()?.or(usual),
        plan: body.stages.map(external::plan).transpose()?,
        options: body.options.as_deref().map(options).transpose()?.unwrap_or_default(),
        metadata: body.metadata.as_deref().map(metadata).transpose()?.flatten(),
        hold: body.hold,
        priority: priority(body.priority)?,
        force: body.force,
        collection: body.collection.as_deref().map(collection).transpose()?,
        ..Fields::default()
    };
    fields.check()?;
    let some = |source: Option<Box<RawValue>>| source.filter(|source| source.get() != "null");
    match (some(body.source), some(body.sources)) {
        (None, None) => {}
        (Some(source), None) => {
            let (source, about) = source::read_one(services, caller, owner, &source).await?;
            (fields.source, fields.about) = (Some(source), about);
        }
        (None, Some(sources)) => {
            let name = fields.collection.as_ref().map_or(submit::COLLECTION, |name| name.as_str());
            let mut all = source::read_several(services, caller, owner, &sources, name).await?;
            if all.len() > 1 {
                fields.sources = all;
            } else if let Some((source, about)) = all.pop() {
                (fields.source, fields.about) = (Some(source), about);
            }
        }
        (Some(_), Some(_)) => {
            return Err(Problem::field("sources", "Give either `source` or `sources`."));
        }
    }
    if fields.about != About::default() && fields.pipeline != Some(Pipeline::Ingest) {
        fields.discard(services).await;
        let detail = "Only the pipeline `ingest` takes `key` and `metadata` of a source.";
        return Err(Problem::field("source", detail));
    }
    Ok(fields)
}

/// A pipeline by its name.
///
/// # Errors
/// `invalid_field`.
pub fn pipeline(name: &str) -> Result<Pipeline, Problem> {
    name.trim().parse().map_err(|()| {
        let known: Vec<_> = Pipeline::ALL.iter().map(|p| format!("`{p}`")).collect();
        let known = known.join(", ");
        Problem::field("pipeline", format!("There is no pipeline `{name}`; choose {known}."))
    })
}

/// A collection by its name.
///
/// # Errors
/// `invalid_field`.
pub fn collection(name: &str) -> Result<CollectionName, Problem> {
    name.parse().map_err(|_| {
        let most = CollectionName::MAX_CHARS;
        let detail = format!(
            "The name of a collection has 1 to {most} characters, none of them control \
             characters, and no space at its ends."
        );
        Problem::field("collection", detail)
    })
}

/// The converter's options.
///
/// # Errors
/// `invalid_field`.
pub fn options(value: &RawValue) -> Result<Options, Problem> {
    if value.get() == "null" {
        return Ok(Options::default());
    }
    let options: Options = parse_object(value, "options")?;
    if options.formats.is_empty() {
        let known: Vec<_> =
            milepost_convert::OutputFormat::ALL.iter().map(|f| format!("`{}`", f.name())).collect();
        let known = known.join(", ");
        return Err(Problem::field("options.formats", format!("Name at least one of {known}.")));
    }
    Ok(options)
}

/// A priority within its range.
///
/// # Errors
/// `invalid_field`.
pub fn priority(priority: i32) -> Result<i32, Problem> {
    if PRIORITIES.contains(&priority) {
        return Ok(priority);
    }
    let (low, high) = (PRIORITIES.start(), PRIORITIES.end());
    Err(Problem::field("priority", format!("A priority is a whole number from {low} to {high}.")))
}
