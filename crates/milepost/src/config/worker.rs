//! The settings of the converters.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use super::size::exact_size;

/// The converters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkerConfig {
    /// Conversions at a time; 0 for one for each processor.
    pub slots: usize,
    /// Silence of a converter, between two pages, after which it is given up.
    #[serde(with = "humantime_serde")]
    pub silence: Duration,
    /// Processor time of a converter, between two pages, after which it is
    /// stopped.
    #[serde(with = "humantime_serde")]
    pub page_cpu: Duration,
    /// Memory of a converter, above which it is stopped.
    #[serde(serialize_with = "exact_size")]
    pub memory: ByteSize,
    /// How much of the sandbox there must be.
    pub sandbox: Isolation,
    /// Jobs after which a converter process is replaced.
    pub recycle_after: u32,
    /// Pages that a document may have.
    pub max_pages: u32,
    /// What may be made of one document.
    #[serde(serialize_with = "exact_size")]
    pub max_output: ByteSize,
    /// What an archive, such as any Office file, may unpack to.
    #[serde(serialize_with = "exact_size")]
    pub max_unpacked: ByteSize,
}

/// How much of the converters' sandbox there must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// What the system offers; what it does not is logged.
    Auto,
    /// All of it, or no converter runs and the server does not start.
    Require,
    /// None: for looking for a fault in it.
    Off,
}

impl Isolation {
    /// As it is written in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Require => "require",
            Self::Off => "off",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Auto, Self::Require, Self::Off].into_iter().find(|one| one.name() == name)
    }
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            slots: 0,
            silence: Duration::from_secs(30),
            page_cpu: Duration::from_secs(60),
            memory: ByteSize::gib(1),
            sandbox: Isolation::Auto,
            recycle_after: 100,
            max_pages: 20_000,
            max_output: ByteSize::mib(512),
            max_unpacked: ByteSize::mib(512),
        }
    }
}
