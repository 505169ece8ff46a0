//! The server as its users start it: the binary, a data directory, a port of
//! its own. Leaves no process behind, whatever becomes of the test.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use super::{Api, DEADLINE, Process, eventually};

/// Converters of a server for which a test sets no other number.
const DEFAULT_SLOTS: &str = "2";
const READY: &str = "Milepost is ready at ";

/// A running server. Dropping it kills it and its converters.
pub struct Server {
    child: Child,
    folder: TempDir,
    settings: Vec<(String, String)>,
    log: Arc<Mutex<String>>,
    listen: String,
    url: String,
}

/// The program, without any setting of the person who runs the tests.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_milepost"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MILEPOST_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub fn run(command: &mut Command) -> Output {
    command.output().expect("the binary runs")
}

impl Server {
    /// A server with two converters and otherwise the defaults.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// A server with `settings` as `MILEPOST_…` variables.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        Self::on("127.0.0.1:0", settings)
    }

    /// A server that is found at the same address again after a restart: one of its own,
    /// on which nobody else takes its port meanwhile.
    pub fn settled(settings: &[(&str, &str)]) -> Self {
        let [a, b, c] = [(); 3].map(|()| fastrand::u8(2..254));
        let mut server = Self::on(&format!("127.{a}.{b}.{c}:0"), settings);
        server.listen = server.address().to_owned();
        server
    }

    fn on(listen: &str, settings: &[(&str, &str)]) -> Self {
        let settings: Vec<_> =
            settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let folder = tempfile::tempdir().expect("a folder can be made");
        let log = Arc::default();
        let (child, url) = launch(listen, folder.path(), &settings, &log);
        Self { child, folder, settings, log, listen: listen.to_owned(), url }
    }

    /// A client of it.
    pub fn api(&self) -> Api {
        Api::new(&self.url)
    }

    /// `http://127.0.0.1:PORT`, or `https://…`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> &str {
        self.url.split_once("://").expect("a URL").1
    }

    /// Where it keeps everything.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Its converter processes.
    pub fn converters(&self) -> Vec<Process> {
        self.process().converters()
    }

    /// Stops every converter in the middle of whatever it does, once the
    /// configured number of them is there.
    pub async fn freeze(&self) -> Vec<Process> {
        let slots = self.settings.iter().find(|(name, _)| name == "MILEPOST_WORKER_SLOTS");
        let slots: usize =
            slots.map_or(DEFAULT_SLOTS, |(_, slots)| slots).parse().expect("a number");
        let converters = eventually("converters", || async {
            Some(self.converters()).filter(|converters| converters.len() == slots)
        });
        let converters = converters.await;
        for converter in &converters {
            converter.signal(Signal::STOP);
        }
        converters
    }

    /// Lets every converter go on.
    pub fn thaw(&self) {
        for converter in self.converters() {
            converter.signal(Signal::CONT);
        }
    }

    /// Ends it as a crash or a power loss would; converters end by themselves.
    pub fn kill9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        self.process().signal(Signal::TERM);
    }

    /// Waits for its end.
    pub fn exit_status(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the process is ours") {
                return status;
            }
            assert!(began.elapsed() < DEADLINE, "the server does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Starts it again, on the same data, once it has ended.
    pub fn restart(&mut self) {
        let (child, url) = launch(&self.listen, self.folder.path(), &self.settings, &self.log);
        (self.child, self.url) = (child, url);
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let converters = self.converters();
        self.kill9();
        // One that a test has stopped does not notice that its pipe ended.
        for converter in converters {
            converter.signal(Signal::KILL);
        }
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}---", self.log());
        }
    }
}

fn launch(
    listen: &str,
    folder: &Path,
    settings: &[(String, String)],
    log: &Arc<Mutex<String>>,
) -> (Child, String) {
    let mut child = binary()
        .args(["serve", "--listen", listen, "--data-dir"])
        .arg(folder)
        .env("MILEPOST_WORKER_SLOTS", DEFAULT_SLOTS)
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut errors = child.stderr.take().expect("it is a pipe");
    let log = log.clone();
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = errors.read(&mut chunk) {
            log.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..length]));
        }
    });
    let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
    let (lines, line) = mpsc::channel();
    std::thread::spawn(move || {
        for text in output.lines().map_while(Result::ok) {
            let _ = lines.send(text);
        }
    });
    let first = line.recv_timeout(DEADLINE);
    let Some(url) = first.as_deref().ok().and_then(|line| line.strip_prefix(READY)) else {
        let _ = child.kill();
        panic!("the server is not ready, but says {first:?}");
    };
    (child, url.trim().to_owned())
}
