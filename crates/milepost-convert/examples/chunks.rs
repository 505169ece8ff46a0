//! Shows what documents are cut into.
//!
//! Enters: files as arguments; a chunker as JSON in `CHUNKER`. Leaves: each
//! document's facts, each chunk with its headings and its pages, and what it took.
//!
//!     cargo run -p milepost-convert --example chunks -- FILE…

use std::time::Instant;

use milepost_convert::{Chunker, Document, Limits, Options, chunk, extract};
use serde_json::Value;

/// What the server gives the thread that converts.
const STACK_BYTES: usize = 256 * 1024 * 1024;

fn main() {
    std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(show)
        .expect("a thread can be started")
        .join()
        .expect("nothing panics");
}

fn show() {
    let chunker = std::env::var("CHUNKER").unwrap_or_else(|_| "{}".to_owned());
    let chunker: Chunker = serde_json::from_str(&chunker).expect("CHUNKER is a chunker");
    chunker.check().expect("CHUNKER is in its bounds");
    let tokenizer =
        std::env::var_os("TOKENIZER").map(|path| std::fs::read(path).expect("a tokenizer"));
    let limits = Limits::default();
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).expect("the document can be read");
        let document = Document { filename: path.clone(), bytes };
        let start = Instant::now();
        let read =
            match extract(document, "", &Options::default(), &limits, Vec::new(), &mut |_| {}) {
                Ok(read) => read,
                Err(error) => {
                    println!("=== {path}: {error}");
                    continue;
                }
            };
        let reading = start.elapsed();
        let start = Instant::now();
        let mut enriching = start.elapsed();
        let made = chunk(read.as_bytes(), &chunker, tokenizer.as_deref(), &limits, &mut |mark| {
            if let milepost_convert::Mark::Begins {
                phase: milepost_convert::Phase::Enriching,
                ..
            } = mark
            {
                enriching = start.elapsed();
            }
        });
        let made: Value = serde_json::from_str(&made.expect("it is cut")).expect("it is JSON");
        let chunks = made["chunks"].as_array().expect("a list");
        println!(
            "=== {path}: {} bytes read in {reading:.0?}, {} chunks cut in {enriching:.0?}, all in {:.0?}\n    {}",
            read.len(),
            chunks.len(),
            start.elapsed(),
            made["sources"][0],
        );
        if std::env::var_os("QUIET").is_some() {
            continue;
        }
        for one in chunks {
            println!(
                "--- {} pages {} {} characters {} {} {}\n    {}\n{}",
                one["id"],
                one["pages"],
                one["characters"],
                one["tokens"],
                one["language"],
                one["keywords"],
                one["headings"],
                one["text"].as_str().unwrap_or_default()
            );
        }
    }
}
