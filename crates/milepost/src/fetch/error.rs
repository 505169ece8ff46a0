//! Why a document was not fetched. Enters: what went wrong. Leaves: a failure for
//! the submitter, who is told host and status, and a cause for the log. Never:
//! a URL, nor an address that a name resolved to: it would show strangers the
//! network behind the server.

use std::error::Error;
use std::io;
use std::iter::successors;
use std::time::Duration;

use bytesize::ByteSize;
use milepost_core::{Failure, FailureCode};
use reqwest::StatusCode;

use super::reach::Forbidden;

/// Why there is no document.
#[derive(Debug)]
pub struct FetchError {
    /// For the submitter.
    pub failure: Failure,
    /// For the log.
    pub cause: String,
}

pub(super) fn switched_off() -> FetchError {
    refused("This server fetches no documents any more; upload the document instead.")
}

pub(super) fn forbidden(host: &str) -> FetchError {
    refused(format!(
        "{host} is not on the public Internet, so nothing is fetched from it; upload the document \
         instead."
    ))
}

pub(super) fn wrong_url(host: &str, why: &str) -> FetchError {
    refused(format!("A redirect leads to what is not fetched ({host}). {why}"))
}

pub(super) fn downgraded(host: &str) -> FetchError {
    refused(format!("{host} redirects from https:// to http://, which is not followed."))
}

pub(super) fn too_many_redirects(host: &str, limit: u32) -> FetchError {
    failed(format!("{host} redirects more than {limit} times."), "redirects", false)
}

pub(super) fn lost(host: &str) -> FetchError {
    failed(format!("{host} redirects without saying where to."), "no location", false)
}

pub(super) fn compressed(host: &str) -> FetchError {
    let message = format!("{host} sent the document compressed, though asked not to.");
    failed(message, "content-encoding", false)
}

pub(super) fn status(host: &str, status: StatusCode) -> FetchError {
    let again = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
    failed(format!("{host} answered {status} instead of the document."), "its status", again)
}

pub(super) fn too_slow(host: &str, limit: Duration) -> FetchError {
    let limit = humantime::format_duration(limit);
    failed(format!("{host} did not deliver the document within {limit}."), "too slow", true)
}

pub(super) fn too_large(limit: u64) -> FetchError {
    let message = format!("The document is larger than the limit of {}.", ByteSize::b(limit));
    let failure = Failure::permanent(FailureCode::DocumentTooLarge, message);
    FetchError { failure, cause: "too large".to_owned() }
}

/// What the HTTP client met.
pub(super) fn broken(host: &str, cause: reqwest::Error) -> FetchError {
    // With the URL in it, the log would hold what is nobody's business.
    let error = cause.without_url();
    if chain(&error).any(|cause| cause.is::<Forbidden>()) {
        return forbidden(host);
    }
    let (message, again) = if error.is_connect() && chain(&error).any(is_tls) {
        (format!("{host} offers no TLS connection that can be trusted."), false)
    } else if error.is_connect() {
        (format!("{host} cannot be found or reached."), true)
    } else if error.is_timeout() {
        (format!("{host} stopped sending."), true)
    } else {
        (format!("The connection to {host} broke before the document was whole."), true)
    };
    let cause: Vec<_> = chain(&error).map(ToString::to_string).collect();
    failed(message, &cause.join(": "), again)
}

/// Whether the TLS library said it, such as of a certificate; it would say so
/// again. Its errors come as this kind, perhaps within another, which `source`
/// passes over.
fn is_tls(cause: &(dyn Error + 'static)) -> bool {
    let Some(error) = cause.downcast_ref::<io::Error>() else { return false };
    error.kind() == io::ErrorKind::InvalidData || error.get_ref().is_some_and(|inner| is_tls(inner))
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |error| (*error).source())
}

fn refused(message: impl Into<String>) -> FetchError {
    let failure = Failure::permanent(FailureCode::FetchRefused, message);
    FetchError { failure, cause: "not permitted".to_owned() }
}

fn failed(message: String, cause: &str, again: bool) -> FetchError {
    let failure = Failure { code: FailureCode::FetchFailed, message, retryable: again };
    FetchError { failure, cause: cause.to_owned() }
}
