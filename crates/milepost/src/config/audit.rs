//! Where it is kept who did what.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where it is kept who did what.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// A file; `auto`: `audit.jsonl` in the data directory, where there is
    /// authentication; `off`: nowhere.
    pub file: PathBuf,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { file: PathBuf::from("auto") }
    }
}

impl AuditConfig {
    /// The file, if there is to be one.
    pub fn path(&self, data_dir: &Path, authenticated: bool) -> Option<PathBuf> {
        match self.file.to_str() {
            Some("off") => None,
            Some("auto") => authenticated.then(|| data_dir.join("audit.jsonl")),
            _ => Some(self.file.clone()),
        }
    }
}
