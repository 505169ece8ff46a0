//! Attempts to break out of a converter, made inside it. Enters: what to try.
//! Leaves: whether it could be done. Never: harms anything where it can: it
//! opens and closes, reads a byte, starts `true`.
//!
//! They are part of the program, so that `milepost doctor` can show on each
//! machine what its converters are kept from, and not only on ours.

use std::fs;
use std::hint::black_box;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// What a converter may be asked to try.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempt {
    /// To call this address.
    Connect(SocketAddr),
    /// To have a socket that sends to anyone.
    Datagram,
    /// To have a socket of this machine alone.
    Local,
    /// To read a byte of this file.
    Read(PathBuf),
    /// To see what is in this folder.
    List(PathBuf),
    /// To make this file.
    Write(PathBuf),
    /// To start a program, which begins with a fork.
    Start,
    /// To reach this process with a signal that does nothing.
    Signal(i32),
    /// To use so many bytes, step by step.
    Fill(u64),
    /// To be given so many bytes at once.
    Reserve(u64),
    /// To keep the processor busy for so long.
    Spin(Duration),
    /// To say nothing for so long.
    Sleep(Duration),
    /// Nothing, but to say which walls are missing.
    Walls,
}

/// How it went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tried {
    /// Whether it could be done, which it should not.
    pub done: bool,
    /// What the system said.
    pub answer: String,
}

/// Tries it. `missing` are walls that do not stand.
pub fn run(attempt: Attempt, missing: &str) -> Tried {
    let done = match attempt {
        Attempt::Connect(address) => TcpStream::connect(address).map(drop),
        Attempt::Datagram => UdpSocket::bind("127.0.0.1:0").map(drop),
        Attempt::Local => UnixDatagram::unbound().map(drop),
        Attempt::Read(file) => {
            fs::File::open(file).and_then(|mut file| file.read(&mut [0])).map(drop)
        }
        Attempt::List(folder) => fs::read_dir(folder).map(drop),
        Attempt::Write(file) => fs::write(&file, "x").and_then(|()| fs::remove_file(&file)),
        Attempt::Start => Command::new("true").status().map(drop),
        Attempt::Signal(process) => signal(process),
        Attempt::Fill(bytes) => {
            fill(bytes);
            Ok(())
        }
        Attempt::Reserve(bytes) => {
            drop(black_box(Vec::<u8>::with_capacity(bytes as usize)));
            Ok(())
        }
        Attempt::Spin(time) => {
            let end = Instant::now() + time;
            while black_box(Instant::now()) < end {}
            Ok(())
        }
        Attempt::Sleep(time) => {
            std::thread::sleep(time);
            Ok(())
        }
        Attempt::Walls if missing.is_empty() => Err(io::Error::other("all of them stand")),
        Attempt::Walls => return Tried { done: true, answer: missing.to_owned() },
    };
    match done {
        Ok(()) => Tried { done: true, answer: "it could be done".to_owned() },
        Err(error) => Tried { done: false, answer: error.to_string() },
    }
}

fn signal(process: i32) -> io::Result<()> {
    let process = rustix::process::Pid::from_raw(process).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::test_kill_process(process)?)
}

/// Touches every page: memory that is only reserved is none.
fn fill(bytes: u64) {
    const STEP: usize = 1 << 20;
    let mut blocks = Vec::new();
    for _ in 0..bytes / STEP as u64 {
        blocks.push(black_box(vec![1_u8; STEP]));
    }
}
