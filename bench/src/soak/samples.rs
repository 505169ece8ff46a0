//! What a server holds over time. Enters: a process, a data folder. Leaves: a
//! CSV file, and for each figure whether it levels off: whether the median of
//! the last third is not above that of the middle third, by more than what such
//! a figure moves by itself. The first third is warm-up.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::process;

/// A figure, and how far it may be above itself: as a share, and by so much.
struct Figure {
    name: &'static str,
    share: f64,
    slack: f64,
}

const MIB: f64 = 1024.0 * 1024.0;
const FIGURES: [Figure; 8] = [
    Figure { name: "server_resident", share: 0.1, slack: 4.0 * MIB },
    Figure { name: "server_anonymous", share: 0.1, slack: 4.0 * MIB },
    // How much the documents of the moment need.
    Figure { name: "converters_resident", share: 0.25, slack: 64.0 * MIB },
    Figure { name: "descriptors", share: 0.1, slack: 20.0 },
    Figure { name: "threads", share: 0.1, slack: 4.0 },
    Figure { name: "database_bytes", share: 0.1, slack: 8.0 * MIB },
    Figure { name: "objects_bytes", share: 0.25, slack: 16.0 * MIB },
    Figure { name: "objects", share: 0.25, slack: 50.0 },
];

/// All samples of a run.
pub struct Samples {
    began: Instant,
    file: File,
    rows: Vec<[f64; FIGURES.len()]>,
}

impl Samples {
    /// Begins a CSV file.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        let mut file = File::create(path)?;
        let names: Vec<_> = FIGURES.iter().map(|figure| figure.name).collect();
        writeln!(file, "seconds,{}", names.join(","))?;
        Ok(Self { began: Instant::now(), file, rows: Vec::new() })
    }

    /// Takes a sample.
    pub fn take(&mut self, server: u32, data: &Path) -> anyhow::Result<()> {
        let held = process::held(server)?;
        let converters = process::children(server)?;
        // One may end while it is looked at.
        let converters = converters.into_iter().filter_map(|child| process::held(child).ok());
        let database = ["milepost.db", "milepost.db-wal"]
            .iter()
            .filter_map(|name| fs::metadata(data.join(name)).ok())
            .map(|file| file.len())
            .sum::<u64>();
        let (objects, objects_bytes) = folder(&data.join("objects"));
        let row = [
            held.resident,
            held.anonymous,
            converters.map(|held| held.resident).sum(),
            held.descriptors,
            held.threads,
            database,
            objects_bytes,
            objects,
        ]
        .map(|figure| figure as f64);
        let text: Vec<_> = row.iter().map(f64::to_string).collect();
        writeln!(self.file, "{:.1},{}", self.began.elapsed().as_secs_f64(), text.join(","))?;
        self.rows.push(row);
        Ok(())
    }

    /// Prints how each figure went; says which do not level off.
    pub fn judge(&self) -> Vec<String> {
        println!("\nmedian of each third of {} samples:", self.rows.len());
        println!("{:>20}  {:>9}  {:>9}  {:>9}", "", "first", "middle", "last");
        let third = self.rows.len() / 3;
        let mut growing = Vec::new();
        for (index, figure) in FIGURES.iter().enumerate() {
            let median = |rows: &[[f64; FIGURES.len()]]| {
                let mut values: Vec<_> = rows.iter().map(|row| row[index]).collect();
                values.sort_by(f64::total_cmp);
                values.get(values.len() / 2).copied().unwrap_or(0.0)
            };
            let thirds = [0, 1, 2].map(|n| median(&self.rows[n * third..(n + 1) * third]));
            let [first, middle, last] = thirds;
            let level = last <= middle * (1.0 + figure.share) + figure.slack;
            let [a, b, c] = [first, middle, last].map(short);
            let word = if level { "levels off" } else { "GROWS" };
            println!("{:>20}  {a:>9}  {b:>9}  {c:>9}  {word}", figure.name);
            if !level {
                growing.push(format!("{} grows from {b} to {c}", figure.name));
            }
        }
        growing
    }
}

/// Figures that people can compare: mebibytes where they are large.
fn short(figure: f64) -> String {
    if figure < 1e6 { format!("{figure:.0}") } else { format!("{:.1} Mi", figure / MIB) }
}

/// The number and the size of the files below `path`.
pub fn folder(path: &Path) -> (u64, u64) {
    let mut sum = (0, 0);
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let Ok(kind) = entry.metadata() else { continue };
        let below = if kind.is_dir() { folder(&entry.path()) } else { (1, kind.len()) };
        sum = (sum.0 + below.0, sum.1 + below.1);
    }
    sum
}
