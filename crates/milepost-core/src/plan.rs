//! A pipeline's weighted steps. Enters: nothing. Leaves: plans, which are
//! stored with the job, so that a later version may weigh differently without
//! changing the meaning of an old log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The first stage of a job whose document is yet to be brought from elsewhere.
pub const FETCHING: &str = "fetching";

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pipeline {
    /// One document to Markdown, JSON, HTML and text.
    Convert,
    /// One document's text, split into sentences.
    Sentences,
    /// One document, or several texts, in chunks that can be searched.
    Ingest,
    /// The work is done outside this server, and reported to it.
    External,
}

impl Pipeline {
    /// Every pipeline, in the order in which messages list them.
    pub const ALL: [Self; 4] = [Self::Convert, Self::Sentences, Self::Ingest, Self::External];

    /// The name as clients write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Convert => "convert",
            Self::Sentences => "sentences",
            Self::Ingest => "ingest",
            Self::External => "external",
        }
    }

    /// Whether an attempt goes on from what an earlier one finished. Where it does
    /// not, a retry begins again from nothing.
    pub const fn goes_on(self) -> bool {
        matches!(self, Self::Convert | Self::Ingest | Self::External)
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Pipeline {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|pipeline| pipeline.as_str() == text).ok_or(())
    }
}

/// What a stage counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Unit(String);

impl Unit {
    /// A unit by its singular name, for example `page`.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The pages of one document.
    pub fn page() -> Self {
        Self::new("page")
    }

    /// The documents of one job.
    pub fn document() -> Self {
        Self::new("document")
    }

    /// The chunks that a document is worked on in.
    pub fn chunk() -> Self {
        Self::new("chunk")
    }

    /// The bytes of a document on its way.
    pub fn byte() -> Self {
        Self::new("byte")
    }

    /// The singular name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One named step and its share of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Unique within its plan.
    pub name: String,
    /// Relative cost; only the ratio to the other stages matters.
    pub weight: u32,
}

/// The steps of one pipeline, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan(Vec<Stage>);

impl Plan {
    /// A plan of `(name, weight)` pairs.
    pub fn new<'a>(stages: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        Self(
            stages
                .into_iter()
                .map(|(name, weight)| Stage { name: name.to_owned(), weight })
                .collect(),
        )
    }

    /// Whether it begins with bringing the document.
    pub fn fetches(&self) -> bool {
        self.0.first().is_some_and(|stage| stage.name == FETCHING)
    }

    /// The stages, in order.
    pub fn stages(&self) -> &[Stage] {
        &self.0
    }
}
