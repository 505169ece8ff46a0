//! The server's side of one converter. Enters: a document as a stream. Leaves:
//! what the converter reports, its texts as durable content. Never: believes the
//! converter to be alive; a dead or silent one is an answer too.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{Stream, StreamExt};
use milepost_convert::{Chunker, Format, Limits, Mark, Options};
use milepost_core::{Failure, OwnerId, Pipeline};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::Instant;

use super::conduct::Conduct;
use super::probe::{Attempt, Tried};
use super::verdict;
use super::watch::{Allowance, LOOK, Usage, Watch};
use super::wire::{self, Frame, Order, Reply};
use crate::clock::Clock;
use crate::pipeline::CHUNKS;
use crate::store::{Blobs, Content, EXTRACT, StoreError, TextRow};

/// Starts a converter.
pub type Start = Arc<dyn Fn() -> io::Result<Converter> + Send + Sync>;

/// What a converter runs in: a process, or what a simulation has in its place.
/// Dropping it kills it.
pub trait Body: Send {
    /// Whether it is still there.
    fn is_alive(&mut self) -> bool;

    /// What it uses, where the system says so.
    fn usage(&self) -> Option<Usage> {
        None
    }

    /// Kills it and says how it ended and what it complained of, for the log.
    fn end(&mut self) -> BoxFuture<'_, String>;
}

/// The pipe to a converter.
pub trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// A converter that waits for a document or works on one. Dropping it kills it.
pub struct Converter {
    body: Box<dyn Body>,
    pipe: BufReader<Box<dyn Pipe>>,
    watch: Watch,
    conduct: Conduct,
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
    /// Where work stands that has phases, not pages.
    Mark(Mark),
    /// The whole, in each format.
    Done(Vec<TextRow>),
    /// There will be no result.
    Failed(Failure),
}

/// Why a converter says nothing more.
#[derive(Debug, thiserror::Error)]
pub enum Gone {
    /// The process ended, was killed, or spoke nonsense.
    #[error("it died: {0}")]
    Crashed(String),
    /// It was silent for longer than is allowed.
    #[error("it was silent for too long")]
    Silent,
    /// It took more memory than is allowed.
    #[error("it took too much memory")]
    TooMuchMemory,
    /// It took more processor time for one page than is allowed.
    #[error("it took too much processor time for one page")]
    TooMuchProcessor,
    /// What it made could not be stored, or the document not be read.
    #[error("the store failed: {0}")]
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

/// What a converter is told of its document.
pub struct Task<'a> {
    /// What is to be done with it.
    pub pipeline: Pipeline,
    /// Its name.
    pub filename: &'a str,
    /// What it was declared to be.
    pub media_type: &'a str,
    /// How, password included.
    pub options: &'a Options,
    /// What the operator allows.
    pub limits: &'a Limits,
    /// The pages that are finished already.
    pub finished: Vec<FinishedPage>,
    /// Its length.
    pub bytes: u64,
    /// Whether each page is wanted, and not the whole alone.
    pub pages: bool,
}

/// What a converter is told of texts that it is to cut.
pub struct ChunkTask<'a> {
    /// How.
    pub chunker: &'a Chunker,
    /// A tokenizer's JSON, where the chunker wants one.
    pub tokenizer: Option<&'a [u8]>,
    /// What the operator allows.
    pub limits: &'a Limits,
    /// What was extracted of each document; `None` of one that could not be read.
    pub extracts: &'a [Option<Content>],
}

impl Converter {
    /// A converter that lives in `body` and is spoken to over `pipe`.
    pub fn new(body: Box<dyn Body>, pipe: Box<dyn Pipe>) -> Self {
        let pipe = BufReader::with_capacity(64 * 1024, pipe);
        let (watch, conduct) = (Watch::default(), Conduct::default());
        Self { body, pipe, watch, conduct, jobs: 0, owner: None, reported: false }
    }

    /// Whether it is still there.
    pub fn is_alive(&mut self) -> bool {
        self.body.is_alive()
    }

    /// Hands over a document and what is to be done with it.
    ///
    /// # Errors
    /// Where the process is gone, takes nothing for longer than `silence`, or
    /// the document cannot be read.
    pub async fn begin(
        &mut self,
        silence: Duration,
        task: Task<'_>,
        mut document: impl Stream<Item = Result<Bytes, StoreError>> + Unpin,
    ) -> Result<(), Gone> {
        self.jobs += 1;
        self.reported = false;
        self.conduct = Conduct::new(task.pipeline, task.limits);
        self.watch.reported();
        let pipe = self.pipe.get_mut();
        let begin = Order::Begin {
            pipeline: task.pipeline,
            filename: task.filename.to_owned(),
            media_type: task.media_type.to_owned(),
            options: task.options.clone(),
            limits: task.limits.clone(),
            pages: task.pages,
        };
        within(silence, wire::send(pipe, &begin)).await?;
        for FinishedPage { page, error, markdown } in task.finished {
            let bytes = markdown.len() as u64;
            within(silence, wire::send(pipe, &Order::Finished { page, error, bytes })).await?;
            within(silence, wire::send_content(pipe, &markdown)).await?;
        }
        within(silence, wire::send(pipe, &Order::Document { bytes: task.bytes })).await?;
        while let Some(chunk) = document.next().await {
            within(silence, wire::send_content(pipe, &chunk.map_err(Gone::Store)?)).await?;
        }
        within(silence, pipe.flush()).await
    }

    /// Hands over what was extracted, to be cut.
    ///
    /// # Errors
    /// As [`Converter::begin`].
    pub async fn begin_chunking(
        &mut self,
        silence: Duration,
        task: ChunkTask<'_>,
        blobs: &Blobs,
    ) -> Result<(), Gone> {
        self.reported = false;
        self.conduct = Conduct::chunking(task.limits);
        self.watch.reported();
        let pipe = self.pipe.get_mut();
        let tokenizer = task.tokenizer.unwrap_or_default();
        let chunk = Order::Chunk {
            chunker: task.chunker.clone(),
            tokenizer: tokenizer.len() as u64,
            extracts: task.extracts.len() as u32,
            limits: task.limits.clone(),
        };
        within(silence, wire::send(pipe, &chunk)).await?;
        within(silence, wire::send_content(pipe, tokenizer)).await?;
        for extract in task.extracts {
            let bytes = extract.as_ref().map_or(0, |extract| extract.bytes);
            within(silence, wire::send(pipe, &Order::Extract { bytes })).await?;
            let Some(extract) = extract else { continue };
            let opened = blobs.open(extract, 0..extract.bytes).await;
            let mut content = opened.map_err(Gone::Store)?;
            while let Some(chunk) = content.next().await {
                within(silence, wire::send_content(pipe, &chunk.map_err(Gone::Store)?)).await?;
            }
        }
        within(silence, pipe.flush()).await
    }

    /// The next report; texts go to `blobs` as they come, under ids of `clock`.
    /// Not to be dropped half way, but for the converter to be dropped too.
    ///
    /// # Errors
    /// Where it is gone, breaks the rules, or uses more than it may.
    pub async fn next(
        &mut self,
        blobs: &Blobs,
        clock: &Clock,
        may: &Allowance,
    ) -> Result<Report, Gone> {
        // One for the whole report: who sends a byte now and then is silent too.
        let deadline = Instant::now() + may.silence;
        let mut texts = Vec::new();
        loop {
            let mut reply: Reply = self.read(deadline, may).await?.message()?;
            self.reported = true;
            let admitted = self.conduct.admit(&mut reply);
            admitted.map_err(|nonsense| Gone::Crashed(nonsense.to_owned()))?;
            let report = match reply {
                Reply::Text { page, format, bytes } => {
                    let content = self.text(blobs, clock, bytes, deadline, may).await?;
                    texts.push(TextRow { page, format: format.name().to_owned(), content });
                    continue;
                }
                Reply::Chunks { bytes } => {
                    let content = self.text(blobs, clock, bytes, deadline, may).await?;
                    texts.push(TextRow { page: 0, format: CHUNKS.to_owned(), content });
                    continue;
                }
                Reply::Extract { bytes } => {
                    let content = self.text(blobs, clock, bytes, deadline, may).await?;
                    texts.push(TextRow { page: 0, format: EXTRACT.to_owned(), content });
                    continue;
                }
                Reply::Mark(mark) => Report::Mark(mark),
                Reply::Detected { format, pages, selected } => {
                    Report::Detected { format, pages, selected }
                }
                Reply::Page { page, bytes, error } => Report::Page { page, bytes, error, texts },
                Reply::Assembling => Report::Assembling,
                Reply::Done => Report::Done(texts),
                Reply::Failed(failure) => Report::Failed(failure),
                Reply::Tried(_) => {
                    return Err(Gone::Crashed("it answered what was not asked".to_owned()));
                }
            };
            self.watch.reported();
            return Ok(report);
        }
    }

    /// Takes in a text of so many bytes.
    async fn text(
        &mut self,
        blobs: &Blobs,
        clock: &Clock,
        bytes: u64,
        deadline: Instant,
        may: &Allowance,
    ) -> Result<Content, Gone> {
        let mut incoming = blobs.incoming(clock.new_id());
        while incoming.bytes() < bytes {
            match self.read(deadline, may).await? {
                Frame::Content(chunk) => incoming.push(&chunk).await.map_err(Gone::Store)?,
                Frame::Message(_) => return Err(Gone::Crashed("a text is incomplete".to_owned())),
            }
        }
        incoming.finish().await.map_err(Gone::Store)
    }

    /// Has it try to break out.
    ///
    /// # Errors
    /// Where it does not live to tell.
    pub async fn attempt(&mut self, attempt: &Attempt, may: &Allowance) -> Result<Tried, Gone> {
        self.watch.reported();
        let pipe = self.pipe.get_mut();
        within(may.silence, wire::send(pipe, &Order::Try(attempt.clone()))).await?;
        match self.read(Instant::now() + may.silence, may).await?.message()? {
            Reply::Tried(tried) => Ok(tried),
            _ => Err(Gone::Crashed("it answered what was not asked".to_owned())),
        }
    }

    /// Kills it and says how it ended and what it complained of, for the log.
    pub async fn bury(mut self) -> String {
        self.body.end().await
    }

    /// Kills it and says what `gone` was about, now that its end is known.
    pub async fn conclude(&mut self, gone: Gone) -> Gone {
        match gone {
            Gone::Store(_) => gone,
            gone => verdict::of_end(gone, &self.body.end().await),
        }
    }

    async fn read(&mut self, deadline: Instant, may: &Allowance) -> Result<Frame, Gone> {
        let reading = wire::read(&mut self.pipe);
        tokio::pin!(reading);
        loop {
            let now = Instant::now();
            if self.watch.due(now) {
                self.watch.look(now, self.body.usage(), may)?;
            }
            match tokio::time::timeout_at(deadline.min(now + LOOK), &mut reading).await {
                Ok(frame) => return frame?.ok_or_else(|| Gone::Crashed("it ended".to_owned())),
                Err(_) if Instant::now() >= deadline => return Err(Gone::Silent),
                Err(_) => {}
            }
        }
    }
}

/// A converter that takes nothing is as silent as one that says nothing.
async fn within(silence: Duration, sent: impl Future<Output = io::Result<()>>) -> Result<(), Gone> {
    tokio::time::timeout(silence, sent).await.map_err(|_| Gone::Silent)?.map_err(Gone::from)
}
