//! Who waits for a model. Enters: tasks from any thread. Leaves: the same to the one
//! thread that runs the model, most of those in a hurry first. Never: runs
//! anything.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::super::error::EmbedError;
use super::super::turns::Turns;

/// Texts whose vectors somebody wants.
pub(super) struct Task {
    pub texts: Vec<String>,
    pub reply: oneshot::Sender<Result<Vec<Vec<f32>>, EmbedError>>,
}

/// Two lines of tasks.
#[derive(Default)]
pub(super) struct Lines {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Turns<Task>,
    closed: bool,
}

impl Lines {
    pub(super) fn push(&self, task: Task, hurry: bool) {
        let mut state = self.state();
        state.waiting.push(task, hurry);
        self.changed.notify_one();
    }

    /// Nothing comes any more.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Waits for the next task; `None` when there will be none.
    pub(super) fn next(&self) -> Option<Task> {
        let mut state = self.state();
        loop {
            let next = state.waiting.next();
            if next.is_some() || state.closed {
                return next;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next of those in a hurry, if one is there.
    pub(super) fn hurried(&self) -> Option<Task> {
        self.state().waiting.hurried()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
