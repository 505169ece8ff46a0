//! The binary. Enters: arguments. Leaves: an exit code. Never: decides anything.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
