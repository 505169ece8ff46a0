//! Who watches is looked at again while they do: credentials end, and are revoked.

use reqwest::header::ACCEPT;
use serde_json::json;

use crate::harness::{
    Api, Events, Heard, Server, Socket, completed, guarded, id_of, signed, token_of,
};

/// A job that does not end by itself, with the token of its submission.
async fn job(ann: &Api) -> (String, String) {
    let job = ann.submit_json(&json!({"pipeline": "external"})).await.expect(202).json();
    (id_of(&job), job["access"]["token"].as_str().unwrap().to_owned())
}

async fn shared(ann: &Api, job: &str) -> String {
    let share = ann.post(&format!("/v1/jobs/{job}/share")).json(&json!({"expires_in": 600}));
    let made = ann.call(share).await.expect(201).json();
    assert!(made["expires_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{made}");
    made["token"].as_str().unwrap().to_owned()
}

async fn stream(server: &Server, path: &str) -> Events {
    let request = server.api().get(path).header(ACCEPT, "text/event-stream");
    Events::open(request.send().await.unwrap())
}

#[tokio::test]
async fn the_token_of_a_submission_watches_its_job_to_the_end() {
    let server = guarded();
    let ann = server.api_of("ann");
    let (id, token) = job(&ann).await;
    // As an EventSource would, which can set no header.
    let events = stream(&server, &format!("/v1/jobs/{id}/events?token={token}")).await;
    assert_eq!(events.status, 200);
    let mut many = stream(&server, &format!("/v1/stream?job={id}&token={token}")).await;
    let mut socket = Socket::open_at(&server, &format!("?token={token}")).await;
    socket.subscribe(&id, "latest", 0).await;
    assert_eq!(socket.snapshot().await["status"], "queued");
    let end = ann.post(&format!("/v1/jobs/{id}/complete")).json(&json!({"result": "done"}));
    ann.call(end).await.expect(200);
    while socket.snapshot().await["status"] != "completed" {}
    while many.snapshot().await.expect("a snapshot").data["status"] != "completed" {}
    let last = events.snapshots().await.pop().expect("snapshots");
    assert_eq!(last.data["status"], "completed");
    let reader = server.api_with(&token);
    completed(reader.job(&id).await);
    assert_eq!(reader.result(&id, "text").await, b"done");
    reader.call(reader.get(&format!("/v1/jobs/{id}?after=1&wait=1"))).await.expect(200);
    reader.call(reader.delete(&format!("/v1/jobs/{id}"))).await.refused(403, "forbidden", None);
}

#[tokio::test]
async fn revoking_a_job_s_tokens_cuts_off_who_watches_by_one() {
    let server = guarded();
    let ann = server.api_of("ann");
    let (id, submitted) = job(&ann).await;
    let token = shared(&ann, &id).await;
    let mut by_token = Socket::open_as(&server, Some(&token)).await;
    let mut by_owner = Socket::open_as(&server, Some(&token_of("ann"))).await;
    for socket in [&mut by_token, &mut by_owner] {
        socket.subscribe(&id, "latest", 0).await;
        socket.snapshot().await;
    }
    let mut events = stream(&server, &format!("/v1/jobs/{id}/events?token={token}")).await;
    let mut many = stream(&server, &format!("/v1/stream?job={id}&token={token}")).await;
    events.snapshot().await.unwrap();
    many.snapshot().await.unwrap();
    let reader = server.api_with(&token);
    let poll = tokio::spawn({
        let reader = reader.clone();
        let path = format!("/v1/jobs/{id}?after=1&wait=60");
        async move { reader.call(reader.get(&path)).await }
    });
    // The poll is there once it is counted.
    let root = server.api_of_admin();
    let watches = || async {
        let stats = root.call(root.get("/v1/stats")).await.json();
        Some(()).filter(|()| stats["connections"].as_u64() >= Some(5))
    };
    crate::harness::eventually("the long-poll", watches).await;
    // Who reads by a token takes nothing from its owner.
    let own = ann.call(ann.get("/v1/stats")).await.json();
    assert_eq!(own["connections"], 1, "{own}");
    ann.call(ann.delete(&format!("/v1/jobs/{id}/share"))).await.expect(204);
    assert_eq!(by_token.close_code().await, 4401);
    assert!(events.snapshot().await.is_none());
    assert!(many.snapshot().await.is_none());
    poll.await.unwrap().refused(401, "unauthenticated", None);
    for token in [&token, &submitted] {
        let reader = server.api_with(token);
        let reply = reader.call(reader.get(&format!("/v1/jobs/{id}"))).await;
        let problem = reply.refused(401, "unauthenticated", None);
        assert!(problem["detail"].as_str().unwrap().contains("revoked"), "{problem}");
    }
    // The owner's own socket goes on, and a new token is in force.
    let report = ann.post(&format!("/v1/jobs/{id}/progress")).json(&json!({"message": "on"}));
    ann.call(report).await.expect(200);
    while by_owner.snapshot().await["status"] != "running" {}
    let again = shared(&ann, &id).await;
    server.api_with(&again).job(&id).await;
}

#[tokio::test]
async fn a_socket_whose_token_ends_is_asked_for_another_and_then_closed() {
    let server = guarded();
    let (id, _) = job(&server.api_of("ann")).await;
    let brief = || signed(json!({"sub": "ann"}), 2);
    let mut refreshes = Socket::open_as(&server, Some(&brief())).await;
    let mut is_silent = Socket::open_as(&server, Some(&brief())).await;
    for socket in [&mut refreshes, &mut is_silent] {
        socket.subscribe(&id, "latest", 0).await;
        socket.snapshot().await;
    }
    for socket in [&mut refreshes, &mut is_silent] {
        let asked = socket.message_of("error").await;
        assert_eq!(asked["code"], "unauthenticated");
        assert!(asked["message"].as_str().unwrap().contains("auth"), "{asked}");
    }
    // Another's does not do, nor one that holds no longer; a new one of its own does.
    for (token, code) in [(token_of("ben"), "forbidden"), ("x".to_owned(), "unauthenticated")] {
        refreshes.send(&json!({"type": "auth", "token": token, "ref": 1})).await;
        assert_eq!(refreshes.message_of("error").await["code"], code);
    }
    refreshes.send(&json!({"type": "auth", "token": token_of("ann"), "ref": 2})).await;
    assert_eq!(refreshes.message_of("ok").await["ref"], 2);
    assert_eq!(is_silent.close_code().await, 4401);
    refreshes.send(&json!({"type": "ping"})).await;
    assert_eq!(refreshes.message_of("pong").await["type"], "pong");
    let mut events = {
        let token = brief();
        stream(&server, &format!("/v1/stream?mine=true&token={token}")).await
    };
    events.snapshot().await.unwrap();
    assert!(events.snapshot().await.is_none(), "the stream ends with its token");
}

#[tokio::test]
async fn a_credential_that_may_read_less_does_not_take_over() {
    let server = guarded();
    let (id, token) = job(&server.api_of("ann")).await;
    let root = signed(json!({"sub": "root", "roles": ["administrator"]}), 3000);
    let mut socket = Socket::open_as(&server, Some(&root)).await;
    socket.subscribe(&id, "latest", 0).await;
    socket.snapshot().await;
    socket.send(&json!({"type": "auth", "token": token_of("root")})).await;
    assert_eq!(socket.message_of("error").await["code"], "forbidden");
    // From a token of a job to its owner it may be more.
    let mut socket = Socket::open_as(&server, Some(&token)).await;
    socket.send(&json!({"type": "auth", "token": token_of("ann")})).await;
    socket.message_of("ok").await;
    socket.send(&json!({"type": "subscribe", "mine": true})).await;
    assert_eq!(socket.message_of("subscribed").await["jobs"], json!([id]));
}

#[tokio::test]
async fn what_was_revoked_before_the_first_message_opens_nothing() {
    let server = guarded();
    let ann = server.api_of("ann");
    let (id, token) = job(&ann).await;
    let mut socket = Socket::open_as(&server, Some(&token)).await;
    ann.call(ann.delete(&format!("/v1/jobs/{id}/share"))).await.expect(204);
    socket.subscribe(&id, "latest", 0).await;
    assert_eq!(socket.hear().await, Heard::Closed(4401));
}

#[tokio::test]
async fn a_stranger_hears_nothing_of_a_job_that_is_removed_meanwhile() {
    let server = guarded();
    let ann = server.api_of("ann");
    let (id, _) = job(&ann).await;
    let mut ben = Socket::open_as(&server, Some(&token_of("ben"))).await;
    let names: Vec<_> = std::iter::repeat_n(&id, 900).collect();
    for _ in 0..3 {
        ben.send(&json!({"type": "subscribe", "jobs": names})).await;
    }
    ann.call(ann.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200);
    ann.call(ann.delete(&format!("/v1/jobs/{id}"))).await.expect(204);
    ben.send(&json!({"type": "ping"})).await;
    loop {
        let message = ben.message().await;
        match message["type"].as_str() {
            Some("pong") => break,
            Some("subscribed") => assert_eq!(message["jobs"], json!([])),
            Some("error") => assert_eq!(message["code"], "not_found"),
            other => panic!("{other:?} of a job of somebody else: {message}"),
        }
    }
}

#[tokio::test]
async fn who_says_nothing_on_a_socket_is_sent_away() {
    let server = guarded();
    let mut silent = Socket::open(&server).await;
    let mut known = Socket::open(&server).await;
    known.send(&json!({"type": "auth", "token": token_of("ann"), "ref": "a"})).await;
    assert_eq!(known.message().await, json!({"type": "ok", "ref": "a"}));
    assert_eq!(silent.hear().await, Heard::Closed(4401));
    known.send(&json!({"type": "ping"})).await;
    assert_eq!(known.message().await["type"], "pong");
}

#[tokio::test]
async fn a_revoked_key_ends_what_it_opened() {
    let server = guarded();
    let root = server.api_of_admin();
    let made = root.call(root.post("/v1/keys").json(&json!({"name": "bot"}))).await;
    let made = made.expect(201).json();
    let key = made["key"].as_str().unwrap();
    let bot = server.api_with(key);
    let (id, _) = job(&bot).await;
    let mut socket = Socket::open_as(&server, Some(key)).await;
    socket.subscribe(&id, "latest", 0).await;
    socket.snapshot().await;
    root.call(root.delete(&format!("/v1/keys/{}", id_of(&made)))).await.expect(204);
    bot.call(bot.get(&format!("/v1/jobs/{id}"))).await.refused(401, "unauthenticated", None);
    // Looked at again with the next ping.
    assert_eq!(socket.close_code().await, 4401);
}
