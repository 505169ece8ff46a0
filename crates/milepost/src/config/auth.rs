//! Who may use the server: the ways of knowing somebody. Enters: one word or several
//! of the configuration. Leaves: the modes. Never: `none` beside another one.

use serde::{Deserialize, Serialize};

/// A way of knowing somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By API keys that this server made.
    ApiKeys,
    /// By tokens that an identity provider signed.
    Jwt,
    /// By a session cookie of a web application.
    Cookie,
}

impl Mode {
    const ALL: [Self; 3] = [Self::ApiKeys, Self::Jwt, Self::Cookie];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKeys => "api-keys",
            Self::Jwt => "jwt",
            Self::Cookie => "cookie",
        }
    }
}

/// The word for none of them.
const NONE: &str = "none";

/// The modes in force; none means that everybody is one local user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Words", into = "Vec<String>")]
pub struct Auth(Vec<Mode>);

/// One word, several with commas, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Many(Vec<String>),
}

impl Auth {
    /// The modes.
    pub fn modes(&self) -> &[Mode] {
        &self.0
    }

    /// Whether there is no authentication.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether people are known in this way.
    pub fn has(&self, mode: Mode) -> bool {
        self.0.contains(&mode)
    }
}

impl TryFrom<Words> for Auth {
    type Error = String;

    fn try_from(words: Words) -> Result<Self, String> {
        let words = match words {
            Words::One(text) => text.split(',').map(|word| word.trim().to_owned()).collect(),
            Words::Many(words) => words,
        };
        let mut modes = Vec::new();
        for word in words.iter().filter(|word| !word.is_empty() && *word != NONE) {
            let found = Mode::ALL.into_iter().find(|mode| mode.as_str() == word);
            let mode = found.ok_or_else(|| {
                format!("`{word}` is none of `none`, `api-keys`, `jwt` and `cookie`")
            })?;
            if !modes.contains(&mode) {
                modes.push(mode);
            }
        }
        if words.iter().all(String::is_empty) {
            return Err(format!("name a mode, or `{NONE}`"));
        }
        if !modes.is_empty() && words.iter().any(|word| word == NONE) {
            return Err(format!("`{NONE}` stands alone: it is no authentication at all"));
        }
        Ok(Self(modes))
    }
}

impl From<Auth> for Vec<String> {
    fn from(auth: Auth) -> Self {
        if auth.is_none() {
            return vec![NONE.to_owned()];
        }
        let named = Mode::ALL.into_iter().filter(|mode| auth.has(*mode));
        named.map(|mode| mode.as_str().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_words() {
        let read = |json: &str| serde_json::from_str::<Auth>(json);
        assert!(read("\"none\"").unwrap().is_none());
        assert!(read("[\"none\"]").unwrap().is_none());
        let both = read("\"jwt, api-keys\"").unwrap();
        assert_eq!(both, read("[\"jwt\", \"api-keys\"]").unwrap());
        assert!(both.has(Mode::Jwt) && both.has(Mode::ApiKeys) && !both.has(Mode::Cookie));
        assert_eq!(serde_json::to_string(&both).unwrap(), "[\"api-keys\",\"jwt\"]");
        // A slip must not open the server.
        for wrong in ["\"\"", "[]", "\"none,jwt\"", "\"api_keys\"", "\"None\""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
