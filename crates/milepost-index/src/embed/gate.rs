//! Who may call an endpoint now. Enters: whoever wants to. Leaves: passes, as many at a
//! time as there may be; whoever is in a hurry before most others, and otherwise in the
//! order in which they came. Never: loses a pass when somebody stops waiting, or lets
//! those in a hurry have all of them while others wait.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::turns::Turns;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Gate(Arc<Mutex<State>>);

struct State {
    free: usize,
    waiting: Turns<oneshot::Sender<Pass>>,
}

/// The right to call; dropped, it goes to the next.
pub(super) struct Pass(Gate);

impl Gate {
    pub(super) fn new(passes: usize) -> Self {
        let state = State { free: passes, waiting: Turns::default() };
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
            // Those who went away are forgotten, or they would pile up.
            state.waiting.retain(hurry, |other| !other.is_closed());
            state.waiting.push(give, hurry);
            waiting
        };
        waiting.await.expect("the gate lives as long as the one who waits holds it")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<oneshot::Sender<Pass>> {
        let mut state = self.state();
        while let Some(next) = state.waiting.next() {
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
        while gate.state().waiting.waiting() != (hurried, patient) {
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
    async fn documents_have_a_turn_while_queries_never_end() {
        let gate = Gate::new(1);
        let held = gate.pass(true).await;
        let ended = Arc::new(std::sync::atomic::AtomicBool::new(false));
        // Twice as many as go first, each of which comes back at once.
        let queries = (0..8).map(|_| {
            let (gate, ended) = (gate.clone(), Arc::clone(&ended));
            tokio::spawn(async move {
                while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                    let _pass = gate.pass(true).await;
                    tokio::task::yield_now().await;
                }
            })
        });
        let queries: Vec<_> = queries.collect();
        until_waiting(&gate, 8, 0).await;
        let document = tokio::spawn({
            let gate = gate.clone();
            async move { drop(gate.pass(false).await) }
        });
        until_waiting(&gate, 8, 1).await;
        drop(held);
        let document = tokio::time::timeout(std::time::Duration::from_secs(60), document).await;
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        document.expect("a turn in spite of the queries").unwrap();
        for query in queries {
            query.await.unwrap();
        }
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
