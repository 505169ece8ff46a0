//! A submission as a form, whose files are streamed to the store as they come.
//! Enters: the parts of a form. Leaves: a job for each file. Never: holds a large
//! file in memory.

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use serde::de::DeserializeOwned;

use serde_json::value::RawValue;

use super::body::{Body, Fields, MAX_LABEL_CHARS, options, pipeline, priority, too_many};
use super::external;
use super::heads::Heads;
use crate::http::Services;
use crate::http::extract::{self, check_length, parse_json, too_large};
use crate::http::problem::{Code, Problem};
use crate::submit::{Source, Upload};

/// The fields of a form.
const FIELDS: [&str; 8] =
    ["file", "pipeline", "stages", "options", "metadata", "hold", "force", "priority"];
/// A form's field other than the file is no longer.
const MAX_FIELD_BYTES: u64 = 64 * 1024;

/// A part's name, file name and other headers. The parser keeps them in memory
/// until they end, so somebody else has to see to it that they do.
const MAX_HEAD_BYTES: usize = 64 * 1024;

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

/// Reads a submission. Several files make a batch, and share the other fields.
///
/// # Errors
/// A problem that names what is wrong; the files are then discarded.
pub async fn read(services: &Services, request: Request) -> Result<Body, Problem> {
    let mut form = open_form(services, request).await?;
    let (mut fields, mut files) = (Fields::default(), Vec::new());
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
    while let Some(field) = next_field(form, services).await? {
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

/// A form, and how much of it may still be read in search of its next part.
struct Form {
    parts: Multipart,
    heads: Heads,
}

async fn open_form(services: &Services, request: Request) -> Result<Form, Problem> {
    check_length(request.headers(), services.config.limits.body.as_u64())?;
    let heads = Heads::default();
    let request = request.map(|body| heads.watch(body));
    let parts = Multipart::from_request(request, &())
        .await
        .map_err(|error| Problem::new(Code::InvalidRequest, format!("{}.", error.body_text())))?;
    Ok(Form { parts, heads })
}

async fn next_field<'a>(
    form: &'a mut Form,
    services: &Services,
) -> Result<Option<Field<'a>>, Problem> {
    form.heads.begin(MAX_HEAD_BYTES);
    let next = form.parts.next_field().await;
    let exceeded = form.heads.end();
    next.map_err(|error| match exceeded {
        true => Problem::new(Code::InvalidRequest, "The head of a part of the form is too long."),
        false => broken(&error, services),
    })
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
                let name: String = filename.chars().take(MAX_LABEL_CHARS).collect();
                let mut problem = broken(&error, services);
                problem.detail = format!("In `{name}`: {}", problem.detail);
                return Err(problem);
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

fn flag(name: &str, text: &str) -> Result<bool, Problem> {
    text.trim().parse().map_err(|_| Problem::field(name, format!("`{name}` is `true` or `false`.")))
}

fn unknown_field(name: Option<&str>, known: &[&str]) -> Problem {
    let name = name.unwrap_or_default();
    let known: Vec<_> = known.iter().map(|field| format!("`{field}`")).collect();
    let field = if name.is_empty() { "body" } else { name };
    Problem::field(field, format!("There is no field `{name}`; known are {}.", known.join(", ")))
}
