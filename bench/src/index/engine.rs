//! What is measured, in one form. Enters: chunks, questions. Leaves: the numbers of
//! the chunks that were found. Never: time; who calls takes that.

use std::path::Path;

use super::data::Bank;

/// Chunks of one document.
pub const OF_DOCUMENT: u64 = 100;

/// By what is searched.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum By {
    Keyword,
    Vector,
    Hybrid,
}

/// Something that holds chunks and finds them again; each call is one thread's.
pub trait Engine: Send + Sync {
    /// By what this one can search.
    fn modes(&self) -> &'static [By];

    /// Writes chunks, durably.
    fn fill(&self, bank: &Bank, chunks: u64) -> anyhow::Result<()>;

    /// The numbers of the chunks that are found, best first.
    fn search(&self, by: By, text: &str, vector: &[f32], k: usize) -> anyhow::Result<Vec<u64>>;
}

#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum Kind {
    Milepost,
    SqliteVec,
    Tantivy,
}

impl Kind {
    pub fn title(self) -> &'static str {
        match self {
            Self::Milepost => "Milepost",
            Self::SqliteVec => "sqlite-vec alone",
            Self::Tantivy => "tantivy alone",
        }
    }

    /// Whether this build has it.
    pub fn is_here(self) -> bool {
        self == Self::Milepost || cfg!(feature = "peers")
    }

    /// Opens what is in a folder, or makes it.
    pub fn open(self, folder: &Path, dimensions: usize) -> anyhow::Result<Box<dyn Engine>> {
        Ok(match self {
            Self::Milepost => Box::new(super::own::Own::open(folder, dimensions)?),
            #[cfg(feature = "peers")]
            Self::SqliteVec => Box::new(super::flat::Flat::open(folder, dimensions)?),
            #[cfg(feature = "peers")]
            Self::Tantivy => Box::new(super::words::Words::open(folder)?),
            #[cfg(not(feature = "peers"))]
            _ => anyhow::bail!("built without peers: add `--features peers`"),
        })
    }
}
