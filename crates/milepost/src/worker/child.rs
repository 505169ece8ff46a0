//! The converter's side of the pipe: this runs in a process of its own, which
//! may be killed at any moment. Enters: orders and documents. Leaves: steps,
//! pages, results. Never: opens a path or a socket, writes to its standard
//! output, or outlives the server (it ends when its pipe does).

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::mpsc;

use milepost_convert::{Chunker, Document, Limits, Mark, Options, OutputFormat, Page, Step};
use milepost_core::{Failure, FailureCode, Pipeline};

use super::probe;
use super::wire::{self, CHUNK, Frame, Order, Reply};
use crate::config::Isolation;
use crate::{pipeline, sandbox};

/// Frames that may wait between the reader and the converter.
const BACKLOG: usize = 4;

/// Memory beside what a document may take: the pipe's and the program's own.
const OWN_MEMORY: u64 = 128 * 1024 * 1024;

/// The whole life of a converter process. Its arguments are the memory that it
/// may have and how much of the sandbox there must be. To be called before any
/// thread is started.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match shut_in(arguments).and_then(|missing| run(&missing)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the converter stops: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Says which walls do not stand.
fn shut_in(mut arguments: impl Iterator<Item = OsString>) -> io::Result<String> {
    let mut next = || arguments.next()?.into_string().ok();
    let memory = next().and_then(|memory| memory.parse::<u64>().ok());
    let isolation = next().and_then(|name| Isolation::named(&name));
    let (Some(memory), Some(isolation)) = (memory, isolation) else {
        return Err(invalid("this is how the server starts its converters; it is of no other use"));
    };
    if isolation == Isolation::Off {
        return Ok("switched off by worker.sandbox".to_owned());
    }
    // The document's stack, and that of a thread that writes HTML.
    let stacks = 2 * pipeline::convert::STACK_BYTES as u64;
    let missing = sandbox::enter(memory, stacks + OWN_MEMORY);
    let words = missing.iter().map(|(wall, why)| format!("{}: {why}", wall.name()));
    let words = words.collect::<Vec<_>>().join("; ");
    if isolation == Isolation::Require && !words.is_empty() {
        return Err(invalid(&words));
    }
    Ok(words)
}

/// Serves orders until the pipe ends, or breaks, or carries nonsense.
fn run(missing: &str) -> io::Result<()> {
    let pipe = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut incoming = pipe.try_clone()?;
    let (sender, frames) = mpsc::sync_channel(BACKLOG);
    // Reads all the time, even in the middle of a page, so that the end of the
    // server is noticed and this process does not stay behind.
    std::thread::Builder::new().name("pipe".into()).spawn(move || {
        while let Ok(Some(frame)) = wire::read_blocking(&mut incoming) {
            if sender.send(frame).is_err() {
                break;
            }
        }
        std::process::exit(0);
    })?;
    let outgoing = BufWriter::with_capacity(CHUNK, pipe);
    pipeline::convert::on_deep_stack(move || serve(&frames, outgoing, missing))?
}

fn serve(
    frames: &mpsc::Receiver<Frame>,
    mut outgoing: impl Write,
    missing: &str,
) -> io::Result<()> {
    while let Ok(frame) = frames.recv() {
        if let Order::Try(attempt) = frame.message()? {
            let tried = Reply::Tried(probe::run(attempt, missing));
            send(&tried, &mut outgoing)?;
            outgoing.flush()?;
            continue;
        }
        let done = match frame.message()? {
            Order::Chunk { chunker, tokenizer, extracts, limits } => {
                let tokenizer = content(frames, tokenizer)?;
                let texts = receive_extracts(frames, extracts)?;
                chunk(&texts, &chunker, &tokenizer, &limits, &mut outgoing)?
            }
            _ => work(receive(&frame, frames)?, &mut outgoing)?,
        };
        let last = match done {
            Ok(()) => Reply::Done,
            Err(failure) => Reply::Failed(failure),
        };
        send(&last, &mut outgoing)?;
        outgoing.flush()?;
    }
    Ok(())
}

struct Job {
    pipeline: Pipeline,
    media_type: String,
    document: Document,
    options: Options,
    limits: Limits,
    finished: Vec<Page>,
    /// Whether each page is wanted.
    pages: bool,
}

fn receive(first: &Frame, frames: &mpsc::Receiver<Frame>) -> io::Result<Job> {
    let Order::Begin { pipeline, filename, media_type, options, limits, pages } =
        first.message()?
    else {
        return Err(invalid("a job begins with `begin`"));
    };
    let mut finished = Vec::new();
    loop {
        match next(frames)?.message()? {
            Order::Begin { .. } | Order::Chunk { .. } | Order::Extract { .. } | Order::Try(_) => {
                return Err(invalid("a job begins once"));
            }
            Order::Finished { page, error, bytes } => {
                let markdown = String::from_utf8(content(frames, bytes)?)
                    .map_err(|_| invalid("a page is not UTF-8"))?;
                finished.push(Page { number: page, markdown, rendered: Default::default(), error });
            }
            Order::Document { bytes } => {
                let document = Document { filename, bytes: content(frames, bytes)? };
                return Ok(Job {
                    pipeline,
                    media_type,
                    document,
                    options,
                    limits,
                    finished,
                    pages,
                });
            }
        }
    }
}

/// What was extracted of each document, on a line of its own.
fn receive_extracts(frames: &mpsc::Receiver<Frame>, count: u32) -> io::Result<Vec<u8>> {
    let mut extracts = Vec::new();
    for _ in 0..count {
        let Order::Extract { bytes } = next(frames)?.message()? else {
            return Err(invalid("another order where an extract was due"));
        };
        extracts.append(&mut content(frames, bytes)?);
        extracts.push(b'\n');
    }
    Ok(extracts)
}

fn content(frames: &mpsc::Receiver<Frame>, bytes: u64) -> io::Result<Vec<u8>> {
    let expected = usize::try_from(bytes).map_err(|_| invalid("content is too long"))?;
    let mut whole = Vec::new();
    while whole.len() < expected {
        match next(frames)? {
            Frame::Content(chunk) => whole.extend_from_slice(&chunk),
            Frame::Message(_) => return Err(invalid("a message where content was due")),
        }
    }
    Ok(whole)
}

fn next(frames: &mpsc::Receiver<Frame>) -> io::Result<Frame> {
    frames.recv().map_err(|_| io::ErrorKind::UnexpectedEof.into())
}

/// The outer error is the pipe's, the inner one the document's.
fn work(job: Job, out: &mut impl Write) -> io::Result<Result<(), Failure>> {
    match job.pipeline {
        Pipeline::Convert => convert(job, out),
        Pipeline::Sentences => {
            let Job { document, options, limits, .. } = job;
            let made = marking(out, |on_mark| {
                pipeline::sentences::run(document, &options, &limits, on_mark)
            })?;
            if let Ok(made) = &made {
                send_text(0, OutputFormat::Json, &made.json, out)?;
                send_text(0, OutputFormat::Text, &made.text, out)?;
            }
            Ok(made.map(drop))
        }
        Pipeline::Ingest => {
            let Job { document, media_type, options, limits, finished, pages, .. } = job;
            let made = stepping(out, pages, |on_step| {
                pipeline::ingest::extract(
                    document,
                    &media_type,
                    &options,
                    &limits,
                    finished,
                    on_step,
                )
            })?;
            if let Ok(json) = &made {
                send(&Reply::Extract { bytes: json.len() as u64 }, out)?;
                send_content(json, out)?;
            }
            Ok(made.map(drop))
        }
        Pipeline::External => Err(invalid("nothing is done here for an external job")),
    }
}

/// Sends each mark as it comes.
fn marking<T>(out: &mut impl Write, work: impl FnOnce(&mut dyn FnMut(Mark)) -> T) -> io::Result<T> {
    let mut broken = None;
    let made = work(&mut |mark| {
        if broken.is_none() {
            broken = send(&Reply::Mark(mark), out).and_then(|()| out.flush()).err();
        }
    });
    broken.map_or(Ok(made), Err)
}

/// Sends each step as it comes.
fn stepping<T>(
    out: &mut impl Write,
    pages: bool,
    work: impl FnOnce(&mut dyn FnMut(Step)) -> T,
) -> io::Result<T> {
    let mut broken = None;
    let made = work(&mut |step| {
        if broken.is_none() {
            broken = send_step(step, pages, out).err();
        }
    });
    broken.map_or(Ok(made), Err)
}

/// Cuts what was extracted.
fn chunk(
    extracts: &[u8],
    chunker: &Chunker,
    tokenizer: &[u8],
    limits: &Limits,
    out: &mut impl Write,
) -> io::Result<Result<(), Failure>> {
    let tokenizer = (!tokenizer.is_empty()).then_some(tokenizer);
    let made = marking(out, |on_mark| {
        pipeline::ingest::chunk(extracts, chunker, tokenizer, limits, on_mark)
    })?;
    if let Ok(json) = &made {
        send(&Reply::Chunks { bytes: json.len() as u64 }, out)?;
        send_content(json, out)?;
    }
    Ok(made.map(drop))
}

fn convert(job: Job, out: &mut impl Write) -> io::Result<Result<(), Failure>> {
    let converted = stepping(out, true, |on_step| {
        pipeline::convert::run(job.document, &job.options, &job.limits, job.finished, on_step)
    })?;
    match converted {
        Err(failure) => Ok(Err(failure)),
        Ok(output) if output.rendered.is_empty() => Ok(Err(Failure::permanent(
            FailureCode::Internal,
            "The converter made no result; report this document to the operator.",
        ))),
        Ok(output) => {
            for (format, text) in &output.rendered {
                send_text(0, *format, text, out)?;
            }
            Ok(Ok(()))
        }
    }
}

fn send_step(step: Step, pages: bool, out: &mut impl Write) -> io::Result<()> {
    let reply = match step {
        Step::Detected { format, pages, selected } => {
            Reply::Detected { format, pages, selected: selected.len() as u32 }
        }
        Step::Assembling => Reply::Assembling,
        Step::Page(page) if !pages => {
            Reply::Page { page: page.number, bytes: page.markdown.len() as u64, error: page.error }
        }
        Step::Page(page) => {
            send_text(page.number, OutputFormat::Markdown, &page.markdown, out)?;
            for (format, text) in &page.rendered {
                send_text(page.number, *format, text, out)?;
            }
            Reply::Page { page: page.number, bytes: page.markdown.len() as u64, error: page.error }
        }
    };
    send(&reply, out)?;
    out.flush()
}

fn send(reply: &Reply, out: &mut impl Write) -> io::Result<()> {
    out.write_all(&wire::encode(reply)?)
}

fn send_text(page: u32, format: OutputFormat, text: &str, out: &mut impl Write) -> io::Result<()> {
    let bytes = text.len() as u64;
    send(&Reply::Text { page, format, bytes }, out)?;
    send_content(text, out)
}

fn send_content(text: &str, out: &mut impl Write) -> io::Result<()> {
    for chunk in text.as_bytes().chunks(CHUNK) {
        out.write_all(&wire::content_header(chunk.len())?)?;
        out.write_all(chunk)?;
    }
    Ok(())
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
