//! Every message of the socket times every kind of caller.

use serde_json::{Value, json};

use crate::harness::{
    Heard, Server, Socket, Things, guarded, signed, signed_with, token_of, token_with_role,
};

/// Each message with what its answer is to each kind of caller: `ok`, or the code of an
/// error. In the order of [`known`].
fn messages(things: &Things) -> Vec<(Value, [&'static str; 5])> {
    let job = &things.job;
    let subscribe = |field: &str, value: Value| {
        let mut message = json!({"type": "subscribe"});
        message[field] = value;
        message
    };
    // other owner, job token, reader, owner, administrator
    vec![
        (subscribe("jobs", json!([job])), ["not_found", "ok", "ok", "ok", "ok"]),
        (subscribe("mine", json!(true)), ["ok", "forbidden", "ok", "ok", "ok"]),
        (
            subscribe("documents", json!([things.document])),
            ["not_found", "not_found", "ok", "ok", "ok"],
        ),
        (subscribe("batches", json!([things.batch])), ["not_found", "not_found", "ok", "ok", "ok"]),
        (json!({"type": "unsubscribe", "jobs": [job]}), ["ok"; 5]),
        (json!({"type": "ping"}), ["ok"; 5]),
        // It has not ended, and can be cancelled once.
        (
            json!({"type": "retry", "job": job}),
            ["not_found", "forbidden", "forbidden", "conflict", "conflict"],
        ),
        (
            json!({"type": "cancel", "job": job}),
            ["not_found", "forbidden", "forbidden", "ok", "ok"],
        ),
    ]
}

fn known(things: &Things) -> [(&'static str, String); 5] {
    [
        ("other owner", token_of("ben")),
        ("job token", things.job_token.clone()),
        ("reader", token_with_role("rita", "reader")),
        ("owner", token_of("ann")),
        ("administrator", token_with_role("root", "administrator")),
    ]
}

/// The first answer that says how it went.
async fn outcome(socket: &mut Socket) -> String {
    let mut subscribed = false;
    loop {
        // Refusals come behind `subscribed`, and a `pong` of ours behind them.
        let message = socket.message().await;
        match message["type"].as_str().unwrap() {
            "error" => return message["code"].as_str().unwrap().to_owned(),
            "subscribed" => {
                subscribed = true;
                socket.send(&json!({"type": "ping"})).await;
            }
            "pong" if subscribed => return "ok".to_owned(),
            "ok" | "pong" => return "ok".to_owned(),
            _ => {}
        }
    }
}

#[tokio::test]
async fn every_message_meets_every_caller_as_the_policy_says() {
    let server = guarded();
    let ann = server.api_of("ann");
    let mut wrong = Vec::new();
    for place in 0..5 {
        let things = Things::made_by(&ann).await;
        let (caller, credential) = known(&things)[place].clone();
        for (message, wanted) in messages(&things) {
            let mut socket = Socket::open_as(&server, Some(&credential)).await;
            socket.send(&message).await;
            let met = outcome(&mut socket).await;
            if met != wanted[place] {
                wrong.push(format!("{message} as {caller}: {met}, not {}", wanted[place]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn nobody_is_told_anything_who_is_not_known() {
    let server = guarded();
    let ann = server.api_of("ann");
    let things = Things::made_by(&ann).await;
    let bad = [
        signed(json!({"sub": "ann"}), -3600),
        signed_with(&"y".repeat(40), json!({"sub": "ann"}), 3000),
        format!("mp_{}", "0".repeat(64)),
        "nonsense".to_owned(),
    ];
    for (message, _) in messages(&things) {
        // Who says nothing first.
        let mut socket = Socket::open(&server).await;
        socket.send(&message).await;
        assert_eq!(socket.hear().await, Heard::Closed(4401), "{message}");
    }
    for token in &bad {
        let mut socket = Socket::open_as(&server, Some(token)).await;
        assert_eq!(socket.hear().await, Heard::Closed(4401), "{token}");
        let mut socket = Socket::open(&server).await;
        socket.send(&json!({"type": "auth", "token": token})).await;
        assert_eq!(socket.hear().await, Heard::Closed(4401), "{token}");
    }
}

#[tokio::test]
async fn a_refused_subscription_among_others_is_refused_alone() {
    let server: Server = guarded();
    let (ann, ben) = (server.api_of("ann"), server.api_of("ben"));
    let (hers, his) = (Things::made_by(&ann).await.job, Things::made_by(&ben).await.job);
    let mut socket = Socket::open_as(&server, Some(&token_of("ben"))).await;
    socket.send(&json!({"type": "subscribe", "jobs": [hers, his, "none"], "ref": 1})).await;
    let subscribed = socket.message().await;
    assert_eq!(subscribed["jobs"], json!([his]));
    for job in [hers.as_str(), "none"] {
        let error = socket.message_of("error").await;
        assert_eq!((&error["code"], &error["job"]), (&json!("not_found"), &json!(job)));
        assert_eq!(error["message"], "There is no such job.");
    }
    assert_eq!(socket.snapshot().await["id"], json!(his));
}
