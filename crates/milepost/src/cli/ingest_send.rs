//! Sends what is to be ingested. Enters: documents. Leaves: a job over them. Never:
//! sends a file that the server has already, nor begins a job that is under way.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use milepost_core::{CollectionName, DocumentId, JobId, Status};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::client::Client;
use super::ingest_sources::{Place, Wanted, hex};
use super::out;
use super::trouble::{Thing, Trouble};
use super::upload::{self, Fields};
use super::wire::{List, Snapshot};

/// Documents of one job. A server that takes fewer says so.
const MAX_SOURCES: usize = 1000;
/// Files that are on their way at a time.
const PARALLEL: usize = 4;
/// Jobs of the collection, the newest first, among which one that was interrupted is
/// looked for.
const LOOKED_AT: &str = "100";
/// Documents of the same name among which the same content is looked for.
const NAMESAKES: &str = "50";

/// What is to be done with the documents.
#[derive(Debug)]
pub struct Order {
    pub collection: CollectionName,
    /// `chunker` and `embedder`, as far as they were named.
    pub options: Map<String, Value>,
    pub recreate: bool,
    /// Kept with each document.
    pub metadata: BTreeMap<String, Value>,
    pub password: Option<String>,
}

impl Order {
    fn options(&self, recreate: bool) -> Map<String, Value> {
        let mut options = self.options.clone();
        if recreate {
            options.insert("force_recreate".to_owned(), json!(true));
        }
        options
    }

    /// By what the same command is known when it is given again.
    fn fingerprint(&self, group: &[Wanted], recreate: bool) -> String {
        let documents: Vec<_> = group.iter().map(|w| (&w.key, w.version())).collect();
        let all = json!([self.collection, self.options(recreate), self.metadata, documents]);
        hex(&Sha256::digest(all.to_string()))
    }
}

/// The documents of each job, in order: files together, and each URL by itself, since
/// one that cannot be fetched must not keep the others waiting.
pub fn groups(wanted: Vec<Wanted>) -> VecDeque<Vec<Wanted>> {
    let (files, urls): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|wanted| matches!(wanted.place, Place::File { .. }));
    let files = files.chunks(MAX_SOURCES).map(<[Wanted]>::to_vec);
    files.chain(urls.into_iter().map(|url| vec![url])).collect()
}

/// The two halves of a group.
pub fn halve(mut group: Vec<Wanted>) -> [Vec<Wanted>; 2] {
    let second = group.split_off(group.len() / 2);
    [group, second]
}

/// The job over these documents: the one that the same command began before and that
/// has not ended, or a new one.
pub async fn send(
    client: &Client,
    order: &Order,
    group: &[Wanted],
    recreate: bool,
) -> Result<Snapshot, Trouble> {
    let fingerprint = order.fingerprint(group, recreate);
    if let Some(job) = interrupted(client, &order.collection, &fingerprint).await? {
        return Ok(job);
    }
    let sources = stream::iter(group).map(|wanted| source(client, order, wanted));
    let sources: Vec<Value> = sources.buffered(PARALLEL).try_collect().await?;
    let mut options = order.options(recreate);
    options.extend(order.password.iter().map(|text| ("password".to_owned(), json!(text))));
    let mut body = json!({
        "pipeline": "ingest",
        "collection": order.collection,
        "options": options,
        "metadata": {"command": "milepost ingest", "fingerprint": fingerprint},
    });
    match <[Value; 1]>::try_from(sources) {
        Ok([source]) => body["source"] = source,
        Err(sources) => body["sources"] = sources.into(),
    }
    let body = upload::persist(order.collection.as_str(), async |key| {
        let request = client.request(Method::POST, &["jobs"]).header("Idempotency-Key", key);
        let answer = client.send(request.json(&body), Thing::Path("submissions")).await?;
        client.body(answer).await
    })
    .await?;
    let value = serde_json::from_str(&body);
    value.and_then(upload::first_snapshot).map_err(|error| client.foreign(&error))
}

/// The newest job of the same command, where it can go on.
async fn interrupted(
    client: &Client,
    collection: &CollectionName,
    fingerprint: &str,
) -> Result<Option<Snapshot>, Trouble> {
    let request = client
        .request(Method::GET, &["jobs"])
        .query(&[("collection", collection.as_str()), ("limit", LOOKED_AT)]);
    let list: List<Value> = client.json(request, Thing::Path("a list of jobs")).await?;
    let same = |job: &&Value| job["metadata"]["fingerprint"] == fingerprint;
    let Some(json) = list.items.iter().find(same) else { return Ok(None) };
    let job = Snapshot::parse(&json.to_string()).map_err(|error| client.foreign(&error))?;
    match job.status {
        Status::Awaiting | Status::Queued | Status::Running => {
            out::note(format_args!("Job {} is under way with the same documents.", job.id));
            Ok(Some(job))
        }
        Status::Failed if job.error.as_ref().is_some_and(|error| error.retryable) => {
            retry(client, job.id).await
        }
        // Nothing is left of it that a new one would not find again.
        Status::Failed | Status::Cancelled | Status::Completed => Ok(None),
    }
}

async fn retry(client: &Client, job: JobId) -> Result<Option<Snapshot>, Trouble> {
    let request = client.request(Method::POST, &["jobs", &job.to_string(), "retry"]);
    match client.snapshot(request, Thing::Job(job)).await {
        Ok(snapshot) => {
            out::note(format_args!("Job {job} failed with the same documents and goes on."));
            Ok(Some(snapshot))
        }
        // Its documents are gone, or somebody else was faster.
        Err(Trouble::Refused(_) | Trouble::NotFound(_)) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// A document as a job's source; a file is stored first.
async fn source(client: &Client, order: &Order, wanted: &Wanted) -> Result<Value, Trouble> {
    let mut source = match &wanted.place {
        Place::Url(url) => json!({"url": url.as_str()}),
        Place::File { path, sha256 } => {
            let stored = match stored(client, path, sha256).await? {
                Some(document) => document,
                None => store(client, path).await?,
            };
            json!({"document": stored})
        }
    };
    source["key"] = json!(wanted.key);
    if !order.metadata.is_empty() {
        source["metadata"] = json!(order.metadata);
    }
    Ok(source)
}

/// A stored document.
#[derive(Debug, Deserialize)]
struct Stored {
    id: DocumentId,
    filename: String,
    #[serde(default)]
    sha256: String,
}

/// The same file, where it was sent before.
async fn stored(client: &Client, path: &Path, sha256: &str) -> Result<Option<DocumentId>, Trouble> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let list: List<Stored> = upload::persist(&name, async |_| {
        let request = client.request(Method::GET, &["documents"]);
        let request = request.query(&[("q", &*name), ("limit", NAMESAKES)]);
        client.json(request, Thing::Path("documents")).await
    })
    .await?;
    let mut same = list.items.iter();
    let same = same.find(|stored| stored.sha256 == sha256 && stored.filename == name);
    Ok(same.map(|stored| stored.id))
}

async fn store(client: &Client, path: &Path) -> Result<DocumentId, Trouble> {
    let name = path.display().to_string();
    let answer = upload::persist(&name, async |_| {
        let request = client.request(Method::POST, &["documents"]);
        let (request, bar) = upload::with_files(request, &[path], &Fields::default()).await?;
        let answer = client.send(request, Thing::Path("documents")).await;
        bar.finish_and_clear();
        client.body(answer?).await
    })
    .await;
    let answer = answer.map_err(|trouble| trouble.about(&name))?;
    let stored: Stored = serde_json::from_str(&answer).map_err(|error| client.foreign(&error))?;
    Ok(stored.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(key: &str, version: &str) -> Wanted {
        let place = Place::File { path: key.into(), sha256: version.to_owned() };
        Wanted { key: key.to_owned(), place }
    }

    fn order() -> Order {
        Order {
            collection: "papers".parse().unwrap(),
            options: Map::new(),
            recreate: false,
            metadata: BTreeMap::new(),
            password: None,
        }
    }

    #[test]
    fn a_command_is_known_by_all_that_it_says_but_the_password() {
        let group = [wanted("a.pdf", "1"), wanted("b.pdf", "2")];
        let base = order().fingerprint(&group, false);
        let secret = Order { password: Some("x".to_owned()), ..order() };
        assert_eq!(secret.fingerprint(&group, false), base);
        let other = Order { collection: "others".parse().unwrap(), ..order() };
        let tagged = Order { metadata: [("year".to_owned(), json!(1))].into(), ..order() };
        let mut embedded = order();
        embedded.options.insert("embedder".to_owned(), json!("mini"));
        let changed = [wanted("a.pdf", "1"), wanted("b.pdf", "3")];
        for different in [
            other.fingerprint(&group, false),
            tagged.fingerprint(&group, false),
            embedded.fingerprint(&group, false),
            order().fingerprint(&group, true),
            order().fingerprint(&group[..1], false),
            order().fingerprint(&changed, false),
        ] {
            assert_ne!(different, base);
        }
    }

    #[test]
    fn many_documents_go_in_several_jobs_and_a_url_alone() {
        let mut all: Vec<_> = (0..2500).map(|n| wanted(&n.to_string(), "1")).collect();
        let url = "https://h.example/a.pdf".parse().unwrap();
        all.insert(3, Wanted { key: "h.example/a.pdf".to_owned(), place: Place::Url(url) });
        let sizes: Vec<_> = groups(all).iter().map(Vec::len).collect();
        assert_eq!(sizes, [1000, 1000, 500, 1]);
        let halves = halve((0..5).map(|n| wanted(&n.to_string(), "1")).collect());
        assert_eq!(halves.map(|half| half.len()), [2, 3]);
    }
}
