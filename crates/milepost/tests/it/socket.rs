//! A WebSocket's messages and their answers.

use serde_json::{Value, json};

use crate::harness::{Server, Socket, id_of, seq_of};

const NOBODY: &str = "0199aaaa-0000-7000-8000-000000000000";

#[tokio::test]
async fn each_job_that_cannot_be_watched_gets_its_own_error() {
    let server = Server::start();
    let api = server.api();
    let (first, second) = (api.submit_text("# 1").await, api.submit_text("# 2").await);
    api.completed(&first).await;
    api.completed(&second).await;
    let mut socket = Socket::open(&server).await;
    let jobs = json!([first, NOBODY, "nonsense", second]);
    socket.send(&json!({"type": "subscribe", "jobs": jobs, "ref": {"my": 1}})).await;
    let answer = socket.message().await;
    assert_eq!(answer["type"], "subscribed");
    assert_eq!((&answer["jobs"], &answer["ref"]), (&json!([first, second]), &json!({"my": 1})));
    for stranger in [NOBODY, "nonsense"] {
        let error = socket.message_of("error").await;
        assert_eq!((&error["code"], &error["job"]), (&json!("not_found"), &json!(stranger)));
        assert_eq!(error["ref"], json!({"my": 1}));
        assert!(error["message"].is_string());
    }
    let mut seen = [id_of(&socket.snapshot().await), id_of(&socket.snapshot().await)];
    seen.sort();
    assert_eq!(seen, [first, second]);
}

#[tokio::test]
async fn a_subscription_stays_after_the_end_so_that_a_retry_shows() {
    let server = Server::start();
    let api = server.api();
    let id = api.submit_text("# One").await;
    let end = seq_of(&api.completed(&id).await);
    let mut socket = Socket::open(&server).await;
    socket.subscribe(&id, "latest", end).await;
    socket.send(&json!({"type": "retry", "job": id, "ref": 7})).await;
    let (mut seen, mut answered, mut job) = (end, false, Value::Null);
    while job["status"] != "completed" || !answered {
        let mut message = socket.message().await;
        match message["type"].as_str() {
            Some("ok") => answered = message["ref"] == 7,
            Some("snapshot") => {
                job = message["job"].take();
                assert!(seq_of(&job) > seen);
                seen = seq_of(&job);
            }
            _ => {}
        }
    }
    assert_eq!(job["attempt"], 2);
}

#[tokio::test]
async fn orders_are_answered_and_take_effect() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    server.freeze().await;
    let id = api.submit("letter.docx").await;
    // The cancel then replaces the converter that hangs.
    api.until(&id, "its start", |job| job["status"] == "running").await;
    let mut socket = Socket::open(&server).await;
    socket.subscribe(&id, "latest", 0).await;
    socket.send(&json!({"type": "cancel", "job": id, "ref": "c"})).await;
    assert_eq!(socket.message_of("ok").await["ref"], "c");
    assert_eq!(api.job(&id).await["status"], "cancelled");
    let done = api.submit_text("# One").await;
    api.completed(&done).await;
    for (order, job, code) in [
        ("cancel", &*done, "conflict"),
        ("retry", NOBODY, "not_found"),
        ("cancel", "x", "not_found"),
    ] {
        socket.send(&json!({"type": order, "job": job, "ref": order})).await;
        let error = socket.message_of("error").await;
        assert_eq!((&error["code"], &error["job"]), (&json!(code), &json!(job)));
        assert_eq!(error["ref"], order);
    }
    socket.send(&json!({"type": "auth", "token": "anything", "ref": 1})).await;
    assert_eq!(socket.message_of("ok").await["ref"], 1);
    socket.send(&json!({"type": "ping", "ref": 2})).await;
    assert_eq!(socket.message().await, json!({"type": "pong", "ref": 2}));
}

#[tokio::test]
async fn an_unsubscribed_job_is_silent() {
    let server = Server::start();
    let api = server.api();
    let (quiet, heard) = (api.submit_text("# Q").await, api.submit_text("# H").await);
    for id in [&quiet, &heard] {
        api.completed(id).await;
    }
    let mut socket = Socket::open(&server).await;
    socket.send(&json!({"type": "subscribe", "jobs": [quiet, heard]})).await;
    socket.snapshot().await;
    socket.snapshot().await;
    socket.send(&json!({"type": "unsubscribe", "jobs": [quiet], "ref": 1})).await;
    assert_eq!(socket.message_of("ok").await["ref"], 1);
    for id in [&quiet, &heard] {
        api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
        api.completed(id).await;
    }
    loop {
        let job = socket.snapshot().await;
        assert_eq!(id_of(&job), heard);
        if job["status"] == "completed" {
            break;
        }
    }
}

#[tokio::test]
async fn ones_own_jobs_are_heard_of_as_they_come() {
    let server = Server::start();
    let api = server.api();
    let mut socket = Socket::open(&server).await;
    socket.send(&json!({"type": "subscribe", "mine": true, "mode": "all"})).await;
    assert_eq!(socket.message_of("subscribed").await["jobs"], json!([]));
    let id = api.submit("report.pdf").await;
    let mut seqs = Vec::new();
    loop {
        let job = socket.snapshot().await;
        assert_eq!(id_of(&job), id);
        seqs.push(seq_of(&job));
        if job["status"] == "completed" {
            break;
        }
    }
    assert_eq!(seqs, (1..=*seqs.last().unwrap()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_waiting_job_is_told_its_place() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    server.freeze().await;
    let running = api.submit("letter.docx").await;
    api.until(&running, "started", |job| job["status"] == "running").await;
    let ahead = api.submit_text("# Ahead").await;
    let behind = api.submit_text("# Behind").await;
    let mut socket = Socket::open(&server).await;
    socket.subscribe(&behind, "latest", 0).await;
    let job = socket.snapshot().await;
    assert_eq!(job["queue"], json!({"position": 2, "length": 2}), "{job}");
    let mut stream = api.stream(&format!("/v1/jobs/{behind}/events"), None).await;
    let seq = stream.snapshot().await.unwrap().seq();
    api.call(api.post(&format!("/v1/jobs/{ahead}/cancel"))).await.expect(200);
    let news = socket.message_of("queue").await;
    assert_eq!(news, json!({"type": "queue", "job": behind, "position": 1, "length": 1}));
    let news = stream.next().await.unwrap();
    assert_eq!((&*news.name, &news.data["position"]), ("queue", &json!(1)));
    // It is no event of the job.
    assert_eq!(seq_of(&api.job(&behind).await), seq);
    server.thaw();
    api.completed(&behind).await;
}
