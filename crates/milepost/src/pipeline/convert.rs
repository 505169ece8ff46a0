//! The pipeline `convert`: one document to Markdown, JSON, HTML and text.
//! Enters: a document in memory. Leaves: steps, then the whole. It runs inside
//! a converter process, where a panic or a runaway harms nobody else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use milepost_convert::{Document, Error, ErrorKind, Limits, Options, Output, Page, Step};
use milepost_core::{FETCHING, Failure, FailureCode, Pipeline, Plan};

/// Finding out what the document is.
pub const DETECTING: &str = "detecting";
/// The pages.
pub const CONVERTING: &str = "converting";
/// Joining the pages into each format.
pub const ASSEMBLING: &str = "assembling";

/// Deeply nested documents recurse deeply. Only what is touched is real memory.
pub const STACK_BYTES: usize = 256 * 1024 * 1024;

/// The stages; with `fetch` the document is brought first.
pub fn plan(fetch: bool) -> Plan {
    let fetching = fetch.then_some((FETCHING, 10));
    let work = [(DETECTING, 2), (CONVERTING, 90), (ASSEMBLING, 8)];
    Plan::new(fetching.into_iter().chain(work))
}

/// Runs `work` on a thread with a deep stack, the only one that converts: the
/// libraries' own pools would start threads with small stacks.
///
/// # Errors
/// Where the system gives no such thread.
pub fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let first = || {
            // A second converter in this process would find the pool in use;
            // there is none.
            let _ = milepost_convert::stay_on_this_thread();
            work()
        };
        let thread = std::thread::Builder::new()
            .name("converter".into())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, first)?;
        thread.join().map_err(|_| std::io::Error::other("the converter's thread panicked"))
    })
}

/// Converts on this thread; a panic becomes a failure.
///
/// # Errors
/// What the job is told.
pub fn run(
    document: Document,
    options: &Options,
    limits: &Limits,
    finished: Vec<Page>,
    on_step: &mut dyn FnMut(Step),
) -> Result<Output, Failure> {
    guarded(Pipeline::Convert, || {
        milepost_convert::convert(document, options, limits, finished, on_step)
    })
}

/// Work on a document, whose errors and panics become what the job is told.
pub(super) fn guarded<T>(
    pipeline: Pipeline,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(converted) => converted.map_err(|error| {
            // The log of the server gets the cause; the job gets the message.
            eprintln!("conversion failed: {}", error.cause);
            failure(error)
        }),
        Err(_panic) => Err(crashed(pipeline)),
    }
}

/// What a job says whose converter died.
pub fn crashed(pipeline: Pipeline) -> Failure {
    Failure::retryable(
        FailureCode::ConversionCrashed,
        match pipeline.goes_on() {
            true => {
                "The converter crashed on this document. Finished pages are kept; if it happens \
                 again, convert the other pages with options.pages."
            }
            false => {
                "The converter crashed on this document. If it happens again, try fewer pages \
                 with options.pages."
            }
        },
    )
}

fn failure(error: Error) -> Failure {
    let code = match error.kind {
        ErrorKind::Encrypted => FailureCode::DocumentEncrypted,
        ErrorKind::Empty => FailureCode::DocumentEmpty,
        ErrorKind::Damaged => FailureCode::DocumentDamaged,
        ErrorKind::Unsupported => FailureCode::DocumentUnsupported,
        ErrorKind::TooLarge => FailureCode::DocumentTooLarge,
        ErrorKind::PageFailed | ErrorKind::InvalidPages => FailureCode::PageFailed,
        ErrorKind::OcrUnavailable => FailureCode::OcrUnavailable,
    };
    Failure::permanent(code, error.message)
}
