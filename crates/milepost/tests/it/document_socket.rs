//! The socket of the protocol `document`.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Heard, Server, Socket, Transcript, Work};

/// The next progress of this status and so many pages.
async fn progress(socket: &mut Socket, status: &str, pages: u64) -> Value {
    loop {
        let mut message = socket.message_of("conversion_progress").await;
        let progress = &mut message["progress"];
        if progress["status"] == status && progress["processedPages"] == pages {
            if let Some(estimate) = progress.get_mut("estimatedTimeRemaining") {
                *estimate = json!("<estimate>");
            }
            return message;
        }
    }
}

async fn ask(socket: &mut Socket, kind: &str, document: &str) {
    socket.send(&json!({"type": kind, "documentId": document})).await;
}

/// Nothing is said: the answer to a ping comes next.
async fn silent(socket: &mut Socket) {
    socket.send(&json!({"type": "ping", "timestamp": "now"})).await;
    let message = socket.message().await;
    assert_eq!(message["type"], "pong", "{message}");
}

#[tokio::test]
async fn a_socket_tells_of_many_documents() {
    let server = Server::start();
    let api = server.api();
    let (one, two) = (Work::on(&api, "One").await, Work::on(&api, "Two").await);
    let mut told = Transcript::of(&server);
    let mut socket = Socket::at(&server, &one.socket()).await;
    told.line("<-", socket.message().await);
    silent(&mut socket).await;
    let first = one.begin().await;
    told.line("<-", progress(&mut socket, "queued", 0).await);
    let second = two.begin().await;
    two.pages(&second, 1, 4).await;
    ask(&mut socket, "subscribe", &two.document).await;
    told.line("subscribe <-", socket.message().await);
    told.line("<-", progress(&mut socket, "processing", 1).await);
    one.pages(&first, 3, 4).await;
    told.line("<-", progress(&mut socket, "processing", 3).await);
    one.complete(&first).await;
    told.line("<-", progress(&mut socket, "completed", 4).await);
    told.line("<-", socket.message().await);
    two.fail(&second, false).await;
    told.line("<-", progress(&mut socket, "failed", 1).await);
    told.line("<-", socket.message().await);
    silent(&mut socket).await;
    // Again, from the present state on.
    ask(&mut socket, "subscribe", &one.document).await;
    told.line("subscribe <-", socket.message().await);
    told.line("<-", socket.message().await);
    told.line("<-", socket.message().await);
    ask(&mut socket, "unsubscribe", &one.document).await;
    told.line("unsubscribe <-", socket.message().await);
    let third = one.begin().await;
    one.complete(&third).await;
    silent(&mut socket).await;
    let fourth = two.begin().await;
    told.line("<-", progress(&mut socket, "queued", 0).await);
    let cancel = json!({"action": "cancel"});
    api.call(api.post(&two.status()).json(&cancel)).await.expect(200);
    told.line("<-", progress(&mut socket, "cancelled", 0).await);
    silent(&mut socket).await;
    assert_eq!(api.job(&fourth).await["status"], "cancelled");
    // Who comes late, and who comes back.
    let mut late = Socket::at(&server, &one.socket()).await;
    told.line("late <-", late.message().await);
    told.line("late <-", late.message().await);
    told.line("late <-", late.message().await);
    silent(&mut late).await;
    told.check("document_socket");
}

#[tokio::test]
async fn a_malformed_message_is_an_error_and_nothing_else() {
    let server = Server::start();
    let api = server.api();
    let work = Work::on(&api, "Book").await;
    let mut told = Transcript::of(&server);
    let mut socket = Socket::at(&server, &work.socket()).await;
    let mut other = Socket::at(&server, &work.socket()).await;
    for socket in [&mut socket, &mut other] {
        assert_eq!(socket.message().await["type"], "connected");
    }
    for wrong in [
        "{",
        "",
        "[]",
        "[\"ping\"]",
        "7",
        "{}",
        r#"{"type":7}"#,
        r#"{"type":"shout"}"#,
        r#"{"type":"subscribe"}"#,
        r#"{"type":"unsubscribe","documentId":""}"#,
        r#"{"type":"subscribe","documentId":7}"#,
        r#"{"type":"subscribe","documentId":"nothing"}"#,
        r#"{"type":"subscribe","documentId":"00000000-0000-7000-8000-000000000000"}"#,
        r#"{"type":"unsubscribe","documentId":"nothing"}"#,
    ] {
        socket.send_raw(Message::text(wrong)).await;
        told.line("->", wrong);
        told.line("<-", socket.message().await);
    }
    let long = json!({"type": "subscribe", "documentId": "x".repeat(1000)});
    socket.send(&long).await;
    assert!(socket.message().await.to_string().len() < 400);
    // A pong has no answer.
    socket.send(&json!({"type": "pong"})).await;
    silent(&mut socket).await;
    let job = work.begin().await;
    for socket in [&mut socket, &mut other] {
        progress(socket, "queued", 0).await;
    }
    // Whoever breaks the rules ends alone.
    socket.send_raw(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(socket.close_code().await, 1003);
    work.complete(&job).await;
    progress(&mut other, "completed", 0).await;
    told.check("document_socket_errors");
}

#[tokio::test]
async fn whoever_says_nothing_at_all_is_dropped() {
    let server = Server::with(&[("SSE_PING_INTERVAL", "1000")]);
    let api = server.api();
    let work = Work::on(&api, "Book").await;
    let mut here = Socket::at(&server, &work.socket()).await;
    // Its library answers pings, but only while somebody reads.
    let gone = Socket::at(&server, &work.socket()).await;
    let connections = async |count: usize| {
        let stats = api.call(api.get("/api/websocket/stats")).await.expect(200).json();
        (stats["totalConnections"] == count).then_some(stats)
    };
    crate::harness::eventually("two sockets", || connections(2)).await;
    let mut pings = 0;
    while connections(1).await.is_none() {
        let message = here.message_of("ping").await;
        assert!(message["timestamp"].is_string(), "{message}");
        pings += 1;
        assert!(pings < 60, "a silent peer stays");
    }
    drop(gone);
    silent(&mut here).await;
}

#[tokio::test]
async fn sockets_are_counted_by_document() {
    let server = Server::start();
    let api = server.api();
    let (one, two) = (Work::on(&api, "One").await, Work::on(&api, "Two").await);
    let stats = async || api.call(api.get("/api/websocket/stats")).await.expect(200).json();
    let nothing = json!({
        "totalConnections": 0, "documentSubscriptions": 0, "connectionsByDocument": {},
    });
    assert_eq!(stats().await, nothing);
    let mut both = Socket::at(&server, &one.socket()).await;
    both.message().await;
    ask(&mut both, "subscribe", &two.document).await;
    assert_eq!(both.message().await["type"], "subscribed");
    let mut second = Socket::at(&server, &two.socket()).await;
    second.message().await;
    // A stream is no socket, and neither is one of another protocol.
    let _stream = api.stream(&one.stream(), None).await;
    let mut native = Socket::open(&server).await;
    native.send(&json!({"type": "subscribe", "documents": [one.document]})).await;
    native.message().await;
    assert_eq!(
        stats().await,
        json!({
            "totalConnections": 2, "documentSubscriptions": 2,
            "connectionsByDocument": {&*one.document: 1, &*two.document: 2},
        })
    );
    ask(&mut both, "unsubscribe", &two.document).await;
    assert_eq!(both.message().await["type"], "unsubscribed");
    ask(&mut both, "unsubscribe", &one.document).await;
    assert_eq!(both.message().await["type"], "unsubscribed");
    assert_eq!(
        stats().await,
        json!({
            "totalConnections": 2, "documentSubscriptions": 1,
            "connectionsByDocument": {&*two.document: 1},
        })
    );
    drop((both, second));
    crate::harness::eventually("no socket", || async {
        Some(stats().await).filter(|stats| *stats == nothing)
    })
    .await;
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let server = Server::start();
    let api = server.api();
    let work = Work::on(&api, "Book").await;
    let mut socket = Socket::at(&server, &work.socket()).await;
    socket.message().await;
    server.terminate();
    assert_eq!(socket.hear().await, Heard::Closed(1012));
}

#[tokio::test]
async fn one_socket_follows_so_many_documents() {
    let server = Server::with(&[("MILEPOST_LIMITS_SUBSCRIPTIONS", "2")]);
    let api = server.api();
    let mut all = Vec::new();
    for title in ["One", "Two", "Three"] {
        all.push(Work::on(&api, title).await);
    }
    let mut socket = Socket::at(&server, &all[0].socket()).await;
    socket.message().await;
    ask(&mut socket, "subscribe", &all[1].document).await;
    assert_eq!(socket.message().await["type"], "subscribed");
    ask(&mut socket, "subscribe", &all[2].document).await;
    let error = socket.message().await;
    assert_eq!(error["error"]["code"], "LIMIT_EXCEEDED", "{error}");
    // One that is followed is no further one.
    ask(&mut socket, "subscribe", &all[1].document).await;
    assert_eq!(socket.message().await["type"], "subscribed");
}
