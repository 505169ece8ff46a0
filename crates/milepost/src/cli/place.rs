//! Where a command works: on a server, or on this machine's data directory, with the
//! same code. Enters: arguments and the environment. Leaves: a client of either.
//! Never: leaves unsaid which of the two it is, nor opens a port.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use super::client::{Client, ServerArgs, variable};
use super::exit::Exit;
use super::here::Here;
use super::serve::Source;
use super::trouble::Trouble;
use super::{as_client, out};
use crate::app::Inside;
use crate::config::Config;
use crate::store::StoreError;

/// On a server, where one is named; else here.
#[derive(Clone, Debug, clap::Args)]
pub struct PlaceArgs {
    /// The server [env: MILEPOST_SERVER] [default: none; the work is done on this machine]
    #[arg(long, value_name = "URL", conflicts_with_all = ["data_dir", "config"])]
    server: Option<String>,
    /// Work on this machine, in this folder [default: as for `serve`; env: MILEPOST_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Work on this machine, as this configuration file says [env: MILEPOST_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What is done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Documents are worked on.
    Work,
    /// Something is removed.
    Change,
    /// What is there is read, which is possible beside a running server.
    Reading,
}

impl PlaceArgs {
    /// Whether the work is done in this process, and ends with it. A flag counts for
    /// more than a variable.
    pub fn is_here(&self) -> bool {
        match (&self.server, &self.data_dir, &self.config) {
            (Some(_), ..) => false,
            (None, None, None) => variable("MILEPOST_SERVER").is_none(),
            _ => true,
        }
    }

    /// Carries out `command` there.
    ///
    /// # Errors
    /// The command's own; where there is no such place, or another process holds it.
    pub fn run(
        self,
        needs: Needs,
        command: impl AsyncFnOnce(Client) -> anyhow::Result<Exit>,
    ) -> anyhow::Result<ExitCode> {
        if !self.is_here() {
            let args = self.server.as_deref().map(ServerArgs::named).unwrap_or_default();
            let client = Client::new(&args)?;
            out::note(format_args!("On the server {}.", client.server()));
            return as_client(async { Ok(command(client).await?.into()) });
        }
        let flag = self.flag();
        let config = for_one_person(Source::here(self.data_dir, self.config).load()?);
        out::note(format_args!("On this machine, in {}.", config.data_dir.display()));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("The system gives no event loop")?;
        runtime.block_on(here(config, needs, flag, command)).map(Exit::into)
    }

    /// What leads another command to the same place.
    fn flag(&self) -> String {
        let folder = self.data_dir.as_ref().map(|dir| format!(" --data-dir {}", dir.display()));
        let file = self.config.as_ref().map(|file| format!(" --config {}", file.display()));
        [folder, file].into_iter().flatten().collect()
    }
}

/// Whoever can write the data directory needs no credential, sees no page of a browser
/// and may fetch what they name themselves.
fn for_one_person(mut config: Config) -> Config {
    config.auth = crate::config::Auth::default();
    config.listen = Config::default().listen;
    config.web.enabled = false;
    config.fetch.enabled = true;
    config
}

async fn here(
    config: Config,
    needs: Needs,
    flag: String,
    command: impl AsyncFnOnce(Client) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    let inside = match needs {
        Needs::Work => Inside::start(config).await,
        Needs::Change => Inside::idle(config).await,
        Needs::Reading => Inside::beside(config).await,
    };
    let inside = inside.map_err(held)?;
    let client = Client::here(Here::new(inside.app()), flag);
    let done = tokio::select! {
        // It has its own words for an interruption, if it waits already.
        biased;
        done = command(client) => done,
        _ = tokio::signal::ctrl_c() => Err(Trouble::Interrupted("Interrupted.".to_owned()).into()),
    };
    tokio::select! {
        stopped = inside.stop() => stopped?,
        _ = tokio::signal::ctrl_c() => std::process::exit(i32::from(Exit::Interrupted.number())),
    }
    done
}

/// Says what to do where a server works on the same data.
fn held(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::InUse) => error.context(
            "A Milepost server, or another command like this one, works in this data directory. \
             Send the work to the server with --server URL, or wait until the command has ended",
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_can_come_in_here() {
        let open = Config { listen: "0.0.0.0:80".parse().unwrap(), ..Config::default() };
        let config = for_one_person(open);
        assert!(config.auth.is_none() && config.listen.ip().is_loopback());
        config.check().unwrap();
    }

    #[test]
    fn other_commands_are_led_to_the_same_place() {
        let args = PlaceArgs {
            server: None,
            data_dir: Some("/data".into()),
            config: Some("a.toml".into()),
        };
        assert_eq!(args.flag(), " --data-dir /data --config a.toml");
        assert!(args.is_here());
    }
}
