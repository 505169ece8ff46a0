//! How often an owner, an address, a socket may do something, and what they are told
//! when it was too often. Quotas are by the hour, so that none is refilled meanwhile.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::harness::{Api, Reply, Server, Socket, guarded_with, token_of};

const HOUR: u64 = 3600;

#[track_caller]
fn limited(reply: Reply, limit: &str) -> Value {
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=HOUR).contains(&wait), "{wait}");
    assert_eq!(reply.header("x-ratelimit-remaining"), "0");
    assert!(reply.header("ratelimit").starts_with(&format!("\"{limit}\";r=0;t=")));
    let problem = reply.refused(429, "rate_limited", None);
    assert_eq!(problem["limit"], limit, "{problem}");
    assert_eq!(problem["retry_after"], wait);
    problem
}

#[tokio::test]
async fn an_owner_who_asks_too_often_waits_and_nobody_else_does() {
    let server = guarded_with(&[("MILEPOST_LIMITS_OWNER_REQUESTS", "3/h")]);
    let (anna, bert) = (server.api_of("anna"), server.api_of("bert"));
    let list = async |api: &Api| api.call(api.get("/v1/jobs")).await;
    for left in (0..3).rev() {
        let reply = list(&anna).await.expect(200);
        assert_eq!(reply.header("x-ratelimit-limit"), "3");
        assert_eq!(reply.header("x-ratelimit-remaining"), left.to_string());
        let policy = reply.header("ratelimit-policy");
        assert!(policy.contains("\"owner_requests\";q=3;w=3600"), "{policy}");
        assert!(policy.contains("\"address_requests\";q=12000;w=60"), "{policy}");
        assert!(reply.header("ratelimit").starts_with(&format!("\"owner_requests\";r={left};t=")));
    }
    limited(list(&anna).await, "owner_requests");
    // Another token of the same owner is no other owner.
    limited(list(&server.api_of("anna")).await, "owner_requests");
    list(&bert).await.expect(200);
    let operator = server.api_of_admin();
    let metrics = operator.call(operator.get("/metrics")).await.expect(200).text();
    for line in [
        "milepost_limited_total{limit=\"owner_requests\"} 2",
        "milepost_limited_total{limit=\"address_requests\"} 0",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[tokio::test]
async fn submissions_are_counted_apart_however_they_come() {
    let server = guarded_with(&[("MILEPOST_LIMITS_OWNER_SUBMISSIONS", "2/h")]);
    let anna = server.api_of("anna");
    let job = anna.submit_text("one").await;
    anna.completed(&job).await;
    let retry = anna.post(&format!("/v1/jobs/{job}/retry"));
    anna.call(retry).await.expect(202);
    let again = json!({"source": {"text": "two", "filename": "two.md"}});
    limited(anna.submit_json(&again).await, "owner_submissions");
    let document = anna.post("/v1/documents").multipart(Api::form("a.txt", b"a".to_vec()));
    limited(anna.call(document).await, "owner_submissions");
    let mut socket = Socket::open(&server).await;
    socket.send(&json!({"type": "auth", "token": token_of("anna")})).await;
    assert_eq!(socket.message().await["type"], "ok");
    socket.send(&json!({"type": "retry", "job": job})).await;
    let error = socket.message().await;
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("rate_limited")));
    // Everything else goes on.
    anna.completed(&job).await;
    server.api_of("bert").submit_text("three").await;
}

#[tokio::test]
async fn an_address_is_what_a_trusted_proxy_says_and_nobody_else() {
    let limit = ("MILEPOST_LIMITS_ADDRESS_REQUESTS", "2/h");
    let server = guarded_with(&[limit, ("MILEPOST_PROXIES", "127.0.0.1")]);
    let anna = server.api_of("anna");
    let from = |forwarded: &str| -> RequestBuilder {
        anna.get("/v1/jobs").header("x-forwarded-for", forwarded)
    };
    for forwarded in ["192.0.2.1", "192.0.2.1:4711"] {
        anna.call(from(forwarded)).await.expect(200);
    }
    limited(anna.call(from("192.0.2.1")).await, "address_requests");
    // What a client writes itself stands before what the proxy adds.
    limited(anna.call(from("203.0.113.9, 192.0.2.1")).await, "address_requests");
    anna.call(from("192.0.2.2")).await.expect(200);
    let strangers = guarded_with(&[limit]);
    let anna = strangers.api_of("anna");
    for last in 1..=2 {
        let forwarded = format!("192.0.2.{last}");
        anna.call(anna.get("/v1/jobs").header("x-forwarded-for", forwarded)).await.expect(200);
    }
    let third = anna.get("/v1/jobs").header("x-forwarded-for", "192.0.2.3");
    limited(anna.call(third).await, "address_requests");
}

#[tokio::test]
async fn an_address_that_guesses_is_not_listened_to() {
    let server = guarded_with(&[
        ("MILEPOST_LIMITS_FAILED_LOGINS", "2/h"),
        ("MILEPOST_PROXIES", "127.0.0.1"),
    ]);
    let key = token_of("anna");
    let log_in = async |from: &str, key: &str| {
        let api = server.api_with(key);
        api.call(api.get("/v1/jobs").header("x-forwarded-for", from)).await
    };
    // The same wrong credential over and over is one guess.
    for wrong in ["mp_one", "mp_one", "mp_one", "mp_two"] {
        log_in("192.0.2.1", wrong).await.refused(401, "unauthenticated", None);
    }
    let refused = log_in("192.0.2.1", "mp_three").await.refused(429, "rate_limited", None);
    assert_eq!(refused["limit"], "failed_logins");
    log_in("192.0.2.2", "mp_one").await.refused(401, "unauthenticated", None);
    // Whoever has a valid one is not shut out by whoever guesses beside them.
    log_in("192.0.2.1", &key).await.expect(200);
}

#[tokio::test]
async fn a_socket_that_says_too_much_is_closed() {
    let server = Server::with(&[("MILEPOST_LIMITS_SOCKET_MESSAGES", "5/h")]);
    let (mut loud, mut quiet) = (Socket::open(&server).await, Socket::open(&server).await);
    for _ in 0..5 {
        loud.send(&json!({"type": "ping"})).await;
        assert_eq!(loud.message().await["type"], "pong");
    }
    loud.send(&json!({"type": "ping"})).await;
    assert_eq!(loud.close_code().await, 1008);
    quiet.send(&json!({"type": "ping"})).await;
    assert_eq!(quiet.message().await["type"], "pong");
}

#[tokio::test]
async fn a_single_user_has_no_rates() {
    let server = Server::with(&[
        ("MILEPOST_LIMITS_OWNER_REQUESTS", "1/h"),
        ("MILEPOST_LIMITS_ADDRESS_REQUESTS", "1/h"),
    ]);
    let api = server.api();
    for _ in 0..3 {
        let reply = api.call(api.get("/v1/jobs")).await.expect(200);
        assert!(!reply.headers.contains_key("ratelimit"));
        assert!(!reply.headers.contains_key("x-ratelimit-limit"));
    }
}
