//! A job with what it has made, read from the store. Enters: frames. Leaves: the job as
//! JSON. Never: a result that is larger than a bound.

use axum::body::Bytes;
use futures_util::TryStreamExt;
use milepost_core::{Snapshot, Status};

use super::message::{Made, PIPELINE, message};
use super::shelf::Shelf;
use crate::http::Services;
use crate::hub::{Encoding, Frame};
use crate::store::StoreError;

/// A result that is larger is not sent to everybody who watches.
const MAX_RESULT_BYTES: u64 = 16 * 1024 * 1024;
/// The format of a result that holds the chunks.
const FORMAT: &str = "json";

/// The job as JSON. What it has made is not kept with the frame, which lives as long as
/// anybody watches.
///
/// # Errors
/// Where the store fails.
pub async fn show(services: &Services, shelf: &Shelf, frame: &Frame) -> Result<Bytes, StoreError> {
    if !has_chunks(&frame.snapshot) {
        return Ok(outline(frame));
    }
    shelf.get(frame, whole(services, frame)).await
}

/// The job as JSON, for whoever asks once.
///
/// # Errors
/// Where the store fails.
pub async fn whole(services: &Services, frame: &Frame) -> Result<Bytes, StoreError> {
    match has_chunks(&frame.snapshot) {
        true => Ok(message(frame, &made(services, &frame.snapshot).await?)),
        false => Ok(outline(frame)),
    }
}

/// The same without what it has made, which is of so many bytes.
pub fn too_much(frame: &Frame, bytes: usize) -> Bytes {
    message(frame, &Made::TooMuch(bytes as u64))
}

/// The same without what it has made.
pub fn outline(frame: &Frame) -> Bytes {
    frame.encoded(Encoding::ROOMS, |frame| message(frame, &Made::Nothing))
}

fn has_chunks(snapshot: &Snapshot) -> bool {
    snapshot.status == Status::Completed && snapshot.pipeline == PIPELINE
}

/// How much a job has made of what is shown; 0 where that is nothing, or more than is
/// shown to anybody.
///
/// # Errors
/// Where the store fails.
pub async fn made_bytes(services: &Services, job: &Snapshot) -> Result<u64, StoreError> {
    if !has_chunks(job) {
        return Ok(0);
    }
    let row = services.query.text(job.id, 0, FORMAT).await?;
    let bytes = row.map(|row| row.content.bytes);
    Ok(bytes.filter(|bytes| *bytes <= MAX_RESULT_BYTES).unwrap_or(0))
}

/// What a completed job has made.
///
/// # Errors
/// Where the store fails.
pub async fn made(services: &Services, job: &Snapshot) -> Result<Made, StoreError> {
    // It may be tried again by now, and have no result.
    let Some(row) = services.query.text(job.id, 0, FORMAT).await? else {
        return Ok(Made::Nothing);
    };
    let bytes = row.content.bytes;
    if bytes > MAX_RESULT_BYTES {
        return Ok(Made::TooMuch(bytes));
    }
    let parts = services.query.open(&row.content, 0..bytes).await?;
    let whole = parts.try_fold(Vec::new(), |mut whole, part| async move {
        whole.extend_from_slice(&part);
        Ok(whole)
    });
    Ok(Made::of(&whole.await?))
}
