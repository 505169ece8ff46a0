//! `milepost search`. Enters: a collection and a question. Leaves: the chunks that
//! answer it best, for people or as lines of JSON. Never: changes anything; a server
//! may work on the same data directory meanwhile.

use std::io::Read as _;
use std::process::ExitCode;

use clap::ValueEnum;
use milepost_core::CollectionName;
use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::exit::Exit;
use super::place::{Needs, PlaceArgs};
use super::search_show::{self, Hit};
use super::trouble::{Thing, Trouble};
use super::{out, search_filter};

/// No question that is taken is longer than this, so no more of stdin is read.
const MAX_QUERY_BYTES: u64 = 1 << 20;

/// Find what a collection has to say about something
///
/// With --server, or MILEPOST_SERVER, that server is asked. Without, the data directory
/// of this machine, on which a server may be running.
#[derive(Debug, clap::Args)]
#[command(override_usage = "milepost search [OPTIONS] <COLLECTION> <QUERY>\n       \
                            milepost search [OPTIONS] --all <QUERY>")]
pub struct Args {
    /// The collection, unless --all
    #[arg(required = true, value_name = "COLLECTION")]
    first: String,
    /// What to look for, in words; - reads it from stdin
    #[arg(value_name = "QUERY", required_unless_present = "all")]
    second: Option<String>,
    /// Look in all collections
    #[arg(long, conflicts_with = "filter")]
    all: bool,
    /// How many hits at most
    #[arg(short, value_name = "N", default_value_t = 10)]
    k: u32,
    /// By words, by meaning, or by both [default: hybrid where the collection has an
    /// embedder, else keyword]
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// What every hit must be, such as language=en, 'page>=3' or metadata.year=1998; the
    /// same field twice with = takes either
    #[arg(long, value_name = "FIELD=VALUE")]
    filter: Vec<String>,
    /// Have the best hits put in order by the reranker of the configuration
    #[arg(long)]
    rerank: bool,
    /// Print each hit as one line of JSON, with its whole text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// By what is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    Keyword,
    Vector,
    Hybrid,
}

/// What is asked.
struct Question {
    /// None means all.
    collection: Option<CollectionName>,
    query: String,
    k: u32,
    mode: Option<Value>,
    filter: Map<String, Value>,
    rerank: bool,
}

/// An answer.
#[derive(Debug, Deserialize)]
struct Answer {
    hits: Vec<Value>,
    #[serde(default)]
    reranked: bool,
    /// Collections that one search does not reach any more.
    #[serde(default)]
    left_out: u64,
}

/// Carries out the command.
///
/// # Errors
/// Where there is no answer.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let question = question(&args)?;
    args.place.run(Needs::Reading, async |client| ask(&client, &question, args.json).await)
}

fn question(args: &Args) -> Result<Question, Trouble> {
    let (collection, query) = match (args.all, &args.second) {
        (true, None) => (None, &args.first),
        (false, Some(query)) => (Some(&args.first), query),
        _ => return Err(Trouble::Usage("With --all only the question is named.".to_owned())),
    };
    let collection = collection.map(|name| {
        let wrong = |_| Trouble::Usage(format!("`{name}` is no name of a collection."));
        name.parse().map_err(wrong)
    });
    Ok(Question {
        collection: collection.transpose()?,
        query: if query == "-" { from_stdin()? } else { query.clone() },
        k: args.k,
        mode: args.mode.and_then(|mode| Some(mode.to_possible_value()?.get_name().into())),
        filter: search_filter::read(&args.filter).map_err(Trouble::Usage)?,
        rerank: args.rerank,
    })
}

fn from_stdin() -> Result<String, Trouble> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MAX_QUERY_BYTES).read_to_string(&mut text);
    read.map_err(|error| Trouble::Usage(format!("The question cannot be read: {error}.")))?;
    Ok(text.trim().to_owned())
}

async fn ask(client: &Client, question: &Question, json: bool) -> anyhow::Result<Exit> {
    let answer: Answer = client.json(question.request(client), Thing::Collection).await?;
    if question.rerank && !answer.reranked {
        out::note("The hits are in their first order: nothing could rerank them.");
    }
    if answer.left_out > 0 {
        let left = answer.left_out;
        out::note(format_args!("{left} collections were not looked into; search them by name."));
    }
    if answer.hits.is_empty() {
        out::note("Nothing was found.");
    }
    if json {
        for hit in &answer.hits {
            out::line(&hit.to_string())?;
        }
        return Ok(Exit::Done);
    }
    let shown = search_show::Look::of_stdout(question.collection.is_none());
    for (place, hit) in answer.hits.into_iter().enumerate() {
        let hit: Hit = serde_json::from_value(hit).map_err(|error| client.foreign(&error))?;
        out::styled(&shown.hit(place + 1, &hit))?;
    }
    Ok(Exit::Done)
}

impl Question {
    fn request(&self, client: &Client) -> RequestBuilder {
        let Some(collection) = &self.collection else {
            let mut fields = vec![("q", self.query.clone()), ("k", self.k.to_string())];
            let mode = self.mode.as_ref().and_then(Value::as_str);
            fields.extend(mode.map(|mode| ("mode", mode.to_owned())));
            fields.extend(self.rerank.then(|| ("rerank", "true".to_owned())));
            return client.request(Method::GET, &["search"]).query(&fields);
        };
        let mut body = json!({"query": self.query, "k": self.k});
        if let Some(mode) = &self.mode {
            body["mode"] = mode.clone();
        }
        if !self.filter.is_empty() {
            body["filter"] = Value::Object(self.filter.clone());
        }
        if self.rerank {
            body["rerank"] = json!(true);
        }
        let path = ["collections", collection.as_str(), "search"];
        client.request(Method::POST, &path).json(&body)
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::ServerArgs;
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn request(line: &[&str]) -> Option<reqwest::Request> {
        let args = Line::try_parse_from([&["search"], line].concat()).ok()?.args;
        let client = Client::new(&ServerArgs::named("http://h")).unwrap();
        Some(question(&args).ok()?.request(&client).build().unwrap())
    }

    #[test]
    fn a_question_goes_to_one_collection_or_to_all() {
        let one = request(&["my papers", "what is it", "-k", "3", "--mode", "vector"]).unwrap();
        assert_eq!(one.url().as_str(), "http://h/v1/collections/my%20papers/search");
        let body: Value = serde_json::from_slice(one.body().unwrap().as_bytes().unwrap()).unwrap();
        assert_eq!(body, json!({"query": "what is it", "k": 3, "mode": "vector"}));
        let all = request(&["--all", "a&b"]).unwrap();
        assert_eq!(all.url().as_str(), "http://h/v1/search?q=a%26b&k=10");
        assert!(request(&["papers"]).is_none() && request(&["--all", "a", "b"]).is_none());
        assert!(request(&["--all", "a", "--filter", "page=1"]).is_none());
    }
}
