//! Repeats the figures that docs/benchmarks.md states. Enters: a scenario, a
//! server's binary. Leaves: figures. Never: a verdict on speed, since a shared
//! machine is too noisy for one; `soak` and `retrieval` alone say whether it went
//! well.

mod caller;
mod dialects;
mod events;
mod fanout;
mod faults;
mod figures;
mod fill;
mod index;
mod latency;
mod lists;
mod memory;
mod pages;
mod process;
mod retrieval;
mod server;
mod soak;
mod submissions;
mod throughput;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures a Milepost server", disable_help_subcommand = true)]
struct Arguments {
    /// The server; without it the one beside this program.
    #[arg(long, env = "SERVER_BIN", global = true)]
    server: Option<PathBuf>,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Pages for each processor second, bare library and server in turn.
    Throughput {
        /// Holds PDFs.
        folder: PathBuf,
        #[arg(default_value_t = 3)]
        rounds: usize,
    },
    /// From a recorded update to its message.
    Latency {
        document: PathBuf,
        #[arg(default_value_t = 1)]
        watchers: usize,
    },
    /// Each protocol: to connect, to be told of an update, to be kept.
    Dialects(dialects::Options),
    /// Durable submissions, in a hurry and at a steady rate.
    Submissions(submissions::Options),
    /// Events through the journal.
    Events(events::Options),
    /// Lists of many jobs.
    Lists(lists::Options),
    /// The start over many finished jobs.
    Start(lists::StartOptions),
    /// Peak memory against the size of a document.
    Memory,
    /// Pages for each processor second, beside other programs.
    Pages(pages::Options),
    /// What `pages` compares with.
    #[command(hide = true)]
    Bare(pages::Bare),
    /// Delivery beside peers, in turn.
    Fanout(fanout::Options),
    /// What `fanout` compares with.
    #[command(hide = true)]
    Floor,
    /// Jobs whose converters are killed again and again.
    Faults(faults::Options),
    /// Mixed work for a long time; fails where something grows, or is lost.
    Soak(soak::Options),
    /// How well search finds what answers a question; fails where fusion makes it
    /// worse.
    Retrieval(retrieval::Options),
    /// A large collection: written, searched, held; beside peers.
    Index(index::Options),
    /// What `index` measures, one at a time.
    #[command(hide = true)]
    IndexSide(index::Side),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    process::raise_descriptors(1024);
    let server = || {
        let binary = match arguments.server {
            Some(path) => path,
            None => std::env::current_exe()?.with_file_name("milepost"),
        };
        anyhow::ensure!(binary.exists(), "there is no server at {}; build it", binary.display());
        Ok(binary)
    };
    match arguments.scenario {
        Scenario::Throughput { folder, rounds } => {
            throughput::run(&server()?, &folder, rounds).await
        }
        Scenario::Latency { document, watchers } => {
            latency::run(&server()?, &document, watchers).await
        }
        Scenario::Dialects(options) => dialects::run(&server()?, &options).await,
        Scenario::Submissions(options) => submissions::run(&server()?, &options).await,
        Scenario::Events(options) => events::run(&server()?, &options).await,
        Scenario::Lists(options) => lists::run(&server()?, &options).await,
        Scenario::Start(options) => lists::start(&server()?, &options).await,
        Scenario::Memory => memory::run(&server()?).await,
        Scenario::Pages(options) => pages::run(&server()?, &options).await,
        Scenario::Bare(options) => pages::bare(&options),
        Scenario::Fanout(options) => fanout::run(&server()?, &options).await,
        Scenario::Floor => tokio::task::spawn_blocking(fanout::floor::run).await?,
        Scenario::Faults(options) => faults::run(&server()?, &options).await,
        Scenario::Retrieval(options) => retrieval::run(&options).await,
        Scenario::Index(options) => index::run(&options).await,
        Scenario::IndexSide(options) => index::side(options).await,
        Scenario::Soak(options) => soak::run(&server()?, &options).await.context("the soak failed"),
    }
}
