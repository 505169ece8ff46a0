//! Where a download goes. Enters: bytes. Leaves: stdout, or a file that appears
//! once it is whole. Never: leaves a temporary file behind when it is dropped.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::text::Scrubber;

/// An open target.
pub struct Target {
    sink: Sink,
    ends_in_line_feed: bool,
}

enum Sink {
    /// A terminal gets no control characters; a program gets every byte.
    Stdout(Option<Scrubber>),
    /// A device or a pipe, which cannot be replaced.
    Device(File),
    File(Partial),
}

impl Target {
    /// Opens the file, or stdout for none and for `-`.
    pub fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let sink = match path.filter(|path| *path != Path::new("-")) {
            None => Sink::Stdout(io::stdout().is_terminal().then(Scrubber::default)),
            Some(path) => {
                open_file(path).with_context(|| format!("{} cannot be written", path.display()))?
            }
        };
        Ok(Self { sink, ends_in_line_feed: true })
    }

    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(last) = bytes.last() {
            self.ends_in_line_feed = *last == b'\n';
        }
        match &mut self.sink {
            Sink::Stdout(Some(scrubber)) => io::stdout().write_all(&scrubber.scrub(bytes)),
            Sink::Stdout(None) => io::stdout().write_all(bytes),
            Sink::Device(file) => file.write_all(bytes),
            Sink::File(partial) => partial.file.write_all(bytes),
        }
    }

    /// Makes sure that what comes next begins on a line of its own.
    pub fn end_line(&mut self) -> io::Result<()> {
        if self.ends_in_line_feed { Ok(()) } else { self.write(b"\n") }
    }

    /// All bytes are there.
    pub fn finish(self) -> anyhow::Result<()> {
        match self.sink {
            Sink::Stdout(_) => io::stdout().flush()?,
            Sink::Device(mut file) => file.flush()?,
            Sink::File(partial) => partial.keep()?,
        }
        Ok(())
    }
}

fn open_file(path: &Path) -> io::Result<Sink> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => {
            Ok(Sink::Device(OpenOptions::new().write(true).open(path)?))
        }
        // Through a link to the file itself, so that the link stays one.
        Ok(_) => Ok(Sink::File(Partial::create(fs::canonicalize(path)?)?)),
        Err(_) => Ok(Sink::File(Partial::create(path.to_owned())?)),
    }
}

/// A file that is not whole yet, under a name of its own in the same folder.
struct Partial {
    file: File,
    temporary: PathBuf,
    wanted: PathBuf,
    kept: bool,
}

impl Partial {
    fn create(wanted: PathBuf) -> io::Result<Self> {
        let name = wanted.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_string_lossy();
        let temporary = wanted.with_file_name(format!(".{name}.{:08x}.part", fastrand::u32(..)));
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        Ok(Self { file, temporary, wanted, kept: false })
    }

    fn keep(mut self) -> anyhow::Result<()> {
        // Without the sync a power cut could leave the name without the bytes.
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.wanted)
            .with_context(|| format!("{} cannot be written", self.wanted.display()))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing more can be done about it here.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_once_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paper.md");
        fs::write(&path, "old").unwrap();
        let mut target = Target::open(Some(&path)).unwrap();
        target.write(b"new").unwrap();
        target.end_line().unwrap();
        target.end_line().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        target.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
        assert_eq!(names(folder.path()), ["paper.md"]);
    }

    #[test]
    fn a_broken_download_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paper.md");
        let mut target = Target::open(Some(&path)).unwrap();
        target.write(b"half").unwrap();
        drop(target);
        assert!(names(folder.path()).is_empty());
        assert!(Target::open(Some(folder.path())).is_err());
    }
}
