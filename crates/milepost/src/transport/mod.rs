//! Moves frames between the hub and a connection. Never shapes a message: what
//! is sent comes encoded from a dialect, what comes in goes to one.

mod close;
pub mod door;
pub mod gate;
mod line;
mod pace;
pub mod socketio;
pub mod sse;
mod takeover;
pub mod tls;
pub mod validity;
mod wire;
pub mod ws;
