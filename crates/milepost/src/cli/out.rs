//! The two outputs. Enters: lines and bytes. Leaves: stdout for what was asked
//! for, stderr for what a person should know. Never: lets a control character
//! of the server's reach a terminal.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use super::text::clean;

/// A line of the command's own output.
///
/// # Errors
/// Where stdout does not take it; the command should then end.
pub fn line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    if stdout.is_terminal() {
        writeln!(stdout, "{}", clean(text))
    } else {
        writeln!(stdout, "{text}")
    }?;
    // A reader of a pipe wants each line as it comes.
    stdout.flush()
}

/// A line of the command's own output in whose making nothing of a stranger's was left
/// that a terminal would obey.
///
/// # Errors
/// As for [`line`].
pub fn styled(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// A line for the person at the terminal.
pub fn note(text: impl Display) {
    // Without stderr there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{}", clean(&text.to_string()));
}

/// Something went wrong with one of several things; the command goes on.
pub fn error(error: &anyhow::Error) {
    note(format_args!("error: {error:#}"));
}

/// Whether a drawing on stderr is seen by a person.
pub fn can_draw() -> bool {
    console::Term::stderr().features().is_attended()
        && console::Term::stderr().size_checked().is_some_and(|(_, columns)| columns >= 40)
}
