//! How long a watcher may watch. Enters: until when it is known who it is, and how to
//! ask whether that still holds. Leaves: whether to go on. Never: asks often.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// Asks whether a credential still holds.
type Ask = dyn Fn() -> BoxFuture<'static, bool> + Send + Sync;

/// How long a watcher may watch; without a limit and a question: always.
#[derive(Clone, Default)]
pub struct Validity {
    until: Option<Instant>,
    ask: Option<Arc<Ask>>,
}

impl Validity {
    /// Until then, as long as `ask` says so.
    pub fn new(until: Option<Instant>, ask: Arc<Ask>) -> Self {
        Self { until, ask: Some(ask) }
    }

    /// Whether the time is not over.
    pub fn lasts(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }

    /// Whether the time is not over, and the credential holds.
    pub async fn holds(&self) -> bool {
        if !self.lasts() {
            return false;
        }
        match &self.ask {
            Some(ask) => ask().await,
            None => true,
        }
    }
}
