//! Other systems' clients, as their users have them: scripts in `tests/clients`, run by
//! Node.js, in a page of Chromium, or by Python. What they need is
//! installed by `make clients`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{DEADLINE, Server, within};

/// How much faster than ours the clients' clocks run, unless their arguments say
/// otherwise: pauses of half a minute keep their order, but nobody waits for them.
const SPEED: u32 = 40;

/// Where a client runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Node,
    /// A page of Chromium, of another origin than the server's.
    Page,
}

impl Place {
    /// A server, and a client that waits for [`Script::begin`].
    pub async fn open(self) -> (Server, Script) {
        if self == Self::Node {
            return (Server::start(), Script::in_node());
        }
        let mut command = command("browser.js");
        command.env("CHROMIUM", folder().join("chromium"));
        let mut page = Script::spawn(command);
        let shown = page.until("the page's origin", |line| line["origin"].is_string()).await;
        let origin = last(&shown, "origin").as_str().expect("a string");
        (Server::with(&[("MILEPOST_ORIGINS", origin)]), page)
    }
}

/// A client at work. Dropping it ends it.
pub struct Script {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// All that it has shown.
    shown: Vec<Value>,
}

impl Script {
    /// The client `name` of `server` in Node, with these arguments.
    pub async fn node(name: &str, server: &Server, arguments: Value) -> Self {
        let mut script = Self::in_node();
        script.begin(name, server, arguments).await;
        script
    }

    /// The client in Python that follows a room of `server`, with these arguments.
    pub async fn python(server: &Server, mut arguments: Value) -> Self {
        let mut command = Command::new(folder().join("python/bin/python"));
        command.arg(scripts().join("rooms.py"));
        let mut script = Self::spawn(command);
        arguments["url"] = json!(server.url());
        script.say(&arguments.to_string()).await;
        script
    }

    fn in_node() -> Self {
        Self::spawn(command("run.js"))
    }

    /// Runs the client `name` of `server`, with these arguments.
    pub async fn begin(&mut self, name: &str, server: &Server, mut arguments: Value) {
        arguments["client"] = json!(name);
        arguments["url"] = json!(server.url());
        if arguments["speed"].is_null() {
            arguments["speed"] = json!(SPEED);
        }
        self.say(&arguments.to_string()).await;
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node starts");
        let input = child.stdin.take().expect("it is a pipe");
        let lines = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
        Self { child, input, lines, shown: Vec::new() }
    }

    /// Gives it an order, such as `stop`.
    pub async fn say(&mut self, order: &str) {
        self.input.write_all(format!("{order}\n").as_bytes()).await.expect("it listens");
    }

    /// What it shows up to the first thing that is `wanted`.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let before = self.shown.len();
        loop {
            let line = self.next(what).await;
            let line = line.unwrap_or_else(|| panic!("the client ended before {what}"));
            if wanted(&line) {
                return self.shown[before..].to_vec();
            }
        }
    }

    /// What it shows up to its end, which is no fault.
    pub async fn rest(mut self) -> Vec<Value> {
        let before = self.shown.len();
        while self.next("the client's end").await.is_some() {}
        let status = within(DEADLINE, "the client's end", self.child.wait()).await;
        assert!(status.is_ok_and(|status| status.success()), "the client failed");
        self.shown.split_off(before)
    }

    async fn next(&mut self, what: &str) -> Option<Value> {
        let line = within(DEADLINE, what, self.lines.next_line()).await.expect("it is readable");
        let line = line.map(|line| serde_json::from_str::<Value>(&line).expect("it is JSON"))?;
        self.shown.push(line.clone());
        assert!(line["fault"].is_null(), "the page failed");
        Some(line)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let shown: Vec<_> = self.shown.iter().map(|line| format!("{line}\n")).collect();
            eprintln!("--- a client showed\n{}---", shown.concat());
        }
    }
}

/// The last line that has `key`, with what it says there.
pub fn last<'a>(shown: &'a [Value], key: &str) -> &'a Value {
    all(shown, key).next_back().unwrap_or_else(|| panic!("no {key} in {shown:#?}"))
}

/// What all lines that have `key` say there.
pub fn all<'a>(shown: &'a [Value], key: &str) -> impl DoubleEndedIterator<Item = &'a Value> {
    shown.iter().filter_map(move |line| line.get(key))
}

fn command(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(scripts().join(script)).env("MILEPOST_CLIENTS", folder());
    command
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Where the clients' packages are installed.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/install-clients");
        let output = std::process::Command::new(script).arg("--where").output();
        let folder = output.expect("bash is there").stdout;
        let folder = PathBuf::from(String::from_utf8(folder).expect("a path").trim());
        assert!(folder.join("complete").exists(), "run `make clients` before these tests");
        folder
    })
}
