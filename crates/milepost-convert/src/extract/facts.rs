//! What a document says of itself: its title, its authors, its date.
//!
//! Enters: properties of a document, or its first page. Leaves: the same, clean and
//! short. It never guesses where a document says nothing.

use serde::{Deserialize, Serialize};

use crate::format::Format;

/// What is known of a document as a whole.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    #[serde(default)]
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) authors: Vec<String>,
    /// As ISO 8601, as far as it is known.
    #[serde(default)]
    pub(crate) date: Option<String>,
}

impl Facts {
    /// The same, with what `markdown` tells where nothing is known yet.
    pub(crate) fn or_from(self, _format: Format, _markdown: &str) -> Self {
        self
    }
}
