//! Sends one file or URL as one job. Enters: a path or a URL. Leaves: the job's
//! first snapshot. Never: makes two jobs of one source, however often the connection breaks.

use std::io;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, RequestBuilder, Url};
use serde_json::{Value, json};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

use super::client::Client;
use super::out;
use super::text::span;
use super::trouble::{Thing, Trouble};
use super::wire::Snapshot;

/// Tries after a broken connection.
const MAX_TRIES: u32 = 5;
/// How long we stand in line before a busy server in all.
const MAX_BUSY: Duration = Duration::from_secs(300);
/// One pause, where the server does not say or says too much.
const BUSY_PAUSE: Duration = Duration::from_secs(5);
const MAX_BUSY_PAUSE: Duration = Duration::from_secs(60);
const CHUNK_BYTES: usize = 128 << 10;
/// Smaller files are gone before a bar could be read.
const BAR_FROM_BYTES: u64 = 4 << 20;

/// Where a document is.
#[derive(Debug)]
pub enum Source<'a> {
    /// On this machine.
    File(&'a Path),
    /// Where the server can fetch it.
    Url(Url),
}

impl Source<'_> {
    /// What to call it in messages. Of a URL only the host, as they end up in
    /// logs.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Url(url) => url.host_str().unwrap_or_default().to_owned(),
        }
    }
}

/// What goes with every document.
#[derive(Debug, Default)]
pub struct Fields {
    /// May hold the document's password.
    pub options: Option<Value>,
    /// What to do, where it is not `convert`.
    pub pipeline: Option<String>,
    pub metadata: Option<Value>,
    pub priority: Option<i32>,
    pub hold: bool,
    /// Convert even where that was done before.
    pub force: bool,
}

/// Submits the document.
pub async fn send(
    client: &Client,
    source: &Source<'_>,
    fields: &Fields,
) -> Result<Snapshot, Trouble> {
    let body = persist(&source.name(), async |key| {
        let request = client.request(Method::POST, &["jobs"]).header("Idempotency-Key", key);
        let (request, bar) = match source {
            Source::File(path) => with_files(request, &[path], fields).await?,
            Source::Url(url) => (request.json(&with_url(url, fields)), ProgressBar::hidden()),
        };
        let answer = client.send(request, Thing::Path("submissions")).await;
        bar.finish_and_clear();
        client.body(answer?).await
    })
    .await?;
    let value = serde_json::from_str(&body);
    value.and_then(first_snapshot).map_err(|error| client.foreign(&error))
}

/// Tries to submit, again where the connection breaks or the server is busy. By
/// the key the server knows a repetition from a second submission.
pub async fn persist<T>(
    name: &str,
    attempt: impl AsyncFn(&str) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let key = uuid::Uuid::now_v7().to_string();
    let (mut tries, mut busy) = (1, Duration::ZERO);
    loop {
        let trouble = match attempt(&key).await {
            Ok(done) => return Ok(done),
            Err(trouble) => trouble,
        };
        let pause = match &trouble {
            Trouble::Refused(refusal) if matches!(refusal.status, 429 | 503) => {
                let pause = refusal.retry_after.unwrap_or(BUSY_PAUSE);
                let pause = pause.clamp(Duration::from_secs(1), MAX_BUSY_PAUSE);
                busy += pause;
                if busy > MAX_BUSY {
                    return Err(trouble);
                }
                out::note(format_args!(
                    "{name}: the server is busy; trying again in {}.",
                    span(pause.as_secs())
                ));
                pause
            }
            _ if is_broken(&trouble, tries) && tries < MAX_TRIES => {
                let pause = Duration::from_secs(1 << (tries - 1));
                tries += 1;
                out::note(format_args!(
                    "{name}: the connection broke; trying again in {}.",
                    span(pause.as_secs())
                ));
                pause
            }
            _ => return Err(trouble),
        };
        // Others were sent away at the same moment.
        tokio::time::sleep(pause.mul_f64(1.0 + fastrand::f64() / 4.0)).await;
    }
}

/// Whether it is not known what the server made of the request.
fn is_broken(trouble: &Trouble, tries: u32) -> bool {
    match trouble {
        // A server that was never there will not be there in a second.
        Trouble::Unreachable { connected, .. } => *connected || tries > 1,
        Trouble::Refused(refusal) => matches!(refusal.status, 502 | 504),
        _ => false,
    }
}

fn with_url(url: &Url, fields: &Fields) -> Value {
    let Fields { options, pipeline, metadata, priority, hold, force } = fields;
    json!({
        "pipeline": pipeline,
        "source": {"url": url.as_str()},
        "options": options,
        "metadata": metadata,
        "priority": priority.unwrap_or(0),
        "hold": hold,
        "force": force,
    })
}

/// The request with a form of these files, and a bar that shows how far they are.
pub async fn with_files(
    request: RequestBuilder,
    paths: &[impl AsRef<Path>],
    fields: &Fields,
) -> Result<(RequestBuilder, ProgressBar), Trouble> {
    let mut files = Vec::with_capacity(paths.len());
    for path in paths {
        let path = path.as_ref();
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
        let unreadable = |error: io::Error| match paths.len() {
            1 => Trouble::Usage(format!("The file cannot be read: {error}.")),
            _ => Trouble::Usage(format!("{}: cannot be read: {error}.", path.display())),
        };
        let file = File::open(path).await.map_err(unreadable)?;
        let length = file.metadata().await.map_err(unreadable)?.len();
        files.push((name, file, length));
    }
    let whole = files.iter().map(|(_, _, length)| length).sum();
    let bar = match files.as_slice() {
        [(name, ..)] => bar(name, whole),
        files => bar(&format!("{} files", files.len()), whole),
    };

    // The files come last, so that the server knows what to do with them.
    let mut form = Form::new();
    for (field, value) in [("options", &fields.options), ("metadata", &fields.metadata)] {
        if let Some(value) = value {
            form = form.text(field, value.to_string());
        }
    }
    if let Some(pipeline) = &fields.pipeline {
        form = form.text("pipeline", pipeline.clone());
    }
    if let Some(priority) = fields.priority {
        form = form.text("priority", priority.to_string());
    }
    for (field, set) in [("hold", fields.hold), ("force", fields.force)] {
        if set {
            form = form.text(field, "true");
        }
    }
    for (name, file, length) in files {
        let counter = bar.clone();
        // The length was promised; what is appended meanwhile is not sent.
        let chunks =
            ReaderStream::with_capacity(file.take(length), CHUNK_BYTES).inspect(move |chunk| {
                counter.inc(chunk.as_ref().map_or(0, |chunk| chunk.len() as u64))
            });
        let part = Part::stream_with_length(Body::wrap_stream(chunks), length);
        form = form.part("file", part.file_name(name));
    }
    Ok((request.multipart(form), bar))
}

/// The snapshot without the credential beside it, which would end up in logs.
pub fn first_snapshot(mut value: Value) -> Result<Snapshot, serde_json::Error> {
    if let Some(fields) = value.as_object_mut() {
        fields.remove("access");
    }
    Snapshot::parse(&value.to_string())
}

fn bar(name: &str, length: u64) -> ProgressBar {
    if length < BAR_FROM_BYTES || !out::can_draw() {
        return ProgressBar::hidden();
    }
    let template = "{msg} {bar:20.cyan/dim} {bytes} of {total_bytes}, {bytes_per_sec}";
    let style = ProgressStyle::with_template(template);
    let bar = ProgressBar::new(length).with_message(super::text::clean(name));
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::trouble::Refusal;

    #[test]
    fn the_job_token_is_not_shown() {
        let body = r#"{"id":"01990000-0000-7000-8000-000000000001","seq":1,"status":"queued",
            "access":{"token":"secret","expires_at":"2026-01-01T00:00:00Z"}}"#;
        let job = first_snapshot(serde_json::from_str(body).unwrap()).unwrap();
        assert!(!job.json.contains("secret") && job.json.contains("\"seq\":1"), "{}", job.json);
    }

    #[test]
    fn only_what_is_in_doubt_is_sent_again() {
        let unreachable = |connected| Trouble::Unreachable {
            server: String::new(),
            cause: String::new(),
            connected,
        };
        let refused = |status| Trouble::Refused(Refusal { status, ..Refusal::default() });
        assert!(!is_broken(&unreachable(false), 1));
        assert!(is_broken(&unreachable(false), 2));
        assert!(is_broken(&unreachable(true), 1));
        assert!(is_broken(&refused(502), 1));
        assert!(!is_broken(&refused(422), 1));
        assert!(!is_broken(&refused(500), 1));
    }
}
