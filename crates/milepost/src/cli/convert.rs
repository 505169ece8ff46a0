//! `milepost convert`: converts files without a server, in the same converter
//! processes that a server uses. Enters: files. Leaves: one file for each format
//! of each, or Markdown on standard output; progress on standard error. Never:
//! leaves a half-written file under its final name.

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, anyhow, bail};
use futures_util::StreamExt as _;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use milepost_convert::{Options, OutputFormat, PageSelection};
use milepost_core::{Failure, Pipeline};
use serde_json::json;
use tokio_util::io::ReaderStream;

use super::exit::Exit;
use super::target::Target;
use super::{out, submit};
use crate::clock::Clock;
use crate::config::{Config, WorkerConfig};
use crate::store::{Blobs, Content, StoreError};
use crate::worker::{Allowance, Converter, Gone, Report, Task, limits, spawn, verdict};

/// Convert files on this machine, without a server
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Folder for the results; without it the result of one file goes to stdout
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Formats to make: markdown, json, html, text
    #[arg(long, value_name = "FORMAT", value_delimiter = ',', default_value = "markdown")]
    format: Vec<OutputFormat>,
    /// Only these pages, for example 1-3,7,10-
    #[arg(long, value_name = "PAGES")]
    pages: Option<PageSelection>,
    /// A file whose first line is the password of the documents
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Files at a time [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Report each file as a line of JSON on stdout
    #[arg(long, requires = "output")]
    json: bool,
}

/// Carries out the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.output.is_none() && (args.files.len() > 1 || args.format.len() > 1) {
        bail!(super::trouble::Trouble::Usage(
            "Several results need a folder: name one with -o.".to_owned()
        ));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            done = convert_all(args) => done,
            _ = tokio::signal::ctrl_c() => Ok(Exit::Interrupted.into()),
        }
    })
}

struct Batch {
    files: Mutex<VecDeque<(PathBuf, String)>>,
    options: Options,
    worker: WorkerConfig,
    output: Option<PathBuf>,
    json: bool,
    bars: MultiProgress,
    worst: Mutex<Exit>,
}

async fn convert_all(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let password = args.password_file.as_deref().map(submit::password).transpose()?;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let at_a_time = args.jobs.map_or(processors, usize::from).min(args.files.len());
    let target =
        if out::can_draw() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    // The limits are those of a server here.
    let file = std::env::var_os("MILEPOST_CONFIG").map(PathBuf::from);
    let batch = Arc::new(Batch {
        files: Mutex::new(name_outputs(args.files)),
        options: Options {
            pages: args.pages,
            password,
            formats: args.format,
            ..Options::default()
        },
        worker: Config::load(file.as_deref(), std::env::vars())?.worker,
        output: args.output,
        json: args.json,
        bars: MultiProgress::with_draw_target(target),
        worst: Mutex::new(Exit::Done),
    });
    let workers: Vec<_> = (0..at_a_time).map(|_| tokio::spawn(work(batch.clone()))).collect();
    for worker in workers {
        worker.await??;
    }
    let worst = *lock(&batch.worst);
    Ok(worst.into())
}

/// Every file with the stem of its results. Where two files would write over
/// each other, the later one keeps its ending.
fn name_outputs(files: Vec<PathBuf>) -> VecDeque<(PathBuf, String)> {
    let mut taken = HashSet::new();
    let name = |file: &Path, taken: &mut HashSet<String>| {
        let text = |part: Option<&std::ffi::OsStr>| {
            part.map_or_else(|| "document".to_owned(), |p| p.to_string_lossy().into_owned())
        };
        let candidates = [text(file.file_stem()), text(file.file_name())];
        let numbered = (2..).map(|n| format!("{}-{n}", candidates[1]));
        let mut all = candidates.iter().cloned().chain(numbered);
        all.find(|name| taken.insert(name.clone())).unwrap_or_default()
    };
    files
        .into_iter()
        .map(|file| {
            let stem = name(&file, &mut taken);
            (file, stem)
        })
        .collect()
}

/// Takes file after file until none is left.
async fn work(batch: Arc<Batch>) -> anyhow::Result<()> {
    let blobs = Blobs::in_memory();
    let mut converter = None;
    loop {
        let next = lock(&batch.files).pop_front();
        let Some((file, stem)) = next else { return Ok(()) };
        let bar = batch.bars.add(new_bar(&file));
        let outcome = one(&batch, &blobs, &mut converter, &file, &stem, &bar).await;
        bar.finish_and_clear();
        batch.bars.remove(&bar);
        let name = file.display();
        match outcome {
            Ok(written) => {
                if batch.json {
                    let line = json!({"file": file, "status": "completed", "written": written});
                    out::line(&line.to_string())?;
                } else if batch.output.is_some() {
                    let paths: Vec<_> = written.iter().map(|p| p.display().to_string()).collect();
                    batch
                        .bars
                        .suspend(|| out::note(format_args!("{name} -> {}", paths.join(", "))));
                }
            }
            Err(error) => {
                let mut worst = lock(&batch.worst);
                *worst = (*worst).max(Exit::of_error(&error));
                drop(worst);
                if batch.json {
                    let failure = error.downcast_ref::<Unconverted>();
                    let line = json!({
                        "file": file, "status": "failed",
                        "code": failure.map(|failure| failure.0.code.as_str()),
                        "message": format!("{error:#}"),
                    });
                    out::line(&line.to_string())?;
                }
                batch.bars.suspend(|| out::error(&error.context(format!("{name}"))));
            }
        }
    }
}

/// The document's own fault.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
struct Unconverted(Failure);

async fn one(
    batch: &Batch,
    blobs: &Blobs,
    slot: &mut Option<Converter>,
    file: &Path,
    stem: &str,
    bar: &ProgressBar,
) -> anyhow::Result<Vec<PathBuf>> {
    let source = tokio::fs::File::open(file).await.context("cannot open it")?;
    let meta = source.metadata().await?;
    if !meta.is_file() {
        bail!("it is no file");
    }
    let mut converter = match slot.take() {
        Some(converter) => converter,
        None => spawn((&batch.worker).into()).context("cannot start a converter")?,
    };
    let filename = file.file_name().unwrap_or_default().to_string_lossy();
    let may = Allowance::from(&batch.worker);
    let document = ReaderStream::new(source).map(|chunk| chunk.map_err(StoreError::from));
    let (options, limits, clock) = (&batch.options, limits(&batch.worker), Clock::system());
    let task = Task {
        pipeline: Pipeline::Convert,
        filename: &filename,
        media_type: "",
        options,
        limits: &limits,
        finished: Vec::new(),
        bytes: meta.len(),
        pages: true,
    };
    let begun = converter.begin(may.silence, task, Box::pin(document)).await;
    if let Err(gone) = begun {
        return Err(explain(converter.conclude(gone).await, &may));
    }
    loop {
        let report = match converter.next(blobs, &clock, &may).await {
            Ok(report) => report,
            Err(gone) => return Err(explain(converter.conclude(gone).await, &may)),
        };
        match report {
            Report::Detected { selected, .. } => bar.set_length(u64::from(selected)),
            Report::Page { page, error, .. } => {
                bar.inc(1);
                if let Some(error) = error {
                    let name = file.display();
                    let note = format!("{name}: page {page} is only a placeholder: {error}");
                    batch.bars.suspend(|| out::note(note));
                }
            }
            Report::Assembling => bar.set_message("assembling"),
            // A conversion has pages.
            Report::Mark(_) => {}
            Report::Failed(failure) => {
                *slot = Some(converter);
                return Err(Unconverted(failure).into());
            }
            Report::Done(texts) => {
                *slot = Some(converter);
                let mut written = Vec::new();
                for text in texts {
                    let format: OutputFormat =
                        text.format.parse().map_err(|_| anyhow!("an unknown format came back"))?;
                    written.extend(write(batch, blobs, &text.content, stem, format).await?);
                }
                return Ok(written);
            }
        }
    }
}

/// To a file in the output folder, or to stdout.
async fn write(
    batch: &Batch,
    blobs: &Blobs,
    content: &Content,
    stem: &str,
    format: OutputFormat,
) -> anyhow::Result<Option<PathBuf>> {
    let mut text = blobs.open(content, 0..content.bytes).await?;
    let path = batch.output.as_ref().map(|f| f.join(format!("{stem}.{}", format.extension())));
    let mut target = Target::open(path.as_deref())?;
    while let Some(chunk) = text.next().await {
        target.write(&chunk?)?;
    }
    target.finish()?;
    if let crate::store::Place::Object(name) = &content.place {
        blobs.remove(name).await?;
    }
    Ok(path)
}

fn explain(gone: Gone, may: &Allowance) -> anyhow::Error {
    match gone {
        Gone::Store(error) => error.into(),
        gone => Unconverted(verdict::failure(&gone, Pipeline::Convert, may)).into(),
    }
}

fn new_bar(file: &Path) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:30!} [{bar:30}] {pos}/{len} {eta} {msg}")
        .expect("the template is a constant");
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let clean = super::text::clean(&name);
    ProgressBar::no_length().with_style(style).with_prefix(clean)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::name_outputs;

    #[test]
    fn no_two_files_share_a_result() {
        let files = ["a/paper.pdf", "paper.docx", "b/paper.pdf", "c/paper.pdf"];
        let named = name_outputs(files.iter().map(Into::into).collect());
        let stems: Vec<_> = named.iter().map(|(_, stem)| stem.as_str()).collect();
        assert_eq!(stems, ["paper", "paper.docx", "paper.pdf", "paper.pdf-2"]);
    }
}
