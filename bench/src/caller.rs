//! Requests over one kept connection, by a client that costs little. Enters: a
//! request's bytes. Leaves: the body of a good answer. Never: a general client;
//! it knows how the servers here answer.

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Reads the head of an answer, and what came with it.
pub async fn read_head(stream: &mut TcpStream) -> anyhow::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok((String::from_utf8(bytes)?, rest));
        }
        ensure!(stream.read_buf(&mut bytes).await? > 0, "no answer");
    }
}

/// A connection that requests are sent over, one after the other.
pub struct Caller(TcpStream);

impl Caller {
    pub async fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream.set_zero_linger()?;
        Ok(Self(stream))
    }

    /// Sends a whole request and reads the whole answer, which is a good one.
    pub async fn call(&mut self, request: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.0.write_all(request).await?;
        let (head, mut body) = read_head(&mut self.0).await?;
        let status = head.get(9..12).unwrap_or_default();
        ensure!(status.starts_with('2'), "answered {head}");
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
        });
        let length = length.context("no length")??;
        while body.len() < length {
            ensure!(self.0.read_buf(&mut body).await? > 0, "the answer broke off");
        }
        Ok(body)
    }
}

/// A request with a JSON body.
pub fn post(address: &str, path: &str, body: &str) -> Vec<u8> {
    post_with(address, path, "", body)
}

/// As [`post`], with further header lines.
pub fn post_with(address: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
