//! Whose turn it is. Enters: whoever waits, in a hurry or not. Leaves: those in a hurry
//! first, and now and then one of the others. Never: lets one line wait for good, however
//! many come to the other.

use std::collections::VecDeque;

/// So many in a hurry go first before one of those who wait patiently has a turn.
pub(super) const IN_A_ROW: usize = 3;

/// Two lines.
pub(super) struct Turns<T> {
    hurried: VecDeque<T>,
    patient: VecDeque<T>,
    /// Turns that those in a hurry had while others waited.
    in_a_row: usize,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { hurried: VecDeque::new(), patient: VecDeque::new(), in_a_row: 0 }
    }
}

impl<T> Turns<T> {
    pub(super) fn push(&mut self, one: T, hurry: bool) {
        self.line(hurry).push_back(one);
    }

    /// Forgets those of one line that are not to be kept.
    pub(super) fn retain(&mut self, hurry: bool, keep: impl FnMut(&T) -> bool) {
        self.line(hurry).retain(keep);
    }

    /// Who goes next.
    pub(super) fn next(&mut self) -> Option<T> {
        if self.in_a_row >= IN_A_ROW || self.hurried.is_empty() {
            self.in_a_row = 0;
            if let Some(one) = self.patient.pop_front() {
                return Some(one);
            }
        }
        let one = self.hurried.pop_front()?;
        if !self.patient.is_empty() {
            self.in_a_row += 1;
        }
        Some(one)
    }

    /// The next of those in a hurry, whoever else waits.
    pub(super) fn hurried(&mut self) -> Option<T> {
        self.hurried.pop_front()
    }

    fn line(&mut self, hurry: bool) -> &mut VecDeque<T> {
        if hurry { &mut self.hurried } else { &mut self.patient }
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.hurried.len(), self.patient.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_good() {
        let mut turns = Turns::default();
        turns.push("document", false);
        turns.push("document", false);
        let mut order = Vec::new();
        for _ in 0..10 {
            // Another query is there whenever one is answered.
            turns.push("query", true);
            order.extend(turns.next());
        }
        let place = |nth| order.iter().enumerate().filter(|(_, one)| **one != "query").nth(nth);
        assert_eq!(place(0).map(|(place, _)| place), Some(IN_A_ROW));
        assert_eq!(place(1).map(|(place, _)| place), Some(IN_A_ROW * 2 + 1));
        assert_eq!(turns.waiting(), (2, 0));
        // Alone, neither waits for the other.
        assert_eq!(
            (turns.next(), turns.next(), turns.next()),
            (Some("query"), Some("query"), None)
        );
        turns.push("document", false);
        assert_eq!(turns.next(), Some("document"));
    }
}
