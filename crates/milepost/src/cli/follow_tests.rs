//! Follows jobs on a peer that answers by a script. Enters: what the peer says
//! to one request after the other. Leaves: the updates, and what was asked.

use std::collections::BTreeMap;

use milepost_core::{JobId, Status};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::client::{Client, ServerArgs};
use super::follow::{Following, Update};
use super::trouble::Trouble;

const JOB: &str = "01990000-0000-7000-8000-000000000001";

fn job() -> JobId {
    JOB.parse().unwrap()
}

fn snapshot(seq: u64, status: &str) -> String {
    format!(r#"{{"id":"{JOB}","seq":{seq},"status":"{status}"}}"#)
}

fn event(seq: u64, status: &str) -> String {
    format!("id: {seq}\nevent: snapshot\ndata: {}\n\n", snapshot(seq, status))
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// A stream that ends when the connection does.
fn stream(events: &[String]) -> String {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    format!("{head}retry: 1\n\n{}", events.concat())
}

/// Gives one answer to each connection; returns the requests in the end.
async fn peer(answers: Vec<String>) -> (Client, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(socket.read_u8().await.unwrap());
            }
            requests.push(String::from_utf8(request).unwrap().to_lowercase());
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    });
    (Client::new(&ServerArgs::named(&url)).unwrap(), task)
}

/// The updates until the job has ended: seqs, or what else happened.
async fn follow(client: &Client, seq: u64) -> Vec<String> {
    let mut following = Following::start(client, BTreeMap::from([(job(), (seq, None))]));
    let mut updates = Vec::new();
    while let Some(update) = following.next().await {
        updates.push(match update {
            Update::Snapshot(job) if job.status == Status::Completed => "completed".to_owned(),
            Update::Snapshot(job) => job.seq.to_string(),
            Update::Queue(_, queue) => format!("{} of {}", queue.position, queue.length),
            Update::Lost(_, Trouble::NotFound(_)) => "not found".to_owned(),
            Update::Lost(_, trouble) => trouble.to_string(),
            Update::Note(text) => text.split(" (").next().unwrap().to_owned(),
        });
    }
    updates
}

#[tokio::test]
async fn a_stream_that_breaks_is_resumed_and_nothing_is_told_twice() {
    let half = event(5, "running")[..30].to_owned();
    let queue = "event: queue\ndata: {\"position\":2,\"length\":9}\n\n".to_owned();
    let (client, peer) = peer(vec![
        stream(&[queue, event(3, "running"), event(4, "running"), half]),
        stream(&[event(4, "running"), event(6, "running"), event(5, "running")]),
        stream(&[event(7, "completed")]),
    ])
    .await;
    assert_eq!(follow(&client, 2).await, ["2 of 9", "3", "4", "6", "completed"]);
    let requests = peer.await.unwrap();
    let resumed: Vec<bool> = ["2", "4", "6"]
        .iter()
        .zip(&requests)
        .map(|(id, request)| request.contains(&format!("last-event-id: {id}\r\n")))
        .collect();
    assert_eq!(resumed, [true; 3], "{requests:?}");
}

#[tokio::test]
async fn without_a_stream_the_server_is_asked() {
    let json = "application/json";
    let (client, peer) = peer(vec![
        answer("200 OK", json, r#"{"items":[],"next":null}"#),
        answer("200 OK", json, &snapshot(3, "running")),
        answer("200 OK", json, &snapshot(4, "completed")),
    ])
    .await;
    let updates = follow(&client, 2).await;
    assert_eq!(updates, ["Live events do not get through", "3", "completed"]);
    let requests = peer.await.unwrap();
    assert!(requests[0].contains("accept: text/event-stream"), "{}", requests[0]);
    assert!(requests[1].contains("after=2&wait=20"), "{}", requests[1]);
    assert!(requests[2].contains("after=3&wait=20"), "{}", requests[2]);
}

#[tokio::test]
async fn a_job_that_ended_between_two_streams_is_asked_for() {
    let (client, peer) = peer(vec![
        "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_owned(),
        answer("200 OK", "application/json", &snapshot(9, "completed")),
    ])
    .await;
    assert_eq!(follow(&client, 2).await, ["completed"]);
    peer.await.unwrap();
}

#[tokio::test]
async fn a_deleted_job_is_lost_and_a_refusal_ends_the_watch() {
    let problem = "application/problem+json";
    let gone = answer("404 Not Found", problem, r#"{"status":404,"code":"not_found"}"#);
    let (client, _) = peer(vec![gone.clone(), gone]).await;
    assert_eq!(follow(&client, 2).await, ["not found"]);

    let refused = answer("403 Forbidden", problem, r#"{"detail":"Not yours."}"#);
    let (client, _) = peer(vec![refused]).await;
    let updates = follow(&client, 2).await;
    assert!(updates[0].starts_with("The server refused: Not yours."), "{updates:?}");
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_the_user_is_told_once() {
    let busy = answer("503 Service Unavailable", "application/problem+json", "{}");
    let busy = busy.replace("\r\nConnection", "\r\nRetry-After: 0\r\nConnection");
    let (client, _) = peer(vec![busy.clone(), busy, stream(&[event(3, "completed")])]).await;
    let updates = follow(&client, 2).await;
    assert!(updates[0].starts_with("Lost the connection to "), "{updates:?}");
    assert!(updates[1].starts_with("Connected to "), "{updates:?}");
    assert_eq!(updates[2..], ["completed"]);
}

#[tokio::test]
async fn many_jobs_of_a_batch_share_its_stream() {
    let batch = "01990000-0000-7000-8000-00000000ba7c";
    let id = |n: u32| format!("01990000-0000-7000-8000-{n:012}");
    let events: Vec<_> = (0..60)
        .map(|n| event(9, "completed").replace(JOB, &id(n)).replace("id: 9", "id: 700"))
        .collect();
    let (first, rest) = events.split_at(20);
    let (client, peer) = peer(vec![stream(first), stream(rest)]).await;
    let known = (2, Some(batch.parse().unwrap()));
    let jobs = (0..60).map(|n| (id(n).parse().unwrap(), known)).collect();
    let mut following = Following::start(&client, jobs);
    let mut ended = 0;
    while let Some(update) = following.next().await {
        ended += usize::from(matches!(update, Update::Snapshot(_)));
    }
    assert_eq!(ended, 60);
    let requests = peer.await.unwrap();
    assert!(requests.iter().all(|r| r.starts_with(&format!("get /v1/stream?batch={batch} "))));
    assert!(requests[1].contains("last-event-id: 700"), "{}", requests[1]);
}
