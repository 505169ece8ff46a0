//! Pages for each processor second, beside what else turns PDFs into text. Enters:
//! a folder of PDFs. Leaves: for the bare libraries, the server, pdftotext and
//! markitdown, in turn, the pages and what they cost. Each is a process of its
//! own that gets all documents, but pdftotext, which is started for each.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use milepost_convert::{Document, Limits, Step};
use pdf_oxide::PdfDocument;
use pdf_oxide::converters::ConversionOptions;

use crate::figures::median;
use crate::process::cpu_seconds;
use crate::server::Server;
use crate::throughput;

#[derive(clap::Args)]
pub struct Options {
    /// Holds PDFs.
    folder: PathBuf,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// A Python that has markitdown.
    #[arg(long)]
    python: Option<PathBuf>,
}

/// A library without a server, in a process of its own.
#[derive(clap::Args)]
pub struct Bare {
    library: Library,
    folder: PathBuf,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Library {
    /// Only the Markdown of each page.
    Oxide,
    /// What a converter does: all formats.
    Convert,
}

const MARKITDOWN: &str = "
import sys
from markitdown import MarkItDown
converter = MarkItDown()
for path in sys.argv[1:]:
    converter.convert(path)
";

/// Runs all in turn, and prints medians and ratios to the converter's library.
pub async fn run(binary: &Path, options: &Options) -> anyhow::Result<()> {
    let documents = throughput::documents(&options.folder)?;
    let this = std::env::current_exe()?;
    let bare = |library: &str| {
        let mut command = Command::new(&this);
        command.args(["bare", library]).arg(&options.folder);
        command
    };
    let server = Server::start(binary, 1).await?;
    let names = ["milepost-convert", "Milepost", "pdf_oxide", "pdftotext", "markitdown"];
    let mut all = vec![Vec::new(); names.len()];
    let mut pages = 0;
    for _ in 0..options.rounds {
        all[0].push(cost_of([bare("convert")])?);
        let made = throughput::through_server(&server, &documents).await?;
        pages = made.0;
        all[1].push(made.1);
        all[2].push(cost_of([bare("oxide")])?);
        let pdftotext = documents.iter().map(|path| {
            let mut command = Command::new("pdftotext");
            command.arg(path).arg("-");
            command
        });
        if Command::new("pdftotext").arg("-v").stderr(Stdio::null()).status().is_ok() {
            all[3].push(cost_of(pdftotext)?);
        }
        if let Some(python) = &options.python {
            let mut command = Command::new(python);
            command.args(["-c", MARKITDOWN]).args(&documents).stderr(Stdio::null());
            all[4].push(cost_of([command])?);
        }
    }
    println!("{} documents, {pages} pages\n{:<18} pages/cpu-s  ratio", documents.len(), "");
    for (name, costs) in names.iter().zip(&all).filter(|(_, costs)| !costs.is_empty()) {
        let ratios: Vec<_> = costs.iter().zip(&all[0]).map(|(cost, bare)| bare / cost).collect();
        let rate = pages as f64 / median(costs);
        println!("{name:<18} {rate:>11.1}  {:>5.3}", median(&ratios));
    }
    Ok(())
}

/// Processor seconds of commands, one after the other.
fn cost_of(commands: impl IntoIterator<Item = Command>) -> anyhow::Result<f64> {
    let before = cpu_seconds(std::process::id())?;
    for mut command in commands {
        let status = command.stdout(Stdio::null()).status()?;
        ensure!(status.success(), "{:?} failed: {status}", command.get_program());
    }
    Ok(cpu_seconds(std::process::id())? - before)
}

/// Converts every document in this process.
pub fn bare(options: &Bare) -> anyhow::Result<()> {
    for path in throughput::documents(&options.folder)? {
        let bytes = std::fs::read(&path)?;
        match options.library {
            Library::Oxide => {
                let pdf = PdfDocument::from_bytes(bytes)?;
                for page in 0..pdf.page_count()? {
                    std::hint::black_box(pdf.to_markdown(page, &ConversionOptions::default())?);
                }
            }
            Library::Convert => {
                let document = Document { filename: "a.pdf".into(), bytes };
                let (options, limits) = (milepost_convert::Options::default(), Limits::default());
                let mut count = |step: Step| drop(std::hint::black_box(step));
                milepost_convert::convert(document, &options, &limits, Vec::new(), &mut count)
                    .map_err(|error| anyhow::anyhow!("{}", error.cause))
                    .with_context(|| path.display().to_string())?;
            }
        }
    }
    Ok(())
}
