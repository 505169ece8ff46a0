//! How much an owner may have at a time: connections, subscriptions, uploads, jobs
//! that wait, bytes. One who is at a limit does not hinder another.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::{Api, Reply, Server, Socket, eventually, guarded_with, id_of, token_of};

#[track_caller]
fn limited(reply: Reply, status: u16, code: &str, limit: &str) -> Value {
    let problem = reply.refused(status, code, None);
    assert_eq!(problem["limit"], limit, "{problem}");
    problem
}

fn held(text: &str) -> Value {
    json!({"source": {"text": text, "filename": "note.md"}, "hold": true})
}

async fn usage(api: &Api) -> Value {
    api.call(api.get("/v1/stats")).await.expect(200).json()["usage"].take()
}

async fn log_in(server: &Server, owner: &str) -> Socket {
    let mut socket = Socket::open(server).await;
    socket.send(&json!({"type": "auth", "token": token_of(owner)})).await;
    socket
}

#[tokio::test]
async fn connections_of_an_owner_are_bounded_and_freed() {
    let server = guarded_with(&[("MILEPOST_LIMITS_OWNER_CONNECTIONS", "1")]);
    let (anna, bert) = (server.api_of("anna"), server.api_of("bert"));
    let job = id_of(&anna.submit_json(&held("one")).await.expect(202).json());
    let mut first = anna.stream(&format!("/v1/jobs/{job}/events"), None).await;
    first.next().await;
    let second = async || anna.call(anna.get("/v1/stream?mine=true")).await;
    limited(second().await, 429, "rate_limited", "owner_connections");
    let poll = anna.get(&format!("/v1/jobs/{job}?after=1&wait=20"));
    limited(anna.call(poll).await, 429, "rate_limited", "owner_connections");
    // Who does not wait takes no place.
    let poll = anna.get(&format!("/v1/jobs/{job}?after=1"));
    anna.call(poll).await.expect(304);
    let mut socket = log_in(&server, "anna").await;
    assert_eq!(socket.close_code().await, 4429);
    bert.stream("/v1/stream?mine=true", None).await;
    drop(first);
    eventually("the place is free", async || {
        let poll = anna.get(&format!("/v1/jobs/{job}?after=0&wait=1"));
        Some(anna.call(poll).await).filter(|reply| reply.status == 200)
    })
    .await;
}

#[tokio::test]
async fn subscriptions_of_an_owner_are_bounded_over_all_connections() {
    let server = guarded_with(&[("MILEPOST_LIMITS_OWNER_SUBSCRIPTIONS", "2")]);
    let anna = server.api_of("anna");
    let mut jobs = Vec::new();
    for text in ["one", "two", "three"] {
        jobs.push(id_of(&anna.submit_json(&held(text)).await.expect(202).json()));
    }
    let (mut first, mut second) = (log_in(&server, "anna").await, log_in(&server, "anna").await);
    first.subscribe(&jobs[0], "latest", 0).await;
    first.snapshot().await;
    second.send(&json!({"type": "subscribe", "jobs": [jobs[1], jobs[2]]})).await;
    assert_eq!(second.message_of("subscribed").await["jobs"], json!([jobs[1]]));
    let error = second.message_of("error").await;
    assert_eq!((&error["code"], &error["job"]), (&json!("rate_limited"), &json!(jobs[2])));
    first.send(&json!({"type": "unsubscribe", "jobs": [jobs[0]], "ref": 1})).await;
    assert_eq!(first.message_of("ok").await["ref"], 1);
    second.subscribe(&jobs[2], "latest", 0).await;
    assert_eq!(second.message_of("subscribed").await["jobs"], json!([jobs[2]]));
}

#[tokio::test]
async fn jobs_of_an_owner_that_wait_are_bounded() {
    let server = guarded_with(&[("MILEPOST_LIMITS_OWNER_WAITING", "2")]);
    let (anna, bert) = (server.api_of("anna"), server.api_of("bert"));
    let first = id_of(&anna.submit_json(&held("one")).await.expect(202).json());
    anna.submit_json(&held("two")).await.expect(202);
    let reply = anna.submit_json(&held("three")).await;
    assert!(!reply.header("retry-after").is_empty());
    limited(reply, 429, "queue_full", "owner_waiting");
    let many = json!([held("a"), held("b"), held("c")]);
    anna.submit_json(&many).await.refused(413, "body_too_large", None);
    bert.submit_json(&held("one")).await.expect(202);
    let used = usage(&anna).await;
    assert_eq!((&used["waiting"], &used["waiting_limit"]), (&json!(2), &json!(2)), "{used}");
    anna.call(anna.post(&format!("/v1/jobs/{first}/cancel"))).await.expect(200);
    anna.submit_json(&held("three")).await.expect(202);
}

#[tokio::test]
async fn what_is_stored_for_an_owner_is_bounded() {
    let server = guarded_with(&[("MILEPOST_LIMITS_OWNER_BYTES", "1000B")]);
    let (anna, bert) = (server.api_of("anna"), server.api_of("bert"));
    let text = |bytes: usize| held(&"x".repeat(bytes));
    let job = anna.submit_json(&text(800)).await.expect(202).json();
    let used = usage(&anna).await;
    assert_eq!((&used["bytes"], &used["bytes_limit"]), (&json!(800), &json!(1000)), "{used}");
    let full = limited(anna.submit_json(&text(300)).await, 413, "body_too_large", "owner_bytes");
    let detail = full["detail"].as_str().unwrap();
    assert!(detail.contains("800 B") && detail.contains("delete"), "{detail}");
    // Announced, it is refused before it is read.
    let upload = || anna.post("/v1/documents").multipart(Api::form("a.txt", vec![b'x'; 300]));
    limited(anna.call(upload()).await, 413, "body_too_large", "owner_bytes");
    let empty = json!({"hold": true});
    let waits = id_of(&anna.submit_json(&empty).await.expect(202).json());
    let confirm = anna.post(&format!("/v1/jobs/{waits}/confirm"));
    let confirm = confirm.multipart(Api::form("a.txt", vec![b'x'; 300]));
    limited(anna.call(confirm).await, 413, "body_too_large", "owner_bytes");
    bert.submit_json(&text(900)).await.expect(202);
    // There is room again once something is gone.
    anna.call(anna.post(&format!("/v1/jobs/{}/cancel", id_of(&job)))).await.expect(200);
    let document = id_of(&job["document"]);
    anna.call(anna.delete(&format!("/v1/documents/{document}"))).await.expect(204);
    assert_eq!(usage(&anna).await["bytes"], 0);
    anna.call(upload()).await.expect(201);
}

#[tokio::test]
async fn uploads_of_an_owner_are_bounded() {
    let server = guarded_with(&[("MILEPOST_LIMITS_OWNER_UPLOADS", "1")]);
    let (anna, bert) = (server.api_of("anna"), server.api_of("bert"));
    let mut slow = TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "POST /v1/jobs HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{",
        server.address(),
        token_of("anna"),
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let submit = async |api: &Api| api.submit_json(&held("one")).await;
    let refused = eventually("the upload counts", async || {
        Some(submit(&anna).await).filter(|reply| reply.status == 429)
    });
    limited(refused.await, 429, "rate_limited", "owner_uploads");
    submit(&bert).await.expect(202);
    drop(slow);
    eventually("the place is free", async || {
        Some(submit(&anna).await).filter(|reply| reply.status == 202)
    })
    .await;
}
