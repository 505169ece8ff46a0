//! Who waits for a model. Enters: tasks from any thread. Leaves: the same to the one
//! thread that runs the model, those in a hurry first. Never: runs anything.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::super::error::EmbedError;

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
    hurried: VecDeque<Task>,
    patient: VecDeque<Task>,
    closed: bool,
}

impl Lines {
    pub(super) fn push(&self, task: Task, hurry: bool) {
        let mut state = self.state();
        if hurry { &mut state.hurried } else { &mut state.patient }.push_back(task);
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
            let next = state.hurried.pop_front().or_else(|| state.patient.pop_front());
            if next.is_some() || state.closed {
                return next;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next of those in a hurry, if one is there.
    pub(super) fn hurried(&self) -> Option<Task> {
        self.state().hurried.pop_front()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
