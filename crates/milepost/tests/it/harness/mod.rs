//! What the tests stand on: a real server process, real clients, real
//! documents. Never: a mock, or a pause in place of a condition.

mod api;
mod cli;
mod document;
mod documents;
mod embeddings;
mod golden;
mod http2;
mod node;
mod people;
mod processes;
mod push;
mod rooms;
mod server;
mod shelf;
mod sse;
mod tls;
mod web;
mod ws;

use std::time::{Duration, Instant};

pub use api::{Api, Form, Reply, completed, id_of, is_terminal, seq_of};
pub use cli::{Client, exits};
pub use document::Work;
pub use documents::{expected, fixture, fixtures, pdf_of, pdf_with};
pub use embeddings::{Embeddings, KEY, Mood};
pub use golden::Transcript;
pub use http2::Http2;
pub use node::{Place, Script, all, last};
pub use people::{Things, guarded, guarded_with, signed, signed_with, token_of, token_with_role};
pub use processes::{Process, raise_file_limit};
pub use push::{Browser, SUBSCRIPTIONS, Told};
pub use rooms::Rooms;
pub use server::{Server, binary, run};
pub use shelf::Shelf;
pub use sse::Events;
pub use tls::{Authority, Pair};
pub use web::Web;
pub use ws::{Heard, Socket, Stream};

/// After this long a promise is broken. Generous: the machine may be busy with
/// other tests, and no verdict depends on anything faster.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// What must happen "at once" for a person: cancel, a refusal, a goodbye.
pub const SOON: Duration = Duration::from_secs(10);

/// Awaits `future`, or fails and says what did not happen.
pub async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, future).await {
        Ok(value) => value,
        Err(_) => panic!("not within {limit:?}: {what}"),
    }
}

/// Asks again and again until there is an answer, or fails at the deadline.
pub async fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        // Between two questions, so that the server gets to work.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
