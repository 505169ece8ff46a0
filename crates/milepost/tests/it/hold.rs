//! Held jobs: they wait for a confirmation, which may bring the document.

use serde_json::{Value, json};

use crate::harness::{Api, Server, expected, fixture, id_of};

#[tokio::test]
async fn a_held_job_waits_for_its_confirmation() {
    let server = Server::start();
    let api = server.api();
    let form = Api::form("letter.docx", fixture("letter.docx")).text("hold", "true");
    let held = api.submit_form(form).await;
    assert_eq!(held["status"], "awaiting");
    let id = id_of(&held);
    // A later job ends first: nobody takes up what is held.
    let other = api.submit("letter.docx").await;
    api.completed(&other).await;
    assert_eq!(api.job(&id).await["status"], "awaiting");
    let confirm = format!("/v1/jobs/{id}/confirm");
    let confirmed = api.call(api.post(&confirm)).await.expect(202).json();
    assert_eq!((&confirmed["status"], &confirmed["seq"]), (&json!("queued"), &json!(2)));
    api.completed(&id).await;
    assert_eq!(api.result(&id, "markdown").await, expected("letter.docx"));
    let problem = api.call(api.post(&confirm)).await.refused(409, "conflict", None);
    assert_eq!(problem["job_status"], "completed");
}

#[tokio::test]
async fn a_confirmation_may_bring_the_document() {
    let server = Server::start();
    let api = server.api();
    for way in ["file", "text", "document"] {
        let body = json!({"hold": true, "metadata": {"way": way}});
        let held = api.submit_json(&body).await.expect(202).json();
        assert_eq!((&held["status"], &held["document"]), (&json!("awaiting"), &Value::Null));
        let id = id_of(&held);
        let confirm = || api.post(&format!("/v1/jobs/{id}/confirm"));
        api.call(confirm()).await.refused(422, "invalid_field", Some("source"));
        let request = match way {
            "file" => confirm().multipart(Api::form("notes.md", fixture("notes.md"))),
            "text" => {
                let text = String::from_utf8(fixture("notes.md")).unwrap();
                confirm().json(&json!({"source": {"text": text, "filename": "notes.md"}}))
            }
            _ => {
                let form = Api::form("notes.md", fixture("notes.md"));
                let stored = api.call(api.post("/v1/documents").multipart(form)).await;
                let document = id_of(&stored.expect(201).json());
                confirm().json(&json!({"source": {"document": document}}))
            }
        };
        api.call(request).await.expect(202);
        let job = api.completed(&id).await;
        assert_eq!(job["document"]["filename"], "notes.md", "{way}");
        assert_eq!(job["metadata"]["way"], way);
        assert_eq!(api.result(&id, "markdown").await, expected("notes.md"), "{way}");
    }
}

#[tokio::test]
async fn a_confirmation_may_bring_options_and_nothing_else() {
    let server = Server::start();
    let api = server.api();
    let held = api.submit_json(&json!({"hold": true})).await.expect(202).json();
    let confirm = format!("/v1/jobs/{}/confirm", id_of(&held));
    let form = || Api::form("encrypted.pdf", fixture("encrypted.pdf"));
    let other = form().text("metadata", "{}");
    api.call(api.post(&confirm).multipart(other)).await.refused(
        422,
        "invalid_field",
        Some("metadata"),
    );
    let options = json!({"password": "milepost", "formats": ["markdown"]});
    let confirmed = form().text("options", options.to_string());
    api.call(api.post(&confirm).multipart(confirmed)).await.expect(202);
    let job = api.completed(&id_of(&held)).await;
    assert_eq!(job["result"]["formats"], json!(["markdown"]));
    let log = serde_json::to_string(&api.events(&id_of(&held)).await).unwrap();
    assert!(!log.contains("password"), "{log}");
}
