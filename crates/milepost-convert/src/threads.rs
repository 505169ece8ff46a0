//! Keeping the conversion on one thread.
//!
//! Enters: nothing. Leaves: a process in which docling's parallel parts run on
//! the calling thread. It is never called by the conversion itself: the pool is
//! the process's, so whoever owns the process decides.

/// The process's pool was in use already, so it may have threads of its own.
#[derive(thiserror::Error, Clone, Copy, Debug, PartialEq, Eq)]
#[error("the thread pool was in use before it could be kept on one thread")]
pub struct AlreadySpread;

/// Makes every conversion of this process run wholly on the calling thread, from
/// which all of them must then be called.
///
/// docling reads slides and sheets on rayon's global pool. Its threads have
/// small stacks, and a sandbox that forbids new threads would end in a panic.
/// Call this once, before the first conversion, on the thread with the large
/// stack.
///
/// # Errors
///
/// The pool was in use already.
pub fn stay_on_this_thread() -> Result<(), AlreadySpread> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build_global()
        .map_err(|_| AlreadySpread)
}
