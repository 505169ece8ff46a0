//! The command line: one file for each subcommand. Enters: arguments and the
//! environment. Leaves: output, and an exit code from the table in `exit`.
//! Never: does the work itself.

mod cancel;
mod client;
mod collections;
mod config;
mod convert;
mod delete;
mod describe;
mod display;
mod doctor;
mod exit;
mod folder;
mod follow;
#[cfg(test)]
mod follow_tests;
mod glob;
mod here;
mod ingest;
mod ingest_send;
mod ingest_sources;
mod ingest_tell;
mod jobs;
mod keys;
mod live;
mod manual;
mod orders;
mod out;
mod place;
mod plain;
mod poll;
mod result;
mod retry;
mod search;
mod search_filter;
mod search_show;
mod serve;
mod sse;
mod stream;
mod submit;
mod summary;
mod target;
mod text;
mod trouble;
mod upload;
mod upload_folder;
mod value;
mod watch;
mod wire;

use std::future::Future;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};

use exit::Exit;
use trouble::Trouble;

/// Converts documents in durable jobs that can be watched live, page by page.
#[derive(Debug, clap::Parser)]
#[command(name = "milepost", version, after_help = exit::help())]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Serve(serve::Args),
    Config(config::Args),
    Keys(keys::Args),
    #[command(after_long_help = exit::help())]
    Convert(convert::Args),
    #[command(after_long_help = exit::help())]
    Submit(submit::Args),
    #[command(after_long_help = exit::help())]
    Ingest(ingest::Args),
    #[command(after_long_help = exit::help())]
    Search(search::Args),
    #[command(after_long_help = exit::help())]
    Collections(collections::Args),
    #[command(after_long_help = exit::help())]
    Watch(watch::Args),
    #[command(after_long_help = exit::help())]
    Jobs(jobs::Args),
    #[command(after_long_help = exit::help())]
    Result(result::Args),
    #[command(after_long_help = exit::help())]
    Cancel(cancel::Args),
    #[command(after_long_help = exit::help())]
    Retry(retry::Args),
    #[command(after_long_help = exit::help())]
    Delete(delete::Args),
    #[command(after_long_help = exit::help())]
    Doctor(doctor::Args),
    Completions(manual::Completions),
    Man(manual::Man),
}

/// Reads the arguments and carries out the command. Starts no thread before it
/// knows which one it is.
pub fn run() -> ExitCode {
    execute(Cli::parse().command).unwrap_or_else(|error| {
        let exit = Exit::of_error(&error);
        match (exit, error.downcast_ref::<Trouble>()) {
            // Nobody reads any more, and nothing went wrong here.
            (Exit::OutputClosed, _) => {}
            (_, Some(Trouble::Interrupted(text))) => out::note(text),
            _ => out::error(&error),
        }
        exit.into()
    })
}

fn execute(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Config(args) => config::run(args),
        Command::Keys(args) => keys::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Submit(args) => as_client(submit::run(args)),
        Command::Ingest(args) => ingest::run(args),
        Command::Search(args) => search::run(args),
        Command::Collections(args) => collections::run(args),
        Command::Watch(args) => as_client(watch::run(args)),
        Command::Jobs(args) => as_client(jobs::run(args)),
        Command::Result(args) => as_client(result::run(args)),
        Command::Cancel(args) => as_client(cancel::run(args)),
        Command::Retry(args) => as_client(retry::run(args)),
        Command::Delete(args) => as_client(delete::run(args)),
        Command::Doctor(args) => doctor::run(args),
        Command::Completions(args) => manual::completions(&args, &mut Cli::command()),
        Command::Man(args) => manual::man(&args, Cli::command()),
    }
}

/// One thread is enough for a client that mostly waits.
fn as_client(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("The system gives no event loop")?;
    runtime.block_on(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_argument_takes_a_credential() {
        for argument in ["--token", "--password", "--api-key"] {
            let line = ["milepost", "submit", argument, "x", "file.pdf"];
            assert!(Cli::try_parse_from(line).is_err(), "{argument}");
        }
    }
}
