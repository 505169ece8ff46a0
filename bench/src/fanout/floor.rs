//! The floor: what the kernel alone costs. A loop of one `send` for each
//! delivery, one thread for each publishing connection, nothing for the waiting
//! ones. Enters: `GET /watch/TOPIC`, `POST /pub/TOPIC`. Leaves: each body as one
//! WebSocket frame to all who watch. Never: a server that one could use; a
//! reader that is slow stops it.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;

type Watchers = Arc<Mutex<Vec<TcpStream>>>;
type Topics = Arc<Mutex<HashMap<String, Watchers>>>;

/// Serves until it is killed.
pub fn run() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("ready {}", listener.local_addr()?.port());
    let topics = Topics::default();
    for stream in listener.incoming() {
        let (stream, topics) = (stream?, topics.clone());
        stream.set_nodelay(true)?;
        let thread = std::thread::Builder::new().stack_size(64 * 1024);
        thread.spawn(move || {
            // Whoever hangs up has had what it wanted.
            let _ = serve(&stream, &topics);
        })?;
    }
    Ok(())
}

fn serve(stream: &TcpStream, topics: &Topics) -> anyhow::Result<()> {
    let mut reader = BufReader::with_capacity(2048, stream);
    let mut publishing: HashMap<String, Watchers> = HashMap::new();
    let mut frame = Vec::new();
    loop {
        let (mut line, mut length) = (String::new(), 0usize);
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            if let Some(value) = header.strip_prefix("Content-Length: ") {
                length = value.trim().parse()?;
            }
            header.clear();
        }
        let mut words = line.split_whitespace();
        let method = words.next().context("no method")?;
        let topic = words.next().and_then(|path| path.rsplit('/').next()).context("no path")?;
        let of = || {
            let mut topics = topics.lock().expect("nobody panics");
            topics.entry(topic.to_owned()).or_default().clone()
        };
        if method == "GET" {
            let watchers = of();
            let mut watchers = watchers.lock().expect("nobody panics");
            (&*stream).write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
            watchers.push(stream.try_clone()?);
            return Ok(());
        }
        frame.clear();
        frame.extend_from_slice(&[0x81, 126]);
        frame.extend_from_slice(&u16::try_from(length)?.to_be_bytes());
        frame.resize(4 + length, 0);
        reader.read_exact(&mut frame[4..])?;
        let watchers = publishing.entry(topic.to_owned()).or_insert_with(of);
        for mut watcher in watchers.lock().expect("nobody panics").iter() {
            watcher.write_all(&frame)?;
        }
        (&*stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
    }
}
