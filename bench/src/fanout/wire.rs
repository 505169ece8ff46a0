//! Raw connections of clients that cost little, so that they are not what is
//! measured. Enters: a request's bytes. Leaves: messages as bytes, of WebSocket
//! frames or of server-sent events. Never: a general client; it knows what the
//! servers here say.

use anyhow::{Context as _, bail, ensure};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::caller::read_head;

/// How messages are framed.
#[derive(Clone, Copy, PartialEq)]
pub enum Framing {
    /// WebSocket frames.
    Socket,
    /// Server-sent events in HTTP chunks.
    Events,
}

/// What a server told.
pub enum Told<'a> {
    /// A text message, or an event.
    Text(&'a [u8]),
    /// The server closes, with this code; 1000 where a stream ends.
    Close(u16),
}

/// The header that asks for a WebSocket.
pub const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Cuts bytes into messages.
pub struct Decoder {
    framing: Framing,
    /// What is not a whole frame or chunk yet.
    rest: Vec<u8>,
    /// What is not a whole event yet.
    event: Vec<u8>,
}

impl Decoder {
    pub fn new(framing: Framing) -> Self {
        Self { framing, rest: Vec::new(), event: Vec::new() }
    }

    /// Takes bytes, hands each whole message to `each`.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Told<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut kept = std::mem::take(&mut self.rest);
        let all = if kept.is_empty() {
            bytes
        } else {
            kept.extend_from_slice(bytes);
            &kept
        };
        let mut at = 0;
        while let Some((header, length)) = self.head(&all[at..])? {
            let trailer = if self.framing == Framing::Events { 2 } else { 0 };
            let Some(body) = all.get(at + header..at + header + length) else { break };
            if all.len() < at + header + length + trailer {
                break;
            }
            match self.framing {
                Framing::Socket => match all[at] & 0x0f {
                    1 => each(Told::Text(body))?,
                    8 => each(Told::Close(match body {
                        [high, low, ..] => u16::from_be_bytes([*high, *low]),
                        _ => 1005,
                    }))?,
                    _ => {}
                },
                Framing::Events => {
                    if length == 0 {
                        each(Told::Close(1000))?;
                    }
                    self.event.extend_from_slice(body);
                    while let Some(end) = self.event.windows(2).position(|two| two == b"\n\n") {
                        each(Told::Text(&self.event[..end]))?;
                        self.event.drain(..end + 2);
                    }
                }
            }
            at += header + length + trailer;
        }
        self.rest = all[at..].to_vec();
        Ok(())
    }

    /// The length of the header and of what follows it, once the header is whole.
    fn head(&self, bytes: &[u8]) -> anyhow::Result<Option<(usize, usize)>> {
        if self.framing == Framing::Events {
            let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
                return Ok(None);
            };
            let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end])?.trim(), 16);
            return Ok(Some((end + 2, size.context("no chunk")?)));
        }
        Ok(match bytes {
            [_, length @ ..126, ..] => Some((2, usize::from(*length))),
            [_, 126, a, b, ..] => Some((4, usize::from(u16::from_be_bytes([*a, *b])))),
            [_, 127, a, b, c, d, e, f, g, h, ..] => {
                let length = u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]);
                Some((10, usize::try_from(length)?))
            }
            [_, length, ..] if *length > 127 => bail!("a masked frame"),
            _ => None,
        })
    }
}

/// A watching connection.
pub struct Wire {
    pub stream: TcpStream,
    pub decoder: Decoder,
}

impl Wire {
    /// Sends `request` and waits for the head of a good answer.
    pub async fn open(address: &str, request: &str, framing: Framing) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        Self::over(stream, request, framing).await
    }

    /// As [`Wire::open`], over a connection that stands.
    pub async fn over(
        mut stream: TcpStream,
        request: &str,
        framing: Framing,
    ) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        // No port may be left waiting for the next run.
        stream.set_zero_linger()?;
        stream.write_all(request.as_bytes()).await?;
        let mut wire = Self { stream, decoder: Decoder::new(framing) };
        let (head, rest) = read_head(&mut wire.stream).await?;
        let good = head.starts_with("HTTP/1.1 101") || head.starts_with("HTTP/1.1 200");
        ensure!(good, "answered {}", head.lines().next().unwrap_or_default());
        wire.decoder.rest = rest;
        Ok(wire)
    }

    /// Sends a text message.
    pub async fn say(&mut self, text: &str) -> anyhow::Result<()> {
        let length = text.len();
        let mut frame = vec![0x81];
        match u8::try_from(length) {
            Ok(short @ ..126) => frame.push(0x80 | short),
            _ => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(length)?.to_be_bytes());
            }
        }
        // A mask of zeros changes nothing.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        Ok(self.stream.write_all(&frame).await?)
    }

    /// Reads once and hands over what came; false where the server has hung up.
    pub async fn read(
        &mut self,
        each: impl FnMut(Told<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<bool> {
        let mut bytes = [0; 16 * 1024];
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut bytes) {
                Ok(0) => return Ok(false),
                Ok(read) => {
                    self.decoder.feed(&bytes[..read], each)?;
                    return Ok(true);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for a message that contains `wanted`.
    pub async fn wait_for(&mut self, wanted: &str) -> anyhow::Result<()> {
        // The head of the answer may have brought it.
        let mut found = false;
        let mut look = |told: Told<'_>| {
            match told {
                Told::Text(text) => found |= contains(text, wanted.as_bytes()),
                Told::Close(code) => bail!("closed with {code} before {wanted}"),
            }
            Ok(())
        };
        self.decoder.feed(&[], &mut look)?;
        while !found {
            let more = self
                .read(|told| {
                    match told {
                        Told::Text(text) => found |= contains(text, wanted.as_bytes()),
                        Told::Close(code) => bail!("closed with {code} before {wanted}"),
                    }
                    Ok(())
                })
                .await?;
            ensure!(more, "the connection ended before {wanted}");
        }
        Ok(())
    }
}

/// Whether `wanted` is somewhere in `text`.
pub fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|part| part == wanted)
}

/// The `seq` in a message. It stands near its beginning.
pub fn seq(text: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b"\"seq\":";
    let at = text.windows(KEY.len()).position(|part| part == KEY)? + KEY.len();
    let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}
