//! Stored documents: kept, listed, worked on by jobs, removed.

use serde_json::{Value, json};

use crate::harness::{Api, Server, expected, fixture, id_of};

async fn store(api: &Api, name: &str) -> Value {
    let form = Api::form(name, fixture(name));
    let reply = api.call(api.post("/v1/documents").multipart(form)).await.expect(201);
    let document = reply.json();
    assert_eq!(reply.header("location"), format!("/v1/documents/{}", id_of(&document)));
    document
}

#[tokio::test]
async fn a_document_is_stored_listed_read_and_removed() {
    let server = Server::start();
    let api = server.api();
    let document = store(&api, "report.pdf").await;
    let id = id_of(&document);
    let bytes = fixture("report.pdf");
    assert_eq!(document["filename"], "report.pdf");
    assert_eq!(document["bytes"], bytes.len());
    assert_eq!((&document["pages"], &document["latest_job"]), (&Value::Null, &Value::Null));
    assert!(api.list("/v1/jobs").await.is_empty(), "nothing works on it");

    let path = format!("/v1/documents/{id}");
    assert_eq!(api.call(api.get(&path)).await.expect(200).json(), document);
    let content = api.call(api.get(&format!("{path}/content"))).await.expect(200);
    assert!(content.body == bytes);
    assert!(content.header("content-disposition").starts_with("attachment"));
    assert_eq!(content.header("x-content-type-options"), "nosniff");
    assert!(content.header("content-security-policy").contains("sandbox"));

    let second = store(&api, "letter.docx").await;
    let listed = api.list("/v1/documents").await;
    assert_eq!(listed, [second, document]);
    api.call(api.delete(&path)).await.expect(204);
    for path in [path.clone(), format!("{path}/content")] {
        api.call(api.get(&path)).await.refused(404, "not_found", None);
    }
    api.call(api.delete(&path)).await.refused(404, "not_found", None);
    assert_eq!(api.list("/v1/documents").await.len(), 1);
}

#[tokio::test]
async fn a_job_over_a_stored_document_shows_in_it_and_outlives_it() {
    let server = Server::start();
    let api = server.api();
    let document = id_of(&store(&api, "report.pdf").await);
    let body = json!({"source": {"document": document}, "pipeline": "convert"});
    let id = id_of(&api.submit_json(&body).await.expect(202).json());
    api.completed(&id).await;
    let path = format!("/v1/documents/{document}");
    let shown = api.call(api.get(&path)).await.expect(200).json();
    assert_eq!(shown["latest_job"]["id"], id);
    assert_eq!(shown["latest_job"]["status"], "completed");
    assert_eq!((&shown["media_type"], &shown["pages"]), (&json!("application/pdf"), &json!(12)));
    let over = api.list(&format!("/v1/jobs?document={document}")).await;
    assert_eq!(over.iter().map(id_of).collect::<String>(), id);

    api.call(api.delete(&path)).await.expect(204);
    assert_eq!(api.result(&id, "markdown").await, expected("report.pdf"));
    let retry = api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await;
    retry.refused(409, "conflict", None);
    let gone = api.submit_json(&body).await;
    gone.refused(422, "invalid_field", Some("source.document"));
}

#[tokio::test]
async fn a_document_that_a_job_needs_is_not_removed() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    server.freeze().await;
    let id = api.submit("letter.docx").await;
    let document = id_of(&api.job(&id).await["document"]);
    let path = format!("/v1/documents/{document}");
    api.call(api.delete(&path)).await.refused(409, "conflict", None);
    server.thaw();
    api.completed(&id).await;
    api.call(api.delete(&path)).await.expect(204);
}

#[tokio::test]
async fn text_is_a_document_too() {
    let server = Server::start();
    let api = server.api();
    let text = String::from_utf8(fixture("counts.csv")).unwrap();
    let body = json!({"source": {"text": text, "filename": "counts.csv"}, "metadata": [1]});
    let job = api.submit_json(&body).await.expect(202).json();
    let job = api.completed(&id_of(&job)).await;
    assert_eq!(
        (&job["document"]["filename"], &job["metadata"]),
        (&json!("counts.csv"), &json!([1]))
    );
    assert_eq!(api.result(&id_of(&job), "markdown").await, expected("counts.csv"));
    let id = api.submit_text("# A heading\n\nAnd é, 語.\n").await;
    api.completed(&id).await;
    let made = String::from_utf8(api.result(&id, "markdown").await).unwrap();
    assert!(made.contains("# A heading") && made.contains("And é, 語."), "{made}");
}

#[tokio::test]
async fn a_name_is_kept_as_a_name() {
    let server = Server::start();
    let api = server.api();
    for (sent, kept) in [
        ("../../etc/passwd.md", "passwd.md"),
        ("C:\\docs\\note.md", "note.md"),
        ("Übergröße 語 \u{1F4C4}.md", "Übergröße 語 \u{1F4C4}.md"),
        ("a \"quoted\" name.md", "a \"quoted\" name.md"),
    ] {
        let body = json!({"source": {"text": "# Hi", "filename": sent}});
        let job = api.submit_json(&body).await.expect(202).json();
        assert_eq!(job["document"]["filename"], kept);
        api.completed(&id_of(&job)).await;
        let path = format!("/v1/documents/{}/content", id_of(&job["document"]));
        let content = api.call(api.get(&path)).await.expect(200);
        assert_eq!(content.body, b"# Hi");
        assert!(content.header("content-disposition").is_ascii());
    }
}

#[tokio::test]
async fn documents_are_found_by_their_names() {
    let server = Server::start();
    let api = server.api();
    for name in ["Invoice May.md", "letter.md", "invoice june.md"] {
        let form = Api::form(name, b"# One".to_vec());
        api.call(api.post("/v1/documents").multipart(form)).await.expect(201);
    }
    let names = |found: &[Value]| found.iter().map(|d| d["filename"].clone()).collect::<Vec<_>>();
    let found = api.list("/v1/documents?q=INVOICE").await;
    assert_eq!(names(&found), ["invoice june.md", "Invoice May.md"]);
    let page = api.call(api.get("/v1/documents?q=invoice&limit=1")).await.expect(200).json();
    let next = page["next"].as_str().unwrap();
    let rest = api.list(&format!("/v1/documents?q=invoice&cursor={next}")).await;
    assert_eq!(names(&rest), ["Invoice May.md"]);
    assert_eq!(api.list("/v1/documents?q=").await.len(), 3);
}
