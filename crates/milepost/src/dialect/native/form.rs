//! A submission as a form, whose files are streamed to the store as they come.
//! Enters: the parts of a form. Leaves: a job for each file. Never: holds a large
//! file in memory.

use axum::extract::Request;
use axum::extract::multipart::Field;
use milepost_core::Pipeline;
use serde::de::DeserializeOwned;

use serde_json::value::RawValue;

use super::body::{Body, Fields, collection, options, pipeline, priority, too_many};
use super::external;
use crate::dialect::form::{Form, store, text};
use crate::http::Services;
use crate::http::extract::{self, parse_json};
use crate::http::problem::{Code, Problem};
use crate::submit::{Source, Upload};

/// The fields of a form.
const FIELDS: [&str; 9] = [
    "file",
    "pipeline",
    "collection",
    "stages",
    "options",
    "metadata",
    "hold",
    "force",
    "priority",
];

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
    let mut form = Form::open(services, request).await?;
    let mut upload = None;
    while let Some(field) = form.next(services).await? {
        match field.name() {
            Some("file") if upload.is_none() => upload = Some(store(services, field).await?),
            name => return Err(unknown_field(name, &["file"])),
        }
    }
    upload.ok_or_else(|| Problem::field("file", "The form has no `file`."))
}

/// Reads a submission. Several files make a batch, and share the other fields.
///
/// # Errors
/// A problem that names what is wrong; the files are then discarded.
pub async fn read(
    services: &Services,
    usual: Option<Pipeline>,
    request: Request,
) -> Result<Body, Problem> {
    let mut form = Form::open(services, request).await?;
    let mut fields = Fields { pipeline: usual, ..Fields::default() };
    let mut files = Vec::new();
    let read = read_fields(services, &mut form, &mut fields, &mut files).await;
    if let Err(problem) = read.and_then(|()| fields.check()) {
        for file in &files {
            services.submitter.discard(&file.content).await;
        }
        return Err(problem);
    }
    if files.len() > 1 {
        return Ok(Body::Many(files.into_iter().map(|file| fields.with_file(file)).collect()));
    }
    fields.source = files.pop().map(Source::Uploaded);
    Ok(Body::One(Box::new(fields)))
}

async fn read_fields(
    services: &Services,
    form: &mut Form,
    fields: &mut Fields,
    files: &mut Vec<Upload>,
) -> Result<(), Problem> {
    let most = services.config.limits.request_jobs;
    while let Some(field) = form.next(services).await? {
        let known = FIELDS.iter().find(|known| Some(**known) == field.name()).copied();
        let Some(name) = known else { return Err(unknown_field(field.name(), &FIELDS)) };
        if name == "file" && !files.is_empty() {
            if files.len() >= most {
                return Err(too_many(most));
            }
            files.push(store(services, field).await?);
            continue;
        }
        if fields.given.contains(&name) {
            return Err(Problem::field(name, format!("Send one `{name}` for each request.")));
        }
        fields.given.push(name);
        match name {
            "file" => files.push(store(services, field).await?),
            "pipeline" => fields.pipeline = Some(pipeline(&text(services, field).await?)?),
            "collection" => fields.collection = Some(collection(&text(services, field).await?)?),
            "stages" => {
                fields.plan = Some(external::plan(json_text(services, field).await?)?);
            }
            "options" => {
                fields.options = options(&json_text::<Box<RawValue>>(services, field).await?)?
            }
            "metadata" => fields.metadata = Some(json_text(services, field).await?),
            "hold" => fields.hold = flag("hold", &text(services, field).await?)?,
            "force" => fields.force = flag("force", &text(services, field).await?)?,
            _ => {
                let number = text(services, field).await?.trim().parse();
                fields.priority = priority(number.unwrap_or(i32::MAX))?;
            }
        }
    }
    Ok(())
}

async fn json_text<T: DeserializeOwned>(
    services: &Services,
    field: Field<'_>,
) -> Result<T, Problem> {
    let name = field.name().unwrap_or_default().to_owned();
    parse_json(text(services, field).await?.as_bytes(), &name)
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
