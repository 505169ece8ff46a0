//! The suite of every index, on the embedded one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod suite;

use milepost_index::{Embedded, Limits};

fn open() -> (Embedded, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { max_collections: 20, ..Limits::default() };
    (Embedded::open(folder.path(), limits).unwrap(), folder)
}

suite::for_every_index!(open());
