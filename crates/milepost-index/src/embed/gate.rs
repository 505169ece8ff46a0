//! Who may call an endpoint now. Enters: whoever wants to. Leaves: passes, as many at a
//! time as there may be; whoever is in a hurry before all others, and otherwise in the
//! order in which they came. Never: loses a pass when somebody stops waiting.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Gate(Arc<Mutex<State>>);

struct State {
    free: usize,
    hurried: VecDeque<oneshot::Sender<Pass>>,
    patient: VecDeque<oneshot::Sender<Pass>>,
}

/// The right to call; dropped, it goes to the next.
pub(super) struct Pass(Gate);

impl Gate {
    pub(super) fn new(passes: usize) -> Self {
        let state = State { free: passes, hurried: VecDeque::new(), patient: VecDeque::new() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Waits for a pass.
    pub(super) async fn pass(&self, hurry: bool) -> Pass {
        let waiting = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Pass(self.clone());
            }
            let (give, waiting) = oneshot::channel();
            let line = if hurry { &mut state.hurried } else { &mut state.patient };
            // Those who went away are forgotten, or they would pile up.
            line.retain(|other| !other.is_closed());
            line.push_back(give);
            waiting
        };
        waiting.await.expect("the gate lives as long as the one who waits holds it")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<oneshot::Sender<Pass>> {
        let mut state = self.state();
        while let Some(next) = state.hurried.pop_front().or_else(|| state.patient.pop_front()) {
            if !next.is_closed() {
                return Some(next);
            }
        }
        state.free += 1;
        None
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        // Where the next has just gone away, the pass comes back and is dropped here.
        if let Some(next) = self.0.next() {
            let _gone = next.send(Pass(self.0.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn until_waiting(gate: &Gate, hurried: usize, patient: usize) {
        let waiting = || {
            let state = gate.state();
            (state.hurried.len(), state.patient.len())
        };
        while waiting() != (hurried, patient) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn whoever_is_in_a_hurry_goes_first() {
        let gate = Gate::new(1);
        let held = gate.pass(false).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (place, hurry) in [false, false, true, true].into_iter().enumerate() {
            let (gate_of, order) = (gate.clone(), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _pass = gate_of.pass(hurry).await;
                order.lock().unwrap().push(place);
            }));
            until_waiting(&gate, place.saturating_sub(1), (place + 1).min(2)).await;
        }
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [2, 3, 0, 1]);
        assert_eq!(gate.state().free, 1);
    }

    #[tokio::test]
    async fn who_stops_waiting_takes_no_pass_along() {
        let gate = Gate::new(1);
        let held = gate.pass(false).await;
        let waiting = tokio::spawn({
            let gate = gate.clone();
            async move { drop(gate.pass(false).await) }
        });
        until_waiting(&gate, 0, 1).await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        drop(held);
        assert_eq!(gate.state().free, 1);
        drop(gate.pass(true).await);
    }
}
