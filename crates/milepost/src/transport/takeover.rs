//! Answers that go on without the library. Enters: an answer that has said so.
//! Leaves: its head as bytes, and what writes the rest. Never: takes an answer
//! that others may follow.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::http::response::Parts;
use futures_util::future::BoxFuture;

use super::wire::Wire;

/// Goes on with a connection behind the head of an answer.
pub type Stream = Box<dyn FnOnce(Wire) -> BoxFuture<'static, ()> + Send>;

/// Among an answer's extensions: its body is better written by `Stream`, in
/// chunks, than by the library, whose buffers take 20 KiB. Both read the same
/// source, and whichever comes first has it.
#[derive(Clone)]
pub struct Takeover(Arc<Mutex<Option<Stream>>>);

impl Takeover {
    /// `stream` writes the body, its last chunk included, and is the last thing
    /// that happens to the connection.
    pub fn new(stream: impl FnOnce(Wire) -> BoxFuture<'static, ()> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(stream)))))
    }

    /// The stream, for whoever comes first.
    pub fn take(&self) -> Option<Stream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// An answer's head, for a body in chunks behind which nothing comes.
pub fn head(parts: &Parts) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {}\r\n", parts.status).into_bytes();
    for (name, value) in &parts.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            head.extend_from_slice(part);
        }
    }
    let date = httpdate::fmt_http_date(SystemTime::now());
    let rest = format!("date: {date}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
    head.extend_from_slice(rest.as_bytes());
    head
}
