//! A bound on what a form's parser reads before it knows a part. Enters: a body.
//! Leaves: the same body, which ends in an error where a head does not end.
//! Never: counts a part's content.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};

/// While a content is read, whose length is counted elsewhere.
const UNBOUNDED: usize = usize::MAX;

/// How much may still be read.
#[derive(Clone, Default)]
pub struct Heads(Arc<State>);

struct State {
    left: AtomicUsize,
    exceeded: AtomicBool,
}

impl Default for State {
    fn default() -> Self {
        Self { left: AtomicUsize::new(UNBOUNDED), exceeded: AtomicBool::new(false) }
    }
}

impl Heads {
    /// The body, watched.
    pub fn watch(&self, body: Body) -> Body {
        Body::new(Watched { body, left: self.clone(), pause: false })
    }

    /// From here on so many bytes may come, to the end of a chunk.
    pub fn begin(&self, bytes: usize) {
        self.0.left.store(bytes, Ordering::Relaxed);
    }

    /// From here on any number may come. Says whether more were wanted.
    pub fn end(&self) -> bool {
        self.0.left.store(UNBOUNDED, Ordering::Relaxed);
        self.0.exceeded.load(Ordering::Relaxed)
    }
}

struct Watched {
    body: Body,
    left: Heads,
    /// The parser takes all that there is before it looks at any of it. It gets
    /// one chunk at a time.
    pause: bool,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if std::mem::take(&mut self.pause) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let state = self.left.0.clone();
        let left = state.left.load(Ordering::Relaxed);
        if left == 0 {
            state.exceeded.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(axum::Error::new("a head is too long"))));
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.pause = true;
            if left != UNBOUNDED {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                state.left.store(left.saturating_sub(bytes), Ordering::Relaxed);
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
