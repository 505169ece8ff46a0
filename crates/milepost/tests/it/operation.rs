//! What operators and tools read: health, readiness, metrics, counts, and the
//! description of the API.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Server, Socket, eventually};

/// Every call of the protocol that this version has.
const ROUTES: [(&str, &[&str]); 38] = [
    ("/v1/batches", &["get"]),
    ("/v1/batches/{id}", &["get"]),
    ("/v1/batches/{id}/cancel", &["post"]),
    ("/v1/batches/{id}/retry", &["post"]),
    ("/v1/documents", &["get", "post"]),
    ("/v1/documents/{id}", &["delete", "get"]),
    ("/v1/documents/{id}/content", &["get"]),
    ("/v1/jobs", &["get", "post"]),
    ("/v1/jobs/{id}", &["delete", "get"]),
    ("/v1/jobs/{id}/cancel", &["post"]),
    ("/v1/jobs/{id}/complete", &["post"]),
    ("/v1/jobs/{id}/confirm", &["post"]),
    ("/v1/jobs/{id}/events", &["get"]),
    ("/v1/jobs/{id}/fail", &["post"]),
    ("/v1/jobs/{id}/pages", &["get"]),
    ("/v1/jobs/{id}/pages/{page}", &["get"]),
    ("/v1/jobs/{id}/progress", &["post"]),
    ("/v1/jobs/{id}/result", &["get"]),
    ("/v1/jobs/{id}/retry", &["post"]),
    ("/v1/jobs/{id}/share", &["delete", "post"]),
    ("/v1/keys", &["get", "post"]),
    ("/v1/keys/{id}", &["delete"]),
    ("/v1/info", &["get"]),
    ("/v1/push/subscriptions", &["get", "post"]),
    ("/v1/push/subscriptions/{id}", &["delete"]),
    ("/v1/session", &["delete", "get", "post"]),
    ("/v1/stats", &["get"]),
    ("/v1/stream", &["get"]),
    ("/v1/ws", &["get"]),
    ("/healthz", &["get"]),
    ("/metrics", &["get"]),
    ("/readyz", &["get"]),
    ("/v1/collections", &["get"]),
    ("/v1/collections/{name}", &["put", "get", "delete"]),
    ("/v1/collections/{name}/documents", &["get"]),
    ("/v1/collections/{name}/documents/{id}", &["put", "get", "delete"]),
    ("/v1/collections/{name}/search", &["post"]),
    ("/v1/search", &["get"]),
];

#[tokio::test]
async fn a_server_that_is_ready_says_so() {
    let server = Server::start();
    let api = server.api();
    let health = api.call(api.get("/healthz")).await.expect(200).json();
    assert_eq!(health["status"], "ok");
    let ready = api.call(api.get("/readyz")).await.expect(200).json();
    assert_eq!(ready["status"], "ready");
    assert!(ready["parts"].as_object().is_some_and(|parts| parts.values().all(|p| p == "ready")));
}

#[tokio::test]
async fn a_server_at_rest_is_small() {
    let server = Server::start();
    let converters = eventually("the converters", || async {
        Some(server.converters()).filter(|converters| converters.len() == 2)
    });
    let mut all = converters.await;
    all.push(server.process());
    let api = server.api();
    api.call(api.get("/readyz")).await.expect(200);
    let bytes: u64 = all.iter().map(|process| process.proportional_bytes()).sum();
    assert!(bytes < 60_000_000, "{bytes} bytes in {} processes", all.len());
}

/// The value of a metric whose labels hold all of `labels`.
fn metric(text: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let line = text.lines().find(|line| {
        line.split(['{', ' ']).next() == Some(name) && labels.iter().all(|l| line.contains(l))
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let server = Server::start();
    let api = server.api();
    for name in ["letter.docx", "report.pdf", "unknown.bin"] {
        let id = api.submit(name).await;
        api.ended(&id).await;
    }
    let mut socket = Socket::open(&server).await;
    socket.send(&json!({"type": "subscribe", "mine": true})).await;
    socket.message_of("subscribed").await;
    // Jobs are counted as their ends are announced, a moment after the answer.
    let text = eventually("all three ends", || async {
        let reply = api.call(api.get("/metrics")).await.expect(200);
        assert!(reply.header("content-type").contains("charset=utf-8"));
        let text = reply.text();
        let ended = |status| metric(&text, "milepost_jobs_ended_total", &[status]).unwrap_or(0.0);
        let all = ended("status=\"completed\"") + ended("status=\"failed\"");
        (all >= 3.0).then_some(text)
    })
    .await;
    let value = |name: &str, labels: &[&str]| metric(&text, name, labels);
    assert_eq!(value("milepost_jobs_submitted_total", &[]), Some(3.0), "{text}");
    assert_eq!(value("milepost_jobs_ended_total", &["code=\"document_unsupported\""]), Some(1.0));
    assert_eq!(value("milepost_connections", &[]), Some(1.0));
    assert_eq!(value("milepost_subscriptions", &[]), Some(1.0));
    assert_eq!(value("milepost_queue_waiting", &[]), Some(0.0));
    assert_eq!(value("milepost_converter_slots", &[]), Some(2.0));
    let posts = ["method=\"POST\"", "route=\"/v1/jobs\"", "status=\"202\""];
    assert_eq!(value("milepost_http_requests_total", &posts), Some(3.0), "{text}");
    assert_eq!(value("milepost_job_work_seconds_count", &[]), Some(2.0));
    // A client cannot make labels.
    for path in ["/nothing/1", "/nothing/2"] {
        api.call(api.get(path)).await.expect(404);
    }
    let text = api.call(api.get("/metrics")).await.expect(200).text();
    assert!(!text.contains("/nothing"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn stats_say_what_the_server_does() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    for name in ["letter.docx", "unknown.bin"] {
        let id = api.submit(name).await;
        api.ended(&id).await;
    }
    server.freeze().await;
    let running = api.submit("report.pdf").await;
    api.until(&running, "started", |job| job["status"] == "running").await;
    api.submit_text("# Waits").await;
    let stats = api.call(api.get("/v1/stats")).await.expect(200).json();
    let jobs = json!({
        "awaiting": 0, "queued": 1, "running": 1, "completed": 1, "failed": 1, "cancelled": 0,
    });
    assert_eq!(stats["jobs"], jobs);
    assert_eq!(stats["queue"]["depth"], 1);
    assert_eq!(stats["capacity"], json!({"slots": 1, "running": 1}));
    assert_eq!(stats["success_rate"], 0.5);
    assert_eq!(stats["ended"], json!({"last_minute": 2, "last_hour": 2}));
    let finished = stats["finished"].as_array().unwrap();
    assert_eq!(finished.len(), 2, "{finished:?}");
    let later = api.call(api.get("/v1/stats?since=2999-01-01T00:00:00Z")).await.expect(200).json();
    assert_eq!((&later["finished"], &later["success_rate"]), (&json!([]), &Value::Null));
    server.thaw();
}

#[tokio::test]
async fn every_call_is_described() {
    let server = Server::start();
    let api = server.api();
    let reply = api.call(api.get("/openapi.json")).await.expect(200);
    assert_eq!(reply.header("content-type"), "application/json");
    let description = reply.json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"), "{description}");
    assert_eq!(description["info"]["title"], "Milepost");
    for (path, methods) in ROUTES {
        let described = description["paths"][path].as_object().unwrap_or_else(|| panic!("{path}"));
        let names: BTreeSet<&str> = described.keys().map(String::as_str).collect();
        assert_eq!(names, methods.iter().copied().collect(), "{path}");
        for (method, call) in described {
            assert!(call["summary"].is_string() || call["description"].is_string(), "{path}");
            assert!(
                call["responses"].as_object().is_some_and(|r| !r.is_empty()),
                "{method} {path}"
            );
        }
    }
    let described = description["paths"].as_object().unwrap().keys();
    for path in described {
        assert!(ROUTES.iter().any(|(known, _)| known == path), "{path} is not tested");
    }
    // Each reference leads somewhere.
    let text = description.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(description.pointer(pointer).is_some(), "{pointer}");
    }
}

#[tokio::test]
async fn the_docs_page_needs_nothing_from_elsewhere() {
    let server = Server::start();
    let api = server.api();
    let start = api.call(api.get("/docs")).await;
    assert!(matches!(start.status, 301..=308), "{}", start.status);
    let page = api.call(api.get("/docs/")).await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let page = page.text();
    assert!(!page.contains("://") && !page.contains("=\"//"), "{page}");
    let mut parts = 0;
    for attribute in ["src=\"", "href=\""] {
        for rest in page.split(attribute).skip(1) {
            let name = rest.split('"').next().unwrap().trim_start_matches("./");
            let part = api.call(api.get(&format!("/docs/{name}"))).await.expect(200);
            assert!(!part.body.is_empty(), "{name}");
            parts += 1;
        }
    }
    assert!(parts >= 4, "{page}");
    let settings = api.call(api.get("/docs/swagger-initializer.js")).await.expect(200).text();
    assert!(settings.contains("/openapi.json"), "{settings}");
    assert!(!settings.contains("://"), "{settings}");
    // Else a page under another name than localhost would ask swagger.io.
    assert!(settings.contains("validatorUrl"), "{settings}");
}
