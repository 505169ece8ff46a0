//! Who goes first, how long one may wait, how many, and what one document may
//! cost.

use serde_json::json;

use crate::harness::{Api, Server, expected, fixture, id_of};

#[tokio::test]
async fn higher_priorities_go_first_and_equal_ones_in_order() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    server.freeze().await;
    let first = api.submit("letter.docx").await;
    api.until(&first, "started", |job| job["status"] == "running").await;
    let mut jobs = Vec::new();
    for priority in [-5, 0, 0, 50, 100, -5] {
        let body = json!({"source": {"text": "# One"}, "priority": priority});
        jobs.push((priority, id_of(&api.submit_json(&body).await.expect(202).json())));
    }
    let place = |id: String| {
        let api = api.clone();
        async move { api.job(&id).await["queue"]["position"].as_u64().unwrap() }
    };
    for (index, wanted) in [5, 3, 4, 2, 1, 6].into_iter().enumerate() {
        assert_eq!(place(jobs[index].1.clone()).await, wanted, "{:?}", jobs[index]);
        // A log that is read from its beginning ends where the job stands now.
        let log = format!("/v1/jobs/{}/events?mode=all", jobs[index].1);
        let shown = api.stream(&log, None).await.snapshot().await.unwrap().data;
        assert_eq!(shown["queue"]["position"], wanted, "{shown}");
    }
    server.thaw();
    let mut started = Vec::new();
    for (index, (_, id)) in jobs.iter().enumerate() {
        let job = api.completed(id).await;
        started.push((job["started_at"].as_str().unwrap().to_owned(), index));
    }
    started.sort();
    assert_eq!(started.iter().map(|(_, index)| *index).collect::<Vec<_>>(), [4, 3, 1, 2, 0, 5]);
}

#[tokio::test]
async fn a_job_that_waits_too_long_is_given_up() {
    // The sweeper looks as often as its shortest term asks for.
    let server = Server::with(&[
        ("MILEPOST_WORKER_SLOTS", "1"),
        ("MILEPOST_QUEUE_MAX_WAIT", "1s"),
        ("MILEPOST_RETENTION", "4s"),
    ]);
    let api = server.api();
    server.freeze().await;
    let running = api.submit("letter.docx").await;
    api.until(&running, "started", |job| job["status"] == "running").await;
    let waiting = api.submit("letter.docx").await;
    let job = api.ended(&waiting).await;
    assert_eq!(job["status"], "failed", "{job}");
    assert_eq!(job["error"]["code"], "queue_timeout");
    assert_eq!(job["error"]["retryable"], true);
    server.thaw();
    api.completed(&running).await;
}

#[tokio::test]
async fn what_is_larger_than_allowed_is_named() {
    let server = Server::with(&[("MILEPOST_WORKER_MAX_PAGES", "10")]);
    let api = server.api();
    let id = api.submit("report.pdf").await;
    let job = api.ended(&id).await;
    assert_eq!(job["error"]["code"], "document_too_large", "{job}");
    let form =
        Api::form("report.pdf", fixture("report.pdf")).text("options", r#"{"pages":"1-10"}"#);
    api.completed(&id_of(&api.submit_form(form).await)).await;

    let server = Server::with(&[("MILEPOST_WORKER_MAX_OUTPUT", "2kB")]);
    let api = server.api();
    let id = api.submit("report.pdf").await;
    let job = api.ended(&id).await;
    assert_eq!(job["error"]["code"], "document_too_large", "{job}");
}

#[tokio::test]
async fn converters_are_replaced_without_anybody_noticing() {
    let server =
        Server::with(&[("MILEPOST_WORKER_RECYCLE_AFTER", "1"), ("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    let mut jobs = Vec::new();
    for _ in 0..5 {
        jobs.push(api.submit("letter.docx").await);
    }
    for id in jobs {
        assert_eq!(api.completed(&id).await["attempt"], 1);
        assert_eq!(api.result(&id, "markdown").await, expected("letter.docx"));
    }
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let server =
        Server::with(&[("MILEPOST_QUEUE_MAX_WAITING", "2"), ("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    server.freeze().await;
    let first = api.submit("letter.docx").await;
    api.until(&first, "started", |job| job["status"] == "running").await;
    let mut jobs = vec![first];
    for _ in 0..2 {
        jobs.push(api.submit("letter.docx").await);
    }
    for _ in 0..2 {
        let form = Api::form("letter.docx", fixture("letter.docx"));
        let reply = api.call(api.post("/v1/jobs").multipart(form)).await;
        let after: u64 = reply.header("retry-after").parse().expect("Retry-After in seconds");
        let problem = reply.refused(429, "queue_full", None);
        assert_eq!(problem["retry_after"], after);
    }
    assert_eq!(api.list("/v1/documents").await.len(), 3, "a refused upload is kept");
    server.thaw();
    for id in &jobs {
        api.completed(id).await;
    }
    let again = api.submit("letter.docx").await;
    api.completed(&again).await;
}
