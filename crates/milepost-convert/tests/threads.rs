//! In a process that asked for it, no conversion starts a thread.
//!
//! Alone in its binary: the thread pool is the process's.

mod common;

use common::convert_all;
use milepost_convert::stay_on_this_thread;

/// Threads of this process, where the system tells.
fn threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}

#[test]
fn slides_and_sheets_stay_on_the_thread() {
    stay_on_this_thread().expect("nothing was converted yet");
    let before = threads();
    for name in ["slides.pptx", "workbook.xlsx", "paper.tex", "report.pdf"] {
        convert_all(name).expect(name);
    }
    assert_eq!(threads(), before);
    assert!(stay_on_this_thread().is_err());
}
