//! Builds the parts, joins them, and takes them down in order. The only file
//! that sees all of them.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use milepost_core::Announcement;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::Access;
use crate::audit::Audit;
use crate::bus::Bus;
use crate::clock::Clock;
use crate::command::Commands;
use crate::config::Config;
use crate::dialect;
use crate::fetch::Fetcher;
use crate::http::{Bounds, Metrics, Services, router};
use crate::hub::Hub;
use crate::index::Indexing;
use crate::journal::Journal;
use crate::push::Push;
use crate::query::Query;
use crate::queue::Queue;
use crate::report::Reports;
use crate::store::{Blobs, NodeId, Store, StoreError, private_folder};
use crate::submit::Submitter;
use crate::sweeper::Sweeper;
use crate::transport::door::{self, Door};
use crate::transport::gate::Gate;
use crate::transport::tls::Tls;
use crate::worker::{Pool, Runner, Start, Walls, missing_walls, spawn};

/// How long answers that are under way may take once the jobs have stopped.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Runs the server until `stop`, then takes it down: no new leases, watchers
/// told, running pages finished or given back. `ready` is called once requests
/// are answered, with the address and whether connections are encrypted.
///
/// # Errors
/// Where a part cannot be built: the address or the data directory is taken,
/// or the database cannot be opened.
pub async fn serve(
    config: Config,
    stop: impl Future<Output = ()>,
    ready: impl FnOnce(SocketAddr, bool),
) -> anyhow::Result<()> {
    config.check()?;
    let tls = config.tls.is_on().then(|| Tls::load(&config.tls)).transpose()?.map(Arc::new);
    let _lock = take(&config)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    let outside = Outside::of_this_machine(&config).await?;
    let core = Core::start(config, outside).await?;
    let Services { config, metrics, draining, .. } = &core.services;
    let (encrypted, metrics) = (tls.is_some(), metrics.clone());
    let door = Door {
        app: router(core.services.clone(), dialect::routes(&config.dialects)),
        limits: config.limits.clone(),
        tls,
        gate: Gate::new(config, !config.auth.is_none()),
        refused: Box::new(move |reason| metrics.refused(reason.as_str())),
        stop: draining.clone(),
    };
    let server = tokio::spawn(door::serve(listener, door));
    ready(address, encrypted);

    stop.await;
    tracing::info!("stopping: running pages are finished or given back");
    core.stop(async {
        if tokio::time::timeout(LAST_ANSWERS, server).await.is_err() {
            tracing::warn!("some answers were still under way and are cut off");
        }
    })
    .await
}

/// A server without a door: for whoever works on its data directory from within the
/// same process.
pub struct Inside {
    core: Core,
    app: Router,
    /// Of the data directory, where it is taken.
    _lock: Option<File>,
}

impl Inside {
    /// Starts all of it; what an earlier one left unfinished goes on.
    ///
    /// # Errors
    /// As for [`serve`]; [`StoreError::InUse`] where a server holds the data directory.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        config.check()?;
        let lock = take(&config)?;
        let outside = Outside::of_this_machine(&config).await?;
        Ok(Self::around(Core::start(config, outside).await?, Some(lock)))
    }

    /// Without any work on jobs.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub async fn idle(config: Config) -> anyhow::Result<Self> {
        config.check()?;
        let lock = take(&config)?;
        let outside = Outside::over(&config, Store::open, nobody(), Indexing::open)?;
        Ok(Self::around(Core::join(config, outside, false).await?, Some(lock)))
    }

    /// Without any work on jobs, and perhaps beside a server that has the same data
    /// directory: for reading.
    ///
    /// # Errors
    /// As for [`serve`].
    pub async fn beside(config: Config) -> anyhow::Result<Self> {
        config.check()?;
        make_folders(&config)?;
        let outside = Outside::over(&config, Store::open_beside, nobody(), Indexing::beside)?;
        Ok(Self::around(Core::join(config, outside, false).await?, None))
    }

    fn around(core: Core, lock: Option<File>) -> Self {
        let routes = dialect::routes(&core.services.config.dialects);
        Self { app: router(core.services.clone(), routes), core, _lock: lock }
    }

    /// Answers requests as the server would.
    pub fn app(&self) -> Router {
        self.app.clone()
    }

    /// Takes it down as a server is; whoever has the [`app`](Self::app) should have let
    /// go of it.
    ///
    /// # Errors
    /// As for [`Core::stop`].
    pub async fn stop(self) -> anyhow::Result<()> {
        drop(self.app);
        self.core.stop(async {}).await
    }
}

/// What a server stands on. A simulation brings its own.
pub struct Outside {
    /// Times and ids.
    pub clock: Clock,
    /// The database.
    pub store: Store,
    /// What the database has committed.
    pub announcements: mpsc::UnboundedReceiver<Announcement>,
    /// The objects.
    pub blobs: Blobs,
    /// Carries announcements.
    pub bus: Bus,
    /// Starts converters.
    pub start: Start,
    /// Collections and engines.
    pub indexing: Indexing,
}

impl Outside {
    /// What there is on this machine: the data directory, which is taken, and converter
    /// processes.
    async fn of_this_machine(config: &Config) -> anyhow::Result<Self> {
        let walls = Walls::from(&config.worker);
        match missing_walls(config.worker.sandbox).await {
            Ok(None) => {}
            Ok(Some(missing)) => {
                tracing::warn!(%missing, "converters are less isolated than they could be")
            }
            Err(cause) => anyhow::bail!(
                "no converter can be started: {cause}. `worker.sandbox = \"auto\"` makes do with \
                 what this system offers; `milepost doctor` shows what that is"
            ),
        }
        let start: Start = Arc::new(move || spawn(walls));
        Self::over(config, Store::open, start, Indexing::open)
    }

    fn over(
        config: &Config,
        open: impl FnOnce(&Path, mpsc::UnboundedSender<Announcement>) -> Result<Store, StoreError>,
        start: Start,
        index: impl FnOnce(&Config, &Path) -> anyhow::Result<Indexing>,
    ) -> anyhow::Result<Self> {
        let (committed, announcements) = mpsc::unbounded_channel();
        let store = open(&config.data_dir, committed)
            .with_context(|| format!("cannot open the store in {}", config.data_dir.display()))?;
        Ok(Self {
            clock: Clock::system(),
            store,
            announcements,
            blobs: Blobs::local(&objects(config))?,
            bus: Bus::new(),
            start,
            indexing: index(config, &config.data_dir.join("index"))?,
        })
    }
}

/// Starts no converter, for whoever works on no job.
fn nobody() -> Start {
    Arc::new(|| Err(std::io::ErrorKind::Unsupported.into()))
}

/// All parts of a running server, joined; only the door to the network is not
/// among them.
pub struct Core {
    /// What requests are answered with.
    pub services: Services,
    background: Vec<JoinHandle<()>>,
    work: Option<JoinHandle<()>>,
    announcer: JoinHandle<()>,
}

impl Core {
    /// Joins the parts and sets them to work.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn start(config: Config, outside: Outside) -> anyhow::Result<Self> {
        Self::join(config, outside, true).await
    }

    /// Joins the parts; those that work on jobs, or tidy up, only where it `works`.
    async fn join(config: Config, outside: Outside, works: bool) -> anyhow::Result<Self> {
        let Outside { clock, store, announcements, blobs, bus, start, indexing } = outside;
        let (journal, announcer) =
            Journal::start(store.clone(), bus.clone(), clock.clone(), announcements);
        let node = NodeId::new(clock.new_id().to_string());
        let queue = Queue::new(journal.clone(), store.clone(), node, config.queue.clone());
        // Nobody else works on this database: whatever runs was left by a server
        // that is gone.
        let rescued = if works { queue.rescue(true).await? } else { 0 };
        if rescued > 0 {
            tracing::info!(rescued, "took up jobs that the last server left running");
        }
        let audit = match config.audit.path(&config.data_dir, !config.auth.is_none()) {
            Some(path) => Audit::open(path.clone())
                .with_context(|| format!("cannot write the audit log {}", path.display()))?,
            None => Audit::default(),
        };
        let access = Access::start(&config, store.clone(), clock.clone()).await?;
        let push = Push::start(&config.push, store.clone(), clock.clone()).await?;
        let hub = Hub::new(store.clone(), clock.clone(), store.position().await?);
        let metrics = Metrics::new(&indexing.calls);
        let draining = CancellationToken::new();
        let runner = Runner {
            journal: journal.clone(),
            store: store.clone(),
            blobs: blobs.clone(),
            start,
            fetcher: Fetcher::new(&config)?,
            config: config.worker.clone(),
            indexing: indexing.clone(),
        };
        let (lease, look) = (config.queue.lease, config.dialects.document_poll);
        let (slots, fetches) = (config.slots(), config.fetch.slots);
        let pool = Pool::new(queue.clone(), runner, slots, fetches, lease, config.grace);
        let sweeper = Sweeper {
            journal: journal.clone(),
            queue,
            store: store.clone(),
            blobs: blobs.clone(),
            indexing: indexing.clone(),
            retention: config.retention,
        };
        let services = Services {
            access,
            audit,
            submitter: Submitter::new(journal.clone(), blobs.clone(), indexing.clone(), &config),
            reports: Reports::new(journal.clone()),
            commands: Commands::new(
                journal,
                store.clone(),
                blobs.clone(),
                indexing.clone(),
                config.queue.clone(),
            ),
            query: Query::new(store, blobs, indexing, &config.index),
            hub: hub.clone(),
            push: push.clone(),
            bounds: Bounds::new(&config, metrics.clone()),
            config: Arc::new(config),
            clock,
            metrics: metrics.clone(),
            draining: draining.clone(),
            sockets: TaskTracker::new(),
        };
        let mut background = vec![
            tokio::spawn(hub.run(bus.subscribe(), look)),
            tokio::spawn(metrics.clone().count_jobs(bus.subscribe())),
        ];
        let mut work = None;
        if works {
            let told = move |outcome| metrics.pushed(outcome);
            background.push(tokio::spawn(push.run(bus.subscribe(), told)));
            background.push(tokio::spawn(sweeper.run()));
            work = Some(tokio::spawn(pool.run(draining)));
        }
        Ok(Self { services, background, work, announcer })
    }

    /// Takes the parts down in order: no new leases, watchers told, running pages
    /// finished or given back; then `answers`, what is still being answered.
    ///
    /// # Errors
    /// Where the pool had panicked.
    pub async fn stop(self, answers: impl Future<Output = ()>) -> anyhow::Result<()> {
        self.services.draining.cancel();
        if let Some(work) = self.work {
            work.await?;
        }
        answers.await;
        self.services.sockets.close();
        if tokio::time::timeout(LAST_ANSWERS, self.services.sockets.wait()).await.is_err() {
            tracing::warn!("some sockets did not take their goodbye");
        }
        for task in self.background {
            task.abort();
            let _ = task.await;
        }
        let audit = self.services.audit.clone();
        drop(self.services);
        let _ = tokio::task::spawn_blocking(move || audit.close()).await;
        // The store's writer ends when nobody can write any more.
        let _ = tokio::time::timeout(LAST_ANSWERS, self.announcer).await;
        Ok(())
    }
}

/// Makes the data directory where there is none, and holds it: two servers on one
/// database would steal each other's jobs at every start.
fn take(config: &Config) -> anyhow::Result<File> {
    make_folders(config)?;
    lock(config)
}

fn make_folders(config: &Config) -> anyhow::Result<()> {
    private_folder(&config.data_dir)
        .and_then(|()| private_folder(&objects(config)))
        .with_context(|| format!("cannot make the data directory {}", config.data_dir.display()))
}

fn objects(config: &Config) -> PathBuf {
    config.data_dir.join("objects")
}

fn lock(config: &Config) -> anyhow::Result<File> {
    let path = config.data_dir.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(StoreError::InUse).with_context(|| config.data_dir.display().to_string())
        }
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}
