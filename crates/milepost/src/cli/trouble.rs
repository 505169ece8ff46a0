//! What can go wrong between the command line and a server, told to a person:
//! what happened, and what to do now. Enters: HTTP and network errors. Leaves:
//! texts and exit codes. Never: repeats a credential or a control character.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use milepost_core::{BatchId, JobId};
use reqwest::StatusCode;
use serde::Deserialize;

use super::exit::Exit;
use super::text::clean;

/// Why a request brought nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Trouble {
    /// No connection, or one that broke.
    #[error("{}", unreachable(server, cause, *connected))]
    Unreachable {
        /// Where it should be.
        server: String,
        /// The system's word for it.
        cause: String,
        /// Whether there was a connection, so that the request may have arrived.
        connected: bool,
    },
    /// Something answers, but not with this protocol.
    #[error(
        "What answers at {server} does not speak as a Milepost server ({what}). \
         Name the right one with --server, or look at the proxy in between."
    )]
    Foreign {
        /// Where.
        server: String,
        /// What was strange.
        what: String,
    },
    /// The server said no.
    #[error("{0}")]
    Refused(Refusal),
    /// The server has no such thing, or does not show it to us.
    #[error("{}", .0.not_found())]
    NotFound(Thing),
    /// What the user wrote cannot be carried out.
    #[error("{0}")]
    Usage(String),
    /// The user had enough.
    #[error("{0}")]
    Interrupted(String),
}

impl Trouble {
    /// The exit code for it.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. } | Self::Foreign { .. } => Exit::Unreachable,
            Self::Refused(_) => Exit::Refused,
            Self::NotFound(_) => Exit::NotFound,
            Self::Usage(_) => Exit::Usage,
            Self::Interrupted(_) => Exit::Interrupted,
        }
    }

    /// From a request that got no answer, or half of one.
    pub fn from_request(server: &str, error: &reqwest::Error) -> Self {
        // The outer texts repeat the URL and say little; the innermost one is
        // the system's, such as "Connection refused".
        let mut cause = error.source();
        while let Some(inner) = cause.and_then(|cause| cause.source()) {
            cause = Some(inner);
        }
        let cause = match cause {
            _ if error.is_timeout() => "it took too long".to_owned(),
            Some(cause) => without_number(&clean(&cause.to_string())),
            None => "the connection broke".to_owned(),
        };
        Self::Unreachable { server: server.to_owned(), cause, connected: !error.is_connect() }
    }

    /// Whether the same request may go better a little later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(refusal) => refusal.status == 429 || refusal.status >= 500,
            Self::Foreign { .. } | Self::NotFound(_) | Self::Usage(_) | Self::Interrupted(_) => {
                false
            }
        }
    }

    /// The same, about one of several things.
    pub fn about(self, name: &str) -> Self {
        match self {
            Self::Usage(text) => Self::Usage(format!("{name}: {text}")),
            Self::Refused(mut refusal) => {
                let what = refusal.detail.or(refusal.title.take()).unwrap_or_default();
                refusal.detail = Some(format!("{name}: {what}"));
                Self::Refused(refusal)
            }
            other => other,
        }
    }

    /// How long the server asked us to stay away.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }
}

fn unreachable(server: &str, cause: &str, connected: bool) -> String {
    if connected {
        format!("The connection to {server} broke ({cause}). Try again; what was begun goes on.")
    } else if cause.contains("certificate") {
        format!(
            "The certificate of {server} is not trusted ({cause}). Where an authority of your own \
             has signed it, name that with MILEPOST_CA."
        )
    } else {
        format!(
            "No Milepost server answers at {server} ({cause}). \
             Start one with `milepost serve`, or name another with --server."
        )
    }
}

/// `Connection refused (os error 111)` without what says nothing to a person.
fn without_number(cause: &str) -> String {
    cause.split(" (os error").next().unwrap_or(cause).to_owned()
}

/// What a request is about, where it may be that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A job.
    Job(JobId),
    /// Several jobs as one.
    Batch(BatchId),
    /// A page of what a job converts.
    Page(JobId, u64),
    /// A collection, or a document in it.
    Collection,
    /// A path that every server has.
    Path(&'static str),
}

impl Thing {
    fn not_found(self) -> String {
        match self {
            Self::Job(job) => {
                format!("Job {job} was not found. `milepost jobs` lists the jobs that you may see.")
            }
            Self::Batch(batch) => {
                format!("Batch {batch} was not found. A batch is gone with the last of its jobs.")
            }
            Self::Page(job, page) => format!(
                "Page {page} of job {job} was not found: it is not converted, or not yet, or there \
                 is no such job. `milepost watch {job}` shows how far it is."
            ),
            Self::Collection => "There is no such collection, or no such document in it. \
                 `milepost collections` lists those that you may see."
                .to_owned(),
            Self::Path(path) => format!("This server does not have {path}."),
        }
    }
}

/// A refused request (RFC 9457).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What kind of refusal, for a person.
    pub title: Option<String>,
    /// What about this request.
    pub detail: Option<String>,
    /// For programs.
    pub code: Option<String>,
    /// Which part of the request is at fault.
    pub field: Option<String>,
    /// Whether it was a limit of the owner's or the address's.
    #[serde(rename = "limit", deserialize_with = "is_there")]
    pub limited: bool,
    /// From the header of that name.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
    /// Whether the server is within this process, where nobody knows of one.
    #[serde(skip)]
    pub here: bool,
}

fn is_there<'de, D: serde::Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    Ok(Option::<serde::de::IgnoredAny>::deserialize(value)?.is_some())
}

impl Refusal {
    /// Advice for the refusals that a user can do something about.
    fn advice(&self) -> Option<&'static str> {
        match (self.code.as_deref(), self.status) {
            (Some("not_finished"), _) => Some(
                "`milepost result --pages` prints the pages that are finished; `milepost watch` \
                 follows a job that is under way.",
            ),
            (Some("rate_limited" | "queue_full"), _) | (_, 429) => {
                Some("Try again a little later.")
            }
            (_, 401) => Some("Put a valid credential into the environment as MILEPOST_TOKEN."),
            (_, 403) => Some("The credential in MILEPOST_TOKEN does not allow this."),
            (_, 300..=399) => Some("Name the address that it points to with --server."),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The words of the HTTP status say nothing beside a detail.
        let phrase = StatusCode::from_u16(self.status).ok().and_then(|s| s.canonical_reason());
        let title =
            self.title.as_deref().filter(|title| self.detail.is_none() || Some(*title) != phrase);
        let parts: Vec<String> = [title, self.detail.as_deref()]
            .into_iter()
            .flatten()
            .map(|part| clean(part).trim_end_matches('.').to_owned())
            .collect();
        let refused = if self.here { "It cannot be done" } else { "The server refused" };
        match parts.as_slice() {
            [] => write!(f, "{refused}: HTTP {}", self.status)?,
            parts => write!(f, "{refused}: {}", parts.join(": "))?,
        }
        if let Some(field) = &self.field {
            write!(f, " (field `{}`)", clean(field))?;
        }
        f.write_str(".")?;
        self.advice().map_or(Ok(()), |advice| write!(f, " {advice}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_without_control_characters() {
        let refusal: Refusal = serde_json::from_str(
            r#"{"status":422,"title":"Invalid field","detail":"pages\u001b[2J ends early.",
                "code":"invalid_field","field":"options.pages"}"#,
        )
        .unwrap();
        assert_eq!(
            Trouble::Refused(refusal).to_string(),
            "The server refused: Invalid field: pages[2J ends early (field `options.pages`)."
        );
    }

    #[test]
    fn the_words_of_the_status_are_left_out_beside_a_detail() {
        let refusal = Refusal {
            status: 409,
            title: Some("Conflict".to_owned()),
            detail: Some("The job is completed.".to_owned()),
            ..Refusal::default()
        };
        assert_eq!(refusal.to_string(), "The server refused: The job is completed.");
    }

    #[test]
    fn a_certificate_is_not_taken_for_a_server_that_is_not_there() {
        let said = unreachable("https://h", "invalid peer certificate: UnknownIssuer", false);
        assert!(said.contains("not trusted") && said.contains("MILEPOST_CA"), "{said}");
    }

    #[test]
    fn a_bare_status_still_says_something() {
        let refusal = Refusal { status: 401, ..Refusal::default() };
        assert_eq!(
            refusal.to_string(),
            "The server refused: HTTP 401. Put a valid credential into the environment as \
             MILEPOST_TOKEN."
        );
    }
}
