//! What a job is told when its converter says nothing more. Enters: why that is.
//! Leaves: a failure for people and programs. Never: the cause, which is for the
//! log.

use std::time::Duration;

use bytesize::ByteSize;
use milepost_core::{Failure, FailureCode, Pipeline};

use super::converter::Gone;
use super::watch::Allowance;
use crate::pipeline::convert::crashed;

/// What the standard library writes before it aborts. Matched because an
/// allocation that fails has no other way to say so.
const OUT_OF_MEMORY: &str = "memory allocation of ";

/// The failure of the job.
pub fn failure(gone: &Gone, pipeline: Pipeline, may: &Allowance) -> Failure {
    let stopped = |code, what: String| {
        let advice = match pipeline.goes_on() {
            true => "Finished pages are kept; convert the other pages with options.pages.",
            false => "Nothing of it is kept; try fewer pages with options.pages.",
        };
        Failure::permanent(code, format!("{what} and was stopped. {advice}"))
    };
    match gone {
        Gone::Crashed(_) => crashed(pipeline),
        Gone::Silent => stopped(
            FailureCode::ConversionTimeout,
            format!("The converter made no progress for {}", secs(may.silence)),
        ),
        Gone::TooMuchProcessor => stopped(
            FailureCode::ConversionTimeout,
            format!(
                "The converter worked on one page for {} of processor time, the most that is \
                 allowed,",
                secs(may.page_cpu)
            ),
        ),
        Gone::TooMuchMemory => stopped(
            FailureCode::ConversionMemory,
            format!(
                "The conversion took more than {} of memory, the most that is allowed,",
                ByteSize::b(may.memory).display().iec()
            ),
        ),
        Gone::Store(_) => Failure::retryable(
            FailureCode::Internal,
            "The server could not store the result; try again later.",
        ),
    }
}

/// Why it is gone, given how its process ended.
pub fn of_end(gone: Gone, end: &str) -> Gone {
    match gone {
        Gone::Crashed(_) if end.contains(OUT_OF_MEMORY) => Gone::TooMuchMemory,
        Gone::Crashed(cause) => Gone::Crashed(format!("{cause}; {end}")),
        other => other,
    }
}

fn secs(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAY: Allowance = Allowance {
        silence: Duration::from_secs(30),
        memory: 1 << 30,
        page_cpu: Duration::from_secs(90),
    };

    #[test]
    fn a_failed_job_says_which_limit_it_met() {
        for (gone, code, words) in [
            (Gone::Silent, "conversion_timeout", "no progress for 30s"),
            (Gone::TooMuchProcessor, "conversion_timeout", "1m 30s of processor time"),
            (Gone::TooMuchMemory, "conversion_memory", "1.0 GiB of memory"),
            (Gone::Crashed("secret".into()), "conversion_crashed", "crashed"),
        ] {
            let failure = failure(&gone, Pipeline::Convert, &MAY);
            assert_eq!(failure.code.as_str(), code);
            assert!(failure.message.contains(words), "{}", failure.message);
            assert!(!failure.message.contains("secret"));
        }
    }

    #[test]
    fn an_allocation_that_failed_is_seen_in_the_end() {
        let end = "signal: 6 (SIGABRT) memory allocation of 400000000 bytes failed";
        assert!(matches!(of_end(Gone::Crashed("it ended".into()), end), Gone::TooMuchMemory));
        assert!(matches!(of_end(Gone::Crashed("it ended".into()), "signal: 11"), Gone::Crashed(_)));
        assert!(matches!(of_end(Gone::Silent, end), Gone::Silent));
    }
}
