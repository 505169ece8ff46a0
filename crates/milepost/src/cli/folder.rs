//! The documents of a folder. Enters: a path. Leaves: the files that are named as
//! documents, in order, and what was passed over and why. Never: follows a link to
//! a folder, which could lead round in a circle, nor drops a file without a word.

use std::path::{Path, PathBuf};
use std::{fs, io};

use milepost_convert::is_named_as_document;

/// So many names of each kind are told.
const TOLD: usize = 10;

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Folder {
    /// The documents, in the order of their paths.
    pub files: Vec<PathBuf>,
    /// Whose name begins with a dot, or with the mark of an Office lock file.
    hidden: Vec<PathBuf>,
    /// Whose name is none of a document.
    others: Vec<PathBuf>,
    /// Folders in it that were not asked for, and links to folders.
    folders: Vec<PathBuf>,
    /// What cannot be read.
    pub unreadable: Vec<(PathBuf, io::Error)>,
}

impl Folder {
    /// Looks into `folder`, and with `recursive` into the folders in it.
    pub fn read(folder: &Path, recursive: bool) -> Self {
        let mut found = Self::default();
        found.look(folder, recursive);
        found
    }

    /// In the order of names, so that the same folder gives the same order.
    fn look(&mut self, folder: &Path, recursive: bool) {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut paths: Vec<_> = match entries {
            Ok(entries) => entries.into_iter().map(|entry| entry.path()).collect(),
            Err(error) => return self.unreadable.push((folder.to_owned(), error)),
        };
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') || name.starts_with("~$") {
                self.hidden.push(path);
                continue;
            }
            let kind = match fs::metadata(&path) {
                Ok(found) => found.file_type(),
                Err(error) => {
                    self.unreadable.push((path, error));
                    continue;
                }
            };
            if kind.is_dir() {
                match recursive && !path.is_symlink() {
                    true => self.look(&path, recursive),
                    false => self.folders.push(path),
                }
            } else if kind.is_file() && is_named_as_document(&name) {
                self.files.push(path);
            } else {
                self.others.push(path);
            }
        }
    }

    /// A line for each kind of what was passed over.
    pub fn passed_over(&self, recursive: bool) -> Vec<String> {
        let folders = match recursive {
            true => "what links to a folder",
            false => "a folder in it; --recursive takes the files of those, too",
        };
        let kinds = [
            (&self.hidden, "hidden"),
            (&self.others, "no document by its name; name it by itself to send it all the same"),
            (&self.folders, folders),
        ];
        let told = kinds.into_iter().filter(|(paths, _)| !paths.is_empty());
        told.map(|(paths, why)| {
            let names: Vec<_> =
                paths.iter().take(TOLD).map(|path| path.display().to_string()).collect();
            let more = match paths.len().saturating_sub(TOLD) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("Passed over as {why}: {}{more}", names.join(", "))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[PathBuf], folder: &Path) -> Vec<String> {
        let within = |path: &PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
        paths.iter().map(within).collect()
    }

    #[test]
    fn everything_in_it_is_sent_or_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("sub/deep")).unwrap();
        for name in [
            "b.pdf",
            "a.docx",
            ".hidden.pdf",
            "~$a.docx",
            "photo.jpg",
            "sub/c.md",
            "sub/deep/d.txt",
        ] {
            fs::write(root.join(name), "x").unwrap();
        }
        std::os::unix::fs::symlink(root, root.join("sub/round")).unwrap();
        std::os::unix::fs::symlink(root.join("b.pdf"), root.join("link.pdf")).unwrap();
        std::os::unix::fs::symlink(root.join("nowhere"), root.join("lost.pdf")).unwrap();

        let flat = Folder::read(root, false);
        assert_eq!(names(&flat.files, root), ["a.docx", "b.pdf", "link.pdf"]);
        assert_eq!(names(&flat.folders, root), ["sub"]);
        assert_eq!(flat.passed_over(false).len(), 3);

        let deep = Folder::read(root, true);
        let expected = ["a.docx", "b.pdf", "link.pdf", "sub/c.md", "sub/deep/d.txt"];
        assert_eq!(names(&deep.files, root), expected);
        assert_eq!(names(&deep.hidden, root), [".hidden.pdf", "~$a.docx"]);
        assert_eq!(names(&deep.others, root), ["photo.jpg"]);
        assert_eq!(names(&deep.folders, root), ["sub/round"]);
        assert_eq!(deep.unreadable.len(), 1);
    }

    #[test]
    fn many_names_are_counted_and_not_all_told() {
        let others = (0..25).map(|n| PathBuf::from(format!("{n}.jpg"))).collect();
        let folder = Folder { others, ..Folder::default() };
        let told = folder.passed_over(false).remove(0);
        assert!(told.ends_with("8.jpg, 9.jpg and 15 more"), "{told}");
    }
}
