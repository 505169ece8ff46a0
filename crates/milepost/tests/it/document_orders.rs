//! Documents of the protocol `document`, the status of their conversion, and orders.

use serde_json::{Value, json};

use crate::harness::{Api, Form, Reply, Server, Transcript, Work, fixture, pdf_of};

async fn order(api: &Api, path: &str, order: Value) -> Reply {
    api.call(api.post(path).json(&order)).await
}

/// The status once it is this one.
async fn until(api: &Api, path: &str, status: &str) -> Reply {
    crate::harness::eventually(status, || async {
        Some(api.call(api.get(path)).await.expect(200)).filter(|r| r.json()["status"] == status)
    })
    .await
}

/// Without what depends on how fast the machine is.
fn timeless(mut reply: Reply) -> Reply {
    let mut body = reply.json();
    let metrics = &mut body["queueMetrics"];
    if metrics.is_object() {
        assert!(metrics["averageProcessingTime"].is_u64(), "{metrics}");
        metrics["averageProcessingTime"] = json!("<ms>");
    }
    reply.body = body.to_string().into_bytes();
    reply
}

#[tokio::test]
async fn documents_have_titles() {
    let server = Server::start();
    let api = server.api();
    let mut told = Transcript::of(&server);
    told.answer("GET /api/documents", &api.call(api.get("/api/documents")).await);
    let form = Api::form("report.pdf", fixture("report.pdf")).text("title", " The report ");
    let form = form.text("contentType", "PDF").text("description", "whatever");
    let made = api.call(api.post("/api/documents/upload").multipart(form)).await;
    told.answer("POST /api/documents/upload", &made);
    let id = made.json()["document"]["id"].as_str().unwrap().to_owned();
    let form = Form::new().text("title", "A picture").part(
        "file",
        reqwest::multipart::Part::bytes(vec![1, 2, 3])
            .file_name("x.png")
            .mime_str("image/png")
            .unwrap(),
    );
    told.answer("POST /api/documents", &api.call(api.post("/api/documents").multipart(form)).await);
    // What came another way has its file's name.
    let native = Api::form("note.md", b"# Note".to_vec());
    api.call(api.post("/v1/documents").multipart(native)).await.expect(201);
    for path in [
        "/api/documents",
        "/api/documents?contentType=IMAGE",
        "/api/documents?contentType=PDF&search=REPORT",
        "/api/documents?search=nothing",
        &format!("/api/documents/{id}"),
        "/api/documents/nothing",
    ] {
        told.answer(&format!("GET {path}"), &api.call(api.get(path)).await);
    }
    let path = format!("/api/documents/{id}");
    for _ in 0..2 {
        told.answer("DELETE /api/documents/{id}", &api.call(api.delete(&path)).await);
    }
    for (what, form) in [
        ("without a title", Api::form("a.md", b"x".to_vec())),
        ("with an empty title", Api::form("a.md", b"x".to_vec()).text("title", " ")),
        ("without a file", Form::new().text("title", "x")),
        (
            "with two files",
            Api::files([("a.md", b"x"), ("b.md", b"x")].map(|(n, b)| (n, b.to_vec()))),
        ),
    ] {
        let reply = api.call(api.post("/api/documents/upload").multipart(form)).await;
        told.answer(&format!("POST /api/documents/upload {what}"), &reply);
    }
    let nothing = api.call(api.post("/api/documents/upload")).await;
    told.answer("POST /api/documents/upload of nothing", &nothing);
    told.check("document_documents");
}

#[tokio::test]
async fn a_conversion_is_started_watched_and_cancelled() {
    let server = Server::start();
    let api = server.api();
    let mut told = Transcript::of(&server);
    let work = Work::on(&api, "Report").await;
    let path = work.status();
    told.answer("GET", &api.call(api.get(&path)).await);
    told.answer("POST cancel", &order(&api, &path, json!({"action": "cancel"})).await);
    for wrong in [json!({"action": "stop"}), json!({}), json!({"action": 7}), json!([])] {
        told.answer(&format!("POST {wrong}"), &order(&api, &path, wrong).await);
    }
    let broken = api.call(api.post(&path).body("{")).await;
    told.answer("POST {", &broken);
    // The test reports, so that each state can be seen.
    let job = work.begin().await;
    let under_way = order(&api, &path, json!({"action": "start"})).await;
    told.answer("POST start, while one is under way", &under_way);
    work.pages(&job, 1, 4).await;
    let mut running = timeless(api.call(api.get(&path)).await);
    let mut body = running.json();
    assert!(body["estimatedTimeRemaining"].is_u64() || body["estimatedTimeRemaining"].is_null());
    body["estimatedTimeRemaining"] = json!("<estimate>");
    body["estimatedTimeRemainingFormatted"] = json!("<estimate>");
    running.body = body.to_string().into_bytes();
    told.answer("GET, running", &running);
    work.fail(&job, false).await;
    told.answer("GET, failed", &timeless(api.call(api.get(&path)).await));
    told.answer("POST retry", &order(&api, &path, json!({"action": "retry"})).await);
    told.answer("POST cancel", &order(&api, &path, json!({"action": "cancel"})).await);
    told.answer("GET, cancelled", &timeless(api.call(api.get(&path)).await));
    // Of one that was cancelled there is nothing to try again, so another one begins.
    order(&api, &path, json!({"action": "retry", "priority": "high"})).await.expect(200);
    told.answer("GET, completed", &timeless(until(&api, &path, "completed").await));
    told.check("document_status");
}

#[tokio::test]
async fn a_document_is_converted_once_at_a_time() {
    let server = Server::start();
    let api = server.api();
    let form = Api::form("book.pdf", pdf_of(200)).text("title", "Book");
    let made = api.call(api.post("/api/documents").multipart(form)).await.expect(201).json();
    let document = made["document"]["id"].as_str().unwrap();
    let path = format!("/api/documents/{document}/conversion-status");
    let convert = format!("/api/documents/{document}/convert");
    let starts = (0..8).map(|_| order(&api, &path, json!({"action": "start"})));
    for started in futures_util::future::join_all(starts).await {
        let started = started.expect(200).json();
        assert_eq!(started["success"], true);
        assert_eq!(started["job"]["documentId"], document);
    }
    api.call(api.post(&convert)).await.expect(200);
    assert_eq!(api.list("/v1/jobs").await.len(), 1);
    order(&api, &path, json!({"action": "cancel"})).await.expect(200);
    until(&api, &path, "cancelled").await;
    api.call(api.post(&convert)).await.expect(200);
    assert_eq!(api.list("/v1/jobs").await.len(), 2);
}

#[tokio::test]
async fn a_waiting_conversion_has_a_place() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    server.freeze().await;
    let mut paths = Vec::new();
    for title in ["first", "second", "third"] {
        let work = Work::on(&api, title).await;
        order(&api, &work.status(), json!({"action": "start"})).await.expect(200);
        paths.push(work.status());
        if title == "first" {
            until(&api, &work.status(), "processing").await;
        }
    }
    for (place, path) in paths[1..].iter().enumerate() {
        let status = api.call(api.get(path)).await.expect(200).json();
        assert_eq!(status["queuePosition"], place + 1, "{status}");
        assert_eq!(status["queueMetrics"]["queueDepth"], 2, "{status}");
        assert_eq!(status["queueMetrics"]["activeJobs"], 1, "{status}");
        assert_eq!(status["queueMetrics"]["successRate"], 100.0, "{status}");
    }
    // Higher goes first.
    let work = Work::on(&api, "urgent").await;
    let urgent = json!({"action": "start", "priority": "urgent"});
    order(&api, &work.status(), urgent).await.expect(200);
    let status = api.call(api.get(&work.status())).await.expect(200).json();
    assert_eq!(status["queuePosition"], 1, "{status}");
    server.thaw();
    for path in paths {
        until(&api, &path, "completed").await;
    }
}
