//! `milepost ingest`. Enters: files, folders, patterns and URLs, and the name of a
//! collection. Leaves: their documents in it, and how many of them; as jobs of a server
//! or of this machine's data directory. Never: begins a second job where the same
//! command was interrupted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use milepost_core::{CollectionName, Status};
use serde_json::{Map, Value, json};

use super::client::Client;
use super::display::Display;
use super::exit::Exit;
use super::ingest_send::{self, Order};
use super::ingest_sources::{self, Found};
use super::ingest_tell::Outcome;
use super::place::{Needs, PlaceArgs};
use super::trouble::Trouble;
use super::wire::Snapshot;
use super::{out, submit, value, watch};

/// Put documents into a collection, where `search` finds them
///
/// With --server, or MILEPOST_SERVER, the documents are sent to that server. Without,
/// the work is done on this machine, in the data directory: by the same pipeline, and
/// as durably. A command that was interrupted goes on where it stopped if it is given
/// again.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The files, folders or patterns; what begins with http:// or https:// is fetched
    #[arg(required = true, value_name = "FILE|FOLDER|GLOB|URL")]
    sources: Vec<PathBuf>,
    /// The collection; it is made where there is none of this name
    #[arg(long, value_name = "NAME", default_value = "default")]
    collection: CollectionName,
    /// Of a folder, the documents in the folders in it, too
    #[arg(short, long)]
    recursive: bool,
    /// What makes the vectors of a new collection: an embedder of the configuration
    #[arg(long, value_name = "NAME")]
    embedder: Option<String>,
    /// How documents are cut [default: as the collection says, at first hybrid]
    #[arg(long, value_enum)]
    chunker: Option<Kind>,
    /// The most that a chunk may hold
    #[arg(long, value_name = "N")]
    chunk_size: Option<u32>,
    /// What its size is counted in [default: characters; with --tokenizer tokens]
    #[arg(long, value_enum)]
    chunk_unit: Option<Unit>,
    /// What counts tokens: cl100k_base, or embedder for that of the collection's embedder
    #[arg(long, value_name = "NAME")]
    tokenizer: Option<String>,
    /// How much of a chunk the next one repeats, in the same unit
    #[arg(long, value_name = "N")]
    overlap: Option<u32>,
    /// Make the collection anew; it is searched as it was until that is done
    #[arg(long)]
    recreate: bool,
    /// What is kept with each document and can be filtered by, such as year=1998
    #[arg(long, value_name = "KEY=VALUE", value_parser = value::pair)]
    metadata: Vec<(String, Value)>,
    /// A file whose first line is the password of the documents
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Do not wait for the end, but print the jobs' ids; with a server only
    #[arg(long)]
    no_wait: bool,
    /// Print snapshots as lines of JSON: the last of each job
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// How documents are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// By their structure, small parts joined up to the size
    Hybrid,
    /// By their structure alone
    Hierarchical,
    /// Markdown by its headings and paragraphs
    Markdown,
}

/// What a size is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Unit {
    Tokens,
    Characters,
}

/// Carries out the command.
///
/// # Errors
/// Where it cannot be begun; what becomes of its documents is in the exit code.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.no_wait && args.place.is_here() {
        return Err(Trouble::Usage(
            "--no-wait needs a server, named with --server: on this machine the work ends with \
             the command."
                .to_owned(),
        )
        .into());
    }
    let order = order(&args)?;
    // A misspelt name is found before anything is begun.
    let found = ingest_sources::find(&args.sources, args.recursive)?;
    let (no_wait, json) = (args.no_wait, args.json);
    args.place.run(Needs::Work, async |client| ingest(&client, &order, found, no_wait, json).await)
}

fn order(args: &Args) -> Result<Order, Trouble> {
    let mut chunker = Map::new();
    let unit = args.chunk_unit.or_else(|| args.tokenizer.as_ref().map(|_| Unit::Tokens));
    let named = [
        ("kind", args.chunker.and_then(|kind| word(&kind))),
        ("max", args.chunk_size.map(Value::from)),
        ("unit", unit.and_then(|unit| word(&unit))),
        ("tokenizer", args.tokenizer.clone().map(Value::from)),
        ("overlap", args.overlap.map(Value::from)),
    ];
    for (field, value) in named {
        chunker.extend(value.map(|value| (field.to_owned(), value)));
    }
    let mut options = Map::new();
    if !chunker.is_empty() {
        options.insert("chunker".to_owned(), Value::Object(chunker));
    }
    if let Some(embedder) = &args.embedder {
        options.insert("embedder".to_owned(), json!(embedder));
    }
    let mut metadata = BTreeMap::new();
    for (key, value) in &args.metadata {
        if metadata.insert(key.clone(), value.clone()).is_some() {
            return Err(Trouble::Usage(format!("--metadata says {key} twice.")));
        }
    }
    Ok(Order {
        collection: args.collection.clone(),
        options,
        recreate: args.recreate,
        metadata,
        password: args.password_file.as_deref().map(submit::password).transpose()?,
    })
}

/// The word of the protocol, which is that of the command line.
fn word(value: &impl ValueEnum) -> Option<Value> {
    Some(value.to_possible_value()?.get_name().into())
}

async fn ingest(
    client: &Client,
    order: &Order,
    found: Found,
    no_wait: bool,
    json: bool,
) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    for (path, error) in &found.unreadable {
        out::error(&anyhow::anyhow!("{}: cannot be read: {error}", path.display()));
        exit = Exit::Usage;
    }
    if found.wanted.is_empty() {
        return Ok(exit);
    }
    let mut groups = ingest_send::groups(found.wanted);
    // Whatever were added meanwhile would be gone with the former collection.
    let one_first = order.recreate && groups.len() > 1;
    if one_first && no_wait {
        let why = "--recreate with so many documents goes in several jobs, the first of which has \
                   to end before the others begin; leave out --no-wait.";
        return Err(Trouble::Usage(why.to_owned()).into());
    }
    let mut outcome = Outcome::default();
    let (mut jobs, mut first) = (Vec::new(), true);
    while let Some(group) = groups.pop_front() {
        let recreate = order.recreate && std::mem::take(&mut first);
        let names: Vec<String> = group.iter().map(|wanted| wanted.key.clone()).collect();
        let job = match ingest_send::send(client, order, &group, recreate).await {
            Ok(job) => job,
            // Such a server takes fewer documents with one job.
            Err(Trouble::Refused(refusal))
                if refusal.status == 413 && !refusal.limited && group.len() > 1 =>
            {
                first = recreate;
                ingest_send::halve(group)
                    .into_iter()
                    .rev()
                    .for_each(|half| groups.push_front(half));
                continue;
            }
            Err(trouble) => {
                exit = exit.max(not_sent(trouble, names.len(), groups.iter().map(Vec::len).sum())?);
                break;
            }
        };
        outcome.is_about(job.id, names);
        if no_wait {
            out::line(if json { job.json.clone() } else { job.id.to_string() }.as_str())?;
        } else if recreate && !groups.is_empty() {
            let ended = wait(client, vec![job], json, &mut outcome).await?;
            exit = exit.max(ended);
            if ended != Exit::Done && !outcome.all_completed() {
                out::note("The rest was not begun, since the collection was not made anew.");
                break;
            }
        } else {
            jobs.push(job);
        }
    }
    if !jobs.is_empty() {
        exit = exit.max(wait(client, jobs, json, &mut outcome).await?);
    }
    if !no_wait {
        exit = exit.max(outcome.tell(client, &order.collection, json).await?);
    }
    Ok(exit)
}

/// What is left when one group cannot be sent; what was sent before goes on.
fn not_sent(trouble: Trouble, group: usize, behind: usize) -> anyhow::Result<Exit> {
    let exit = trouble.exit();
    let error = anyhow::Error::from(trouble);
    match (group + behind, exit) {
        (_, Exit::Unreachable | Exit::Interrupted) => Err(error),
        (1, _) => Err(error),
        (left, _) => {
            out::error(&error.context(format!("{left} documents were not sent")));
            Ok(exit)
        }
    }
}

async fn wait(
    client: &Client,
    jobs: Vec<Snapshot>,
    json: bool,
    outcome: &mut Outcome,
) -> anyhow::Result<Exit> {
    let mut display = match json {
        true => Display::JsonAtEnd,
        false => Display::beside_output(jobs.len(), false),
    };
    let ends = watch::until_end(client, jobs, &mut display).await?;
    outcome.take(ends.jobs().filter(|job| job.status == Status::Completed));
    Ok(ends.exit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &[&str]) -> Result<Order, Trouble> {
        order(&Line::try_parse_from([&["ingest"], line].concat()).unwrap().args)
    }

    #[test]
    fn options_are_those_of_the_protocol() {
        let line = ["a.pdf", "--chunker", "hierarchical", "--chunk-size", "512", "--tokenizer"];
        let line = [&line[..], &["cl100k_base", "--overlap", "20", "--embedder", "mini"]].concat();
        let order = parse(&line).unwrap();
        let expected = json!({"embedder": "mini", "chunker": {"kind": "hierarchical", "max": 512,
            "unit": "tokens", "tokenizer": "cl100k_base", "overlap": 20}});
        assert_eq!(Value::Object(order.options), expected);
        assert!(parse(&["a.pdf"]).unwrap().options.is_empty());
    }

    #[test]
    fn metadata_are_pairs_of_which_each_is_said_once() {
        let order = parse(&["a", "--metadata", "year=1998", "--metadata", "by=A=B"]).unwrap();
        assert_eq!(json!(order.metadata), json!({"year": 1998, "by": "A=B"}));
        assert!(parse(&["a", "--metadata", "x=1", "--metadata", "x=2"]).is_err());
    }
}
