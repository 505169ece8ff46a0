//! Whether there is room for what a client is about to send. Enters: whose it will be,
//! how long it says it is. Leaves: a place among the owner's uploads, or a refusal
//! before any of it is read. Never: the last word, which the store has.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use milepost_core::OwnerId;

use crate::http::Services;
use crate::http::bounds::Held;
use crate::http::extract::media_type;
use crate::http::problem::Problem;
use crate::store::Allowance;

/// A place for an upload, as long as it is held.
///
/// # Errors
/// `rate_limited`, `body_too_large`.
pub async fn upload(
    services: &Services,
    owner: &OwnerId,
    headers: &HeaderMap,
) -> Result<Held<OwnerId>, Problem> {
    let upload = services.bounds.upload(owner)?;
    let allowance = services.submitter.allowance();
    let form = media_type(headers).as_deref() == Some("multipart/form-data");
    if allowance.bytes < Allowance::UNLIMITED.bytes && form {
        let length =
            headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let stored = services.query.usage(owner.clone()).await?.bytes;
        // A form is a little longer than what is in it.
        if !allowance.takes(stored, length.unwrap_or(0)) {
            return Err(Problem::storage_full(stored, allowance.bytes));
        }
    }
    Ok(upload)
}
