//! The body of a submission: a form with a file that is streamed to the store,
//! or JSON. Enters: bytes of either kind. Leaves: one shape for both.

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use milepost_convert::Options;
use milepost_core::{DocumentId, OwnerId, Pipeline, Plan};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;

use super::external::{self, StageFields};
use crate::http::Services;
use crate::http::extract::{self, check_length, parse_json, parse_object, too_large};
use crate::http::problem::{Code, Problem};
use crate::submit::{Source, Upload};

/// The fields of a form.
const FIELDS: [&str; 8] =
    ["file", "pipeline", "stages", "options", "metadata", "hold", "force", "priority"];
/// A form's field other than the file is no longer.
const MAX_FIELD_BYTES: u64 = 64 * 1024;
/// How a priority may range.
const PRIORITIES: std::ops::RangeInclusive<i32> = -100..=100;

/// A submission's fields, from either kind of body.
#[derive(Default)]
pub struct Fields {
    /// What is to be done.
    pub pipeline: Option<Pipeline>,
    /// The steps of an external job.
    pub plan: Option<Plan>,
    /// The document.
    pub source: Option<Source>,
    /// How it is to be done.
    pub options: Options,
    /// What the client attached.
    pub metadata: Option<Value>,
    /// Wait for a confirmation.
    pub hold: bool,
    /// Higher goes first.
    pub priority: i32,
    /// The names of the fields that came.
    pub given: Vec<&'static str>,
}

impl Fields {
    /// Only an external job has steps of its own, and only others have options.
    fn check(&self) -> Result<(), Problem> {
        let external = self.pipeline == Some(Pipeline::External);
        if self.plan.is_some() && !external {
            return Err(Problem::field("stages", "Only the pipeline `external` takes `stages`."));
        }
        if external && self.given.contains(&"options") {
            let detail = "The pipeline `external` takes no `options`; use `metadata`.";
            return Err(Problem::field("options", detail));
        }
        Ok(())
    }
}

/// A submission as JSON.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonFields {
    /// `convert`, which is the default, or `external`: the work is done outside
    /// and reported to the job.
    #[schema(example = "convert")]
    pipeline: Option<String>,
    /// The steps of an `external` job; without them one of weight 1.
    stages: Option<Vec<StageFields>>,
    /// The document; a job on `hold` may get it later.
    #[schema(value_type = Option<JsonSource>)]
    source: Option<Value>,
    /// How to convert.
    #[schema(value_type = Option<OptionFields>)]
    options: Option<Value>,
    /// Anything that is to come back with every snapshot, 4 KiB at most.
    metadata: Option<Value>,
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

/// Where the document is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct JsonSource {
    /// A stored document.
    #[schema(format = Uuid)]
    document: Option<String>,
    /// Where the server fetches it from, `http` or `https`. Kept out of logs,
    /// events and answers.
    #[schema(format = "uri")]
    url: Option<String>,
    /// The document itself, as text.
    text: Option<String>,
    /// The file name of a `text`, or of what is fetched.
    #[schema(example = "notes.md")]
    filename: Option<String>,
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
    /// default.
    formats: Option<Vec<String>>,
}

/// Reads a submission of either kind.
///
/// # Errors
/// A problem that names what is wrong; an upload is then discarded.
pub async fn read(
    services: &Services,
    owner: &OwnerId,
    request: Request,
) -> Result<Fields, Problem> {
    match extract::media_type(request.headers()).as_deref() {
        Some("multipart/form-data") => read_form(services, request).await,
        Some("application/json") => {
            let limit = services.config.limits.json_body.as_u64();
            let body: Value = extract::json(request, limit).await?;
            read_json(services, owner, parse_object(body, "")?).await
        }
        _ => Err(Problem::new(
            Code::UnsupportedMediaType,
            "Send multipart/form-data with a `file`, or application/json with a `source`.",
        )),
    }
}

/// Reads a form's one file; other fields are refused.
///
/// # Errors
/// A problem that names what is wrong.
pub async fn read_file(services: &Services, request: Request) -> Result<Upload, Problem> {
    if extract::media_type(request.headers()).as_deref() != Some("multipart/form-data") {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "Send multipart/form-data with a `file`.",
        ));
    }
    let mut form = open_form(services, request).await?;
    let mut upload = None;
    while let Some(field) = next_field(&mut form, services).await? {
        match field.name() {
            Some("file") if upload.is_none() => upload = Some(store(services, field).await?),
            name => return Err(unknown_field(name, &["file"])),
        }
    }
    upload.ok_or_else(|| Problem::field("file", "The form has no `file`."))
}

async fn read_form(services: &Services, request: Request) -> Result<Fields, Problem> {
    let mut form = open_form(services, request).await?;
    let mut fields = Fields::default();
    let read = read_fields(services, &mut form, &mut fields).await;
    let outcome = read.and_then(|()| fields.check());
    if let (Err(_), Some(Source::Uploaded(upload))) = (&outcome, &fields.source) {
        services.submitter.discard(&upload.content).await;
    }
    outcome.map(|()| fields)
}

async fn read_fields(
    services: &Services,
    form: &mut Multipart,
    fields: &mut Fields,
) -> Result<(), Problem> {
    while let Some(field) = next_field(form, services).await? {
        let known = FIELDS.iter().find(|known| Some(**known) == field.name()).copied();
        let Some(name) = known else { return Err(unknown_field(field.name(), &FIELDS)) };
        if fields.given.contains(&name) {
            return Err(Problem::field(name, format!("Send one `{name}` for each request.")));
        }
        fields.given.push(name);
        match name {
            "file" => fields.source = Some(Source::Uploaded(store(services, field).await?)),
            "pipeline" => fields.pipeline = Some(pipeline(&text(services, field).await?)?),
            "stages" => {
                fields.plan = Some(external::plan(json_text(services, field).await?)?);
            }
            "options" => fields.options = options(json_text(services, field).await?)?,
            "metadata" => fields.metadata = Some(json_text(services, field).await?),
            "hold" => fields.hold = flag("hold", &text(services, field).await?)?,
            "force" => drop(flag("force", &text(services, field).await?)?),
            _ => {
                let number = text(services, field).await?.trim().parse();
                fields.priority = priority(number.unwrap_or(i32::MAX))?;
            }
        }
    }
    Ok(())
}

async fn read_json(
    services: &Services,
    owner: &OwnerId,
    body: JsonFields,
) -> Result<Fields, Problem> {
    let given = [
        ("pipeline", body.pipeline.is_some()),
        ("stages", body.stages.is_some()),
        ("options", body.options.is_some()),
        ("metadata", body.metadata.is_some()),
        ("hold", body.hold),
        ("force", body.force),
        ("priority", body.priority != 0),
    ];
    let mut fields = Fields {
        given: given.into_iter().filter_map(|(name, came)| came.then_some(name)).collect(),
        pipeline: body.pipeline.as_deref().map(pipeline).transpose()?,
        plan: body.stages.map(external::plan).transpose()?,
        options: body.options.map(options).transpose()?.unwrap_or_default(),
        metadata: body.metadata,
        hold: body.hold,
        priority: priority(body.priority)?,
        source: None,
    };
    let source = body.source.filter(|source| !source.is_null());
    let source: Option<JsonSource> = source.map(|s| parse_object(s, "source")).transpose()?;
    fields.source = match source {
        None => None,
        Some(JsonSource { document: Some(id), url: None, text: None, filename: None }) => {
            let gone = || Problem::field("source.document", "There is no such document.");
            let id: DocumentId = id.parse().map_err(|_| gone())?;
            let row = services.query.document(owner, id).await?.ok_or_else(gone)?;
            Some(Source::Stored(row.info))
        }
        Some(JsonSource { document: None, url: Some(url), text: None, filename }) => {
            Some(services.submitter.remote(&url, filename)?)
        }
        Some(JsonSource { document: None, url: None, text: Some(text), filename }) => {
            let content = services.submitter.store_bytes(text.into()).await?;
            let filename = filename.unwrap_or_else(|| "document.txt".to_owned());
            Some(Source::Uploaded(Upload {
                filename,
                media_type: Some("text/plain".into()),
                content,
            }))
        }
        Some(_) => {
            return Err(Problem::field(
                "source",
                "Give either `document`, the id of a stored document, or `url`, or `text`; the \
                 last two with a `filename` if you like.",
            ));
        }
    };
    fields.check()?;
    Ok(fields)
}

async fn open_form(services: &Services, request: Request) -> Result<Multipart, Problem> {
    check_length(request.headers(), services.config.limits.body.as_u64())?;
    Multipart::from_request(request, &())
        .await
        .map_err(|error| Problem::new(Code::InvalidRequest, format!("{}.", error.body_text())))
}

async fn next_field<'a>(
    form: &'a mut Multipart,
    services: &Services,
) -> Result<Option<Field<'a>>, Problem> {
    form.next_field().await.map_err(|error| broken(&error, services))
}

/// Streams a file to the store. What the client did not send whole is not kept.
async fn store(services: &Services, mut field: Field<'_>) -> Result<Upload, Problem> {
    let filename = field.file_name().unwrap_or("document").to_owned();
    let media_type = field.content_type().map(str::to_owned);
    let mut incoming = services.submitter.incoming();
    loop {
        match field.chunk().await {
            Ok(Some(chunk)) => {
                if let Err(error) = incoming.push(&chunk).await {
                    incoming.discard().await;
                    return Err(error.into());
                }
            }
            Ok(None) => break,
            Err(error) => {
                incoming.discard().await;
                return Err(broken(&error, services));
            }
        }
    }
    Ok(Upload { filename, media_type, content: incoming.finish().await? })
}

async fn text(services: &Services, mut field: Field<'_>) -> Result<String, Problem> {
    let name = field.name().unwrap_or_default().to_owned();
    let limit = MAX_FIELD_BYTES;
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error, services))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > limit {
            return Err(too_large(limit));
        }
    }
    String::from_utf8(bytes).map_err(|_| Problem::field(name, "The field is not UTF-8."))
}

async fn json_text<T: DeserializeOwned>(
    services: &Services,
    field: Field<'_>,
) -> Result<T, Problem> {
    let name = field.name().unwrap_or_default().to_owned();
    parse_json(text(services, field).await?.as_bytes(), &name)
}

fn broken(error: &MultipartError, services: &Services) -> Problem {
    if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        return too_large(services.config.limits.body.as_u64());
    }
    Problem::new(Code::InvalidRequest, format!("The form cannot be read: {}.", error.body_text()))
}

fn pipeline(name: &str) -> Result<Pipeline, Problem> {
    name.trim().parse().map_err(|()| {
        let known: Vec<_> = Pipeline::ALL.iter().map(|p| format!("`{p}`")).collect();
        let known = known.join(", ");
        Problem::field("pipeline", format!("There is no pipeline `{name}`; choose {known}."))
    })
}

fn options(value: Value) -> Result<Options, Problem> {
    if value.is_null() {
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

fn priority(priority: i32) -> Result<i32, Problem> {
    if PRIORITIES.contains(&priority) {
        return Ok(priority);
    }
    let (low, high) = (PRIORITIES.start(), PRIORITIES.end());
    Err(Problem::field("priority", format!("A priority is a whole number from {low} to {high}.")))
}

fn flag(name: &str, text: &str) -> Result<bool, Problem> {
    text.trim().parse().map_err(|_| Problem::field(name, format!("`{name}` is `true` or `false`.")))
}

fn unknown_field(name: Option<&str>, known: &[&str]) -> Problem {
    let name = name.unwrap_or_default();
    let known: Vec<_> = known.iter().map(|field| format!("`{field}`")).collect();
    let field = if name.is_empty() { "body" } else { name };
    Problem::field(field, format!("There is no field `{name}`; known are {}.", known.join(", ")))
}
