//! Who did what to what, from where: all of it, and nothing that is a secret.

use serde_json::{Value, json};

use crate::harness::{Server, Socket, eventually, guarded, id_of, token_of};

async fn entries(server: &Server, what: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let path = server.data().join("audit.jsonl");
    eventually(what, || async {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // The last line may be half written.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines = whole.lines().map(|line| serde_json::from_str(line).expect("it is JSON"));
        Some(lines.collect::<Vec<Value>>()).filter(|entries| wanted(entries))
    })
    .await
}

#[tokio::test]
async fn what_is_done_and_refused_is_kept() {
    let server = guarded();
    let (ann, ben) = (server.api_of("ann"), server.api_of("ben"));
    let text = json!({"source": {"text": "Top secret", "filename": "plan.md"}});
    let submitted = ann.submit_json(&text).await.expect(202);
    let request = submitted.header("x-request-id").to_owned();
    let job = submitted.json();
    let id = id_of(&job);
    ann.completed(&id).await;
    ann.result(&id, "markdown").await;
    ben.call(ben.get(&format!("/v1/jobs/{id}"))).await.refused(404, "not_found", None);
    let unknown = server.api_with("nonsense");
    unknown.call(unknown.delete(&format!("/v1/jobs/{id}"))).await.refused(
        401,
        "unauthenticated",
        None,
    );
    let mut socket = Socket::open_as(&server, Some(&token_of("ann"))).await;
    socket.subscribe(&id, "latest", 0).await;
    socket.snapshot().await;
    socket.send(&json!({"type": "subscribe", "jobs": ["other"]})).await;
    socket.message_of("error").await;
    socket.cut();
    let all = entries(&server, "the end of the socket", |entries| {
        entries.iter().any(|entry| entry["action"] == "socket closed")
    });
    let all = all.await;
    let find = |action: &str| {
        let found = all.iter().find(|entry| entry["action"] == action);
        found.unwrap_or_else(|| panic!("no {action} in {all:?}"))
    };
    let made = find("POST /v1/jobs");
    assert_eq!((&made["owner"], &made["credential"]), (&json!("ann"), &json!("token")));
    assert_eq!((&made["targets"], &made["status"]), (&json!([id]), &json!(202)));
    assert_eq!((&made["from"], &made["request"]), (&json!("127.0.0.1"), &json!(request)));
    assert_eq!(find("GET /v1/jobs/{id}/result")["targets"], json!([id]));
    let hidden = find("GET /v1/jobs/{id}");
    assert_eq!((&hidden["owner"], &hidden["code"]), (&json!("ben"), &json!("not_found")));
    let refused = find("DELETE /v1/jobs/{id}");
    assert_eq!((&refused["status"], refused.get("owner")), (&json!(401), None));
    assert!(refused["why"].is_string(), "{refused}");
    let subscribed: Vec<_> = all.iter().filter(|e| e["action"] == "socket subscribe").collect();
    assert_eq!(subscribed[0]["targets"], json!([id]));
    assert!(subscribed.iter().any(|entry| entry["code"] == "not_found"), "{subscribed:?}");
    let closed = find("socket closed");
    assert_eq!(closed["owner"], "ann");
    assert!(closed["seconds"].as_f64().is_some_and(|seconds| seconds >= 0.0), "{closed}");
    // Looks at a state, which clients ask for all the time, are not.
    let looks = all.iter().filter(|e| e["action"] == "GET /v1/jobs/{id}").count();
    assert_eq!(looks, 1, "{all:?}");
    let text = serde_json::to_string(&all).unwrap();
    for secret in ["Top secret", "plan.md", "nonsense", &token_of("ann")[..60]] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(server.data().join("audit.jsonl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn what_somebody_writes_in_the_place_of_an_id_is_not_kept() {
    let server = guarded();
    let ann = server.api_of("ann");
    let secret = format!("mp_{}", "ab".repeat(32));
    ann.call(ann.get(&format!("/v1/jobs/{secret}"))).await.refused(404, "not_found", None);
    let mut socket = Socket::open_as(&server, Some(&token_of("ann"))).await;
    let id = "01a21ddc-d6bc-7328-a227-b7cc1aadbada";
    let mut names = vec![secret.clone()];
    names.extend(std::iter::repeat_n(id.to_owned(), 400));
    socket.send(&json!({"type": "subscribe", "jobs": names})).await;
    socket.message_of("error").await;
    let too_many = vec![id; 1001];
    socket.send(&json!({"type": "subscribe", "jobs": too_many, "ref": "many"})).await;
    while socket.message_of("error").await["field"] != "jobs" {}
    socket.cut();
    let all = entries(&server, "the end of the socket", |entries| {
        entries.iter().any(|entry| entry["action"] == "socket closed")
    });
    let all = all.await;
    let text = serde_json::to_string(&all).unwrap();
    assert!(!text.contains(&secret), "{text}");
    let subscribed: Vec<_> = all.iter().filter(|e| e["action"] == "socket subscribe").collect();
    // What was wished, and what of it was refused, of each message.
    assert_eq!(subscribed.len(), 4, "{subscribed:?}");
    let targets = subscribed[0]["targets"].as_array().unwrap();
    assert_eq!((targets.len(), &targets[50]), (51, &json!("and 350 more")));
}

#[tokio::test]
async fn whoever_is_refused_at_the_gate_is_named() {
    let server = guarded();
    let ann = server.api_of("ann");
    ann.call(ann.get("/v1/keys")).await.refused(403, "forbidden", None);
    let mut stranger = Socket::open_as(&server, Some("nonsense")).await;
    stranger.close_code().await;
    let all = entries(&server, "both refusals", |entries| entries.len() >= 2).await;
    let of = |action: &str| all.iter().find(|entry| entry["action"] == action).unwrap();
    assert_eq!(of("GET /v1/keys")["owner"], "ann");
    let opened = of("GET /v1/ws");
    assert_eq!(opened["code"], "unauthenticated");
    assert!(opened["why"].is_string(), "{opened}");
}

#[tokio::test]
async fn without_authentication_nothing_is_kept() {
    let server = Server::start();
    let id = server.api().submit_text("# One").await;
    server.api().completed(&id).await;
    assert!(!server.data().join("audit.jsonl").exists());
}
