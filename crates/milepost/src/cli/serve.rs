//! `milepost serve`: runs the server until it is told to stop. Enters: flags,
//! environment, a configuration file. Leaves: one line on standard output once
//! requests are answered; the log on standard error.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::app;
use crate::config::{Config, LogConfig};

/// What can be said on the command line; everything else is configuration.
#[derive(Debug, clap::Args)]
#[command(about = "Run the server")]
pub struct Args {
    #[command(flatten)]
    pub source: Source,
}

/// Where the configuration comes from.
#[derive(Debug, clap::Args)]
pub struct Source {
    /// Address and port to listen on [default: 127.0.0.1:8080; env: MILEPOST_LISTEN]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Folder for database and files [default: milepost in the user's data directory; env: MILEPOST_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Certificate for HTTPS, PEM, with those between it and its authority [env: MILEPOST_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM [env: MILEPOST_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Configuration file, TOML [env: MILEPOST_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Source {
    /// Without a door to the network: only where the data are, and the file.
    pub const fn here(data_dir: Option<PathBuf>, config: Option<PathBuf>) -> Self {
        Self { listen: None, data_dir, tls_cert: None, tls_key: None, config }
    }

    /// The configuration in force: file, then environment, then flags.
    ///
    /// # Errors
    /// Names the place and what is wrong there.
    pub fn load(self) -> anyhow::Result<Config> {
        let file = self.config.or_else(|| std::env::var_os("MILEPOST_CONFIG").map(PathBuf::from));
        let mut config = Config::load(file.as_deref(), std::env::vars())?;
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        if let Some(data_dir) = self.data_dir {
            config.data_dir = data_dir;
        }
        if let Some(cert) = self.tls_cert {
            config.tls.cert = cert;
        }
        if let Some(key) = self.tls_key {
            config.tls.key = key;
        }
        Ok(config)
    }
}

/// Serves until SIGTERM or Ctrl-C; a second one ends it at once.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = args.source.load()?;
    config.check()?;
    start_log(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("The system gives no event loop")?;
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        let stop = async {
            signals.next().await;
            tokio::spawn(async move {
                signals.next().await;
                std::process::exit(130);
            });
        };
        app::serve(config, stop, announce).await
    })?;
    Ok(ExitCode::SUCCESS)
}

fn announce(address: SocketAddr, encrypted: bool) {
    let scheme = if encrypted { "https" } else { "http" };
    // Whoever started us may not read it.
    let _ = writeln!(std::io::stdout(), "Milepost is ready at {scheme}://{address}");
    let _ = std::io::stdout().flush();
}

fn start_log(config: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.level)
        .with_context(|| format!("log.level: `{}` is no filter", config.level))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if config.json {
        log.json().init();
    } else {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        log.with_ansi(terminal).init();
    }
    Ok(())
}

/// The wishes to stop.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
