//! Shuts this process in, for good. Enters: how much memory it may have. Leaves:
//! a process that opens no path, reaches no network, starts no program, signals
//! nobody and allocates within bounds; and which of these walls the system could
//! not give. Never: runs after the first thread was started, which would stay
//! outside.

#[cfg(target_os = "linux")]
mod calls;

use rustix::process::{Resource, Rlimit, setrlimit};

/// Descriptors that a converter needs: the standard three, its pipe twice, and
/// some that the runtime opens for a moment.
const DESCRIPTORS: u64 = 16;

/// What may be missing on a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wall {
    /// Bounds on memory, files and descriptors (`setrlimit`).
    Limits,
    /// No path, no TCP, no signal to others (Landlock).
    Landlock,
    /// Only system calls of a list (seccomp).
    Calls,
}

impl Wall {
    /// For an operator.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::Landlock => "Landlock",
            Self::Calls => "seccomp",
        }
    }
}

/// Shuts this process in. `memory` is what it may allocate beside its stacks of
/// `stacks` bytes in all. Says which walls do not stand, and why.
pub fn enter(memory: u64, stacks: u64) -> Vec<(Wall, String)> {
    let walls = [
        (Wall::Limits, limits(memory.saturating_add(stacks))),
        (Wall::Landlock, landlock()),
        // Last: the list allows none of the calls that raise the others.
        (Wall::Calls, calls()),
    ];
    walls.into_iter().filter_map(|(wall, raised)| Some((wall, raised.err()?))).collect()
}

/// Writable memory of its own, files that it writes (none), core dumps (none:
/// they would hold documents), descriptors.
fn limits(memory: u64) -> Result<(), String> {
    for (resource, limit) in [
        (Resource::Data, memory),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
        (Resource::Nofile, DESCRIPTORS),
    ] {
        let both = Rlimit { current: Some(limit), maximum: Some(limit) };
        setrlimit(resource, both).map_err(|error| format!("{resource:?}: {error}"))?;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn landlock() -> Result<(), String> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetError, RulesetStatus, Scope,
    };
    // The newest version that is known here; an older kernel gives what it has,
    // and the status says that it was less.
    let newest = ABI::V6;
    let restrict = || -> Result<_, RulesetError> {
        // All is handled and nothing allowed.
        Ruleset::default()
            .handle_access(AccessFs::from_all(newest))?
            .handle_access(AccessNet::from_all(newest))?
            .scope(Scope::from_all(newest))?
            .create()?
            .restrict_self()
    };
    match restrict().map_err(|error| error.to_string())?.ruleset {
        RulesetStatus::FullyEnforced => Ok(()),
        RulesetStatus::PartiallyEnforced => {
            Err("this kernel's version of it is older: files are closed off, of network and \
                 signals only what it knows"
                .to_owned())
        }
        RulesetStatus::NotEnforced => Err("this kernel has none, or it is switched off".to_owned()),
    }
}

#[cfg(target_os = "linux")]
fn calls() -> Result<(), String> {
    calls::allow_only_needed().map_err(|error| error.to_string())
}

#[cfg(not(target_os = "linux"))]
fn landlock() -> Result<(), String> {
    Err("there is one on Linux only".to_owned())
}

#[cfg(not(target_os = "linux"))]
fn calls() -> Result<(), String> {
    Err("there is one on Linux only".to_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::{fs, thread};

    use super::*;

    /// Landlock and seccomp hold for the thread that asks for them and those that
    /// it starts, so each can be tried alone.
    fn alone<T: Send + 'static>(
        wall: fn() -> Result<(), String>,
        attempt: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        thread::spawn(move || {
            wall().expect("this kernel has it");
            attempt()
        })
        .join()
        .expect("what is refused is an error and kills nobody")
    }

    #[test]
    fn landlock_alone_keeps_files_and_network_away() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(TcpStream::connect(address).is_ok());
        let (read, listed, connected) = alone(landlock, move || {
            (fs::read("/etc/passwd"), fs::read_dir("/").map(drop), TcpStream::connect(address))
        });
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
        assert_eq!(listed.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
        assert_eq!(connected.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
    }

    #[test]
    fn the_list_of_calls_alone_keeps_all_away_and_lets_work_go_on() {
        let (read, connected, started, worked) = alone(calls, || {
            (
                fs::read("/etc/passwd"),
                TcpStream::connect("127.0.0.1:9"),
                std::process::Command::new("true").status(),
                thread::spawn(|| (0..1000).map(|n| vec![n; 1000].len()).sum::<usize>()).join(),
            )
        });
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
        assert_eq!(connected.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
        assert_eq!(started.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
        assert_eq!(worked.unwrap(), 1_000_000);
    }
}
