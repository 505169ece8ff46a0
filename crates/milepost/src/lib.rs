//! The rooms of the binary, and the way into it. Enters: arguments. Leaves: an
//! exit code. Never: decides anything, or starts a thread before it knows whether
//! it is a converter process, which must shut itself in first.

mod access;
mod app;
mod audit;
mod bus;
mod cli;
mod clock;
mod command;
mod config;
mod dialect;
#[cfg(test)]
mod echo;
mod fetch;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http;
mod hub;
mod index;
mod journal;
mod pipeline;
mod push;
mod query;
mod queue;
mod report;
mod sandbox;
#[cfg(test)]
mod simulation;
mod store;
mod submit;
mod sweeper;
#[cfg(test)]
mod tidy;
mod transport;
mod worker;

use std::process::ExitCode;

/// The whole program. A library so that fuzz targets can reach the parsers of
/// outside bytes; nothing else is public.
pub fn main() -> ExitCode {
    // Whoever started this may have left descriptors open. They are nothing to
    // the programs that this one starts, converters above all.
    close_fds::set_fds_cloexec(3, &[]);
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == worker::SUBCOMMAND) {
        return worker::child::main(arguments);
    }
    cli::run()
}
