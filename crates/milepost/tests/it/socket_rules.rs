//! What a WebSocket client may not do, and what it is told: errors, limits,
//! close codes.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Heard, Server, Socket, pdf_of};

#[tokio::test]
async fn malformed_messages_are_answered_and_three_in_a_row_close() {
    let server = Server::start();
    let mut socket = Socket::open(&server).await;
    let malformed = [
        "not json",
        "[]",
        r#"{"type":"dance","ref":3}"#,
        r#"{"type":"subscribe","jobs":7}"#,
        r#"{"type":"cancel"}"#,
        r#"{"no":"type"}"#,
    ];
    for pair in malformed.chunks(2) {
        for text in pair {
            socket.send_raw(Message::text(*text)).await;
            let error = socket.message().await;
            assert_eq!(
                (&error["type"], &error["code"]),
                (&json!("error"), &json!("invalid_request"))
            );
        }
        // A good one in between begins the count anew.
        socket.send(&json!({"type": "ping"})).await;
        assert_eq!(socket.message().await["type"], "pong");
    }
    for text in &malformed[..3] {
        socket.send_raw(Message::text(*text)).await;
    }
    assert_eq!(socket.close_code().await, 1008);
}

#[tokio::test]
async fn a_mark_that_would_be_repeated_often_is_short() {
    let server = Server::start();
    let mut socket = Socket::open(&server).await;
    for (length, admitted) in [(254, true), (255, false)] {
        let mark = "x".repeat(length);
        socket.send(&json!({"type": "subscribe", "jobs": ["a", "b"], "ref": mark})).await;
        let answer = socket.message().await;
        if admitted {
            assert_eq!((&answer["type"], &answer["ref"]), (&json!("subscribed"), &json!(mark)));
            for _ in 0..2 {
                assert_eq!(socket.message().await["ref"], json!(mark));
            }
        } else {
            assert_eq!((&answer["type"], &answer["field"]), (&json!("error"), &json!("ref")));
        }
    }
}

#[tokio::test]
async fn a_wrong_rate_is_named_and_harms_nothing() {
    let server = Server::start();
    let mut socket = Socket::open(&server).await;
    for rate in [json!(0), json!(-1)] {
        socket.send(&json!({"type": "subscribe", "jobs": [], "max_rate": rate})).await;
        let error = socket.message().await;
        assert_eq!(
            (&error["code"], &error["field"]),
            (&json!("invalid_field"), &json!("max_rate"))
        );
    }
}

#[tokio::test]
async fn a_rate_is_kept_but_for_boundaries() {
    let server = Server::start();
    let api = server.api();
    server.freeze().await;
    let id = api.submit_bytes("road.pdf", pdf_of(500)).await;
    let mut socket = Socket::open(&server).await;
    socket.send(&json!({"type": "subscribe", "jobs": [id], "max_rate": 2})).await;
    let began = std::time::Instant::now();
    server.thaw();
    let mut states = Vec::new();
    while states.last().is_none_or(|job: &Value| job["status"] != "completed") {
        states.push(socket.snapshot().await);
    }
    let spent = began.elapsed().as_secs_f64();
    // queued, running, its three stages, completed.
    let most = 6.0 + 1.0 + 2.0 * spent;
    assert!(states.len() as f64 <= most, "{} in {spent} s", states.len());
    let mut stages: Vec<_> = states.iter().map(|job| job["stage"].clone()).collect();
    stages.dedup();
    stages.retain(|stage| !stage.is_null());
    assert_eq!(stages.last(), Some(&json!("assembling")), "{stages:?}");
    assert!(stages.contains(&json!("converting")));
}

#[tokio::test]
async fn what_breaks_the_rules_is_closed_with_its_code() {
    let server = Server::start();
    let mut binary = Socket::open(&server).await;
    binary.send_raw(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(binary.close_code().await, 1003);
    let mut huge = Socket::open(&server).await;
    huge.send_raw(Message::text("x".repeat(80 * 1024))).await;
    assert_eq!(huge.close_code().await, 1009);
    let mut done = Socket::open(&server).await;
    done.send_raw(Message::Close(None)).await;
    assert!(matches!(done.hear().await, Heard::Closed(1000 | 1005) | Heard::Broken));
}

#[tokio::test]
async fn connections_and_subscriptions_are_limited() {
    let server = Server::with(&[
        ("MILEPOST_LIMITS_CONNECTIONS", "2"),
        ("MILEPOST_LIMITS_SUBSCRIPTIONS", "2"),
    ]);
    let api = server.api();
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(api.submit_text("# One").await);
    }
    let mut socket = Socket::open(&server).await;
    socket.send(&json!({"type": "subscribe", "jobs": jobs})).await;
    assert_eq!(socket.message_of("subscribed").await["jobs"], json!(jobs[..2]));
    let error = socket.message_of("error").await;
    assert_eq!((&error["code"], &error["job"]), (&json!("rate_limited"), &json!(jobs[2])));

    let mut second = Socket::open(&server).await;
    second.send(&json!({"type": "ping"})).await;
    second.message_of("pong").await;
    assert_eq!(Socket::open(&server).await.close_code().await, 4429);
    let request = api.get("/v1/stream?mine=true").header("accept", "text/event-stream");
    api.call(request).await.refused(429, "rate_limited", None);
}

#[tokio::test]
async fn only_the_protocol_is_echoed_and_never_a_token() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
    let server = Server::start();
    let mut request = format!("ws://{}/v1/ws", server.address()).into_client_request().unwrap();
    let offered = "milepost.v1, milepost.bearer.SECRET".parse().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", offered);
    let (_socket, response) = tokio_tungstenite::connect_async(request).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "milepost.v1");
    let plain = server.api().call(server.api().get("/v1/ws")).await;
    plain.refused(400, "invalid_request", None);
}
