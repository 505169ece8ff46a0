//! Slides and sheets on the calling thread.
//!
//! Enters: nothing. Leaves: a process in which docling's thread pool is the
//! calling thread alone. It is never called by the conversion itself: the pool
//! is the process's, so whoever owns the process decides.

/// The process's pool was in use already, so it may have threads of its own.
#[derive(thiserror::Error, Clone, Copy, Debug, PartialEq, Eq)]
#[error("the thread pool was in use before it could be kept on one thread")]
pub struct AlreadySpread;

/// Makes every conversion of this process read slides and sheets on the calling
/// thread, from which all of them must then be called.
///
/// docling reads them on rayon's global pool, whose threads have small stacks
/// and start with the first presentation or workbook. Call this once before
/// that, on the thread with the large stack.
///
/// One thread remains that cannot be avoided: docling writes HTML on a thread of
/// its own, with a stack of 256 MiB, which ends with each page and with the
/// whole. Where that thread cannot start, writing HTML panics.
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
