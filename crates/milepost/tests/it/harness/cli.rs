//! The command line, as a user of one server calls it.

use std::process::Output;

use super::{Server, binary, run};

/// The program, towards one server.
pub struct Client<'a>(pub &'a Server);

impl Client<'_> {
    pub fn run(&self, arguments: &[&str]) -> Output {
        run(binary().args(arguments).env("MILEPOST_SERVER", self.0.url()))
    }
}

/// What it printed, if it ended with that code.
#[track_caller]
pub fn exits(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("output is UTF-8")
}
