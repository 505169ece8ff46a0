//! Holds the house to its plan: who imports whom, how long a file is, what is
//! never written. An ordinary test, so that a change that breaks a rule fails
//! where it is made. ARCHITECTURE.md explains the rules.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms that it may name. `clock` and `config` are values
/// that are passed around, so all may name them.
const RULES: &[(&str, &[&str])] = &[
    ("access", &["store"]),
    ("audit", &["access"]),
    ("push", &["access", "bus", "fetch", "store"]),
    ("report", &["journal", "store"]),
    ("submit", &["fetch", "index", "journal", "pipeline", "store"]),
    ("command", &["index", "journal", "pipeline", "store"]),
    ("query", &["index", "store"]),
    ("index", &[]),
    ("queue", &["journal", "store"]),
    ("worker", &["bus", "fetch", "index", "journal", "pipeline", "queue", "sandbox", "store"]),
    ("pipeline", &[]),
    ("journal", &["bus", "store"]),
    ("sweeper", &["index", "journal", "queue", "store"]),
    ("fetch", &[]),
    ("sandbox", &[]),
    ("store", &[]),
    ("bus", &[]),
    ("hub", &["bus", "store"]),
    ("transport", &["hub"]),
    (
        "dialect",
        &[
            "access",
            "audit",
            "command",
            "http",
            "hub",
            "push",
            "query",
            "report",
            "store",
            "submit",
            "transport",
        ],
    ),
    (
        "http",
        &[
            "access", "audit", "bus", "command", "hub", "index", "push", "query", "report",
            "store", "submit",
        ],
    ),
    ("clock", &[]),
    ("config", &[]),
];
/// These see everything.
const FREE: &[&str] = &["app", "cli", "echo", "fuzzing", "lib", "main", "simulation", "tidy"];
const SHARED: &[&str] = &["clock", "config"];

/// Past this a file has a seam that is not used.
const MAX_LINES: usize = 400;

#[test]
fn rooms_import_only_what_they_may() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let room = room(&path);
        if FREE.contains(&room.as_str()) {
            continue;
        }
        let allowed = RULES.iter().find(|(name, _)| *name == room);
        let Some((_, allowed)) = allowed else {
            wrong.push(format!("{room}: a room without a rule"));
            continue;
        };
        for named in named_rooms(&text) {
            let fine = named == room
                || allowed.contains(&named.as_str())
                || SHARED.contains(&named.as_str());
            if !fine {
                wrong.push(format!("{}: {room} must not name {named}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_journal_writes_jobs() {
    for (path, text) in sources() {
        if ["journal", "store", "tidy"].contains(&room(&path).as_str()) {
            continue;
        }
        // A test may set the scene behind the journal's back.
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let dense: String = code.split_whitespace().collect();
        for write in ["append", "submit", "delete_job", "claim", "reuse", "revoke_tokens"] {
            let past = dense.contains(&format!("store.{write}("));
            assert!(!past, "{} writes past the journal: {write}", path.display());
        }
    }
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines", path.display());
        assert!(text.starts_with("//!"), "{} does not say what it is for", path.display());
    }
}

#[test]
fn cargo_run_means_the_server() {
    // Another package with a binary would make the README's first command
    // ambiguous.
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
    let manifest: toml::Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
    let meant = manifest["workspace"]["default-members"].as_array().unwrap();
    assert_eq!(meant, &[toml::Value::from("crates/milepost")]);
}

/// Every `crate::room` in code or in a grouped import.
fn named_rooms(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let names = code.split("crate::").skip(1).flat_map(|rest| {
        let group = rest.strip_prefix('{').and_then(|rest| rest.split('}').next());
        let names: Vec<String> = match group {
            Some(group) => group.split(',').map(first_word).collect(),
            None => vec![first_word(rest)],
        };
        names
    });
    names.filter(|name| !name.is_empty()).collect()
}

fn first_word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn room(path: &Path) -> String {
    let first = path.components().next().expect("a source has a path");
    let name = Path::new(first.as_os_str()).file_stem().expect("a room has a name");
    name.to_string_lossy().into_owned()
}

/// All sources of this crate, by their path below `src`.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut found) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    assert!(found.len() > 30, "the sources were not found");
    found
}
