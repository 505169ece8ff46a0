//! A document on its way. Enters: the answer of the server that has it. Leaves:
//! its chunks, at most as many as are allowed. Never: more bytes than the limit,
//! or a document that was cut off as if it were whole.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use reqwest::{Response, StatusCode};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::error::{self, FetchError};
use super::{Limits, host, name};

/// No media type is longer.
const MAX_TYPE_BYTES: usize = 255;

/// A document on its way.
pub struct Download {
    /// What its server, else its URL, calls it; empty where neither does.
    pub filename: String,
    /// As its server declares it, without parameters.
    pub media_type: Option<String>,
    /// Its size in bytes, where the server says it.
    pub total: Option<u64>,
    host: String,
    chunks: BoxStream<'static, reqwest::Result<Bytes>>,
    bytes: u64,
    limits: Limits,
    deadline: Instant,
}

impl Download {
    /// The document in an answer from `url`.
    pub(super) fn begin(
        url: &Url,
        response: Response,
        limits: Limits,
        deadline: Instant,
    ) -> Result<Self, FetchError> {
        let status = response.status();
        // 206 is a part, 202 not yet the document, 204 none.
        if !matches!(status, StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION) {
            return Err(error::status(host(url), status));
        }
        let headers = response.headers();
        let encoding = headers.get(CONTENT_ENCODING).map(|value| value.as_bytes());
        if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
            return Err(error::compressed(host(url)));
        }
        let total = response.content_length();
        if total.is_some_and(|total| total > limits.bytes) {
            return Err(error::too_large(limits.bytes));
        }
        let disposition = headers.get(CONTENT_DISPOSITION).map(|value| value.as_bytes());
        Ok(Self {
            filename: name::of(disposition, url),
            media_type: media_type(headers),
            total,
            host: host(url).to_owned(),
            chunks: response.bytes_stream().boxed(),
            bytes: 0,
            limits,
            deadline,
        })
    }

    /// The next chunk; `None` at the end of the whole document. May be dropped
    /// and called again.
    ///
    /// # Errors
    /// Where the document is too large, takes too long, or is cut off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        let chunk = match timeout_at(self.deadline, self.chunks.next()).await {
            Err(_elapsed) => return Err(error::too_slow(&self.host, self.limits.time)),
            Ok(Some(Err(cause))) => return Err(error::broken(&self.host, cause)),
            Ok(Some(Ok(chunk))) => chunk,
            Ok(None) => return Ok(None),
        };
        self.bytes += chunk.len() as u64;
        if self.bytes > self.limits.bytes {
            return Err(error::too_large(self.limits.bytes));
        }
        Ok(Some(chunk))
    }
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let declared = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = declared.split(';').next().unwrap_or_default().trim();
    let fits = essence.contains('/') && essence.len() <= MAX_TYPE_BYTES;
    fits.then(|| essence.to_ascii_lowercase())
}
