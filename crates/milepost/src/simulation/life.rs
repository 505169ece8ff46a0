//! One life of the server: from its start on a store that may hold the work of
//! earlier lives, to the moment when the power goes or it has stopped. Enters: the
//! weather. Leaves: what is in the store. The server is the real one; the store's
//! writer is driven here, so that a life can end between any two commits.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::ffi::SQLITE_BUSY;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::converter;
use super::door::Door;
use super::trace;
use super::user::User;
use super::watcher::Watcher;
use super::weather::Ending;
use super::world::World;
use crate::app::{Core, Outside};
use crate::bus::{Bus, Pace};
use crate::index::Indexing;
use crate::store::{Blobs, Driver, Fault, Gate, Store, StoreError};

/// After the weather has calmed down everything ends within this time.
const PATIENCE: Duration = Duration::from_secs(1800);

/// What is left when the power goes.
pub struct Remains {
    /// Holds the database.
    pub folder: TempDir,
    /// Holds the objects.
    pub blobs: Blobs,
    /// Those who use the server.
    pub users: Vec<Arc<User>>,
    /// Those who watch.
    pub watchers: Vec<Arc<Watcher>>,
}

/// A life. `ending` is `None` for the last one, which ends when all is quiet.
pub async fn live(world: Arc<World>, remains: &Remains, lasts: Duration, ending: Option<Ending>) {
    world.begin_life();
    world.set_unsettled(true);
    world.note(|| format!("a life begins: {lasts:?}, then {ending:?}"));
    tokio::select! {
        biased;
        () = world.over.notified() => {}
        () = happens(&world, remains, lasts, ending) => {}
    }
    world.cut_at_commit(None);
    world.note(|| "the life is over".to_owned());
    world.end_life();
}

async fn happens(world: &Arc<World>, remains: &Remains, lasts: Duration, ending: Option<Ending>) {
    let (committed, announcements) = mpsc::unbounded_channel();
    let opened = Store::open_in_line(remains.folder.path(), committed, gate(world.clone()));
    let (store, driver) = opened.expect("the database opens");
    tokio::spawn(drive(world.clone(), driver));
    let outside = Outside {
        clock: world.clock(),
        store,
        announcements,
        blobs: remains.blobs.clone(),
        bus: Bus::paced(world.weather.backlog, pace(world.clone())),
        start: converter::start(world.clone()),
        indexing: Indexing::open(&world.weather.config, &remains.folder.path().join("index"))
            .expect("the collections open"),
    };
    let core = match Core::start(world.weather.config.clone(), outside).await {
        Ok(core) => core,
        Err(error) => return world.note(|| format!("the server does not start: {error}")),
    };
    world.set_unsettled(false);
    let door = Arc::new(Door::new(world.clone(), core.services.clone()));
    for user in &remains.users {
        tokio::spawn(user.clone().live(world.clone(), door.clone()));
    }
    for watcher in &remains.watchers {
        tokio::spawn(watcher.clone().live(world.clone(), door.clone()));
    }
    sleep(lasts).await;
    match ending {
        None => {
            world.calm_down();
            become_quiet(world, remains).await;
        }
        Some(Ending::Crash) => return,
        Some(at @ Ending::CrashAtCommit(_)) => {
            world.cut_at_commit(Some(at));
            // Perhaps there is no further commit.
            return sleep(Duration::from_secs(10)).await;
        }
        Some(Ending::CrashWhileStopping) => {
            let (world, millis) = (world.clone(), world.below(2000));
            tokio::spawn(async move {
                sleep(Duration::from_millis(millis)).await;
                world.over.notify_one();
            });
        }
        Some(Ending::Stop) => {}
    }
    world.note(|| "the server is told to stop".to_owned());
    world.set_unsettled(true);
    door.close();
    let stopped = core.stop(world.wait_up_to(1000)).await;
    world.check(stopped.map_err(|error| format!("it did not stop: {error}")));
}

/// Until everyone has what is theirs.
async fn become_quiet(world: &Arc<World>, remains: &Remains) {
    let began = world.now();
    loop {
        sleep(Duration::from_secs(1)).await;
        for watcher in &remains.watchers {
            world.check(watcher.is_kept_up(world, began));
        }
        let open = open_matters(world, remains);
        let Some(first) = open else { return };
        if world.now() > began + PATIENCE {
            return world.wrong(format!("it never becomes quiet: {first}"));
        }
    }
}

fn open_matters(world: &World, remains: &Remains) -> Option<String> {
    let user = remains.users.iter().find_map(|user| user.open(world));
    let ends = || {
        let ledger = world.ledger();
        let open = ledger.jobs.iter().find(|(_, record)| !record.ended());
        open.map(|(id, record)| format!("{id} is {:?}", record.last().snapshot.status))
    };
    user.or_else(ends).or_else(|| remains.watchers.iter().find_map(|w| w.open(world)))
}

/// How the bus is heard.
fn pace(world: Arc<World>) -> Pace {
    Arc::new(move || {
        let world = world.clone();
        Box::pin(async move {
            if world.fault(world.weather.bus_waits) {
                world.wait_up_to(3000).await;
            }
        })
    })
}

/// What questions to the store meet.
fn gate(world: Arc<World>) -> Gate {
    Arc::new(move || {
        let world = world.clone();
        Box::pin(async move {
            world.step();
            if world.fault(world.weather.read_waits) {
                world.wait_up_to(100).await;
            }
            if world.fault(world.weather.read_fails) {
                world.note(|| "a question to the store fails".to_owned());
                let busy = rusqlite::ffi::Error::new(SQLITE_BUSY);
                return Err(StoreError::Sqlite(rusqlite::Error::SqliteFailure(busy, None)));
            }
            Ok(())
        })
    })
}

/// The writer: takes what waits, commits it, tells, each in its own time.
async fn drive(world: Arc<World>, mut driver: Driver) {
    loop {
        if world.fault(world.weather.commit_waits) {
            world.wait_up_to(100).await;
        }
        let most = 1 + world.below(world.weather.group as u64) as usize;
        if !driver.take(most).await {
            return;
        }
        world.step();
        world.commit_reached(0).await;
        let fault = if world.outage() || world.fault(world.weather.commit_fails) {
            Some(Fault::Refused)
        } else if world.fault(world.weather.disk_full) {
            Some(Fault::DiskFull)
        } else {
            None
        };
        let groups = driver.commit_under(fault);
        for group in &groups {
            let Some(changes) = group.committed() else {
                world.note(|| format!("a commit fails: {fault:?}"));
                continue;
            };
            for change in changes {
                world.note(|| trace::committed(change));
            }
            let (at, now) = (world.now(), world.timestamp());
            let lossy = world.takes_leases();
            let fine = world.ledger().committed(changes, at, now, lossy);
            world.check(fine);
        }
        world.commit_reached(1).await;
        if world.fault(world.weather.commit_waits) {
            world.wait_up_to(50).await;
        }
        groups.into_iter().for_each(|group| driver.tell(group));
        world.commit_reached(2).await;
    }
}
