//! A job's life: what is answered when, what a snapshot says, what its log
//! holds, and how it is removed.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::harness::{Api, Server, Socket, fixture, id_of, pdf_of, seq_of};

const FIELDS: [&str; 23] = [
    "id",
    "seq",
    "pipeline",
    "status",
    "attempt",
    "max_attempts",
    "progress",
    "stage",
    "stages",
    "message",
    "eta_seconds",
    "queue",
    "document",
    "documents",
    "batch",
    "collection",
    "agents",
    "result",
    "error",
    "metadata",
    "created_at",
    "started_at",
    "updated_at",
];

#[tokio::test]
async fn a_submission_is_answered_before_any_work() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    server.freeze().await;
    let api = server.api();
    // Takes the only slot, so that the next one waits.
    let first = api.submit("letter.docx").await;
    api.until(&first, "started", |job| job["status"] == "running").await;
    let form = Api::form("report.pdf", fixture("report.pdf"))
        .text("metadata", json!({"order": 17, "tags": ["a"]}).to_string());
    let reply = api.call(api.post("/v1/jobs").multipart(form)).await.expect(202);
    let job = reply.json();
    let id = id_of(&job);
    assert_eq!(reply.header("location"), format!("/v1/jobs/{id}"));
    assert_eq!(reply.header("cache-control"), "no-store");
    for field in FIELDS.into_iter().chain(["finished_at", "access"]) {
        assert!(job.get(field).is_some(), "{field}: {job}");
    }
    assert_eq!((&job["seq"], &job["status"]), (&json!(1), &json!("queued")));
    assert_eq!((&job["pipeline"], &job["attempt"]), (&json!("convert"), &json!(1)));
    assert_eq!(job["progress"], 0.0);
    assert_eq!(job["metadata"], json!({"order": 17, "tags": ["a"]}));
    assert_eq!(job["document"]["filename"], "report.pdf");
    assert_eq!(job["document"]["bytes"], fixture("report.pdf").len());
    assert_eq!(job["queue"], json!({"position": 1, "length": 1}));
    assert_eq!(job["finished_at"], Value::Null);
    let stages: Vec<_> = job["stages"].as_array().unwrap().iter().map(|s| &s["name"]).collect();
    assert_eq!(stages, ["detecting", "converting", "assembling"]);
    server.thaw();
    api.completed(&id).await;
}

#[tokio::test]
async fn the_log_has_no_gap_and_every_state_follows_from_the_one_before() {
    let server = Server::start();
    let api = server.api();
    let id = api.submit("report.pdf").await;
    let job = api.completed(&id).await;

    let events = api.events(&id).await;
    let seqs: Vec<u64> = events.iter().map(seq_of).collect();
    assert_eq!(seqs, (1..=seq_of(&job)).collect::<Vec<_>>());
    let types: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types[..3], ["submitted", "started", "stage"]);
    assert_eq!(types[3..15], ["page"; 12]);
    assert_eq!(types[15..], ["stage", "completed"]);
    let times: Vec<_> = events.iter().map(|event| event["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted() && times.iter().all(|at| at.ends_with('Z')), "{times:?}");

    let states = api.stream(&format!("/v1/jobs/{id}/events?mode=all"), None).await;
    let states: Vec<Value> = states.snapshots().await.into_iter().map(|e| e.data).collect();
    assert_eq!(states.iter().map(seq_of).collect::<Vec<_>>(), seqs);
    let progress: Vec<f64> = states.iter().map(|s| s["progress"].as_f64().unwrap()).collect();
    assert!(progress.is_sorted(), "{progress:?}");
    for state in &states {
        let ended = state["status"] == "completed";
        assert_eq!(state["progress"] == 100.0, ended, "{state}");
        assert_eq!(state["result"].is_null(), !ended, "{state}");
        assert_eq!(state["finished_at"].is_null(), !ended, "{state}");
        let tenths = state["progress"].as_f64().unwrap() * 10.0;
        assert!((tenths - tenths.round()).abs() < 1e-6, "one decimal: {state}");
    }
    for field in FIELDS {
        assert_eq!(states.last().unwrap()[field], job[field], "{field}");
    }
}

#[tokio::test]
async fn events_of_a_log_are_listed_behind_after_and_in_parts() {
    let server = Server::start();
    let api = server.api();
    let id = api.submit("report.pdf").await;
    let end = seq_of(&api.completed(&id).await);
    let path = format!("/v1/jobs/{id}/events");
    let part = api.call(api.get(&format!("{path}?after=3&limit=5"))).await.expect(200).json();
    let seqs: Vec<u64> = part["items"].as_array().unwrap().iter().map(seq_of).collect();
    assert_eq!(seqs, [4, 5, 6, 7, 8]);
    let path = format!("{path}?limit=200&cursor={}", part["next"].as_str().unwrap());
    let rest = api.call(api.get(&path)).await.expect(200).json();
    let seqs: Vec<u64> = rest["items"].as_array().unwrap().iter().map(seq_of).collect();
    assert_eq!(seqs, (9..=end).collect::<Vec<_>>());
    assert_eq!(rest["next"], Value::Null);
}

#[tokio::test]
async fn a_deleted_job_is_gone_and_its_watchers_are_told() {
    let server = Server::start();
    let api = server.api();
    let id = api.submit("letter.docx").await;
    api.completed(&id).await;
    let mut socket = Socket::open(&server).await;
    socket.subscribe(&id, "latest", 0).await;
    socket.snapshot().await;
    api.call(api.delete(&format!("/v1/jobs/{id}"))).await.expect(204);
    assert_eq!(socket.message_of("removed").await["job"], id);
    for rest in ["", "/events", "/pages", "/pages/1", "/result"] {
        let path = format!("/v1/jobs/{id}{rest}");
        api.call(api.get(&path)).await.refused(404, "not_found", None);
    }
    api.call(api.delete(&format!("/v1/jobs/{id}"))).await.refused(404, "not_found", None);
    assert!(api.list("/v1/jobs").await.is_empty());
}

#[tokio::test]
async fn a_job_that_has_not_ended_is_not_deleted_or_retried() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    server.freeze().await;
    let running = api.submit("letter.docx").await;
    api.until(&running, "started", |job| job["status"] == "running").await;
    let queued = api.submit("letter.docx").await;
    let body = json!({"hold": true});
    let awaiting = id_of(&api.submit_json(&body).await.expect(202).json());
    for (id, status) in [(&running, "running"), (&queued, "queued"), (&awaiting, "awaiting")] {
        for request in
            [api.delete(&format!("/v1/jobs/{id}")), api.post(&format!("/v1/jobs/{id}/retry"))]
        {
            let problem = api.call(request).await.refused(409, "conflict", None);
            assert_eq!(problem["job_status"], status);
        }
    }
    for id in [&running, &queued] {
        let problem = api.call(api.post(&format!("/v1/jobs/{id}/confirm"))).await;
        problem.refused(409, "conflict", None);
    }
    server.thaw();
    api.completed(&queued).await;
}

#[tokio::test]
async fn pages_are_readable_while_later_ones_are_under_way() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    let id = api.submit_bytes("road.pdf", pdf_of(1500)).await;
    api.until(&id, "some pages", |job| job["stages"][1]["done"].as_u64() >= Some(3)).await;
    server.freeze().await;
    let job = api.job(&id).await;
    assert_eq!(job["status"], "running", "the document is too short for this machine");
    assert!(job["eta_seconds"].is_u64(), "{job}");
    let mut seen = HashMap::new();
    for page in [1, 2, 3] {
        let reply = api.call(api.get(&format!("/v1/jobs/{id}/pages/{page}"))).await.expect(200);
        assert_eq!(reply.header("content-type"), "text/markdown; charset=utf-8");
        assert!(reply.text().contains(&format!("Page {page}, line 1:")), "{}", reply.text());
        seen.insert(page, reply.body);
    }
    api.call(api.get(&format!("/v1/jobs/{id}/pages/1500"))).await.refused(404, "not_found", None);
    let problem = api.call(api.get(&format!("/v1/jobs/{id}/result"))).await;
    assert_eq!(problem.refused(409, "not_finished", None)["job_status"], "running");
    server.thaw();
    api.completed(&id).await;
    for (page, body) in seen {
        let reply = api.call(api.get(&format!("/v1/jobs/{id}/pages/{page}"))).await.expect(200);
        assert_eq!(reply.body, body, "page {page}");
    }
    assert_eq!(api.pages(&id).await, (1..=1500).collect::<Vec<_>>());
}
