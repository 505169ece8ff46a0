//! `milepost submit`. Enters: files, folders, URLs and options. Leaves: one job for
//! each document, its id on stdout, those of a folder as a batch. Never: holds a file in memory, nor takes a password from
//! the command line, where every user of the machine could read it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use milepost_core::JobId;
use reqwest::Url;
use serde_json::{Map, Value, json};

use super::client::{Client, ServerArgs};
use super::display::Display;
use super::exit::Exit;
use super::folder::Folder;
use super::out;
use super::trouble::Trouble;
use super::upload::{self, Fields, Source};
use super::wire::Snapshot;
use super::{upload_folder, watch};

/// No password is longer; a larger file is the wrong one.
const MAX_PASSWORD_BYTES: u64 = 4096;

/// Submit files, folders or URLs, one job for each document, and print the jobs' ids.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The files; the documents of a folder become a batch; what begins with http:// or
    /// https:// is fetched by the server
    #[arg(required = true, value_name = "FILE|FOLDER|URL")]
    sources: Vec<PathBuf>,
    /// Of a folder, the documents in the folders in it, too
    #[arg(short, long)]
    recursive: bool,
    /// What to do: convert, sentences or ingest [default: convert]
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Only these pages, for example 1-3,7,10-
    #[arg(long, value_name = "PAGES")]
    pages: Option<String>,
    /// A file whose first line is the password of the documents
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The formats to make, for example markdown,json [default: all]
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    format: Vec<String>,
    /// JSON to attach to the jobs
    #[arg(long, value_name = "JSON")]
    metadata: Option<String>,
    /// Higher goes first among your own jobs
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i32>,
    /// Hold the jobs until they are confirmed
    #[arg(long)]
    hold: bool,
    /// Convert even what was converted before
    #[arg(long)]
    force: bool,
    /// Wait until the jobs have ended
    #[arg(long, conflicts_with = "watch")]
    wait: bool,
    /// Go on as `watch` does
    #[arg(long)]
    watch: bool,
    /// Print snapshots as lines of JSON; with --wait the last ones, with --watch all
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Carries out the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let client = Client::new(&args.server)?;
    let fields = fields(&args)?;
    // A misspelt name is found before the first of many files is on its way.
    let mut sources = Vec::new();
    for source in &args.sources {
        sources.push(match url(source) {
            Some(url) => Wanted::One(Source::Url(url)),
            None if source.is_dir() => Wanted::Folder(source, look(source, args.recursive)?),
            None => check(source).map(|()| Wanted::One(Source::File(source)))?,
        });
    }
    let (mut made, mut exit) = (Made::default(), Exit::Done);
    let shown = |job: &Snapshot| match (args.json, args.wait || args.watch) {
        (false, _) => out::line(&job.id.to_string()),
        (true, false) => out::line(&job.json),
        (true, true) => Ok(()),
    };
    for source in sources {
        let one = match source {
            Wanted::One(one) => one,
            Wanted::Folder(path, folder) => {
                exit =
                    exit.max(send_folder(&client, path, folder, &fields, &mut made, shown).await?);
                continue;
            }
        };
        match upload::send(&client, &one, &fields).await {
            Ok(job) => {
                shown(&job)?;
                made.jobs.push(job);
            }
            Err(trouble @ (Trouble::Refused(_) | Trouble::Usage(_))) => {
                exit = exit.max(trouble.exit());
                out::error(&anyhow::Error::from(trouble).context(one.name()));
            }
            Err(trouble) => return Err(trouble.into()),
        }
    }
    if (args.wait || args.watch) && !made.jobs.is_empty() {
        let mut display = match (args.watch, args.json) {
            (true, json) => Display::beside_output(made.jobs.len(), json),
            (false, true) => Display::JsonAtEnd,
            (false, false) if made.folders => Display::Silent,
            (false, false) => Display::Quiet,
        };
        let ends = watch::until_end(&client, made.jobs, &mut display).await?;
        if made.folders {
            ends.tell(&made.files);
        }
        exit = exit.max(ends.exit);
    }
    Ok(exit.into())
}

/// What an argument stands for.
enum Wanted<'a> {
    One(Source<'a>),
    Folder(&'a Path, Folder),
}

/// What was submitted so far.
#[derive(Default)]
struct Made {
    jobs: Vec<Snapshot>,
    /// Which file of a folder a job is about; names alone may repeat in it.
    files: HashMap<JobId, PathBuf>,
    /// Whether there was a folder.
    folders: bool,
}

/// The documents of a folder; tells what is passed over.
pub fn look(path: &Path, recursive: bool) -> Result<Folder, Trouble> {
    let folder = Folder::read(path, recursive);
    folder.passed_over(recursive).iter().for_each(out::note);
    if folder.files.is_empty() && folder.unreadable.is_empty() {
        let why = "no document is in this folder, by the names of its files";
        return Err(Trouble::Usage(format!("{}: {why}.", path.display())));
    }
    Ok(folder)
}

async fn send_folder(
    client: &Client,
    path: &Path,
    folder: Folder,
    fields: &Fields,
    made: &mut Made,
    shown: impl Fn(&Snapshot) -> std::io::Result<()>,
) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    for (path, error) in &folder.unreadable {
        out::error(&anyhow::anyhow!("{}: cannot be read: {error}", path.display()));
        exit = Exit::Usage;
    }
    let name = path.display().to_string();
    let sent = upload_folder::send(client, &name, folder.files, fields, shown).await?;
    upload_folder::tell(&name, &sent, client.flag());
    let refused = sent.refused.iter().map(|(_, trouble)| trouble);
    let troubles = refused.chain(sent.stopped.iter().map(|(trouble, _)| trouble));
    exit = troubles.map(Trouble::exit).fold(exit, Exit::max);
    made.folders = true;
    for (file, job) in sent.jobs {
        made.files.insert(job.id, file);
        made.jobs.push(job);
    }
    Ok(exit)
}

fn fields(args: &Args) -> Result<Fields, Trouble> {
    let mut options = Map::new();
    if let Some(pages) = &args.pages {
        options.insert("pages".to_owned(), json!(pages));
    }
    if let Some(file) = &args.password_file {
        options.insert("password".to_owned(), Value::String(password(file)?));
    }
    if !args.format.is_empty() {
        options.insert("formats".to_owned(), json!(args.format));
    }
    let metadata = args.metadata.as_deref().map(serde_json::from_str::<Value>).transpose();
    let metadata =
        metadata.map_err(|error| Trouble::Usage(format!("--metadata is not JSON: {error}.")))?;
    Ok(Fields {
        options: (!options.is_empty()).then_some(Value::Object(options)),
        pipeline: args.pipeline.clone(),
        metadata,
        priority: args.priority,
        hold: args.hold,
        force: args.force,
    })
}

/// The password on the first line of a file.
///
/// # Errors
/// Where there is none.
pub fn password(file: &Path) -> Result<String, Trouble> {
    let usage = |why: String| Trouble::Usage(format!("{}: {why}.", file.display()));
    let length = std::fs::metadata(file).map_err(|error| usage(error.kind().to_string()))?.len();
    if length > MAX_PASSWORD_BYTES {
        return Err(usage("is too long for a file with a password".to_owned()));
    }
    // The cause could quote the content, so only its kind is told.
    let text = std::fs::read_to_string(file).map_err(|error| usage(error.kind().to_string()))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(usage("holds no password on its first line".to_owned()));
    }
    Ok(line.to_owned())
}

/// The argument as an address, where it is one.
pub fn url(source: &Path) -> Option<Url> {
    let url = Url::parse(source.to_str()?).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// Whether it is a file that can be sent.
///
/// # Errors
/// Where it is none.
pub fn check(file: &Path) -> Result<(), Trouble> {
    let usage = |why: &str| Trouble::Usage(format!("{}: {why}.", file.display()));
    let found = std::fs::metadata(file).map_err(|error| usage(&error.kind().to_string()))?;
    match found.is_file() {
        true => Ok(()),
        false => Err(usage("is not a regular file, whose length is known before it is sent")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_the_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "s e cret\r\nnot this\n").unwrap();
        assert_eq!(password(&file).unwrap(), "s e cret");
        std::fs::write(&file, "\n").unwrap();
        assert_eq!(password(&file).unwrap_err().exit(), Exit::Usage);
        std::fs::write(&file, "x".repeat(5000)).unwrap();
        assert!(password(&file).is_err());
    }

    #[test]
    fn an_address_is_known_from_a_file() {
        for (source, expected) in [
            ("https://host.example/a.pdf", true),
            ("HTTP://host.example", true),
            ("host.example/a.pdf", false),
            ("file:///etc/passwd", false),
            ("C:/a.pdf", false),
            ("./http:/a.pdf", false),
        ] {
            assert_eq!(url(Path::new(source)).is_some(), expected, "{source}");
        }
    }

    #[test]
    fn only_files_can_be_submitted() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check(folder.path()).is_err());
        assert!(check(&folder.path().join("none")).is_err());
    }
}
