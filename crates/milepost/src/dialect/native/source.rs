//! Where a submission's documents are. Enters: a `source`, or several. Leaves: documents
//! that are stored, or where they are fetched from. Never: leaves an upload behind where it
//! refuses one of several.

use milepost_core::{Caller, Denied, DocumentId, OwnerId};
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::body::metadata;
use crate::http::Services;
use crate::http::extract::{self, parse_object};
use crate::http::problem::{Code, Problem};
use crate::query::QueryError;
use crate::submit::{About, MAX_ENTRY_KEY_BYTES, Source, Upload};

/// Where the document is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JsonSource {
    /// A stored document.
    #[schema(format = Uuid)]
    document: Option<String>,
    /// Where the server fetches it from, `http` or `https`. Kept out of logs,
    /// events and answers. Not among several.
    #[schema(format = "uri")]
    url: Option<String>,
    /// The document itself, as text.
    text: Option<String>,
    /// The file name of a `text`, or of what is fetched.
    #[schema(example = "notes.md")]
    filename: Option<String>,
    /// What makes it the same document in its collection: it takes the place of the one
    /// with this key. Its file's name where it is left out. Only of `ingest`.
    key: Option<String>,
    /// Anything that searches may filter by and that comes back with hits, 4 KiB at
    /// most. Only of `ingest`.
    #[schema(value_type = Option<Value>)]
    metadata: Option<Box<RawValue>>,
}

/// Reads the one `source`.
pub async fn read_one(
    services: &Services,
    caller: &Caller,
    owner: &OwnerId,
    source: &RawValue,
) -> Result<(Source, About), Problem> {
    read(services, caller, owner, parse_object(source, "source")?, "source").await
}

/// Reads several, of which `collection` is what a message calls their collection.
pub async fn read_several(
    services: &Services,
    caller: &Caller,
    owner: &OwnerId,
    sources: &RawValue,
    collection: &str,
) -> Result<Vec<(Source, About)>, Problem> {
    if !sources.get().starts_with('[') {
        return Err(Problem::field("sources", "`sources` is an array of objects like `source`."));
    }
    let most = services.config.limits.sources;
    let Some(elements) = extract::elements(sources.get(), most)? else {
        let detail = format!(
            "One job takes {most} sources at most; send the others as further jobs into the same \
             collection `{collection}`, {most} with each."
        );
        let mut problem = Problem::new(Code::BodyTooLarge, detail);
        problem.field = Some("sources".to_owned());
        return Err(problem);
    };
    if elements.is_empty() {
        return Err(Problem::field("sources", format!("A job has 1 to {most} sources.")));
    }
    let several = elements.len() > 1;
    let mut all = Vec::with_capacity(elements.len());
    for (index, element) in elements.into_iter().enumerate() {
        let place = format!("sources[{index}]");
        let read = async {
            let source: JsonSource = parse_object(element, &place)?;
            if several && source.url.is_some() {
                let detail = "Among several sources none is fetched: submit it as a job of its \
                              own into the same collection.";
                return Err(Problem::field(format!("{place}.url"), detail));
            }
            read(services, caller, owner, source, &place).await
        };
        match read.await {
            Ok(source) => all.push(source),
            Err(problem) => {
                discard(services, all.iter().map(|(source, _)| source)).await;
                return Err(problem);
            }
        }
    }
    Ok(all)
}

/// Removes uploads that no row names.
pub async fn discard(services: &Services, sources: impl Iterator<Item = &Source>) {
    for source in sources {
        if let Source::Uploaded(upload) = source {
            services.submitter.discard(&upload.content).await;
        }
    }
}

async fn read(
    services: &Services,
    caller: &Caller,
    owner: &OwnerId,
    source: JsonSource,
    place: &str,
) -> Result<(Source, About), Problem> {
    let fits = |key: &String| {
        (1..=MAX_ENTRY_KEY_BYTES).contains(&key.len()) && !key.chars().any(char::is_control)
    };
    if source.key.as_ref().is_some_and(|key| !fits(key)) {
        let detail = format!("A key has 1 to {MAX_ENTRY_KEY_BYTES} bytes, no control characters.");
        return Err(Problem::field(format!("{place}.key"), detail));
    }
    let attached =
        source.metadata.as_deref().map(metadata).transpose().map_err(|mut problem| {
            problem.field = Some(format!("{place}.metadata"));
            problem
        })?;
    let about = About { key: source.key, metadata: attached.flatten() };
    if about.metadata.as_ref().is_some_and(|metadata| !metadata.is_object()) {
        let detail = "The metadata of a document is an object, whose fields searches filter by.";
        return Err(Problem::field(format!("{place}.metadata"), detail));
    }
    let JsonSource { document, url, text, filename, .. } = source;
    let source = match (document, url, text, filename) {
        (Some(id), None, None, None) => {
            let field = format!("{place}.document");
            let gone = || Problem::field(field.clone(), "There is no such document.");
            let id: DocumentId = id.parse().map_err(|_| gone())?;
            // Its text could be read by the job.
            let row = services.query.document(caller, id).await.map_err(|error| match error {
                QueryError::Denied(Denied::Hidden, _) => gone(),
                other => other.into(),
            })?;
            // A job works on a document of its own owner, whoever makes it.
            if row.owner != *owner {
                return Err(gone());
            }
            Source::Stored(row.info, row.content.sha256)
        }
        (None, Some(url), None, filename) => services.submitter.remote(&url, filename)?,
        (None, None, Some(text), filename) => {
            let content = services.submitter.store_bytes(text.into()).await?;
            let filename = filename.unwrap_or_else(|| "document.txt".to_owned());
            let media_type = Some("text/plain".into());
            Source::Uploaded(Upload { filename, media_type, content })
        }
        _ => {
            return Err(Problem::field(
                place,
                "Give either `document`, the id of a stored document, or `url`, or `text`; the \
                 last two with a `filename` if you like.",
            ));
        }
    };
    Ok((source, about))
}
