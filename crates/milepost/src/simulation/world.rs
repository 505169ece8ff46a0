//! What all parts of a run share: the one source of chance, the time, the ledger,
//! the trace, and what was found wrong. Never: real time, or a thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use milepost_core::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::ledger::Ledger;
use super::weather::{Ending, Weather};
use crate::clock::Clock;

/// When every run begins.
const EPOCH_MICROS: i64 = 1_700_000_000_000_000;
/// Steps at one moment after which something goes round in circles.
const MAX_STEPS_AT_ONCE: u64 = 20_000;

/// One run.
pub struct World {
    /// What it follows from.
    pub weather: Weather,
    rng: Mutex<Rng>,
    ledger: Mutex<Ledger>,
    trace: Option<Mutex<Vec<String>>>,
    wrong: Mutex<Option<String>>,
    /// Time of the lives before this one, and when this one began.
    time: Mutex<(Duration, Option<Instant>)>,
    /// The moment of the last step, and the steps in it.
    steps: Mutex<(Duration, u64)>,
    ids: AtomicU64,
    calm: AtomicBool,
    /// The server is starting or stopping, which costs leases.
    unsettled: AtomicBool,
    /// Where the power goes at the next commit.
    power: Mutex<Option<Ending>>,
    /// The life is over, for good or ill.
    pub over: Notify,
}

impl World {
    /// A run from `seed`; with `traced` it tells what happens.
    pub fn new(seed: u64, traced: bool) -> Arc<Self> {
        let mut rng = Rng::with_seed(seed);
        let weather = Weather::new(&mut rng);
        // The product's own dice.
        fastrand::seed(rng.u64(..));
        let world = Self {
            ledger: Mutex::new(Ledger::new(&weather)),
            weather,
            rng: Mutex::new(rng),
            trace: traced.then(Mutex::default),
            wrong: Mutex::default(),
            time: Mutex::default(),
            steps: Mutex::default(),
            ids: AtomicU64::new(1),
            calm: AtomicBool::new(false),
            unsettled: AtomicBool::new(false),
            power: Mutex::default(),
            over: Notify::new(),
        };
        world.note(|| format!("{:#?}", world.weather));
        Arc::new(world)
    }

    /// Time since the run began.
    pub fn now(&self) -> Duration {
        let (before, began) = *self.time.lock().unwrap();
        before + began.map_or(Duration::ZERO, |began| began.elapsed())
    }

    /// A life begins; the time goes on from where the last one ended.
    pub fn begin_life(&self) {
        self.time.lock().unwrap().1 = Some(Instant::now());
    }

    /// The life is over. To be called in the time of the runtime.
    pub fn end_life(&self) {
        let now = self.now() + Duration::from_secs(1);
        *self.time.lock().unwrap() = (now, None);
    }

    /// The server's clock.
    pub fn clock(self: &Arc<Self>) -> Clock {
        let (now, ids) = (self.clone(), self.clone());
        Clock::new(move || now.timestamp(), move || ids.new_id())
    }

    /// Now, as the server says it.
    pub fn timestamp(&self) -> Timestamp {
        Timestamp::from_micros(EPOCH_MICROS).plus(self.now())
    }

    fn new_id(&self) -> Uuid {
        let number = self.ids.fetch_add(1, Ordering::Relaxed);
        Uuid::from_u128(0x7000_8000_0000_0000_0000 + u128::from(number))
    }

    /// One more number.
    pub fn number(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// What was committed.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    /// A line of the trace.
    pub fn note(&self, line: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            let now = self.now();
            trace.lock().unwrap().push(format!("{:>11.6} {}", now.as_secs_f64(), line()));
        }
    }

    /// The trace.
    pub fn traced(&self) -> Vec<String> {
        self.trace.as_ref().map(|trace| trace.lock().unwrap().clone()).unwrap_or_default()
    }

    /// A property does not hold. The first one counts.
    pub fn wrong(&self, what: String) {
        self.note(|| format!("WRONG: {what}"));
        self.wrong.lock().unwrap().get_or_insert(what);
        self.over.notify_one();
    }

    /// As [`World::wrong`], where there is something.
    pub fn check(&self, outcome: Result<(), String>) {
        if let Err(what) = outcome {
            self.wrong(what);
        }
    }

    /// What was found wrong.
    pub fn verdict(&self) -> Option<String> {
        self.wrong.lock().unwrap().clone()
    }

    /// Whether it happens, with a chance in a thousand.
    pub fn chance(&self, thousandths: u32) -> bool {
        thousandths > 0 && self.rng.lock().unwrap().u32(..1000) < thousandths
    }

    /// As [`World::chance`], for what goes wrong: never once it is calm.
    pub fn fault(&self, thousandths: u32) -> bool {
        !self.calm() && self.chance(thousandths)
    }

    /// A number below `most`.
    pub fn below(&self, most: u64) -> u64 {
        self.rng.lock().unwrap().u64(..most.max(1))
    }

    /// One of them; `None` where there is none.
    pub fn choose<T: Clone>(&self, of: &[T]) -> Option<T> {
        if of.is_empty() { None } else { Some(of[self.below(of.len() as u64) as usize].clone()) }
    }

    /// Up to so many milliseconds.
    pub async fn wait_up_to(&self, millis: u64) {
        let millis = self.below(millis + 1);
        if millis > 0 {
            sleep(Duration::from_millis(millis)).await;
        }
    }

    /// Whether nothing can be stored now.
    pub fn outage(&self) -> bool {
        let now = self.now();
        let during = |(begins, lasts)| begins <= now && now < begins + lasts;
        !self.calm() && self.weather.outage.is_some_and(during)
    }

    /// Whether nothing goes wrong any more.
    pub fn calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    /// From now on nothing goes wrong.
    pub fn calm_down(&self) {
        self.note(|| "calm: nothing goes wrong from here on".to_owned());
        self.calm.store(true, Ordering::Relaxed);
    }

    /// Whether the server is starting or stopping.
    pub fn set_unsettled(&self, unsettled: bool) {
        self.unsettled.store(unsettled, Ordering::Relaxed);
    }

    /// Whether a worker may lose its lease without a fault of its own.
    pub fn takes_leases(&self) -> bool {
        self.unsettled.load(Ordering::Relaxed) || self.weather.takes_leases()
    }

    /// The power goes at the next commit.
    pub fn cut_at_commit(&self, ending: Option<Ending>) {
        *self.power.lock().unwrap() = ending;
    }

    /// Does not return where the power goes here.
    pub async fn commit_reached(&self, part: u8) {
        if *self.power.lock().unwrap() == Some(Ending::CrashAtCommit(part)) {
            self.note(|| format!("the power goes at a commit, part {part}"));
            self.over.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// A step was made. Too many at one moment are a circle.
    pub fn step(&self) {
        let now = self.now();
        let mut steps = self.steps.lock().unwrap();
        if steps.0 != now {
            *steps = (now, 0);
        }
        steps.1 += 1;
        if steps.1 == MAX_STEPS_AT_ONCE {
            drop(steps);
            self.wrong("the server goes round in circles: time stands still".to_owned());
        }
    }
}
