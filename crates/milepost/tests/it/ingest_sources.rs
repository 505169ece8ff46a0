//! Several documents in one job: those that can be read are found, the others are told of.

use serde_json::{Value, json};

use crate::harness::{Api, Server, Shelf, eventually, fixture, id_of};

async fn add(api: &Api, name: &str, bytes: Vec<u8>) -> String {
    let made = api.call(api.post("/v1/documents").multipart(Api::form(name, bytes))).await;
    id_of(&made.expect(201).json())
}

fn body(sources: &Value) -> Value {
    json!({"pipeline": "ingest", "collection": "papers", "sources": sources})
}

async fn submitted(api: &Api, body: &Value) -> Value {
    api.submit_json(body).await.expect(202).json()
}

async fn chunks(api: &Api, id: &str) -> Value {
    serde_json::from_slice(&api.result(id, "chunks").await).unwrap()
}

#[tokio::test]
async fn a_bad_document_of_three_is_told_of_and_the_others_are_found() {
    let mut server = Server::start();
    let api = server.api();
    let stored = add(&api, "letter.docx", fixture("letter.docx")).await;
    let bad = add(&api, "truncated.pdf", fixture("truncated.pdf")).await;
    let sources = json!([
        {"document": stored, "key": "the letter", "metadata": {"year": 1921}},
        {"document": bad},
        {"text": "# Birds\n\nA heron stands in the reeds.", "filename": "birds.md"},
        {"text": "A bittern booms.", "filename": "birds.md"},
    ]);
    let job = submitted(&api, &body(&sources)).await;
    assert_eq!(
        (&job["document"], &job["documents"]),
        (&Value::Null, &json!({"total": 4, "done": 0}))
    );
    let id = id_of(&job);
    let job = api.completed(&id).await;
    assert_eq!(job["documents"], json!({"total": 4, "done": 3}));
    assert_eq!(job["message"], "Completed; 1 of 4 documents could not be read");
    assert_eq!(
        (&job["stages"][0]["unit"], &job["stages"][0]["done"]),
        (&json!("document"), &json!(4))
    );
    let made = chunks(&api, &id).await;
    let failure = &made["failures"][0];
    assert_eq!(
        (&failure["place"], &failure["source"], &failure["code"]),
        (&json!(1), &json!("truncated.pdf"), &json!("document_damaged"))
    );
    assert_eq!(made["failures"].as_array().unwrap().len(), 1);
    // Each is needed as long as the job is there, as any job's document is.
    let shelf = Shelf::of(&mut server);
    let entries = shelf.entries("papers").await;
    let keys: Vec<_> = entries.iter().map(|entry| entry.facts.key.as_str()).collect();
    assert_eq!(keys, ["the letter", "birds.md", "birds.md#2"]);
    assert_eq!(entries[0].facts.document.map(|id| id.to_string()), Some(stored));
    assert_eq!(entries[0].facts.metadata["year"], 1921);
    assert_eq!(shelf.found("papers", "heron").await, [("birds.md".to_owned(), 0)]);
    assert_eq!(shelf.found("papers", "bittern").await, [("birds.md#2".to_owned(), 0)]);
}

#[tokio::test]
async fn a_job_of_which_nothing_can_be_read_fails() {
    let server = Server::start();
    let api = server.api();
    let mut sources = Vec::new();
    for name in ["truncated.pdf", "unknown.bin"] {
        sources.push(json!({"document": add(&api, name, fixture(name)).await}));
    }
    let id = id_of(&submitted(&api, &body(&sources.into())).await);
    let job = api.ended(&id).await;
    assert_eq!(
        (&job["status"], &job["error"]["code"]),
        (&json!("failed"), &json!("document_damaged"))
    );
    let message = job["message"].as_str().unwrap();
    assert!(
        message.contains("None of the 2 documents") && message.contains("truncated.pdf"),
        "{message}"
    );
    // A retry reads them again, and goes on with what can be read then: nothing.
    api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
    assert_eq!(api.ended(&id).await["error"]["code"], "document_damaged");
}

#[tokio::test]
async fn sources_are_checked() {
    let server = Server::with(&[("MILEPOST_LIMITS_SOURCES", "3")]);
    let api = server.api();
    let text = json!({"text": "x"});
    let none = "0198a5f0-0000-7000-8000-000000000000";
    for (sources, field) in [
        (json!([]), "sources"),
        (json!({"text": "x"}), "sources"),
        (json!([text, {"document": none}]), "sources[1].document"),
        (json!([text, {"url": "https://example.org/a.pdf"}]), "sources[1].url"),
        (json!([text, {}]), "sources[1]"),
        (json!([text, {"text": "x", "key": ""}]), "sources[1].key"),
        (json!([text, {"text": "x", "metadata": 5}]), "sources[1].metadata"),
        (json!([text, {"text": "x", "metadata": {"a": "y".repeat(5000)}}]), "metadata"),
        (json!([text, {"text": "x", "name": "y"}]), "sources[1].name"),
    ] {
        let refused = api.submit_json(&body(&sources)).await;
        refused.refused(422, "invalid_field", Some(field));
    }
    let many = body(&json!([text, text, text, text]));
    let problem = api.submit_json(&many).await.refused(413, "body_too_large", Some("sources"));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("3 sources at most") && detail.contains("`papers`"), "{detail}");
    let both = json!({"pipeline": "ingest", "source": text, "sources": [text]});
    api.submit_json(&both).await.refused(422, "invalid_field", Some("sources"));
    for body in [
        json!({"sources": [text]}),
        json!({"pipeline": "convert", "source": text, "collection": "papers"}),
        json!({"pipeline": "sentences", "source": {"text": "x", "key": "y"}}),
        json!({"pipeline": "ingest", "source": text, "collection": " x"}),
    ] {
        assert_eq!(api.submit_json(&body).await.status, 422, "{body}");
    }
    assert!(api.list("/v1/jobs").await.is_empty() && api.list("/v1/documents").await.is_empty());
}

#[tokio::test]
async fn a_document_is_kept_for_the_job_that_needs_it_among_others() {
    let server = Server::start();
    let api = server.api();
    let letter = add(&api, "letter.docx", fixture("letter.docx")).await;
    let mut held = body(&json!([{"document": letter}, {"text": "A heron."}]));
    held["hold"] = true.into();
    let key = "the same again";
    let submit = async |body: &Value| {
        api.call(api.post("/v1/jobs").header("idempotency-key", key).json(body)).await
    };
    let id = id_of(&submit(&held).await.expect(202).json());
    assert_eq!(id_of(&submit(&held).await.expect(202).json()), id);
    let mut other = held.clone();
    other["sources"][1]["key"] = "x".into();
    submit(&other).await.refused(422, "invalid_field", Some("Idempotency-Key"));
    let delete = || api.call(api.delete(&format!("/v1/documents/{letter}")));
    delete().await.refused(409, "conflict", None);
    let confirm = || api.post(&format!("/v1/jobs/{id}/confirm"));
    let more = api.call(confirm().multipart(Api::form("a.md", "x".into()))).await;
    more.refused(422, "invalid_field", Some("source"));
    api.call(confirm()).await.expect(202);
    api.completed(&id).await;
    delete().await.expect(204);
    // What was extracted of it is still there, so that the job can be done again.
    api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
    let job = api.completed(&id).await;
    assert_eq!(job["documents"], json!({"total": 2, "done": 2}));
}

#[tokio::test]
async fn a_converter_that_dies_of_one_document_is_replaced_for_the_others() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    let mut sources = vec![json!({"text": "A heron stands in the reeds.", "filename": "a.md"})];
    for name in ["b", "c"] {
        let pdf = crate::harness::pdf_of(300);
        sources.push(json!({"document": add(&api, &format!("{name}.pdf"), pdf).await}));
    }
    let id = id_of(&submitted(&api, &body(&sources.into())).await);
    api.until(&id, "the second document", |job| job["stages"][0]["done"] == 1).await;
    for converter in server.converters() {
        converter.signal(rustix::process::Signal::KILL);
    }
    let job = api.completed(&id).await;
    assert_eq!((&job["documents"]["done"], &job["attempt"]), (&json!(3), &json!(1)), "{job}");
    eventually("a converter", || async { (!server.converters().is_empty()).then_some(()) }).await;
}
