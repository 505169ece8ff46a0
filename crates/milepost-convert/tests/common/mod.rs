//! What the tests share: fixtures, and a conversion that keeps its steps.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::PathBuf;

use milepost_convert::{Document, Error, Limits, Options, Output, Page, Step, convert};

pub const MIB: u64 = 1024 * 1024;

/// What was reported on the way.
#[derive(Debug, Default)]
pub struct Steps {
    pub total: u32,
    pub selected: Vec<u32>,
    pub pages: Vec<Page>,
    pub assembling: bool,
}

pub fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).expect("the fixture exists")
}

pub fn convert_all(name: &str) -> Result<(Output, Steps), Error> {
    convert_with(name, fixture(name), &Options::default(), &Limits::default(), Vec::new())
}

pub fn convert_with(
    name: &str,
    bytes: Vec<u8>,
    options: &Options,
    limits: &Limits,
    finished: Vec<Page>,
) -> Result<(Output, Steps), Error> {
    let mut steps = Steps::default();
    let document = Document { filename: name.to_owned(), bytes };
    let output = convert(document, options, limits, finished, &mut |step| match step {
        Step::Detected { pages, selected, .. } => {
            steps.total = pages;
            steps.selected = selected;
        }
        Step::Page(page) => steps.pages.push(page),
        Step::Assembling => steps.assembling = true,
    })?;
    Ok((output, steps))
}
