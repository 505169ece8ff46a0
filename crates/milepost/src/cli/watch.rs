//! `milepost watch`, and the waiting that other commands end in. Enters: jobs, or
//! a batch of them.
//! Leaves: a display until all of them have ended, and how they ended. Never:
//! changes a job; Ctrl-C ends the watching alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::process::ExitCode;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use milepost_core::{BatchId, JobId};
use reqwest::Method;

use super::client::{Client, ServerArgs};
use super::describe;
use super::display::Display;
use super::exit::Exit;
use super::follow::{Following, Update};
use super::out;
use super::summary::Ends;
use super::trouble::{Thing, Trouble};
use super::wire::{List, Snapshot};

/// Requests at a time where many jobs have to be asked for.
const PARALLEL: usize = 8;
const TICK: Duration = Duration::from_millis(500);
/// The largest page of a list that a server gives.
const PAGE: &str = "200";

/// Show jobs live until all of them have ended.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The jobs' ids
    #[arg(required_unless_present = "batch", value_name = "JOB")]
    jobs: Vec<JobId>,
    /// All jobs of this batch
    #[arg(long, value_name = "BATCH")]
    batch: Option<BatchId>,
    /// Print every snapshot as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Carries out the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.server)?;
    let (mut jobs, exit) = known(&client, args.jobs).await?;
    if let Some(batch) = args.batch {
        jobs.extend(members(&client, batch).await?);
    }
    let mut display = Display::of_watch(jobs.len(), args.json);
    let ends = until_end(&client, jobs, &mut display).await?;
    if args.batch.is_some() {
        ends.tell(&HashMap::new());
    }
    Ok(exit.max(ends.exit).into())
}

/// The present state of each job of a batch, the oldest first.
pub async fn members(client: &Client, batch: BatchId) -> Result<Vec<Snapshot>, Trouble> {
    let (mut jobs, mut cursor) = (Vec::new(), None);
    loop {
        let batch = batch.to_string();
        let mut request = client
            .request(Method::GET, &["jobs"])
            .query(&[("batch", batch.as_str()), ("limit", PAGE)]);
        if let Some(cursor) = &cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let page: List<serde_json::Value> =
            client.json(request, Thing::Path("a list of jobs")).await?;
        for job in page.items {
            jobs.push(Snapshot::parse(&job.to_string()).map_err(|error| client.foreign(&error))?);
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    jobs.reverse();
    match jobs.is_empty() {
        true => Err(Trouble::NotFound(Thing::Batch(batch))),
        false => Ok(jobs),
    }
}

/// The present state of each job, in order, each once. Jobs that cannot be had
/// are reported; without a server there is nothing to go on with.
pub async fn known(client: &Client, ids: Vec<JobId>) -> anyhow::Result<(Vec<Snapshot>, Exit)> {
    let mut seen = std::collections::HashSet::new();
    let ids: Vec<JobId> = ids.into_iter().filter(|id| seen.insert(*id)).collect();
    let (mut jobs, mut exit) = (Vec::new(), Exit::Done);
    let mut answers = stream::iter(ids).map(|id| client.job(id)).buffered(PARALLEL);
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(job) => jobs.push(job),
            Err(trouble @ (Trouble::NotFound(_) | Trouble::Refused(_))) => {
                exit = exit.max(trouble.exit());
                out::error(&trouble.into());
            }
            Err(trouble) => return Err(trouble.into()),
        }
    }
    Ok((jobs, exit))
}

/// Shows the jobs until all have ended or the user has had enough.
pub async fn until_end(
    client: &Client,
    jobs: Vec<Snapshot>,
    display: &mut Display,
) -> anyhow::Result<Ends> {
    let mut ends = Ends::default();
    let mut open: BTreeMap<JobId, Snapshot> = BTreeMap::new();
    for job in jobs {
        display.show(&job)?;
        ends.take(&job);
        if !job.status.is_terminal() {
            open.insert(job.id, job);
        }
    }
    let seqs = open.iter().map(|(id, job)| (*id, (job.seq, job.batch))).collect();
    let mut following = Following::start(client, seqs);
    let mut tick = tokio::time::interval(TICK);
    let mut last_trouble = String::new();
    // One for the whole watch: a signal between two would go to nobody.
    let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
    while !open.is_empty() {
        let update = tokio::select! {
            update = following.next() => update,
            _ = tick.tick() => {
                display.tick();
                continue;
            }
            _ = &mut interrupt => {
                display.leave();
                return Err(Trouble::Interrupted(come_back(client, &open)).into());
            }
        };
        match update {
            Some(Update::Snapshot(job)) => {
                display.show(&job)?;
                ends.take(&job);
                if job.status.is_terminal() {
                    open.remove(&job.id);
                } else {
                    open.insert(job.id, *job);
                }
            }
            Some(Update::Queue(id, queue)) => {
                if let Some(job) = open.get_mut(&id) {
                    job.queue = Some(queue);
                    display.show_queue(job);
                }
            }
            Some(Update::Lost(id, trouble)) => {
                ends.lose(trouble.exit());
                // One reason for many jobs is told once.
                let text = format!("error: {trouble}");
                if let Some(job) = open.remove(&id).filter(|_| text != last_trouble) {
                    display.note(&format!("{}: {text}", describe::name(&job)));
                }
                last_trouble = text;
            }
            Some(Update::Note(text)) => display.note(&text),
            None => anyhow::bail!("The watch ended before its jobs did; this is a bug."),
        }
    }
    display.finish();
    Ok(ends)
}

fn come_back(client: &Client, open: &BTreeMap<JobId, Snapshot>) -> String {
    if client.is_here() {
        return "Interrupted. The same command goes on where it stopped.".to_owned();
    }
    let batches: BTreeSet<_> = open.values().map(|job| job.batch).collect();
    let batch = batches.first().copied().flatten().filter(|_| batches.len() == 1);
    let ids: Vec<String> = match batch {
        Some(batch) if open.len() > 1 => vec!["--batch".to_owned(), batch.to_string()],
        _ => open.keys().map(JobId::to_string).collect(),
    };
    let what = match open.len() {
        1 => "The job goes on".to_owned(),
        jobs => format!("{jobs} jobs go on"),
    };
    format!("{what}. Watch again with: milepost watch{} {}", client.flag(), ids.join(" "))
}
