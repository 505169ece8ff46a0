//! Streams that take their connection over, among requests that do not.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::harness::{DEADLINE, Server};

/// Answers that a client asks for before it reads.
const MANY: usize = 80;

/// Sends `requests` at once, and reads until the server closes.
async fn say(server: &Server, requests: &str) -> String {
    let socket = TcpSocket::new_v4().unwrap();
    // Small, so that long answers are not written at once.
    socket.set_recv_buffer_size(4096).unwrap();
    let mut tcp = socket.connect(server.address().parse().unwrap()).await.unwrap();
    tcp.write_all(requests.as_bytes()).await.unwrap();
    let mut said = String::new();
    let read = tokio::time::timeout(DEADLINE, tcp.read_to_string(&mut said));
    read.await.expect("the server closes").unwrap();
    said
}

async fn ended_job(server: &Server) -> String {
    let api = server.api();
    let id = api.submit_text("# Title").await;
    api.ended(&id).await;
    id
}

#[tokio::test]
async fn a_stream_comes_behind_the_answers_before_it() {
    let server = Server::start();
    let id = ended_job(&server).await;
    let long = "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let stream = format!(
        "GET /v1/jobs/{id}/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    );
    // More than the system keeps for a reader who has yet to begin.
    let said = say(&server, &(long.repeat(MANY) + &stream)).await;
    let answers: Vec<&str> = said.split("HTTP/1.1 200 OK").skip(1).collect();
    let (stream, before) = answers.split_last().unwrap();
    assert_eq!(before.len(), MANY);
    assert!(before.iter().all(|answer| answer.contains("\"openapi\":\"3.1")));
    let (head, body) = stream.split_once("\r\n\r\n").unwrap();
    for header in ["text/event-stream", "connection: close", "date: ", "nosniff", "no-store"] {
        assert!(head.contains(header), "{header} in {head}");
    }
    assert!(body.contains("event: snapshot") && body.ends_with("\r\n0\r\n\r\n"), "{body}");
}

#[tokio::test]
async fn a_client_that_knows_no_chunks_gets_a_stream_without() {
    let server = Server::start();
    let id = ended_job(&server).await;
    let stream = format!(
        "GET /v1/jobs/{id}/events HTTP/1.0\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    );
    let said = say(&server, &stream).await;
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("chunked"), "{head}");
    assert!(body.starts_with("retry: 1000\n\n") && body.ends_with("}\n\n"), "{body}");
}

#[tokio::test]
async fn the_head_of_a_stream_can_be_asked_for_alone() {
    let server = Server::start();
    let id = ended_job(&server).await;
    let head = format!(
        "HEAD /v1/jobs/{id}/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    );
    let close = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let said = say(&server, &[&head, close].concat()).await;
    assert_eq!(said.matches("HTTP/1.1 200 OK").count(), 2, "{said}");
    assert!(said.contains("text/event-stream") && !said.contains("retry:"), "{said}");
}
