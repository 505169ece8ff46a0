//! The whole server in one thread, in a time of its own, under weather that a seed
//! decides: a store that fails, power that goes, converters that die, a bus that
//! lags, clients that come and go. Enters: seeds. Leaves: whether what the server
//! promises held; where it did not, a trace, and the command that repeats it.
//! Never: chance or time from outside the seed.

mod converter;
mod door;
mod ledger;
mod life;
mod lines;
mod rest;
mod shown;
mod trace;
mod user;
mod watcher;
mod weather;
mod world;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};

use tokio::runtime::Builder;

use crate::store::Blobs;
use life::Remains;
use user::User;
use watcher::Watcher;
use world::World;

/// Seeds in an ordinary run of the tests.
const SEEDS: u64 = 1000;

/// What came of a seed.
struct Outcome {
    wrong: Option<String>,
    trace: Vec<String>,
}

#[test]
fn promises_hold_in_all_weather() {
    listen_for_panics();
    let named = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    if let Some(seed) = named("MILEPOST_SIM_SEED") {
        return report(seed, &run(seed, true));
    }
    let first = named("MILEPOST_SIM_FROM").unwrap_or(0);
    let (next, end) = (AtomicU64::new(first), first + named("MILEPOST_SIM_SEEDS").unwrap_or(SEEDS));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    if let Some(wrong) = run(seed, false).wrong {
                        failed.lock().unwrap().push((seed, wrong));
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner().unwrap();
    failed.sort();
    for (seed, wrong) in failed.iter().take(50) {
        eprintln!("seed {seed}: {wrong}");
    }
    if let Some((seed, _)) = failed.first() {
        eprintln!("{} seeds failed; the first of them again, with its trace:", failed.len());
        report(*seed, &run(*seed, true));
        panic!("seed {seed} failed, and does not when it is repeated");
    }
}

#[test]
fn a_seed_repeats_itself() {
    listen_for_panics();
    // Without the server's log: which of its lines somebody listens to is decided
    // for the whole process, by whatever runs beside this.
    let told = |seed| -> Vec<String> {
        let trace = run(seed, true).trace;
        trace.into_iter().filter(|line| !line.contains(trace::LOG)).collect()
    };
    for seed in 0..20 {
        let (first, second) = (told(seed), told(seed));
        let differs = first.iter().zip(&second).position(|(one, other)| one != other);
        if let Some(at) = differs {
            panic!("seed {seed}, line {at}:\n{}\n{}", first[at], second[at]);
        }
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}

fn report(seed: u64, outcome: &Outcome) {
    for line in &outcome.trace {
        eprintln!("{line}");
    }
    let Some(wrong) = &outcome.wrong else { return };
    panic!(
        "seed {seed}: {wrong}\nrepeat it with\n    MILEPOST_SIM_SEED={seed} cargo test -p milepost \
         --lib simulation -- --nocapture"
    );
}

/// One seed from its first life to its last.
fn run(seed: u64, traced: bool) -> Outcome {
    // In memory, where there is such a place: what is kept is kept by the system,
    // and nothing here cuts that off.
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let folder = tempfile::tempdir_in(place).expect("a folder can be made");
    PANIC.take();
    let world = World::new(seed, traced);
    let _log = traced.then(|| {
        let log = tracing_subscriber::fmt().with_ansi(false).without_time().with_target(false);
        let log = log.with_writer(trace::Log(world.clone())).finish();
        tracing::subscriber::set_default(log)
    });
    let remains = Remains {
        folder,
        blobs: Blobs::in_memory(),
        users: (0..world.weather.owners).map(|number| User::new(&world, number)).collect(),
        watchers: (0..world.weather.watchers).map(|number| Watcher::new(&world, number)).collect(),
    };
    let lives = world.weather.lives.iter().map(|(lasts, ending)| (*lasts, Some(*ending)));
    for (lasts, ending) in lives.chain([(world.weather.last, None)]) {
        let lived = catch_unwind(AssertUnwindSafe(|| {
            let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
            let runtime = runtime.expect("a runtime without threads starts");
            runtime.block_on(life::live(world.clone(), &remains, lasts, ending));
            // Whatever was under way is cut off here.
            drop(runtime);
        }));
        if let Some(panic) = PANIC.take() {
            world.wrong(panic);
        } else if lived.is_err() {
            world.wrong("a panic that says nothing".to_owned());
        }
        if world.verdict().is_none() {
            let at_rest = rest::check(remains.folder.path(), &world.ledger());
            world.check(at_rest);
        }
        if world.verdict().is_some() {
            break;
        }
    }
    Outcome { wrong: world.verdict(), trace: world.traced() }
}

thread_local! {
    /// What a task of this thread panicked with. The runtime keeps it to itself.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

fn listen_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANIC.with_borrow_mut(|first| first.get_or_insert_with(|| panic.to_string()).len());
            before(panic);
        }));
    });
}
