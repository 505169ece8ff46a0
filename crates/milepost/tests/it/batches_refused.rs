//! A batch is taken in whole or not at all, and a refusal says which part is at
//! fault.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::harness::{Api, Server, eventually, fixture, id_of};

/// Files of the store's folder of objects.
fn objects(server: &Server) -> usize {
    let folders = std::fs::read_dir(server.data().join("objects")).unwrap();
    folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}

async fn nothing_stays(server: &Server, api: &Api) {
    assert!(api.list("/v1/jobs").await.is_empty());
    assert!(api.list("/v1/documents").await.is_empty());
    eventually("no upload is left", || async { (objects(server) == 0).then_some(()) }).await;
}

/// Large enough to be an object.
fn large(name: &str) -> (String, Vec<u8>) {
    (name.to_owned(), "A line of some length.\n\n".repeat(4000).into_bytes())
}

#[tokio::test]
async fn one_bad_submission_refuses_all_and_is_named() {
    let server = Server::start();
    let api = server.api();
    let text = String::from_utf8(large("").1).unwrap();
    let good = json!({"source": {"text": text, "filename": "good.md"}});
    let nobody = "0199aaaa-0000-7000-8000-000000000000";
    for (bad, field, said) in [
        (
            json!({"source": {"text": "x", "filename": "bad.md"}, "options": {"pages": "0"}}),
            "[1].options.pages",
            "`bad.md`, submission 2 of 3",
        ),
        (json!({"source": {"text": "x", "filename": "bad.md"}, "extra": 1}), "[1].extra", "bad.md"),
        (json!({"source": {"document": nobody}}), "[1].source.document", nobody),
        (json!({"source": {"url": "https://example.com/"}}), "[1].source.url", "submission 2 of 3"),
        (json!({"metadata": 1}), "[1].source", "submission 2 of 3"),
        (json!("text"), "[1]", "submission 2 of 3"),
        (json!({"source": {"text": "x"}, "metadata": "x".repeat(5000)}), "[1].metadata", "4096"),
    ] {
        let reply = api.submit_json(&json!([good, bad, good])).await;
        let problem: Value = reply.json();
        assert_eq!(problem["field"], field, "{problem}");
        assert!(matches!(reply.status, 403 | 422), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
        nothing_stays(&server, &api).await;
    }
    api.submit_json(&json!([])).await.refused(422, "invalid_field", Some("body"));
}

#[tokio::test]
async fn a_form_that_breaks_off_names_the_file() {
    let server = Server::start();
    let api = server.api();
    let part = |name: &str, text: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n{text}\r\n"
        )
    };
    let long = String::from_utf8(large("").1).unwrap();
    let cut = part("first.md", &long) + &part("second.md", &long);
    let request = api.post("/v1/jobs").header(CONTENT_TYPE, "multipart/form-data; boundary=b");
    let problem = api.call(request.body(cut)).await.refused(400, "invalid_request", None);
    assert!(problem["detail"].as_str().unwrap().contains("`second.md`"), "{problem}");
    nothing_stays(&server, &api).await;
    let form = Api::files([large("a.md"), large("b.md")]).text("options", r#"{"ocr": true}"#);
    let refused = api.call(api.post("/v1/jobs").multipart(form)).await;
    refused.refused(422, "invalid_field", Some("options.ocr"));
    nothing_stays(&server, &api).await;
}

#[tokio::test]
async fn the_bounds_of_a_request_and_of_a_batch_are_named() {
    let server = Server::with(&[
        ("MILEPOST_LIMITS_REQUEST_JOBS", "3"),
        ("MILEPOST_LIMITS_BATCH_JOBS", "5"),
        ("MILEPOST_LIMITS_BODY", "1MB"),
    ]);
    let api = server.api();
    let files = |count: usize| Api::files((0..count).map(|n| large(&format!("{n}.md"))));
    let many = api.call(api.post("/v1/jobs").multipart(files(4))).await;
    let problem = many.refused(413, "body_too_large", None);
    assert!(problem["detail"].as_str().unwrap().contains("3 jobs at most"), "{problem}");
    let array: Vec<_> = (0..4).map(|n| json!({"source": {"text": n.to_string()}})).collect();
    api.submit_json(&json!(array)).await.refused(413, "body_too_large", None);
    nothing_stays(&server, &api).await;

    let (id, jobs) = api.submit_files(files(3)).await;
    let path = format!("/v1/jobs?batch={id}");
    let full = api.call(api.post(&path).multipart(files(3))).await;
    full.refused(422, "invalid_field", Some("batch"));
    api.call(api.post(&path).multipart(files(2))).await.expect(202);
    let single = api.call(api.post(&path).multipart(files(1))).await;
    single.refused(422, "invalid_field", Some("batch"));
    assert_eq!(api.batch(&id).await["total"], 5);
    for nobody in ["0199aaaa-0000-7000-8000-000000000000", "nonsense", ""] {
        let path = format!("/v1/jobs?batch={nobody}");
        api.call(api.post(&path).multipart(files(2))).await.refused(404, "not_found", None);
    }
    assert_eq!(api.list("/v1/jobs").await.len(), 5);
    api.ended(&jobs[0]).await;
}

#[tokio::test]
async fn the_queue_counts_the_whole_batch() {
    let server =
        Server::with(&[("MILEPOST_QUEUE_MAX_WAITING", "4"), ("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    server.freeze().await;
    let running = api.submit_text("# Runs").await;
    api.until(&running, "started", |job| job["status"] == "running").await;
    let files =
        |count: usize| Api::files((0..count).map(|n| (format!("{n}.md"), vec![b'x'; n + 1])));
    let never = api.call(api.post("/v1/jobs").multipart(files(5))).await;
    never.refused(413, "body_too_large", None);
    let (id, _) = api.submit_files(files(3)).await;
    let later = api.call(api.post("/v1/jobs").multipart(files(2))).await;
    assert!(!later.header("retry-after").is_empty());
    later.refused(429, "queue_full", None);
    assert_eq!(api.list("/v1/jobs").await.len(), 4);
    api.call(api.post("/v1/jobs").multipart(files(1))).await.expect(202);
    api.call(api.post(&format!("/v1/batches/{id}/cancel"))).await.expect(200);
    api.call(api.post("/v1/jobs").multipart(files(3))).await.expect(202);
    server.thaw();
}

#[tokio::test]
async fn a_confirmation_takes_one_document() {
    let server = Server::start();
    let api = server.api();
    let held = id_of(&api.submit_json(&json!({"hold": true})).await.expect(202).json());
    let path = format!("/v1/jobs/{held}/confirm");
    let two = Api::files([large("a.md"), large("b.md")]);
    api.call(api.post(&path).multipart(two)).await.refused(422, "invalid_field", Some("file"));
    eventually("no upload is left", || async { (objects(&server) == 0).then_some(()) }).await;
    let one = Api::form("letter.docx", fixture("letter.docx"));
    api.call(api.post(&path).multipart(one)).await.expect(202);
    api.completed(&held).await;
}
