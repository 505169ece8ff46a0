//! The protocol `upload`, as its clients use it.

use serde_json::{Value, json};

use crate::harness::{Heard, Server, Socket, Transcript, eventually, guarded, id_of};

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
    for body in [
        json!({"query": "x"}),
        json!({"query": "x", "collection_name": "none"}),
        json!({"query": ""}),
        json!({"query": "x", "k": 0}),
        json!({"query": "x", "k": 1_000_000}),
        json!({"k": 5}),
        json!([]),
    ] {
        said.answer(
            &format!("POST /search {body}"),
            &api.call(api.post("/search").json(&body)).await,
        );
    }
    let body = json!({"documents": [{"content": 5}]});
    said.answer(
        &format!("POST /initialize {body}"),
        &api.call(api.post("/initialize").json(&body)).await,
    );
    said.answer("DELETE /collection/none", &api.call(api.delete("/collection/none")).await);
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
    let nothing = json!({
        "jobs": {}, "bytes": 0, "collections": [],
        "total_documents": 0, "total_chunks": 0, "total_vectors": 0,
    });
    assert_eq!(stats["collection_stats"], nothing);
    let search = json!({"query": "secret", "collection_name": "rag_documents"});
    ben.call(ben.post("/search").json(&search)).await.expect(404);
    ben.call(ben.delete("/collection/rag_documents")).await.expect(404);
    let nobody = server.api();
    let refused = nobody.call(nobody.post("/upload").json(&body)).await;
    assert_eq!(refused.status, 401);
    assert!(refused.json()["detail"].is_string(), "{}", refused.text());
}

#[tokio::test]
async fn what_was_uploaded_is_counted_found_and_deleted() {
    let server = Server::start();
    let api = server.api();
    let text = "A paragraph about herons.\n\n".repeat(200);
    let body = json!({"collection_name": "birds", "documents": [
        {"content": text, "source": "heron.txt", "metadata": {"shelf": 3}},
        {"content": "The swift sleeps in the air.", "source": "swift.txt"},
    ]});
    let done = api.call(api.post("/initialize").json(&body)).await.expect(200).json();
    assert_eq!((&done["status"], &done["total_documents"]), (&json!("success"), &json!(2)));
    let chunks = done["total_chunks"].as_u64().unwrap();
    assert!(chunks > 3, "{done}");
    assert_eq!((&done["total_vectors"], &done["estimated_cost_usd"]), (&json!(0), &json!(0.0)));
    assert!(done["processing_time_ms"].as_f64().unwrap() > 0.0);
    let stats = api.call(api.get("/stats")).await.expect(200).json();
    let stats = &stats["collection_stats"];
    assert_eq!((&stats["total_documents"], &stats["total_chunks"]), (&json!(2), &json!(chunks)));
    assert_eq!(stats["collections"][0]["name"], "birds");
    let ask = async |body: Value| api.call(api.post("/search").json(&body)).await;
    let found = ask(json!({"query": "swift", "collection_name": "birds"})).await.expect(200).json();
    assert_eq!(
        (&found["count"], &found["documents"][0]["source"]),
        (&json!(1), &json!("swift.txt"))
    );
    assert!(found["documents"][0]["content"].as_str().unwrap().contains("sleeps"), "{found}");
    assert!(found["total_time_ms"].is_number() && found["documents"][0]["score"].is_number());
    let body =
        json!({"query": "herons", "collection_name": "birds", "query_type": "general", "k": 2});
    let found = ask(body).await.expect(200).json();
    assert_eq!(
        (&found["count"], &found["documents"][1]["metadata"]["shelf"]),
        (&json!(2), &json!(3))
    );

    // The same texts again add nothing; made anew, the collection holds the new ones alone.
    let swift = json!([{"content": "The swift sleeps in the air.", "source": "swift.txt"}]);
    let mut body = json!({"collection_name": "birds", "documents": swift});
    api.call(api.post("/initialize").json(&body)).await.expect(200);
    let count = async || {
        let stats = api.call(api.get("/stats")).await.expect(200).json();
        stats["collection_stats"]["total_documents"].as_u64().unwrap()
    };
    assert_eq!(count().await, 2);
    body["force_recreate"] = json!(true);
    api.call(api.post("/initialize").json(&body)).await.expect(200);
    assert_eq!(count().await, 1);
    let deleted = api.call(api.delete("/collection/birds")).await.expect(200).json();
    assert_eq!(deleted, json!({"status": "success", "message": "Collection 'birds' deleted"}));
    assert_eq!(count().await, 0);
}

/// Whoever does not wait for the end gets it all the same.
#[tokio::test]
async fn an_upload_goes_on_when_its_client_has_gone() {
    let server = Server::start();
    let api = server.api();
    let frozen = server.freeze().await;
    let body = json!({"documents": [{"content": "The swift sleeps in the air."}]});
    let waiting = tokio::spawn({
        let request = api.post("/initialize").json(&body);
        async move { request.send().await }
    });
    let job = eventually("a job", || async { api.list("/v1/jobs").await.pop() }).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    drop(frozen);
    server.thaw();
    api.completed(&id_of(&job)).await;
    let body = json!({"query": "swift"});
    let found = api.call(api.post("/search").json(&body)).await.expect(200).json();
    assert_eq!(found["count"], 1);
}
