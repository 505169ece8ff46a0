//! The pipeline `convert`: one document to Markdown, JSON, HTML and text.
//! Enters: a document in memory. Leaves: steps, then the whole. It runs inside
//! a converter process, where a panic or a runaway harms nobody else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use milepost_convert::{Document, Error, ErrorKind, Limits, Options, Output, Page, Step};
use milepost_core::{Failure, FailureCode, Plan};

/// Finding out what the document is.
pub const DETECTING: &str = "detecting";
/// The pages.
pub const CONVERTING: &str = "converting";
/// Joining the pages into each format.
pub const ASSEMBLING: &str = "assembling";

/// Deeply nested documents recurse deeply. Only what is touched is real memory.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// The stages.
pub fn plan() -> Plan {
    Plan::new([(DETECTING, 2), (CONVERTING, 90), (ASSEMBLING, 8)])
}

/// Converts on a thread with a deep stack; a panic becomes a failure.
pub fn run(
    document: Document,
    options: &Options,
    limits: &Limits,
    finished: Vec<Page>,
    on_step: &mut (dyn FnMut(Step) + Send),
) -> Result<Output, Failure> {
    let work = || {
        catch_unwind(AssertUnwindSafe(|| {
            milepost_convert::convert(document, options, limits, finished, on_step)
        }))
    };
    let outcome = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        thread.map(std::thread::ScopedJoinHandle::join)
    });
    match outcome {
        Ok(Ok(Ok(converted))) => converted.map_err(|error| {
            // The log of the server gets the cause; the job gets the message.
            eprintln!("conversion failed: {}", error.cause);
            failure(error)
        }),
        Ok(Ok(Err(_panic)) | Err(_panic)) => Err(crashed()),
        Err(_no_thread) => Err(Failure::retryable(
            FailureCode::Internal,
            "The converter could not start; try again later.",
        )),
    }
}

/// What a job says whose converter died.
pub fn crashed() -> Failure {
    Failure::retryable(
        FailureCode::ConversionCrashed,
        "The converter crashed on this document. Finished pages are kept; if it happens again, \
         convert the other pages with options.pages.",
    )
}

/// What a job says whose converter was silent for too long.
pub fn timed_out(silence: std::time::Duration) -> Failure {
    Failure::permanent(
        FailureCode::ConversionTimeout,
        format!(
            "The converter made no progress for {} s and was stopped. Finished pages are kept; \
             convert the other pages with options.pages.",
            silence.as_secs()
        ),
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
