//! Encryption of connections. Enters: the names of two files. Leaves: whether
//! both are named. Never: reads them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What connections are encrypted with. Without both files they are not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// The server's certificate and those between it and its authority, as PEM.
    pub cert: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
    /// How often it is seen whether the files have changed.
    #[serde(with = "humantime_serde")]
    pub reload: Duration,
}

impl TlsConfig {
    /// Whether connections are encrypted.
    pub fn is_on(&self) -> bool {
        !unset(&self.cert) && !unset(&self.key)
    }

    /// The setting that is missing beside the other one.
    pub fn missing(&self) -> Option<&'static str> {
        match (unset(&self.cert), unset(&self.key)) {
            (true, false) => Some("tls.cert"),
            (false, true) => Some("tls.key"),
            _ => None,
        }
    }
}

fn unset(path: &Path) -> bool {
    path.as_os_str().is_empty()
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self { cert: PathBuf::new(), key: PathBuf::new(), reload: Duration::from_secs(10) }
    }
}
