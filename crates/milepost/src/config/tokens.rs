//! What signs the tokens that read one job.

use serde::{Deserialize, Serialize};

use super::jwt::{long_enough, wrong};
use super::{ConfigError, Secret};

/// What signs the tokens that read one job. Without a secret the store makes one
/// and keeps it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokensConfig {
    /// Signs; 32 bytes or more.
    pub secret: Secret,
    /// Signed before: its tokens are taken until they end.
    pub previous_secret: Secret,
}

impl TokensConfig {
    /// Refuses what can be guessed.
    ///
    /// # Errors
    /// Names the setting and what to do.
    pub fn check(&self) -> Result<(), ConfigError> {
        long_enough("tokens.secret", &self.secret)?;
        long_enough("tokens.previous_secret", &self.previous_secret)?;
        if self.previous_secret.is_set() && !self.secret.is_set() {
            let why = "there is no tokens.secret that it could come before";
            return Err(wrong("tokens.previous_secret", why));
        }
        Ok(())
    }
}
