//! `milepost config`: prints the configuration in force, as a file that could be
//! given to `--config`.

use std::process::ExitCode;

use super::out;
use super::serve::Source;

/// The same sources as the server's.
#[derive(Debug, clap::Args)]
#[command(about = "Print the configuration in force")]
pub struct Args {
    #[command(flatten)]
    source: Source,
}

/// Prints it, with `(hidden)` in the place of secrets.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = args.source.load()?;
    out::line(toml::to_string(&config)?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
