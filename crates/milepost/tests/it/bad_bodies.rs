//! Bodies that are broken, of the wrong kind, or too large: refused as early as
//! can be, and nothing of them stays.

use bytes::Bytes;
use futures_util::stream;
use reqwest::Body;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Api, DEADLINE, Server, within};

#[tokio::test]
async fn a_broken_form_is_refused_and_leaves_nothing() {
    let server = Server::start();
    let api = server.api();
    let cut =
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\n# One";
    for (kind, body) in [
        ("multipart/form-data; boundary=b", cut),
        ("multipart/form-data; boundary=b", "nonsense"),
        ("multipart/form-data", cut),
    ] {
        for path in ["/v1/jobs", "/v1/documents"] {
            let reply = api.call(api.post(path).header(CONTENT_TYPE, kind).body(body)).await;
            reply.refused(400, "invalid_request", None);
        }
    }
    assert!(api.list("/v1/documents").await.is_empty());
}

/// Whoever never ends the head of a part does not fill the server's memory.
#[tokio::test]
async fn a_head_without_an_end_is_refused() {
    let server = Server::start();
    let api = server.api();
    let before = server.process().peak_bytes();
    let junk = Bytes::from(vec![b'x'; 1 << 20]);
    for start in [
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"",
        "--b\r\nX-Junk: ",
        // No part at all: what stands before the first one.
        "",
    ] {
        let mut chunks = vec![Ok::<_, std::io::Error>(Bytes::from_static(start.as_bytes()))];
        chunks.extend((0..100).map(|_| Ok(junk.clone())));
        let body = Body::wrap_stream(stream::iter(chunks));
        let kind = "multipart/form-data; boundary=b";
        let request = api.post("/v1/jobs").header(CONTENT_TYPE, kind).body(body);
        api.call(request).await.refused(400, "invalid_request", None);
    }
    let grown = server.process().peak_bytes() - before;
    assert!(grown < 32 << 20, "{grown} bytes");
}

#[tokio::test]
async fn other_media_types_are_refused() {
    let server = Server::start();
    let api = server.api();
    for path in ["/v1/jobs", "/v1/documents"] {
        for kind in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
            let request = api.post(path).header(CONTENT_TYPE, kind).body("x");
            api.call(request).await.refused(415, "unsupported_media_type", None);
        }
        api.call(api.post(path)).await.refused(415, "unsupported_media_type", None);
    }
    let json = api.post("/v1/documents").json(&json!({"text": "x"}));
    api.call(json).await.refused(415, "unsupported_media_type", None);
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_unread() {
    let server = Server::with(&[("MILEPOST_LIMITS_BODY", "1MB")]);
    for kind in ["multipart/form-data; boundary=b", "application/json"] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let head = format!(
            "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n\
             Content-Length: 30000000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Not one byte of the body is sent.
        let mut answer = [0; 4096];
        let length = within(DEADLINE, "the refusal", stream.read(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.starts_with("HTTP/1.1 413 "), "{kind}: {answer}");
        assert!(answer.contains("body_too_large"), "{kind}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_turns_out_too_large_is_refused_and_leaves_nothing() {
    let server =
        Server::with(&[("MILEPOST_LIMITS_BODY", "1MB"), ("MILEPOST_LIMITS_JSON_BODY", "100kB")]);
    let api = server.api();
    let chunked = |head: &str, chunks: usize| {
        let head = Bytes::from(head.to_owned());
        let rest = (0..chunks).map(|_| Bytes::from(vec![b'x'; 64 * 1024]));
        let all: Vec<_> = std::iter::once(head).chain(rest).map(Ok::<_, std::io::Error>).collect();
        Body::wrap_stream(stream::iter(all))
    };
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\n";
    for path in ["/v1/jobs", "/v1/documents"] {
        let kind = "multipart/form-data; boundary=b";
        let request = api.post(path).header(CONTENT_TYPE, kind).body(chunked(form, 40));
        api.call(request).await.refused(413, "body_too_large", None);
    }
    let json = api.post("/v1/jobs").header(CONTENT_TYPE, "application/json");
    let json = json.body(chunked("{\"source\":{\"text\":\"", 8));
    api.call(json).await.refused(413, "body_too_large", None);
    let whole = Api::form("big.txt", vec![b'x'; 1_200_000]);
    api.call(api.post("/v1/jobs").multipart(whole)).await.refused(413, "body_too_large", None);
    assert!(api.list("/v1/documents").await.is_empty());
    let fits = Api::form("small.txt", vec![b'x'; 800_000]);
    api.call(api.post("/v1/documents").multipart(fits)).await.expect(201);
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_of_an_upload_leaves_nothing() {
    let server = Server::start();
    let api = server.api();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\
        Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 1_000_000]).await.unwrap();
    drop(stream);
    let id = api.submit("letter.docx").await;
    api.completed(&id).await;
    assert_eq!(api.list("/v1/jobs").await.len(), 1);
    assert_eq!(api.list("/v1/documents").await.len(), 1);
}
