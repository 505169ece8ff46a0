//! The doors through which outside bytes come in, for `fuzz/`. Enters: any
//! bytes. Leaves: nothing; what breaks a promise panics. Never: part of a program
//! that is not built for fuzzing.

mod credential;
mod ground;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use milepost_core::{Event, JobId, Seq, Snapshot, Timestamp};

use crate::dialect::native;
use crate::hub::{Frame, QueuePlace};
use crate::worker::wire;
pub use credential::credential;
use ground::with_ground;

/// A document's content and name: what is it?
pub fn detect(bytes: &[u8]) {
    let (name, content) = halves(bytes);
    let name = String::from_utf8_lossy(name);
    let first = milepost_convert::detect(content, &name).map_err(|error| error.kind);
    let again = milepost_convert::detect(content, &name).map_err(|error| error.kind);
    assert_eq!(first, again, "what a document is does not depend on the day");
}

/// How a text is cut, and the text.
pub fn chunk(bytes: &[u8]) {
    use milepost_convert::{Chunker, ChunkerKind, Document, Limits, Options, SizeUnit};
    let Some((choice, text)) = bytes.split_first() else { return };
    let kinds = [ChunkerKind::Hybrid, ChunkerKind::Hierarchical, ChunkerKind::Markdown];
    let unit = if choice & 0x80 == 0 { SizeUnit::Characters } else { SizeUnit::Tokens };
    let kind = kinds[usize::from(choice & 0x7f) % kinds.len()];
    let chunker = Chunker { kind, unit, max: 100, overlap: 30, tokenizer: None };
    let (options, limits) = (Options::default(), Limits::default());
    let document = Document { filename: "a.md".to_owned(), bytes: text.to_vec() };
    let read = milepost_convert::extract(document, "", &options, &limits, Vec::new(), &mut |_| {});
    let Ok(read) = read else { return };
    let made = milepost_convert::chunk(read.as_bytes(), &chunker, None, &limits, &mut |_| {});
    let made = made.expect("what was read can be cut");
    let made: serde_json::Value = serde_json::from_str(&made).expect("it is JSON");
    for one in made["chunks"].as_array().expect("a list of chunks") {
        let text = one["text"].as_str().expect("a text");
        assert!(!text.trim().is_empty(), "no chunk is empty");
    }
}

/// The body of a form, in pieces of different sizes.
pub fn form(bytes: &[u8]) {
    let Some((piece, body)) = bytes.split_first() else { return };
    let pieces = body.chunks(usize::from(*piece) + 1).map(Bytes::copy_from_slice);
    let pieces: Vec<Result<_, std::convert::Infallible>> = pieces.map(Ok).collect();
    let body = axum::body::Body::from_stream(futures_util::stream::iter(pieces));
    let request = Request::post("/v1/jobs")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
        .body(body)
        .expect("the parts are constants");
    with_ground(|ground| ground.answer(request));
}

/// A request: its method and target on the first line, headers on the next ones,
/// its body behind an empty one. `JOB` in the target is a job that there is.
pub fn request(bytes: &[u8]) {
    let (head, body) = match bytes.windows(2).position(|two| two == b"\n\n") {
        Some(end) => (&bytes[..end], &bytes[end + 2..]),
        None => (bytes, &[][..]),
    };
    let Ok(head) = std::str::from_utf8(head) else { return };
    let mut lines = head.lines();
    let Some((method, target)) = lines.next().and_then(|line| line.split_once(' ')) else { return };
    with_ground(|ground| {
        let target = target.replace("JOB", &ground.job);
        let (Ok(method), Ok(uri)) = (method.parse::<Method>(), target.parse::<Uri>()) else {
            return;
        };
        let mut request = Request::new(axum::body::Body::from(body.to_vec()));
        (*request.method_mut(), *request.uri_mut()) = (method, uri);
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                request.headers_mut().append(name, value);
            }
        }
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
        ground.answer(request);
    });
}

/// What a client says on a socket, a message on each line.
pub fn socket(bytes: &[u8]) {
    with_ground(|ground| {
        let text = String::from_utf8_lossy(bytes).replace("JOB", &ground.job);
        ground.talk(&text);
    });
}

/// A job's log as it is stored, an event on each line.
pub fn log(bytes: &[u8]) {
    let id = "00000000-0000-0000-0000-000000000000".parse::<JobId>().expect("it is an id");
    let mut snapshot: Option<Snapshot> = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(event) = serde_json::from_slice::<Event>(line) else { continue };
        let stored = serde_json::to_vec(&event).expect("an event is JSON");
        let again: Event = serde_json::from_slice(&stored).expect("it was written by us");
        assert_eq!(serde_json::to_vec(&again).expect("an event is JSON"), stored);
        match &mut snapshot {
            None => snapshot = Snapshot::begin(id, &event).ok(),
            Some(snapshot) => {
                let before = snapshot.clone();
                match snapshot.apply(&event) {
                    Ok(()) => {
                        assert_eq!(snapshot.seq, Seq(before.seq.0 + 1));
                        assert!(
                            snapshot.attempt > before.attempt
                                || snapshot.progress >= before.progress,
                            "progress went back"
                        );
                    }
                    Err(_) => assert_eq!(*snapshot, before, "a refusal changes nothing"),
                }
            }
        }
    }
    let Some(snapshot) = snapshot else { return };
    let stored = serde_json::to_vec(&snapshot).expect("a snapshot is JSON");
    let again: Snapshot = serde_json::from_slice(&stored).expect("it was written by us");
    assert_eq!(again, snapshot);
    let place = QueuePlace { position: 1, length: 1 };
    let frame = Frame::new(snapshot.into(), 1, Some(place), Timestamp::from_micros(0));
    // A line feed would end the event early.
    let event = native::fuzzing::sse(&frame);
    assert_eq!(event.split(|byte| *byte == b'\n').count(), 4, "an event has two lines");
}

/// What one side of the pipe to a converter hears from the other.
pub fn pipe(bytes: &[u8]) {
    wire::fuzzing::both_sides(bytes);
}

/// What stands before the first zero, and behind it.
fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(0);
    (&bytes[..end], bytes.get(end + 1..).unwrap_or_default())
}
