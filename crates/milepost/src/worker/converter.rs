//! The server's side of one converter. Enters: a document as a stream. Leaves:
//! what the converter reports, its texts as durable content. Never: believes the
//! converter to be alive; a dead or silent one is an answer too.

use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt};
use milepost_convert::{Format, Limits, Options};
use milepost_core::{Failure, OwnerId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;

use super::wire::{self, Frame, Order, Reply};
use crate::clock::Clock;
use crate::store::{Blobs, StoreError, TextRow};

/// The hidden subcommand that makes this binary a converter.
pub const SUBCOMMAND: &str = "convert-child";
/// How much of a converter's complaints is kept for the log.
const MAX_COMPLAINT: usize = 4096;

/// Starts a converter.
pub type Start = Arc<dyn Fn() -> io::Result<Converter> + Send + Sync>;

/// What a converter runs in: a process, or what a simulation has in its place.
/// Dropping it kills it.
pub trait Body: Send {
    /// Whether it is still there.
    fn is_alive(&mut self) -> bool;

    /// Kills it and says how it ended and what it complained of, for the log.
    fn bury(self: Box<Self>) -> BoxFuture<'static, String>;
}

/// The pipe to a converter.
pub trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// A process of this binary.
struct Process {
    process: Child,
    /// Its standard error is read all the time, or it would block on a full
    /// pipe; the end of it is kept.
    complaints: JoinHandle<Vec<u8>>,
}

/// A converter that waits for a document or works on one. Dropping it kills it.
pub struct Converter {
    body: Box<dyn Body>,
    pipe: BufReader<Box<dyn Pipe>>,
    /// Jobs that it was given.
    pub jobs: u32,
    /// Whose documents it has seen.
    pub owner: Option<OwnerId>,
    /// Whether it has said anything of its present document. One that has not
    /// may have been lost while it waited, which is not the document's fault.
    pub reported: bool,
}

/// What a converter says.
#[derive(Debug)]
pub enum Report {
    /// What the document is.
    Detected {
        /// Its format.
        format: Format,
        /// How many pages it has.
        pages: u32,
        /// How many of them are converted.
        selected: u32,
    },
    /// A page is finished.
    Page {
        /// Its number.
        page: u32,
        /// The length of its Markdown.
        bytes: u64,
        /// Why it is only a placeholder.
        error: Option<String>,
        /// It, in each format.
        texts: Vec<TextRow>,
    },
    /// The pages are done.
    Assembling,
    /// The whole, in each format.
    Done(Vec<TextRow>),
    /// There will be no result.
    Failed(Failure),
}

/// Why a converter says nothing more.
#[derive(Debug)]
pub enum Gone {
    /// The process ended, was killed, or spoke nonsense.
    Crashed(String),
    /// It was silent for longer than is allowed.
    Silent,
    /// What it made could not be stored, or the document not be read.
    Store(StoreError),
}

impl From<io::Error> for Gone {
    fn from(error: io::Error) -> Self {
        Self::Crashed(error.to_string())
    }
}

/// An earlier attempt's page, for the converter to build on.
pub struct FinishedPage {
    /// Its number.
    pub page: u32,
    /// Why it is only a placeholder.
    pub error: Option<String>,
    /// Its Markdown.
    pub markdown: Vec<u8>,
}

impl Converter {
    /// Starts a process of this binary that waits for a document.
    ///
    /// # Errors
    /// Where the system does not start it.
    pub fn spawn() -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut process = Command::new(own_binary())
            // What an operator sees in a list of processes.
            .arg0("milepost: converter")
            .arg(SUBCOMMAND)
            // Secrets of the server's environment are none of its business.
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // A Ctrl-C at the terminal is for the server, which then decides.
            .process_group(0)
            .spawn()?;
        let complaints = tokio::spawn(read_tail(process.stderr.take()));
        let pipe = UnixStream::from_std(ours)?;
        Ok(Self::new(Box::new(Process { process, complaints }), Box::new(pipe)))
    }

    /// A converter that lives in `body` and is spoken to over `pipe`.
    pub fn new(body: Box<dyn Body>, pipe: Box<dyn Pipe>) -> Self {
        let pipe = BufReader::with_capacity(64 * 1024, pipe);
        Self { body, pipe, jobs: 0, owner: None, reported: false }
    }

    /// Whether it is still there.
    pub fn is_alive(&mut self) -> bool {
        self.body.is_alive()
    }

    /// Hands over a document with the pages that are finished already.
    ///
    /// # Errors
    /// Where the process is gone, takes nothing for longer than `silence`, or
    /// the document cannot be read.
    #[expect(clippy::too_many_arguments, reason = "all that a conversion is about")]
    pub async fn begin(
        &mut self,
        silence: Duration,
        filename: &str,
        options: &Options,
        limits: &Limits,
        finished: Vec<FinishedPage>,
        bytes: u64,
        mut document: impl Stream<Item = Result<Bytes, StoreError>> + Unpin,
    ) -> Result<(), Gone> {
        self.jobs += 1;
        self.reported = false;
        let pipe = self.pipe.get_mut();
        let (filename, options, limits) = (filename.to_owned(), options.clone(), limits.clone());
        within(silence, wire::send(pipe, &Order::Begin { filename, options, limits })).await?;
        for FinishedPage { page, error, markdown } in finished {
            let bytes = markdown.len() as u64;
            within(silence, wire::send(pipe, &Order::Finished { page, error, bytes })).await?;
            within(silence, wire::send_content(pipe, &markdown)).await?;
        }
        within(silence, wire::send(pipe, &Order::Document { bytes })).await?;
        while let Some(chunk) = document.next().await {
            within(silence, wire::send_content(pipe, &chunk.map_err(Gone::Store)?)).await?;
        }
        within(silence, pipe.flush()).await
    }

    /// The next report; texts go to `blobs` as they come, under ids of `clock`.
    /// Not to be dropped half way, but for the converter to be dropped too.
    ///
    /// # Errors
    /// Where it is gone, or silent for longer than `silence`.
    pub async fn next(
        &mut self,
        blobs: &Blobs,
        clock: &Clock,
        silence: Duration,
    ) -> Result<Report, Gone> {
        let mut texts = Vec::new();
        loop {
            let reply: Reply = self.read(silence).await?.message()?;
            self.reported = true;
            match reply {
                Reply::Text { page, format, bytes } => {
                    let mut incoming = blobs.incoming(clock.new_id());
                    while incoming.bytes() < bytes {
                        match self.read(silence).await? {
                            Frame::Content(chunk) => {
                                incoming.push(&chunk).await.map_err(Gone::Store)?;
                            }
                            Frame::Message(_) => {
                                return Err(Gone::Crashed("a text is incomplete".to_owned()));
                            }
                        }
                    }
                    let content = incoming.finish().await.map_err(Gone::Store)?;
                    texts.push(TextRow { page, format: format.name().to_owned(), content });
                }
                Reply::Detected { format, pages, selected } => {
                    return Ok(Report::Detected { format, pages, selected });
                }
                Reply::Page { page, bytes, error } => {
                    return Ok(Report::Page { page, bytes, error, texts });
                }
                Reply::Assembling => return Ok(Report::Assembling),
                Reply::Done => return Ok(Report::Done(texts)),
                Reply::Failed(failure) => return Ok(Report::Failed(failure)),
            }
        }
    }

    /// Kills it and says how it ended and what it complained of, for the log.
    pub async fn bury(self) -> String {
        self.body.bury().await
    }

    async fn read(&mut self, silence: Duration) -> Result<Frame, Gone> {
        match tokio::time::timeout(silence, wire::read(&mut self.pipe)).await {
            Err(_elapsed) => Err(Gone::Silent),
            Ok(frame) => frame?.ok_or_else(|| Gone::Crashed("it ended".to_owned())),
        }
    }
}

impl Body for Process {
    fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    fn bury(mut self: Box<Self>) -> BoxFuture<'static, String> {
        Box::pin(async move {
            let _ = self.process.start_kill();
            let status = self.process.wait().await.map(|status| status.to_string());
            let complaint = self.complaints.await.unwrap_or_default();
            let complaint = String::from_utf8_lossy(&complaint);
            format!("{} {}", status.unwrap_or_default(), complaint.trim().replace('\n', " | "))
        })
    }
}

/// A converter that takes nothing is as silent as one that says nothing.
async fn within(silence: Duration, sent: impl Future<Output = io::Result<()>>) -> Result<(), Gone> {
    tokio::time::timeout(silence, sent).await.map_err(|_| Gone::Silent)?.map_err(Gone::from)
}

/// Reads to the end; returns the last bytes.
async fn read_tail(stderr: Option<ChildStderr>) -> Vec<u8> {
    let (mut tail, mut chunk) = (Vec::new(), [0; 1024]);
    let Some(mut stderr) = stderr else { return tail };
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        tail.extend_from_slice(&chunk[..read]);
        let surplus = tail.len().saturating_sub(MAX_COMPLAINT);
        tail.drain(..surplus);
    }
    tail
}

/// On Linux the running file itself, even where an update has replaced the one
/// at its path: server and converter must speak the same version.
fn own_binary() -> std::path::PathBuf {
    if cfg!(target_os = "linux") {
        return "/proc/self/exe".into();
    }
    std::env::current_exe().unwrap_or_else(|_| "milepost".into())
}
