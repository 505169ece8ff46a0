//! `milepost keys`: makes, lists and revokes API keys, in the data directory of this
//! machine's server, which may be running. Enters: who is to have a key, and for what.
//! Leaves: the key, once, on standard output. Never: takes a key as an argument.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use milepost_core::{OwnerId, Scope, Scopes, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::exit::Exit;
use super::serve::Source;
use super::text::fit;
use super::{as_client, out};
use crate::access::{Keys, MAX_NAME_BYTES, MAX_OWNER_BYTES, NewKey};
use crate::audit::{Audit, Entry};
use crate::clock::Clock;
use crate::store::{KeyRow, Store, private_folder};

/// Keys of one step of a list.
const STEP: u32 = 200;

/// Make, list and revoke API keys, in this machine's data directory.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a key and print it, for the only time
    Create {
        /// What it is for
        #[arg(value_parser = text(MAX_NAME_BYTES))]
        name: String,
        /// Whose jobs its holder makes and sees [default: the name]
        #[arg(long, value_name = "OWNER", value_parser = text(MAX_OWNER_BYTES))]
        owner: Option<String>,
        /// What its holder may do: submit, read, cancel, work, read_all, admin [default: the first four]
        #[arg(long, value_name = "SCOPE", value_delimiter = ',', value_parser = scope)]
        scopes: Vec<Scope>,
        /// When it ends, such as 90d or 12h [default: never]
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        expires_in: Option<Duration>,
        #[command(flatten)]
        source: Source,
    },
    /// List all keys, newest first
    List {
        /// Print each key as one line of JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        source: Source,
    },
    /// Make a key void, for good
    Revoke {
        /// Its id, as it is listed
        id: Uuid,
        #[command(flatten)]
        source: Source,
    },
}

/// Carries out the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    as_client(async {
        match args.command {
            Command::Create { name, owner, scopes, expires_in, source } => {
                create(source, name, owner, scopes, expires_in).await
            }
            Command::List { json, source } => list(source, json).await,
            Command::Revoke { id, source } => revoke(source, id).await,
        }
    })
}

async fn create(
    source: Source,
    name: String,
    owner: Option<String>,
    scopes: Vec<Scope>,
    expires_in: Option<Duration>,
) -> anyhow::Result<ExitCode> {
    let clock = Clock::system();
    let scopes = if scopes.is_empty() { Scopes::OWN } else { scopes.into_iter().collect() };
    let owner = OwnerId::new(owner.unwrap_or_else(|| name.clone()));
    if expires_in.is_some_and(|lasts| lasts < Duration::from_secs(1)) {
        bail!("A key lasts one second or more.");
    }
    let expires_at = expires_in.map(|lasts| clock.now().plus(lasts));
    let (store, audit) = open(source)?;
    let keys = Keys::new(store, clock);
    let made = keys.make(NewKey { name, owner, scopes, expires_at }).await?;
    note(&audit, "create", made.row.id);
    out::note(format_args!(
        "Key {} of {}. It is shown this once; whoever has it may: {}.",
        made.row.id,
        made.row.owner.as_str(),
        words(made.row.scopes).join(", ")
    ));
    out::line(&made.key)?;
    Ok(Exit::Done.into())
}

async fn list(source: Source, as_json: bool) -> anyhow::Result<ExitCode> {
    let (store, _) = open(source)?;
    let (mut before, mut any) = (None, false);
    loop {
        let rows = store.keys(before, STEP).await?;
        before = rows.last().map(|row| row.id);
        let last = rows.len() < STEP as usize;
        for row in rows {
            if as_json {
                out::line(&described(&row).to_string())?;
            } else {
                if !any {
                    print("ID", "BEGINS", "NAME", "OWNER", "LAST USED", "STATE", "SCOPES")?;
                }
                print_row(&row)?;
            }
            any = true;
        }
        if last {
            break;
        }
    }
    if !any && !as_json {
        out::note("There are no keys. `milepost keys create NAME` makes one.");
    }
    Ok(Exit::Done.into())
}

async fn revoke(source: Source, id: Uuid) -> anyhow::Result<ExitCode> {
    let (store, audit) = open(source)?;
    let revoked = store.revoke_key(id, Clock::system().now()).await?;
    if revoked.is_some() {
        note(&audit, "revoke", id);
    }
    let Some(row) = revoked else {
        bail!("There is no key {id}; `milepost keys list` lists them.");
    };
    let name = row.name;
    out::note(format_args!("The key {name} is void. A running server knows within 5 s."));
    Ok(Exit::Done.into())
}

/// Keeps it where the server keeps who did what.
fn note(audit: &Audit, order: &str, key: Uuid) {
    let action = format!("milepost keys {order}");
    let (at, targets) = (Clock::system().now(), vec![key.to_string()]);
    audit.note(Entry { at, action, targets, ..Entry::default() });
    audit.close();
}

fn open(source: Source) -> anyhow::Result<(Store, Audit)> {
    let config = source.load()?;
    let folder = &config.data_dir;
    let at = || format!("cannot open the store in {}", folder.display());
    private_folder(folder).with_context(at)?;
    // Nobody here hears of changes of jobs: there are none.
    let (committed, _) = tokio::sync::mpsc::unbounded_channel();
    let store = Store::open_beside(folder, committed).with_context(at)?;
    // The server's settings may not be known here; its file is.
    let kept = folder.join("audit.jsonl").exists() || !config.auth.is_none();
    let audit = match config.audit.path(folder, kept) {
        Some(path) => Audit::open(path).context("cannot write the audit log")?,
        None => Audit::default(),
    };
    Ok((store, audit))
}

fn print_row(row: &KeyRow) -> std::io::Result<()> {
    let day = |at: Timestamp| at.to_string().chars().take(10).collect::<String>();
    let state = match (row.revoked_at, row.expires_at) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(end)) if end <= Clock::system().now() => "expired".to_owned(),
        (None, Some(end)) => format!("to {}", day(end)),
        (None, None) => "valid".to_owned(),
    };
    let used = row.used_at.map_or_else(|| "never".to_owned(), day);
    let scopes = words(row.scopes).join(",");
    print(&row.id.to_string(), &row.start, &row.name, row.owner.as_str(), &used, &state, &scopes)
}

fn print(
    id: &str,
    start: &str,
    name: &str,
    owner: &str,
    used: &str,
    state: &str,
    scopes: &str,
) -> std::io::Result<()> {
    let (name, owner) = (fit(name, 20), fit(owner, 20));
    out::line(&format!("{id:36}  {start:9}  {name}  {owner}  {used:10}  {state:13}  {scopes}"))
}

fn described(row: &KeyRow) -> serde_json::Value {
    json!({
        "id": row.id, "name": row.name, "start": row.start, "owner": row.owner.as_str(),
        "scopes": words(row.scopes), "created_at": row.created_at, "expires_at": row.expires_at,
        "used_at": row.used_at, "revoked_at": row.revoked_at,
    })
}

fn words(scopes: Scopes) -> Vec<&'static str> {
    scopes.iter().map(Scope::as_str).collect()
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::named(text).ok_or_else(|| {
        let all = Scope::ALL.map(Scope::as_str).join(", ");
        format!("must be one of {all}")
    })
}

/// 1 to `most` bytes, without control characters.
fn text(most: usize) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync {
    move |text| {
        let text = text.trim();
        if text.is_empty() || text.len() > most || text.chars().any(char::is_control) {
            return Err(format!("must be 1 to {most} bytes, without control characters"));
        }
        Ok(text.to_owned())
    }
}
