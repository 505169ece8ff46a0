//! A converter that lives in this process and speaks the real wire. Enters: the
//! orders of the server. Leaves: replies, or what a converter does instead: it
//! dies, falls silent, talks nonsense, says a page twice.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use milepost_convert::{Counted, Format, Mark, OutputFormat};
use milepost_core::{Failure, FailureCode, Pipeline};
use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::world::World;
use crate::pipeline::ingest::CHUNKING;
use crate::pipeline::phases;
use crate::worker::wire::{self, Frame, Order, Reply};
use crate::worker::{Body, Converter, Start};

/// Starts converters of this kind.
pub fn start(world: Arc<World>) -> Start {
    Arc::new(move || {
        if world.fault(world.weather.start_fails) {
            return Err(io::Error::other("no converter today"));
        }
        let room = world.choose(&[16, 4096, 65_536]).expect("there is a choice");
        let (ours, theirs) = duplex(room);
        let life = tokio::spawn(live(world.clone(), theirs));
        Ok(Converter::new(Box::new(Mortal(life)), Box::new(ours)))
    })
}

struct Mortal(JoinHandle<()>);

impl Body for Mortal {
    fn is_alive(&mut self) -> bool {
        !self.0.is_finished()
    }

    fn end(&mut self) -> BoxFuture<'_, String> {
        async move {
            self.0.abort();
            "killed".to_owned()
        }
        .boxed()
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why it stops in the middle.
enum Stop {
    Dies,
    Pipe,
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Pipe
    }
}

async fn live(world: Arc<World>, mut pipe: DuplexStream) {
    loop {
        let served = async {
            match receive(&mut pipe).await? {
                Wanted::Chunks(extracts) => chunk(&world, &mut pipe, &extracts).await,
                Wanted::Document(Pipeline::Sentences, document, _) => {
                    in_phases(&world, &mut pipe, Pipeline::Sentences, &document).await
                }
                Wanted::Document(pipeline, document, finished) => {
                    convert(&world, &mut pipe, pipeline, &document, finished).await
                }
            }
        };
        if served.await.is_err() {
            return;
        }
    }
}

/// What to do.
enum Wanted {
    /// With which document, and the pages of it that are finished.
    Document(Pipeline, String, Vec<(u32, String)>),
    /// With these texts.
    Chunks(Vec<String>),
}

async fn receive(pipe: &mut DuplexStream) -> Result<Wanted, Stop> {
    let (mut finished, mut wanted) = (Vec::new(), Pipeline::Convert);
    loop {
        let frame = wire::read(pipe).await?.ok_or(Stop::Pipe)?;
        match frame.message::<Order>()? {
            Order::Begin { pipeline, .. } => wanted = pipeline,
            Order::Try(_) | Order::Extract { .. } => return Err(Stop::Pipe),
            Order::Chunk { extracts, .. } => {
                let mut texts = Vec::new();
                for _ in 0..extracts {
                    let frame = wire::read(pipe).await?.ok_or(Stop::Pipe)?;
                    let Order::Extract { bytes } = frame.message()? else {
                        return Err(Stop::Pipe);
                    };
                    texts.push(content(pipe, bytes).await?);
                }
                return Ok(Wanted::Chunks(texts));
            }
            Order::Finished { page, bytes, .. } => {
                finished.push((page, content(pipe, bytes).await?));
            }
            Order::Document { bytes } => {
                let document = content(pipe, bytes).await?;
                return Ok(Wanted::Document(wanted, document, finished));
            }
        }
    }
}

async fn content(pipe: &mut DuplexStream, bytes: u64) -> Result<String, Stop> {
    let mut whole = Vec::new();
    while (whole.len() as u64) < bytes {
        match wire::read(pipe).await?.ok_or(Stop::Pipe)? {
            Frame::Content(chunk) => whole.extend_from_slice(&chunk),
            Frame::Message(_) => return Err(Stop::Pipe),
        }
    }
    String::from_utf8(whole).map_err(|_| Stop::Pipe)
}

/// The text of a document with so many pages, which goes under `{name}.txt`.
pub fn document(name: u64, pages: u32) -> String {
    format!("{name} {pages}")
}

async fn convert(
    world: &World,
    pipe: &mut DuplexStream,
    pipeline: Pipeline,
    document: &str,
    mut finished: Vec<(u32, String)>,
) -> Result<(), Stop> {
    let run = world.number();
    let (name, pages) = document.split_once(' ').expect("the simulation wrote it");
    let pages: u32 = pages.parse().expect("the simulation wrote it");
    world.note(|| format!("converter {run}: begins {name}, {} pages done", finished.len()));
    let lease = world.ledger().lease_on(&format!("{name}.txt"));
    let work = async || {
        work(world).await;
        if let Some((job, fence)) = lease.filter(|_| world.weather.orders_are_prompt()) {
            world.check(world.ledger().is_wanted(job, fence, world.now()));
        }
    };
    work().await;
    if err(world, pipe, run).await? {
        return Ok(());
    }
    wire::send(pipe, &Reply::Detected { format: Format::Pdf, pages, selected: pages }).await?;
    for page in 1..=pages {
        if finished.iter().any(|(number, _)| *number == page) {
            continue;
        }
        work().await;
        if err(world, pipe, run).await? {
            return Ok(());
        }
        let text = format!("document {name} page {page} run {run}\n");
        let error = world.fault(100).then(|| "it is illegible".to_owned());
        let twice = world.fault(world.weather.converter_errs / 8);
        for _ in 0..=usize::from(twice) {
            say_text(pipe, page, OutputFormat::Markdown, &text).await?;
            let bytes = text.len() as u64;
            wire::send(pipe, &Reply::Page { page, bytes, error: error.clone() }).await?;
        }
        finished.push((page, text));
    }
    if pipeline == Pipeline::Convert {
        wire::send(pipe, &Reply::Assembling).await?;
    }
    work().await;
    if err(world, pipe, run).await? {
        return Ok(());
    }
    finished.sort();
    if pipeline == Pipeline::Ingest {
        let parts: Vec<_> =
            finished.iter().map(|(page, text)| json!({"page": page, "markdown": text})).collect();
        let texts = json!({"texts": [{"source": format!("{name}.txt"), "parts": parts}]});
        let texts = texts.to_string();
        wire::send(pipe, &Reply::Extract { bytes: texts.len() as u64 }).await?;
        wire::send_content(pipe, texts.as_bytes()).await?;
        world.note(|| format!("converter {run}: done"));
        return Ok(wire::send(pipe, &Reply::Done).await?);
    }
    let whole: String = finished.into_iter().map(|(_, text)| text).collect();
    for format in [OutputFormat::Markdown, OutputFormat::Text] {
        say_text(pipe, 0, format, &whole).await?;
    }
    world.note(|| format!("converter {run}: done"));
    Ok(wire::send(pipe, &Reply::Done).await?)
}

/// A chunk of each page.
async fn chunk(world: &World, pipe: &mut DuplexStream, extracts: &[String]) -> Result<(), Stop> {
    let run = world.number();
    world.note(|| format!("converter {run}: cuts {} texts", extracts.len()));
    let (mut chunks, mut sources) = (Vec::new(), Vec::new());
    for (document, extract) in extracts.iter().enumerate() {
        let extract: Value = serde_json::from_str(extract).expect("the simulation wrote it");
        let text = &extract["texts"][0];
        let parts = text["parts"].as_array().expect("the simulation wrote it");
        for (index, part) in parts.iter().enumerate() {
            let (page, text) = (&part["page"], &part["markdown"]);
            chunks.push(json!({
                "id": format!("{document}-{index}"), "document": document, "index": index,
                "text": text, "headings": [], "pages": [page, page], "characters": 1,
            }));
        }
        sources.push(json!({
            "place": document, "line": document, "source": text["source"], "key": null, "chunks": parts.len(),
        }));
    }
    for (phase, _) in CHUNKING {
        work(world).await;
        if err(world, pipe, run).await? {
            return Ok(());
        }
        let begins = Mark::Begins { phase, counted: Counted::Chunk, total: None, found: None };
        wire::send(pipe, &Reply::Mark(begins)).await?;
        for done in 1..=chunks.len() as u64 {
            work(world).await;
            wire::send(pipe, &Reply::Mark(Mark::Done { done, total: None })).await?;
        }
    }
    // As a map it would be sorted, and the chunks come first.
    let (chunks, sources) = (Value::from(chunks), Value::from(sources));
    let made =
        format!("{{\"chunks\":{chunks},\"documents\":{},\"sources\":{sources}}}", extracts.len());
    wire::send(pipe, &Reply::Chunks { bytes: made.len() as u64 }).await?;
    wire::send_content(pipe, made.as_bytes()).await?;
    Ok(wire::send(pipe, &Reply::Done).await?)
}

/// Work of a pipeline that has phases, each of as many units as there are pages.
async fn in_phases(
    world: &World,
    pipe: &mut DuplexStream,
    pipeline: Pipeline,
    document: &str,
) -> Result<(), Stop> {
    let run = world.number();
    let (name, pages) = document.split_once(' ').expect("the simulation wrote it");
    let pages: u64 = pages.parse().expect("the simulation wrote it");
    world.note(|| format!("converter {run}: {pipeline} of {name}"));
    for (phase, _) in phases(pipeline) {
        work(world).await;
        if err(world, pipe, run).await? {
            return Ok(());
        }
        let total = world.chance(800).then_some(pages);
        let begins = Mark::Begins { phase: *phase, counted: Counted::Chunk, total, found: None };
        wire::send(pipe, &Reply::Mark(begins)).await?;
        let nonsense = u64::from(world.fault(world.weather.converter_errs / 8)) * pages;
        for done in 1..=pages {
            work(world).await;
            let total = (done == pages).then_some(pages);
            let done = done + nonsense;
            wire::send(pipe, &Reply::Mark(Mark::Done { done, total })).await?;
        }
    }
    say_text(pipe, 0, OutputFormat::Json, &format!("{pipeline} of {name}, run {run}")).await?;
    Ok(wire::send(pipe, &Reply::Done).await?)
}

async fn work(world: &World) {
    // A converter that is quick shares a commit between its pages.
    if !world.chance(300) {
        world.wait_up_to(world.weather.page_millis).await;
    }
}

async fn say_text(
    pipe: &mut DuplexStream,
    page: u32,
    format: OutputFormat,
    text: &str,
) -> Result<(), Stop> {
    let bytes = text.len() as u64;
    wire::send(pipe, &Reply::Text { page, format, bytes }).await?;
    Ok(wire::send_content(pipe, text.as_bytes()).await?)
}

/// Does something wrong, perhaps. `true`: the document is done with.
async fn err(world: &World, pipe: &mut DuplexStream, run: u64) -> Result<bool, Stop> {
    if !world.fault(world.weather.converter_errs) {
        return Ok(false);
    }
    let what = world.below(6);
    world.note(|| format!("converter {run}: goes wrong, way {what}"));
    match what {
        0 => return Err(Stop::Dies),
        1 => std::future::pending().await,
        2 => pipe.write_all(b"m\x04\x00\x00\x00none and a bit more").await?,
        3 => pipe.write_all(&[0xff; 64]).await?,
        4 => {
            // Slow, but not too slow.
            let silence = world.weather.config.worker.silence;
            sleep(silence.saturating_sub(Duration::from_millis(500))).await;
            return Ok(false);
        }
        _ => {
            let code = FailureCode::DocumentDamaged;
            let failure = match world.chance(500) {
                true => Failure::retryable(code, "Try again."),
                false => Failure::permanent(code, "It is broken."),
            };
            wire::send(pipe, &Reply::Failed(failure)).await?;
            return Ok(true);
        }
    }
    Err(Stop::Dies)
}
