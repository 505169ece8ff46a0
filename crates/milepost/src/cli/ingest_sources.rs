//! What is to be ingested. Enters: files, folders, patterns and URLs, as they were
//! written. Leaves: documents, each once, with what makes it the same document the
//! next time. Never: names two different files of one command alike.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use reqwest::Url;
use sha2::{Digest as _, Sha256};

use super::folder::Folder;
use super::trouble::Trouble;
use super::{glob, out, submit};

/// Read at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// A document that is to be in the collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What it is in the collection: a later one with this key takes its place.
    pub key: String,
    /// Where it is.
    pub place: Place,
}

/// Where a document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this machine; `sha256` in hexadecimal.
    File { path: PathBuf, sha256: String },
    /// Where the server can fetch it.
    Url(Url),
}

impl Wanted {
    /// What is different where the document is.
    pub fn version(&self) -> &str {
        match &self.place {
            Place::File { sha256, .. } => sha256,
            Place::Url(url) => url.as_str(),
        }
    }
}

/// What was found, and what could not be read.
#[derive(Debug, Default)]
pub struct Found {
    /// The documents, in the order of the arguments.
    pub wanted: Vec<Wanted>,
    /// Files that are there and cannot be read.
    pub unreadable: Vec<(PathBuf, io::Error)>,
}

/// Finds the documents, and reads each file once, to know it again.
///
/// # Errors
/// Where an argument stands for nothing.
pub fn find(arguments: &[PathBuf], recursive: bool) -> Result<Found, Trouble> {
    let mut found = Found::default();
    let mut files = Vec::new();
    let mut urls = Vec::new();
    for argument in arguments {
        if let Some(url) = submit::url(argument) {
            urls.push(url);
        } else if glob::is_pattern(argument) {
            let paths = glob::expand(argument);
            if paths.is_empty() {
                let what = argument.display();
                return Err(Trouble::Usage(format!("{what}: nothing here has such a name.")));
            }
            let named = paths.into_iter().filter(|path| path.is_file());
            files.extend(named.map(|path| (own_name(&path), path)));
        } else if argument.is_dir() {
            let folder = submit::look(argument, recursive)?;
            files.extend(of_folder(argument, &folder));
            found.unreadable.extend(folder.unreadable);
        } else {
            submit::check(argument)?;
            files.push((own_name(argument), argument.clone()));
        }
    }
    for (key, path) in distinct(files) {
        match hash(&path) {
            Ok(sha256) => found.wanted.push(Wanted { key, place: Place::File { path, sha256 } }),
            Err(error) => found.unreadable.push((path, error)),
        }
    }
    let mut seen = HashSet::new();
    for url in urls {
        let key = public(&url);
        if seen.insert(key.clone()) {
            found.wanted.push(Wanted { key, place: Place::Url(url) });
        } else {
            out::note(format_args!("{key} is named twice; the first one counts."));
        }
    }
    Ok(found)
}

/// A file that is named by itself goes by its own name.
fn own_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// One in a folder by its path within that, so that a new file changes no other's.
fn of_folder(root: &Path, folder: &Folder) -> Vec<(String, PathBuf)> {
    let within = |path: &PathBuf| path.strip_prefix(root).unwrap_or(path).display().to_string();
    folder.files.iter().map(|path| (within(path), path.clone())).collect()
}

/// Each file once; those that would go by the same name go by their paths.
fn distinct(files: Vec<(String, PathBuf)>) -> Vec<(String, PathBuf)> {
    let mut seen = HashSet::new();
    let once = |path: &PathBuf| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone()));
    let mut files = files;
    let mut once = once;
    files.retain(|(_, path)| once(path));
    let mut times: HashMap<String, usize> = HashMap::new();
    for (key, _) in &files {
        *times.entry(key.clone()).or_default() += 1;
    }
    let by_path = |(key, path): (String, PathBuf)| match times.get(&key) {
        Some(1) => (key, path),
        _ => (path.components().collect::<PathBuf>().display().to_string(), path),
    };
    files.into_iter().map(by_path).collect()
}

/// The address without what may be a secret, and differs from time to time.
fn public(url: &Url) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}{port}{}", url.host_str().unwrap_or_default(), url.path())
}

/// SHA-256, in hexadecimal.
fn hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex(&hasher.finalize())),
            length => hasher.update(&chunk[..length]),
        }
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(found: &Found) -> Vec<&str> {
        found.wanted.iter().map(|wanted| wanted.key.as_str()).collect()
    }

    #[test]
    fn each_document_has_a_name_of_its_own_and_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("in/deep")).unwrap();
        for name in ["one.md", "in/one.md", "in/two.md", "in/deep/one.md"] {
            std::fs::write(root.join(name), name).unwrap();
        }
        let found = find(&[root.join("in")], true).unwrap();
        assert_eq!(keys(&found), ["deep/one.md", "one.md", "two.md"]);
        let found = find(&[root.join("in/two.md"), root.join("*/two.md")], false).unwrap();
        assert_eq!(keys(&found), ["two.md"]);
        let (first, second) = (root.join("one.md"), root.join("in/one.md"));
        let both = find(&[first.clone(), second.clone()], false).unwrap();
        let paths = [first.display().to_string(), second.display().to_string()];
        assert_eq!(keys(&both), paths.each_ref().map(String::as_str));
        assert!(find(&[root.join("*.docx")], false).is_err());
        assert!(find(&[root.join("none.md")], false).is_err());
    }

    #[test]
    fn a_url_goes_by_what_may_be_shown() {
        let urls = ["https://h.example:8443/a/b.pdf?signature=secret", "https://H.example/c"];
        let found = find(&urls.map(PathBuf::from), false).unwrap();
        assert_eq!(keys(&found), ["h.example:8443/a/b.pdf", "h.example/c"]);
    }

    #[test]
    fn the_hash_is_that_of_the_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        assert!(hash(&path).unwrap().starts_with("ba7816bf8f01cfea"));
    }
}
