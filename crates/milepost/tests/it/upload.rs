//! The protocol `upload`, as its clients use it.

use serde_json::json;

use crate::harness::{Heard, Server, Socket, Transcript, guarded};

#[tokio::test]
async fn every_route_answers_in_its_form() {
    let server = Server::with(&[("MILEPOST_LIMITS_JSON_BODY", "4KB")]);
    let api = server.api();
    let mut said = Transcript::of(&server);
    for body in [
        json!({"documents": [{"content": "# A"}, {"content": "B", "source": "b.txt", "metadata": {"x": 1}}]}),
        json!({"collection_name": "mine", "documents": [], "force_recreate": true, "other": 1}),
        json!({}),
        json!([]),
        json!({"documents": {}}),
        json!({"documents": [{"source": "b.txt"}]}),
        json!({"documents": [{"content": 5}]}),
        json!({"documents": [], "force_recreate": "perhaps"}),
        json!({"documents": [], "collection_name": ""}),
        json!({"documents": [], "collection_name": "a\nb"}),
        json!({"documents": [{"content": "x".repeat(5000)}]}),
    ] {
        let request = body.to_string().chars().take(100).collect::<String>();
        said.answer(
            &format!("POST /upload {request}"),
            &api.call(api.post("/upload").json(&body)).await,
        );
    }
    let broken = api.post("/upload").header("content-type", "application/json").body("{\"doc");
    said.answer("POST /upload {\"doc", &api.call(broken).await);
    for path in ["/initialize", "/search"] {
        let reply = api.call(api.post(path).json(&json!({"query": "x"}))).await;
        said.answer(&format!("POST {path}"), &reply);
    }
    said.answer("DELETE /collection/mine", &api.call(api.delete("/collection/mine")).await);
    said.answer("GET /health", &api.call(api.get("/health")).await);
    said.answer("PATCH /upload", &api.call(api.request("PATCH".parse().unwrap(), "/upload")).await);
    let stats = api.call(api.get("/stats")).await.expect(200).json();
    assert_eq!(stats["status"], "success");
    assert!(stats["collection_stats"]["jobs"].is_object(), "{stats}");
    said.check("upload");
}

#[tokio::test]
async fn chunks_are_counted_and_the_socket_ends_behind_the_last_message() {
    let server = Server::start();
    let api = server.api();
    let text = "A paragraph of some words.\n\n".repeat(400);
    let body = json!({"documents": [{"content": text}, {"content": text}]});
    let reply = api.call(api.post("/upload").json(&body)).await.expect(200).json();
    let id = reply["upload_id"].as_str().unwrap();
    let mut socket = Socket::at(&server, &format!("/ws/{id}")).await;
    let mut states = Vec::new();
    let last = loop {
        let message = socket.message().await;
        let state = message["status"].as_str().unwrap().to_owned();
        if states.last() != Some(&state) {
            states.push(state);
        }
        if message["status"] == "completed" {
            break message;
        }
    };
    assert_eq!(socket.hear().await, Heard::Closed(1000));
    // Who comes too late for the others is told of the last one alone.
    let all = ["received", "extracting", "chunking", "enriching", "indexing", "completed"];
    assert!(states == all || states == ["completed"], "{states:?}");
    let made: serde_json::Value = serde_json::from_slice(&api.result(id, "chunks").await).unwrap();
    let chunks = made["chunks"].as_array().unwrap().len() as u64;
    assert!(chunks > 10);
    assert_eq!((&last["current_chunk"], &last["total_chunks"]), (&json!(chunks), &json!(chunks)));
    assert_eq!(last["message"], "Processing completed successfully");
}

#[tokio::test]
async fn everybody_has_their_own_uploads() {
    let server = guarded();
    let (ann, ben) = (server.api_of("ann"), server.api_of("ben"));
    let body = json!({"documents": [{"content": "A secret."}]});
    ann.call(ann.post("/upload").json(&body)).await.expect(200);
    let stats = ben.call(ben.get("/stats")).await.expect(200).json();
    assert_eq!(stats["collection_stats"], json!({"jobs": {}, "bytes": 0}));
    let nobody = server.api();
    let refused = nobody.call(nobody.post("/upload").json(&body)).await;
    assert_eq!(refused.status, 401);
    assert!(refused.json()["detail"].is_string(), "{}", refused.text());
}
