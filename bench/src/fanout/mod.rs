//! Delivery beside peers. Enters: which servers, how often. Leaves: tables of
//! deliveries for each processor second of the server, memory for each idle
//! connection, and what slow readers do to others; all in turn, so that the
//! machine's moods hit all, with medians and the ratio to the floor.

pub mod floor;
mod idle;
mod load;
mod slow;
mod target;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::figures::median;
use crate::process;
use load::Shape;
use target::{Kind, Programs, Target};

/// What to compare.
#[derive(clap::Args)]
pub struct Options {
    /// Where `bench/fanout/run.sh` installed the peers.
    #[arg(long)]
    peers: Option<PathBuf>,
    #[arg(long)]
    nginx_conf: Option<PathBuf>,
    /// Only these servers.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "floor,nchan,socket-io,fast-api,milepost-ws,milepost-sse"
    )]
    servers: Vec<Kind>,
    /// Only these parts.
    #[arg(long, value_delimiter = ',', default_value = "one,many,idle,slow")]
    parts: Vec<Part>,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each server is measured in each round.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Connections that watch.
    #[arg(long, default_value_t = 1000)]
    sockets: usize,
    /// Connections that publish, where there are many topics.
    #[arg(long, default_value_t = 64)]
    publishers: usize,
    /// Connections that wait.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
}

#[derive(Clone, Copy, PartialEq, Debug, clap::ValueEnum)]
enum Part {
    /// One job, watched by all.
    One,
    /// As many jobs as sockets.
    Many,
    /// Sockets that wait.
    Idle,
    /// A tenth that does not read.
    Slow,
}

/// Runs the parts one after the other.
pub async fn run(milepost: &Path, options: &Options) -> anyhow::Result<()> {
    // The floor holds a connection twice while it takes it in.
    process::raise_descriptors(options.idle as u64 + 1000);
    let peers = options.peers.as_deref().map(std::fs::canonicalize).transpose()?;
    let programs =
        Programs { milepost, peers: peers.as_deref(), nginx_conf: options.nginx_conf.as_deref() };
    let message = target::message(&programs).await?;
    println!("a message has some {} bytes", message.0.len() + message.1.len() + 3);
    let run = Run { options, programs, message };
    for part in &options.parts {
        match part {
            Part::One => run.deliver("one job, watched by all", 1, options.sockets).await?,
            Part::Many => run.deliver("a job for each socket", options.sockets, 1).await?,
            Part::Idle => run.idle().await?,
            Part::Slow => run.slow().await?,
        }
    }
    Ok(())
}

struct Run<'a> {
    options: &'a Options,
    programs: Programs<'a>,
    message: (String, String),
}

impl Run<'_> {
    async fn start(&self, kind: Kind, topics: usize) -> anyhow::Result<Arc<Target>> {
        Ok(Arc::new(Target::start(kind, &self.programs, topics, 0, &self.message).await?))
    }

    async fn deliver(&self, title: &str, topics: usize, watchers: usize) -> anyhow::Result<()> {
        println!("\n{title}: deliveries for each processor second of the server");
        let shape = Shape { topics, watchers, publishers: self.options.publishers };
        let mut all = vec![Vec::new(); self.options.servers.len()];
        for _ in 0..self.options.rounds {
            for (index, kind) in self.options.servers.iter().enumerate() {
                let target = self.start(*kind, topics).await?;
                let made = load::run(target, shape, self.options.seconds).await?;
                all[index].push((made.per_cpu_second(), made.deliveries as f64 / made.wall));
            }
        }
        let floor = self.options.servers.iter().position(|kind| *kind == Kind::Floor);
        println!("{:<20} {:>9} {:>9} {:>14}  {:>9}", "", "median", "of floor", "range", "a second");
        for (index, kind) in self.options.servers.iter().enumerate() {
            let cpu = |index: usize| all[index].iter().map(|(cpu, _)| *cpu).collect::<Vec<_>>();
            let (mine, wall) = (cpu(index), all[index].iter().map(|(_, wall)| *wall));
            // Each round against the floor of that round.
            let ratios = floor.map(|floor| {
                let ratios = mine.iter().zip(cpu(floor)).map(|(mine, floor)| mine / floor);
                ratios.collect::<Vec<_>>()
            });
            let ratios = ratios.unwrap_or_default();
            let range = ratios.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), ratio| {
                (low.min(*ratio), high.max(*ratio))
            });
            println!(
                "{:<20} {:>9.0} {:>9.3} {:>6.3} – {:<6.3} {:>9.0}",
                kind.name(),
                median(&mine),
                median(&ratios),
                range.0,
                range.1,
                median(&wall.collect::<Vec<_>>())
            );
        }
        Ok(())
    }

    async fn idle(&self) -> anyhow::Result<()> {
        let (sockets, topics) = (self.options.idle, self.options.sockets.min(self.options.idle));
        println!("\n{sockets} idle connections over {topics} jobs");
        println!("{:<20} {:>14} {:>12}  connect p50 / p99", "", "server, KiB", "kernel, KiB");
        let mut all = vec![Vec::new(); self.options.servers.len()];
        for _ in 0..self.options.rounds {
            for (index, kind) in self.options.servers.iter().enumerate() {
                let target = self.start(*kind, topics).await?;
                all[index].push(idle::run(&target, topics, sockets).await?);
            }
        }
        for (index, kind) in self.options.servers.iter().enumerate() {
            let of = |figure: fn(&idle::Idle) -> f64| {
                median(&all[index].iter().map(figure).collect::<Vec<_>>())
            };
            println!(
                "{:<20} {:>14.1} {:>12.1}  {:.1} / {:.1} ms",
                kind.name(),
                of(|idle| idle.memory / 1024.0),
                of(|idle| idle.kernel / 1024.0),
                of(|idle| idle.p50),
                of(|idle| idle.p99)
            );
        }
        Ok(())
    }

    async fn slow(&self) -> anyhow::Result<()> {
        let (sockets, slow) = (self.options.sockets, self.options.sockets / 10);
        println!("\n{sockets} connections watch one job, with and without {slow} that do not read");
        println!(
            "{:<20} {:>6} {:>22} {:>16} {:>10}",
            "", "slow", "others, p50 / p99", "read to the end", "were told"
        );
        for kind in self.options.servers.iter().filter(|kind| kind.is_milepost()) {
            let mut all = [Vec::new(), Vec::new()];
            for _ in 0..self.options.rounds {
                for (made, slow) in all.iter_mut().zip([0, slow]) {
                    // Large messages, so that the kernel cannot keep them all.
                    let (programs, message) = (&self.programs, &self.message);
                    let target = Target::start(*kind, programs, 1, 4000, message).await?;
                    let seconds = self.options.seconds * 3.0;
                    made.push(slow::run(&Arc::new(target), sockets, slow, seconds).await?);
                }
            }
            for (made, slow) in all.iter().zip([0, slow]) {
                let of = |figure: fn(&slow::Slow) -> f64| {
                    median(&made.iter().map(figure).collect::<Vec<_>>())
                };
                let times = format!("{:.1} / {:.1} ms", of(|s| s.p50), of(|s| s.p99));
                let (ended, told) = (of(|s| s.ended as f64), of(|s| s.told as f64));
                println!("{:<20} {slow:>6} {times:>22} {ended:>16} {told:>10}", kind.name());
            }
        }
        Ok(())
    }
}
