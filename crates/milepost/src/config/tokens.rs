//! What signs the tokens that read one job.

use serde::{Deserialize, Serialize};

use super::Secret;

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

/// A shorter secret can be found by trying.
const MIN_SECRET_BYTES: usize = 32;

impl TokensConfig {
    /// Refuses what can be guessed.
    ///
    /// # Errors
    /// The setting at fault, and what is wrong with it.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let settings =
            [("tokens.secret", &self.secret), ("tokens.previous_secret", &self.previous_secret)];
        for (name, secret) in settings {
            if secret.is_set() && secret.reveal().len() < MIN_SECRET_BYTES {
                let why = format!(
                    "a secret has {MIN_SECRET_BYTES} bytes or more; `openssl rand -hex 32` makes \
                     one"
                );
                return Err((name, why));
            }
        }
        if self.previous_secret.is_set() && !self.secret.is_set() {
            let why = "there is no `tokens.secret` that it could come before".to_owned();
            return Err(("tokens.previous_secret", why));
        }
        Ok(())
    }
}
