//! `milepost collections`. Enters: what to look at or to remove. Leaves: tables, or
//! lines of JSON. Never: removes anything that was not named by itself.

use std::process::ExitCode;

use milepost_core::CollectionName;
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::Value;

use super::client::Client;
use super::exit::Exit;
use super::out;
use super::place::{Needs, PlaceArgs};
use super::text::{clean, fit};
use super::trouble::Thing;
use super::wire::List;

/// The largest page of a list that a server gives.
const PAGE: &str = "200";

/// List, show and delete collections, and the documents in them
///
/// With --server, or MILEPOST_SERVER, those of that server. Without, those in the data
/// directory of this machine; a server may be running on it, unless something is to be
/// removed.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the collections, by name; also without any word
    List(Common),
    /// Show one collection
    Show {
        /// Which
        #[arg(value_name = "COLLECTION")]
        name: CollectionName,
        #[command(flatten)]
        common: Common,
    },
    /// List the documents in a collection, oldest first
    Documents {
        /// Which
        #[arg(value_name = "COLLECTION")]
        name: CollectionName,
        #[command(flatten)]
        common: Common,
    },
    /// Remove a document from a collection, for good
    Remove {
        /// From which
        #[arg(value_name = "COLLECTION")]
        name: CollectionName,
        /// The document's id in the collection, as `documents` lists it
        #[arg(value_name = "ID")]
        id: uuid::Uuid,
        #[command(flatten)]
        place: PlaceArgs,
    },
    /// Delete a collection and all in it, for good
    Delete {
        /// Which
        #[arg(value_name = "COLLECTION")]
        name: CollectionName,
        #[command(flatten)]
        place: PlaceArgs,
    },
}

#[derive(Debug, clap::Args)]
struct Common {
    /// Print each as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// A collection, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Collection {
    name: String,
    #[serde(default)]
    embedder: Option<String>,
    #[serde(default)]
    distance: Option<String>,
    #[serde(default)]
    chunker: Value,
    documents: u64,
    chunks: u64,
    bytes: u64,
}

/// A document in a collection, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    key: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    pages: Option<u64>,
    chunks: u64,
}

/// Carries out the command.
///
/// # Errors
/// Where there is no such thing, or it cannot be had.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command.unwrap_or(Command::List(args.common)) {
        Command::List(Common { json, place }) => {
            place.run(Needs::Reading, async |client| list(&client, json).await)
        }
        Command::Show { name, common: Common { json, place } } => {
            place.run(Needs::Reading, async |client| show(&client, &name, json).await)
        }
        Command::Documents { name, common: Common { json, place } } => {
            place.run(Needs::Reading, async |client| documents(&client, &name, json).await)
        }
        Command::Remove { name, id, place } => place.run(Needs::Change, async |client| {
            let id = id.to_string();
            let path = ["collections", name.as_str(), "documents", id.as_str()];
            delete(&client, client.request(Method::DELETE, &path), &format!("{id} removed")).await
        }),
        Command::Delete { name, place } => place.run(Needs::Change, async |client| {
            let path = ["collections", name.as_str()];
            delete(&client, client.request(Method::DELETE, &path), &format!("{name} deleted")).await
        }),
    }
}

async fn list(client: &Client, json: bool) -> anyhow::Result<Exit> {
    let mut begun = false;
    each(client, &["collections"], async |item: Value| {
        if json {
            return Ok(out::line(&item.to_string())?);
        }
        let found: Collection =
            serde_json::from_value(item).map_err(|error| client.foreign(&error))?;
        if !std::mem::replace(&mut begun, true) {
            row(["NAME", "DOCUMENTS", "CHUNKS", "SIZE", "EMBEDDER"])?;
        }
        row([
            &found.name,
            &found.documents.to_string(),
            &found.chunks.to_string(),
            &size(found.bytes),
            found.embedder.as_deref().unwrap_or("none"),
        ])
    })
    .await?;
    if !begun && !json {
        out::note("There are no collections. `milepost ingest FILE --collection NAME` makes one.");
    }
    Ok(Exit::Done)
}

fn row([name, documents, chunks, size, embedder]: [&str; 5]) -> anyhow::Result<()> {
    let name = fit(&clean(name), 24);
    let embedder = clean(embedder);
    Ok(out::line(&format!("{name}  {documents:>9}  {chunks:>9}  {size:>9}  {embedder}"))?)
}

async fn show(client: &Client, name: &CollectionName, json: bool) -> anyhow::Result<Exit> {
    let request = client.request(Method::GET, &["collections", name.as_str()]);
    let item: Value = client.json(request, Thing::Collection).await?;
    if json {
        out::line(&item.to_string())?;
        return Ok(Exit::Done);
    }
    let found: Collection = serde_json::from_value(item).map_err(|error| client.foreign(&error))?;
    let chunker = match &found.chunker {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let said = fields.map(|(field, value)| match value.as_str() {
                Some(word) => format!("{field} {word}"),
                None => format!("{field} {value}"),
            });
            said.collect::<Vec<_>>().join(", ")
        }
        _ => String::new(),
    };
    let lines = [
        ("name", found.name),
        ("documents", found.documents.to_string()),
        ("chunks", found.chunks.to_string()),
        ("size", size(found.bytes)),
        ("embedder", found.embedder.unwrap_or_else(|| "none: searched by words".to_owned())),
        ("distance", found.distance.unwrap_or_default()),
        ("chunker", chunker),
    ];
    for (what, value) in lines.into_iter().filter(|(_, value)| !value.is_empty()) {
        out::line(&format!("{what:<10} {}", clean(&value)))?;
    }
    Ok(Exit::Done)
}

async fn documents(client: &Client, name: &CollectionName, json: bool) -> anyhow::Result<Exit> {
    let mut begun = false;
    each(client, &["collections", name.as_str(), "documents"], async |item: Value| {
        if json {
            return Ok(out::line(&item.to_string())?);
        }
        let entry: Entry = serde_json::from_value(item).map_err(|error| client.foreign(&error))?;
        if !std::mem::replace(&mut begun, true) {
            out::line(&format!(
                "{:36}  {:>6}  {:>5}  {}  TITLE",
                "ID",
                "CHUNKS",
                "PAGES",
                fit("KEY", 32)
            ))?;
        }
        let pages = entry.pages.map_or_else(String::new, |pages| pages.to_string());
        let (id, key) = (clean(&entry.id), fit(&clean(&entry.key), 32));
        let title = clean(&entry.title.unwrap_or_default());
        let line = format!("{id:36}  {:>6}  {pages:>5}  {key}  {title}", entry.chunks);
        Ok(out::line(line.trim_end())?)
    })
    .await?;
    if !begun && !json {
        out::note(format_args!("No document is in {name}."));
    }
    Ok(Exit::Done)
}

/// Hands on each item of a list, page by page.
async fn each(
    client: &Client,
    path: &[&str],
    mut item: impl AsyncFnMut(Value) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut cursor: Option<String> = None;
    loop {
        let mut request = client.request(Method::GET, path).query(&[("limit", PAGE)]);
        if let Some(cursor) = &cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let list: List<Value> = client.json(request, Thing::Collection).await?;
        for found in list.items {
            item(found).await?;
        }
        cursor = list.next;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

async fn delete(client: &Client, request: RequestBuilder, done: &str) -> anyhow::Result<Exit> {
    client.send(request, Thing::Collection).await?;
    out::line(done)?;
    Ok(Exit::Done)
}

fn size(bytes: u64) -> String {
    bytesize::ByteSize::b(bytes).display().si().to_string()
}
