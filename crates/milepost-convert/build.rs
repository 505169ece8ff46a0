//! Gives the converter a fingerprint: the same for the same code over the same
//! libraries. A result that another one made may differ, so it is not reused.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

fn main() {
    let mut files = sources(Path::new("src"));
    // Which version of each library; a package by itself has none.
    files.extend(Some(PathBuf::from("../../Cargo.lock")).filter(|lock| lock.exists()));
    let mut hasher = DefaultHasher::new();
    for file in &files {
        println!("cargo::rerun-if-changed={}", file.display());
        let text = fs::read(file).expect("a source that was listed can be read");
        (file, text).hash(&mut hasher);
    }
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rustc-env=MILEPOST_CONVERTER={:016x}", hasher.finish());
}

/// In the order of their names, which the system does not promise.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a package has its sources");
    let mut paths: Vec<_> =
        entries.map(|entry| entry.expect("a folder of sources can be read").path()).collect();
    paths.sort();
    paths
        .into_iter()
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .collect()
}
