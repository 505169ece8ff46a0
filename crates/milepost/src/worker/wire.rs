//! What server and converter say to each other over their pipe. A frame is a
//! tag, a length (u32, little endian) and so many bytes: JSON for messages, raw
//! bytes for content. Both sides treat the other's bytes as hostile: lengths are
//! bounded before anything is allocated.

use std::io;

use milepost_convert::{Chunker, Format, Limits, Mark, Options, OutputFormat};
use milepost_core::{Failure, Pipeline};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::probe::{Attempt, Tried};

/// The most that one frame may carry.
const MAX_FRAME: usize = 4 * 1024 * 1024;
/// Content goes in chunks of this size.
pub const CHUNK: usize = 256 * 1024;

const MESSAGE: u8 = b'm';
const CONTENT: u8 = b'c';

/// From the server to the converter.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// A new document; the content of earlier pages and its own follow.
    Begin {
        /// What is to be done with it.
        pipeline: Pipeline,
        /// The document's name.
        filename: String,
        /// What it was declared to be.
        media_type: String,
        /// The options, password included.
        options: Options,
        /// What the operator allows.
        limits: Limits,
        /// Whether each page is wanted, and not the whole alone.
        pages: bool,
    },
    /// Extracted texts are to be cut. So many bytes of a tokenizer follow, then so many
    /// extracts; then the work begins. Stands where `Begin` could.
    Chunk {
        /// How.
        chunker: Chunker,
        /// The length of the tokenizer's JSON; 0 for none.
        tokenizer: u64,
        /// How many extracts follow.
        extracts: u32,
        /// What the operator allows.
        limits: Limits,
    },
    /// The texts of one document follow, as JSON of so many bytes.
    Extract {
        /// The length of the JSON; 0 for a document that could not be read.
        bytes: u64,
    },
    /// A page that an earlier attempt finished; its Markdown follows, of so many
    /// bytes.
    Finished {
        /// Its number.
        page: u32,
        /// Why it is only a placeholder.
        error: Option<String>,
        /// The length of its Markdown.
        bytes: u64,
    },
    /// The document itself follows, of so many bytes; then the work begins.
    Document {
        /// Its length.
        bytes: u64,
    },
    /// Try to break out, and say how that went. Stands where `Begin` could.
    Try(Attempt),
}

/// From the converter to the server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// What the document is.
    Detected {
        /// Its format.
        format: Format,
        /// How many pages it has.
        pages: u32,
        /// How many of them are converted.
        selected: u32,
    },
    /// A text follows, of so many bytes: of a page, or of the whole (page 0).
    Text {
        /// The page's number, or 0.
        page: u32,
        /// In which format.
        format: OutputFormat,
        /// The length of the text.
        bytes: u64,
    },
    /// All texts of this page were sent.
    Page {
        /// Its number.
        page: u32,
        /// The length of its Markdown.
        bytes: u64,
        /// Why it is only a placeholder.
        error: Option<String>,
    },
    /// The pages are done.
    Assembling,
    /// Where work stands that has phases, not pages.
    Mark(Mark),
    /// The texts of the document follow, as JSON of so many bytes.
    Extract {
        /// The length of the JSON.
        bytes: u64,
    },
    /// Chunks follow, as JSON of so many bytes.
    Chunks {
        /// The length of the JSON.
        bytes: u64,
    },
    /// All texts of the whole were sent.
    Done,
    /// There will be no result.
    Failed(Failure),
    /// How an attempt to break out went.
    Tried(Tried),
}

/// One frame as it was read.
pub enum Frame {
    /// A message, still as JSON.
    Message(Vec<u8>),
    /// A chunk of content.
    Content(Vec<u8>),
}

impl Frame {
    /// The message in it.
    ///
    /// # Errors
    /// Where it is content, or not such a message.
    pub fn message<T: serde::de::DeserializeOwned>(&self) -> io::Result<T> {
        match self {
            Self::Message(json) => Ok(serde_json::from_slice(json)?),
            Self::Content(_) => Err(invalid("content where a message was due")),
        }
    }
}

/// The header and body of a message.
///
/// # Errors
/// Where it is too long for a frame.
pub fn encode<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 5];
    serde_json::to_writer(&mut bytes, message)?;
    let header = header(MESSAGE, bytes.len() - 5)?;
    bytes[..5].copy_from_slice(&header);
    Ok(bytes)
}

/// The header of a chunk of content.
///
/// # Errors
/// Where the chunk is too long for a frame.
pub fn content_header(bytes: usize) -> io::Result<[u8; 5]> {
    header(CONTENT, bytes)
}

/// Reads one frame on the converter's side; `None` at the end of the pipe.
///
/// # Errors
/// Where the pipe breaks or carries nonsense.
pub fn read_blocking(pipe: &mut impl io::Read) -> io::Result<Option<Frame>> {
    let mut header = [0; 5];
    match pipe.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let (tag, length) = parse_header(header)?;
    let mut body = vec![0; length];
    pipe.read_exact(&mut body)?;
    frame(tag, body).map(Some)
}

/// Reads one frame on the server's side; `None` at the end of the pipe.
///
/// # Errors
/// Where the pipe breaks or carries nonsense.
pub async fn read(pipe: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Option<Frame>> {
    let mut header = [0; 5];
    match pipe.read_exact(&mut header).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    };
    let (tag, length) = parse_header(header)?;
    let mut body = vec![0; length];
    pipe.read_exact(&mut body).await?;
    frame(tag, body).map(Some)
}

/// Sends a message from the server's side.
///
/// # Errors
/// Where the pipe breaks.
pub async fn send<T: Serialize>(
    pipe: &mut (impl AsyncWriteExt + Unpin),
    message: &T,
) -> io::Result<()> {
    pipe.write_all(&encode(message)?).await
}

/// Sends content from the server's side.
///
/// # Errors
/// Where the pipe breaks.
pub async fn send_content(
    pipe: &mut (impl AsyncWriteExt + Unpin),
    content: &[u8],
) -> io::Result<()> {
    for chunk in content.chunks(CHUNK) {
        pipe.write_all(&content_header(chunk.len())?).await?;
        pipe.write_all(chunk).await?;
    }
    Ok(())
}

fn header(tag: u8, length: usize) -> io::Result<[u8; 5]> {
    if length > MAX_FRAME {
        return Err(invalid("a frame is too long"));
    }
    let [a, b, c, d] = (length as u32).to_le_bytes();
    Ok([tag, a, b, c, d])
}

fn parse_header([tag, a, b, c, d]: [u8; 5]) -> io::Result<(u8, usize)> {
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > MAX_FRAME { Err(invalid("a frame is too long")) } else { Ok((tag, length)) }
}

fn frame(tag: u8, body: Vec<u8>) -> io::Result<Frame> {
    match tag {
        MESSAGE => Ok(Frame::Message(body)),
        CONTENT => Ok(Frame::Content(body)),
        _ => Err(invalid("a frame has an unknown tag")),
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// For fuzzing: the pipe's two readers.
#[cfg(fuzzing)]
pub mod fuzzing {
    use super::super::conduct::Conduct;
    use super::{Frame, MAX_FRAME, Order, Pipeline, Reply, encode, read, read_blocking};

    /// Reads the same bytes as the server and as a converter would.
    pub fn both_sides(bytes: &[u8]) {
        let (mut here, mut there) = (bytes, bytes);
        let limits = milepost_convert::Limits::default();
        let mut conducts = Pipeline::ALL.map(|pipeline| Conduct::new(pipeline, &limits));
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime without drivers can be built");
        loop {
            let server = runtime.block_on(read(&mut here));
            let converter = read_blocking(&mut there);
            match (server, converter) {
                (Ok(Some(server)), Ok(Some(converter))) => {
                    assert_eq!(here.len(), there.len(), "both take the same bytes");
                    let (length, kept) = match (&server, &converter) {
                        (Frame::Message(a), Frame::Message(b))
                        | (Frame::Content(a), Frame::Content(b)) => (a.len(), a == b),
                        _ => panic!("both take it for the same"),
                    };
                    assert!(kept && length <= MAX_FRAME);
                    if let Ok(mut reply) = server.message::<Reply>() {
                        for conduct in &mut conducts {
                            let _ = conduct.admit(&mut reply);
                        }
                        encode(&reply).expect("what was read can be written");
                    }
                    let _ = converter.message::<Order>();
                }
                (Ok(None) | Err(_), Ok(None) | Err(_)) => return,
                _ => panic!("one side goes on where the other stops"),
            }
        }
    }
}
