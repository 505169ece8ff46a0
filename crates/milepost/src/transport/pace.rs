//! How long a connection may be silent. Enters: what happens on it, and when.
//! Leaves: the time at which it is closed. Never: reads a clock.

use std::time::{Duration, Instant};

/// What a connection is waiting for, and since when.
#[derive(Debug)]
pub struct Pace {
    /// Requests whose answers are not complete.
    open: usize,
    /// What HTTP/2 sends between two requests is no beginning of one.
    http2: bool,
    /// Whether a head has begun to come.
    heading: bool,
    since: Instant,
}

/// How long it may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a head from its first byte on, and for the first one from the
    /// connection's beginning on.
    pub head: Duration,
    /// From the end of an answer until the next head begins.
    pub idle: Duration,
}

/// When a connection is closed, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// The head has to be complete then.
    Head(Instant),
    /// The next head has to begin before.
    Idle(Instant),
}

impl Pace {
    /// A new connection: whoever opens it has something to say.
    pub const fn new(now: Instant) -> Self {
        Self { open: 0, http2: false, heading: true, since: now }
    }

    /// Whether it has to be told of bytes that come.
    pub const fn listens(&self) -> bool {
        self.open == 0 && !self.heading && !self.http2
    }

    /// Bytes have come.
    pub const fn heard(&mut self, now: Instant) {
        if self.listens() {
            self.heading = true;
            self.since = now;
        }
    }

    /// A head is complete.
    pub const fn asked(&mut self, http2: bool) {
        self.open += 1;
        self.http2 = http2;
        self.heading = false;
    }

    /// An answer is complete.
    pub const fn answered(&mut self, now: Instant) {
        self.open = self.open.saturating_sub(1);
        self.since = now;
    }

    /// The client has taken all that was written.
    pub const fn written(&mut self, now: Instant) {
        if self.listens() {
            self.since = now;
        }
    }

    /// `None` while a request is being answered.
    pub fn deadline(&self, patience: Patience) -> Option<Deadline> {
        match (self.open, self.heading) {
            (0, true) => Some(Deadline::Head(self.since + patience.head)),
            (0, false) => Some(Deadline::Idle(self.since + patience.idle)),
            _ => None,
        }
    }
}

impl Patience {
    /// Looking so often is often enough: nothing that begins now ends earlier.
    pub fn shortest(self) -> Duration {
        self.head.min(self.idle).max(Duration::from_millis(10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { head: Duration::from_secs(10), idle: Duration::from_secs(75) };

    /// A connection, and a clock that counts seconds from its beginning.
    fn begin() -> (Pace, impl Fn(u64) -> Instant) {
        let began = Instant::now();
        (Pace::new(began), move |secs| began + Duration::from_secs(secs))
    }

    #[test]
    fn the_first_head_must_come_soon() {
        let (mut pace, at) = begin();
        assert_eq!(pace.deadline(PATIENCE), Some(Deadline::Head(at(10))));
        pace.heard(at(9));
        assert_eq!(pace.deadline(PATIENCE), Some(Deadline::Head(at(10))), "bytes win no time");
    }

    #[test]
    fn an_answer_may_take_its_time() {
        let (mut pace, at) = begin();
        pace.asked(false);
        assert_eq!(pace.deadline(PATIENCE), None);
        pace.heard(at(50));
        assert_eq!(pace.deadline(PATIENCE), None, "a body");
    }

    #[test]
    fn a_connection_may_be_kept_for_a_while() {
        let (mut pace, at) = begin();
        pace.asked(false);
        pace.answered(at(100));
        assert_eq!(pace.deadline(PATIENCE), Some(Deadline::Idle(at(175))));
        pace.written(at(110));
        assert_eq!(pace.deadline(PATIENCE), Some(Deadline::Idle(at(185))), "a slow reader");
        pace.heard(at(150));
        assert_eq!(pace.deadline(PATIENCE), Some(Deadline::Head(at(160))));
        pace.heard(at(159));
        assert_eq!(pace.deadline(PATIENCE), Some(Deadline::Head(at(160))), "bytes win no time");
        pace.asked(false);
        assert_eq!(pace.deadline(PATIENCE), None);
    }

    #[test]
    fn signs_of_life_are_no_requests() {
        let (mut pace, at) = begin();
        pace.asked(true);
        pace.asked(true);
        pace.answered(at(20));
        assert_eq!(pace.deadline(PATIENCE), None, "one is open still");
        pace.answered(at(30));
        pace.heard(at(40));
        pace.written(at(50));
        assert_eq!(pace.deadline(PATIENCE), Some(Deadline::Idle(at(105))));
    }
}
