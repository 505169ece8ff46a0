//! `Idempotency-Key`: a request that is sent again makes no second job.

use serde_json::json;

use crate::harness::{Api, Reply, Server, fixture, id_of};

async fn submit(api: &Api, key: &str, name: &str, metadata: &str) -> Reply {
    let form = Api::form(name, fixture(name)).text("metadata", metadata.to_owned());
    api.call(api.post("/v1/jobs").header("idempotency-key", key).multipart(form)).await
}

#[tokio::test]
async fn the_same_request_again_finds_its_job() {
    let server = Server::start();
    let api = server.api();
    let first = submit(&api, "order-1", "letter.docx", "1").await.expect(202);
    let id = id_of(&first.json());
    let again = submit(&api, "order-1", "letter.docx", "1").await.expect(202);
    assert_eq!(id_of(&again.json()), id);
    assert_eq!(again.header("location"), first.header("location"));
    api.completed(&id).await;
    let late = submit(&api, "order-1", "letter.docx", "1").await.expect(202).json();
    assert_eq!((&late["id"], &late["status"]), (&json!(id), &json!("completed")));
    assert_ne!(id_of(&submit(&api, "order-2", "letter.docx", "1").await.expect(202).json()), id);
    assert_eq!(api.list("/v1/jobs").await.len(), 2);
    assert_eq!(api.list("/v1/documents").await.len(), 2);
}

#[tokio::test]
async fn the_same_key_with_another_request_is_refused() {
    let server = Server::start();
    let api = server.api();
    submit(&api, "order-1", "letter.docx", "1").await.expect(202);
    for (name, metadata) in [("letter.docx", "2"), ("letter.odt", "1")] {
        let reply = submit(&api, "order-1", name, metadata).await;
        reply.refused(422, "invalid_field", Some("Idempotency-Key"));
    }
    let json = api.post("/v1/jobs").header("idempotency-key", "order-1");
    let json = json.json(&json!({"source": {"text": "# One"}}));
    api.call(json).await.refused(422, "invalid_field", Some("Idempotency-Key"));
    assert_eq!(api.list("/v1/jobs").await.len(), 1);
    assert_eq!(api.list("/v1/documents").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_at_the_same_time_makes_one_job() {
    let server = Server::start();
    let api = server.api();
    let requests: Vec<_> = (0..24)
        .map(|_| {
            let api = api.clone();
            tokio::spawn(async move { submit(&api, "at-once", "report.pdf", "1").await })
        })
        .collect();
    let mut ids = Vec::new();
    for request in requests {
        ids.push(id_of(&request.await.unwrap().expect(202).json()));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    api.completed(&ids[0]).await;
    assert_eq!(api.list("/v1/jobs").await.len(), 1);
    assert_eq!(api.list("/v1/documents").await.len(), 1);
}

#[tokio::test]
async fn a_key_outlives_the_server() {
    let mut server = Server::start();
    let first = submit(&server.api(), "order-1", "letter.docx", "1").await.expect(202).json();
    server.kill9();
    server.restart();
    let again = submit(&server.api(), "order-1", "letter.docx", "1").await.expect(202).json();
    assert_eq!(again["id"], first["id"]);
    server.api().completed(&id_of(&first)).await;
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let server = Server::start();
    let api = server.api();
    for key in ["", &"k".repeat(300)] {
        let reply = submit(&api, key, "letter.docx", "1").await;
        reply.refused(422, "invalid_field", Some("Idempotency-Key"));
    }
}
