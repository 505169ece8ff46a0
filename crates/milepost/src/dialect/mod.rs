//! Wire formats over the same jobs. Each is a pure `message` function and a
//! table of routes, and holds no state. None is privileged: the native protocol
//! is one of them.

pub mod native;
