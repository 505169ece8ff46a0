//! A setting that nobody is shown. Enters: a text of the configuration. Leaves: the
//! same text, to whoever asks for it by name. Never: prints it, in a log, a panic
//! or `milepost config`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What stands in its place wherever it is printed.
const HIDDEN: &str = "(hidden)";

/// A text that is not shown; empty where it is not set.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        !self.0.is_empty()
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.is_set() { HIDDEN } else { "(not set)" })
    }
}

impl TryFrom<String> for Secret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == HIDDEN {
            return Err("this stands in the place of a secret that was not printed; put the \
                        secret itself here");
        }
        Ok(Self(text))
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        if secret.is_set() { HIDDEN.to_owned() } else { Self::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new("hunter2");
        assert_eq!(secret.reveal(), "hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"(hidden)\"");
        assert_eq!(serde_json::to_string(&Secret::default()).unwrap(), "\"\"");
        // What was printed must not be taken for the secret.
        assert!(serde_json::from_str::<Secret>("\"(hidden)\"").is_err());
        assert_eq!(serde_json::from_str::<Secret>("\"x\"").unwrap(), Secret::new("x"));
    }
}
