//! Converts every document of a folder and says how well and how fast.
//!
//! Enters: a folder as the first argument. A reference stands beside a document
//! as the same name with `.md`. Leaves: a line for each document and a table by
//! format: word F1 against the reference, pages, seconds, failures.
//!
//!     cargo run --release -p milepost-convert --example score -- FOLDER

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;

use milepost_convert::{Document, Limits, Options, OutputFormat, Step, convert};

/// What the server gives the thread that converts.
const STACK_BYTES: usize = 256 * 1024 * 1024;

#[derive(Default)]
struct Sum {
    files: u32,
    failed: u32,
    scored: u32,
    f1: f64,
    pages: u32,
    seconds: f64,
}

fn main() {
    let folder = std::env::args().nth(1).expect("a folder as the argument");
    let keep = std::env::args().nth(2).map(PathBuf::from);
    std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || score(Path::new(&folder), keep.as_deref()))
        .expect("a thread can be started")
        .join()
        .expect("no conversion panics");
}

fn score(folder: &Path, keep: Option<&Path>) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder can be read")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && path.extension().is_some_and(|e| e != "md"))
        .collect();
    files.sort();
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let bytes = std::fs::read(&path).expect("the document can be read");
        let (mut pages, mut kind) = (0, "none".to_owned());
        let started = Instant::now();
        let result = convert(
            Document { filename: name.to_string(), bytes },
            &Options::default(),
            &Limits::default(),
            Vec::new(),
            &mut |step| match step {
                Step::Detected { format, selected, .. } => {
                    kind = format.name().to_owned();
                    pages = selected.len() as u32;
                }
                Step::Page(_) | Step::Assembling => {}
            },
        );
        let seconds = started.elapsed().as_secs_f64();
        let sum = sums.entry(kind).or_default();
        sum.files += 1;
        sum.pages += pages;
        sum.seconds += seconds;
        let said = match &result {
            Ok(output) => {
                let markdown = &output.rendered[&OutputFormat::Markdown];
                if let Some(keep) = keep {
                    for (format, text) in &output.rendered {
                        let kept = keep.join(format!("{name}.{}", format.extension()));
                        std::fs::write(kept, text).expect("the result can be written");
                    }
                }
                match std::fs::read_to_string(path.with_extension("md")) {
                    Ok(reference) => {
                        let f1 = word_f1(markdown, &reference);
                        sum.scored += 1;
                        sum.f1 += f1;
                        format!("{f1:.3} failed pages {:?}", output.failed_pages)
                    }
                    Err(_) => format!("{} bytes, failed {:?}", markdown.len(), output.failed_pages),
                }
            }
            Err(error) => {
                sum.failed += 1;
                format!("{:?}: {} [{}]", error.kind, error.message, error.cause)
            }
        };
        println!("{name:<40} {pages:>5} p {seconds:>8.3} s  {said}");
    }
    println!("\nformat      files failed    F1   pages  pages/s");
    for (kind, sum) in sums {
        println!(
            "{kind:<10} {:>6} {:>6} {:>6.3} {:>6} {:>8.1}",
            sum.files,
            sum.failed,
            sum.f1 / f64::from(sum.scored.max(1)),
            sum.pages,
            f64::from(sum.pages) / sum.seconds
        );
    }
}

/// Twice the words in common over the words of both, words being runs of
/// letters and digits, in lower case.
fn word_f1(result: &str, reference: &str) -> f64 {
    let (result, reference) = (words(result), words(reference));
    let common: u64 =
        result.iter().map(|(word, count)| *count.min(reference.get(word).unwrap_or(&0))).sum();
    let both: u64 = result.values().chain(reference.values()).sum();
    match both {
        0 => 1.0,
        _ => 2.0 * common as f64 / both as f64,
    }
}

fn words(text: &str) -> HashMap<String, u64> {
    let mut words = HashMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *words.entry(word.to_lowercase()).or_default() += 1;
    }
    words
}
