//! `milepost result`. Enters: a job. Leaves: its result, or the pages that are
//! finished already. Never: leaves half a file under the name of a whole one.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::StreamExt as _;
use milepost_core::JobId;
use reqwest::RequestBuilder;
use tokio::time::timeout;

use super::client::{Client, ServerArgs};
use super::exit::Exit;
use super::out;
use super::target::Target;
use super::trouble::{Thing, Trouble};
use super::wire::{List, PageInfo};

/// A download that says nothing for this long is broken.
const SILENCE: Duration = Duration::from_secs(60);

/// Fetch a job's result, or the pages that are converted already.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job's id
    #[arg(value_name = "JOB")]
    job: JobId,
    /// markdown, json, html, text, or what else the job made
    #[arg(long, value_name = "FORMAT", default_value = "markdown")]
    format: String,
    /// Write to this file, which appears once it is whole, and not to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only this page, counted from 1; it need not wait for the others
    #[arg(long, value_name = "N", conflicts_with = "pages", value_parser = clap::value_parser!(u64).range(1..))]
    page: Option<u64>,
    /// All pages that are converted already, whatever becomes of the job
    #[arg(long)]
    pages: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Carries out the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.server)?;
    tokio::select! {
        done = fetch(&client, &args) => done?,
        _ = tokio::signal::ctrl_c() => {
            return Err(Trouble::Interrupted("Nothing was written.".to_owned()).into());
        }
    }
    Ok(Exit::Done.into())
}

async fn fetch(client: &Client, args: &Args) -> anyhow::Result<()> {
    let job = args.job;
    let format = [("format", args.format.as_str())];
    // Asked for before the target is opened: a refusal leaves no trace.
    let page_url = |page: u64| client.get_job(job, &["pages", &page.to_string()]).query(&format);
    let mut target;
    if args.pages {
        let pages = finished_pages(client, job).await?;
        if pages.is_empty() {
            out::note("No page is converted yet.");
        }
        target = Target::open(args.output.as_deref())?;
        for page in pages {
            copy(client, page_url(page), Thing::Page(job, page), &mut target).await?;
            target.end_line()?;
        }
    } else {
        let (request, about) = match args.page {
            Some(page) => (page_url(page), Thing::Page(job, page)),
            None => (client.get_job(job, &["result"]).query(&format), Thing::Job(job)),
        };
        let response = client.send(request, about).await?;
        target = Target::open(args.output.as_deref())?;
        drain(client, response, &mut target).await?;
    }
    target.finish()?;
    Ok(())
}

async fn finished_pages(client: &Client, job: JobId) -> Result<Vec<u64>, Trouble> {
    let (mut pages, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut request = client.get_job(job, &["pages"]).query(&[("limit", "200")]);
        if let Some(cursor) = &cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let list: List<PageInfo> = client.json(request, Thing::Job(job)).await?;
        let empty = list.items.is_empty();
        pages.extend(list.items.into_iter().map(|item| item.page));
        cursor = list.next;
        if cursor.is_none() || empty {
            return Ok(pages);
        }
    }
}

async fn copy(
    client: &Client,
    request: RequestBuilder,
    about: Thing,
    target: &mut Target,
) -> anyhow::Result<()> {
    let response = client.send(request, about).await?;
    drain(client, response, target).await
}

async fn drain(
    client: &Client,
    response: reqwest::Response,
    target: &mut Target,
) -> anyhow::Result<()> {
    let mut chunks = response.bytes_stream();
    loop {
        let chunk = timeout(SILENCE, chunks.next()).await.map_err(|_| Trouble::Unreachable {
            server: client.server().to_owned(),
            cause: "the download stopped".to_owned(),
            connected: true,
        })?;
        match chunk {
            Some(chunk) => target.write(&chunk.map_err(|error| client.broken(&error))?)?,
            None => return Ok(()),
        }
    }
}
