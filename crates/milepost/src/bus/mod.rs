//! Carries announcements from the journal to whoever watches. Enters:
//! committed changes. Leaves: the same, to every subscriber. Never: keeps one; a
//! subscriber that falls behind is told so and looks at the store.

mod local;

#[cfg(test)]
pub use local::Pace;
pub use local::{Bus, Lagged, Subscriber};
