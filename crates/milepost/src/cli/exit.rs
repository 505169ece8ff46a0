//! Exit codes: the one table of them. Enters: how jobs ended and what went
//! wrong. Leaves: one number. Never: prints.

use std::fmt::Write as _;
use std::process::ExitCode;

use milepost_core::Status;

use super::trouble::Trouble;

/// How a command ended, from harmless to serious: where several things
/// happened, the last of them in this order gives the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All went well.
    #[default]
    Done,
    /// A job was cancelled.
    JobCancelled,
    /// A job failed, or something on this machine did.
    Failed,
    /// The command line makes no sense.
    Usage,
    /// The server knows no such thing.
    NotFound,
    /// The server said no.
    Refused,
    /// No server answers.
    Unreachable,
    /// Whoever read our output went away.
    OutputClosed,
    /// Ctrl-C.
    Interrupted,
}

/// Every exit code, what stands for it and what it says, by number.
const TABLE: [(Exit, u8, &str); 9] = [
    (Exit::Done, 0, "all is well"),
    (Exit::Failed, 1, "a job failed, or something on this machine did; stderr says which"),
    (Exit::Usage, 2, "the command line cannot be carried out as it is written"),
    (Exit::JobCancelled, 3, "a job was cancelled"),
    (Exit::Unreachable, 4, "no server could be reached"),
    (Exit::Refused, 5, "the server refused the request; stderr says why"),
    (Exit::NotFound, 6, "the server knows no such job, page or result"),
    (Exit::Interrupted, 130, "interrupted; a job that was watched goes on"),
    (Exit::OutputClosed, 141, "the program that read the output went away"),
];

impl Exit {
    /// What the end of a job means for the exit code.
    pub const fn of_status(status: Status) -> Self {
        match status {
            Status::Failed => Self::Failed,
            Status::Cancelled => Self::JobCancelled,
            Status::Completed | Status::Awaiting | Status::Queued | Status::Running => Self::Done,
        }
    }

    /// What an error means for the exit code.
    pub fn of_error(error: &anyhow::Error) -> Self {
        if let Some(trouble) = error.downcast_ref::<Trouble>() {
            return trouble.exit();
        }
        let closed = error.chain().any(|cause| {
            cause
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
        });
        if closed { Self::OutputClosed } else { Self::Failed }
    }

    /// The number.
    pub fn number(self) -> u8 {
        TABLE.iter().find(|row| row.0 == self).map_or(1, |row| row.1)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// The table as `--help` shows it.
pub fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (_, number, meaning) in TABLE {
        let _ = writeln!(text, "  {number:>3}  {meaning}");
    }
    text.push_str(
        "With several jobs the most serious counts: 130, 141, 4, 5, 6, 2, 1, 3, then 0.\n\n\
         Environment:\n  MILEPOST_SERVER  the server to talk to, where --server names none\n  \
         MILEPOST_TOKEN   the credential to show to it, if it wants one",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::trouble::Thing;

    #[test]
    fn every_exit_has_one_number_of_its_own() {
        let mut numbers: Vec<u8> = TABLE.iter().map(|row| row.0.number()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 130, 141]);
        numbers.dedup();
        assert_eq!(numbers.len(), TABLE.len());
    }

    #[test]
    fn the_most_serious_counts() {
        let ends = [Status::Completed, Status::Cancelled, Status::Failed, Status::Completed];
        let worst = ends.into_iter().map(Exit::of_status).fold(Exit::Done, Exit::max);
        assert_eq!(worst, Exit::Failed);
        assert_eq!(Exit::JobCancelled.max(Exit::Done).number(), 3);
        assert_eq!(Exit::Failed.max(Exit::NotFound).number(), 6);
        assert_eq!(Exit::Unreachable.max(Exit::Refused).number(), 4);
        assert_eq!(Exit::Interrupted.max(Exit::Unreachable).number(), 130);
    }

    #[test]
    fn the_help_states_the_order_that_the_type_has() {
        let mut sorted: Vec<Exit> = TABLE.iter().map(|row| row.0).collect();
        sorted.sort_by(|a, b| b.cmp(a));
        let numbers: Vec<String> = sorted.iter().map(|e| e.number().to_string()).collect();
        let (last, rest) = numbers.split_last().unwrap();
        assert!(help().contains(&format!("{}, then {last}", rest.join(", "))), "{}", help());
    }

    #[test]
    fn errors_choose_their_code_through_context() {
        let error =
            anyhow::Error::from(Trouble::NotFound(Thing::Path("jobs"))).context("paper.pdf");
        assert_eq!(Exit::of_error(&error), Exit::NotFound);
        let pipe = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert_eq!(Exit::of_error(&anyhow::Error::from(pipe)), Exit::OutputClosed);
        assert_eq!(Exit::of_error(&anyhow::anyhow!("disk full")), Exit::Failed);
    }
}
