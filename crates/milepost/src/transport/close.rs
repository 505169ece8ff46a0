//! Why a WebSocket is closed, in codes (RFC 6455, section 7.4) and in words. Enters: what
//! ended it. Leaves: what the client is told. Never: a cause; that goes to the log.

/// Why a socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The client wished it.
    Done,
    /// The server goes away for a moment.
    Draining,
    /// A binary frame came.
    Binary,
    /// The client broke the rules, this one.
    Policy(&'static str),
    /// A message was larger than allowed.
    TooLarge,
    /// The reader was too slow; it resumes from what it has.
    TooSlow,
    /// There are too many connections.
    TooMany,
    /// It is not known, or not any more, who the client is.
    Unauthenticated,
    /// The client is known, and may not do that.
    Forbidden,
    /// What it wants to watch is not there, or not for it to see.
    NotFound,
}

impl Close {
    /// The code that says so.
    pub const fn code(self) -> u16 {
        match self {
            Self::Done => 1000,
            Self::Binary => 1003,
            Self::Policy(_) => 1008,
            Self::TooLarge => 1009,
            Self::Draining => 1012,
            Self::Unauthenticated => 4401,
            Self::Forbidden => 4403,
            Self::NotFound => 4404,
            Self::TooSlow => 4408,
            Self::TooMany => 4429,
        }
    }

    /// The words that go with it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Done => "",
            Self::Binary => "only text frames are understood",
            Self::Policy(rule) => rule,
            Self::TooLarge => "the message is too large",
            Self::Draining => "the server restarts; reconnect",
            Self::TooSlow => "reading too slowly; reconnect with the last seq",
            Self::TooMany => "too many connections",
            Self::Unauthenticated => "not authenticated; reconnect with a valid credential",
            Self::Forbidden => "not allowed",
            Self::NotFound => "not found",
        }
    }
}
