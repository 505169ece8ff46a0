//! `milepost completions` and `milepost man`: the command line described for a
//! shell and for `man`. Enters: the commands as clap knows them. Leaves: a script
//! or pages. Never: a text of its own, which could differ from `--help`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Command;
use clap_complete::Shell;

/// Print a completion script for a shell
///
/// bash: milepost completions bash > ~/.local/share/bash-completion/completions/milepost
///
/// zsh: milepost completions zsh > "${fpath[1]}/_milepost"
///
/// fish: milepost completions fish > ~/.config/fish/completions/milepost.fish
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

/// Print the man page, or write one for each command
#[derive(Debug, clap::Args)]
pub struct Man {
    /// Folder for all pages; without it `milepost(1)` goes to stdout
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Writes the script.
pub fn completions(args: &Completions, command: &mut Command) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "milepost", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the pages.
pub fn man(args: &Man, command: Command) -> anyhow::Result<ExitCode> {
    match &args.output {
        Some(folder) => {
            std::fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(command, folder))
                .with_context(|| format!("cannot write to {}", folder.display()))?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            std::io::stdout().write_all(&page)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
