//! What a seed decides beforehand: who is there, how the server is set up, what
//! goes wrong and how often. Enters: random numbers. Leaves: one run's weather.

use std::time::Duration;

use fastrand::Rng;

use crate::config::Config;

/// One run's weather. Chances are in a thousand.
#[derive(Clone, Debug)]
pub struct Weather {
    /// How many people use the server.
    pub owners: usize,
    /// How many jobs each of them wants done.
    pub intents: u64,
    /// How often each of them gives an order.
    pub orders: u32,
    /// How many watch.
    pub watchers: usize,
    /// Announcements that a subscriber of the bus may be behind.
    pub backlog: usize,
    /// A listener of the bus is slow to hear what is next.
    pub bus_waits: u32,
    /// Changes that share a commit, at most.
    pub group: usize,
    /// A question to the store fails.
    pub read_fails: u32,
    /// A question to the store takes its time.
    pub read_waits: u32,
    /// A commit fails as a whole.
    pub commit_fails: u32,
    /// The disk is full during a commit.
    pub disk_full: u32,
    /// A commit takes its time.
    pub commit_waits: u32,
    /// A converter does not start.
    pub start_fails: u32,
    /// A converter does something wrong instead of its next step.
    pub converter_errs: u32,
    /// The longest that a page takes.
    pub page_millis: u64,
    /// An owner cancels a running job and wants it again, both at once.
    pub hurry: u32,
    /// A time in which nothing can be stored, and how long it is.
    pub outage: Option<(Duration, Duration)>,
    /// A client goes away in the middle of a request.
    pub client_leaves: u32,
    /// A reader makes a pause before its next message.
    pub reader_rests: u32,
    /// How the server's lives end, but for the last one.
    pub lives: Vec<(Duration, Ending)>,
    /// How long the last life goes on before the weather calms down.
    pub last: Duration,
    /// The server's setup.
    pub config: Config,
}

/// How a life of the server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Power goes at that time.
    Crash,
    /// Power goes at the next commit: before it, behind it, or when all were told.
    CrashAtCommit(u8),
    /// It is told to stop, and does.
    Stop,
    /// It is told to stop, and power goes meanwhile.
    CrashWhileStopping,
}

impl Weather {
    /// What `rng` says.
    pub fn new(rng: &mut Rng) -> Self {
        let mut config = Config::default();
        // Nobody in it has a browser.
        config.push.enabled = false;
        let secs = |rng: &mut Rng, choices: &[u64]| {
            Duration::from_secs(*rng.choice(choices).expect("there is a choice"))
        };
        config.grace = secs(rng, &[1, 10]);
        config.retention = secs(rng, &[5, 60, 30 * 86_400, 30 * 86_400, 30 * 86_400]);
        config.worker.slots = rng.usize(1..=3);
        config.worker.silence = secs(rng, &[3, 30]);
        config.worker.recycle_after = *rng.choice(&[1, 3, 100]).expect("there is a choice");
        config.queue.max_waiting =
            if rng.u8(..4) == 0 { rng.u64(1..4) } else { config.queue.max_waiting };
        config.queue.max_wait = secs(rng, &[20, 120, 86_400, 86_400]);
        config.queue.retries = rng.u32(0..=3);
        config.queue.lease = secs(rng, &[6, 30]);

        let mut sometimes = |one_in: u8, most: u32| {
            if rng.u8(..one_in) == 0 { rng.u32(1..=most) } else { 0 }
        };
        let (read_fails, commit_fails) = (sometimes(3, 60), sometimes(3, 80));
        let (disk_full, start_fails) = (sometimes(3, 300), sometimes(4, 200));
        let (read_waits, commit_waits) = (sometimes(2, 500), sometimes(2, 500));
        let (converter_errs, client_leaves) = (sometimes(2, 120), sometimes(2, 150));
        let (reader_rests, bus_waits) = (sometimes(2, 300), sometimes(3, 300));
        let (hurry, outage) = (sometimes(2, 1000), sometimes(6, 20_000));
        let outage = (outage > 0).then(|| {
            let begins = Duration::from_millis(rng.u64(..20_000));
            (begins, Duration::from_millis(u64::from(outage)))
        });
        let endings = [
            Ending::Crash,
            Ending::CrashAtCommit(0),
            Ending::CrashAtCommit(1),
            Ending::CrashAtCommit(2),
            Ending::Stop,
            Ending::CrashWhileStopping,
        ];
        let life = |rng: &mut Rng| {
            let ending = rng.choice(endings).expect("there is a choice");
            (Duration::from_millis(rng.u64(200..15_000)), ending)
        };
        let lives = (0..rng.u8(..4)).map(|_| life(rng)).collect();
        Self {
            owners: rng.usize(1..=3),
            intents: rng.u64(1..=4),
            orders: rng.u32(0..12),
            watchers: rng.usize(1..=5),
            backlog: if rng.u8(..3) == 0 { rng.usize(1..8) } else { 8192 },
            bus_waits,
            group: rng.usize(1..=12),
            read_fails,
            read_waits,
            commit_fails,
            disk_full,
            commit_waits,
            start_fails,
            converter_errs,
            page_millis: rng.u64(1..2000),
            hurry,
            outage,
            client_leaves,
            reader_rests,
            lives,
            last: Duration::from_millis(rng.u64(1000..30_000)),
            config,
        }
    }

    /// Whether something may go wrong that costs a worker its lease.
    pub const fn takes_leases(&self) -> bool {
        let faults = self.read_fails + self.commit_fails + self.disk_full + self.start_fails;
        faults > 0 || self.outage.is_some()
    }

    /// Whether an order reaches a converter at once.
    pub const fn orders_are_prompt(&self) -> bool {
        self.bus_waits + self.read_fails == 0 && !self.lags()
    }

    /// Whether subscribers of the bus may miss announcements.
    pub const fn lags(&self) -> bool {
        self.backlog < 1000
    }
}
