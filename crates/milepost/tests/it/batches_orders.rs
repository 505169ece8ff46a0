//! A batch is cancelled and retried as a whole.

use serde_json::json;

use crate::harness::{Api, Server, fixture, pdf_of};

#[tokio::test]
async fn a_cancel_stops_what_has_not_ended() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    let files = ["letter.docx", "a.pdf", "b.pdf", "c.pdf"].map(|name| match name {
        "letter.docx" => (name, fixture(name)),
        _ => (name, pdf_of(3000)),
    });
    let (id, jobs) = api.submit_files(Api::files(files)).await;
    api.completed(&jobs[0]).await;
    api.until(&jobs[1], "runs", |job| job["stages"][1]["done"].as_u64() > Some(0)).await;
    let path = format!("/v1/batches/{id}/cancel");
    let batch = api.call(api.post(&path)).await.expect(200).json();
    assert_eq!(batch["by_status"]["cancelled"], 3, "{batch}");
    assert_eq!((&batch["by_status"]["completed"], &batch["progress"]), (&json!(1), &json!(100.0)));
    for job in &jobs[1..] {
        assert_eq!(api.job(job).await["status"], "cancelled");
    }
    // Those that waited were not begun on the way.
    assert!(api.job(&jobs[3]).await["started_at"].is_null());
    let again = api.call(api.post(&path)).await.expect(200).json();
    assert_eq!(again["by_status"], batch["by_status"]);
}

#[tokio::test]
async fn a_retry_takes_what_failed_or_was_cancelled() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    let names = ["letter.docx", "unknown.bin", "road.pdf"];
    let files = names.map(|name| match name {
        "road.pdf" => (name, pdf_of(800)),
        _ => (name, fixture(name)),
    });
    let (id, jobs) = api.submit_files(Api::files(files)).await;
    api.completed(&jobs[0]).await;
    api.ended(&jobs[1]).await;
    let path = format!("/v1/batches/{id}");
    api.call(api.post(&format!("{path}/cancel"))).await.expect(200);
    assert_eq!(api.job(&jobs[2]).await["status"], "cancelled");

    let batch = api.call(api.post(&format!("{path}/retry"))).await.expect(202).json();
    assert_eq!(batch["by_status"]["completed"], 1, "{batch}");
    assert_eq!(api.completed(&jobs[2]).await["attempt"], 2);
    let failed = api.ended(&jobs[1]).await;
    assert_eq!((&failed["status"], &failed["attempt"]), (&json!("failed"), &json!(2)));
    assert_eq!(api.job(&jobs[0]).await["attempt"], 1);

    let completed = format!("{path}/retry?status=completed");
    api.call(api.post(&completed)).await.expect(202);
    for job in [&jobs[0], &jobs[2]] {
        api.completed(job).await;
    }
    assert_eq!(api.job(&jobs[0]).await["attempt"], 2);
    assert_eq!(api.job(&jobs[1]).await["attempt"], 2);
    let cancelled = api.call(api.post(&format!("{path}/retry?status=cancelled"))).await;
    cancelled.refused(409, "conflict", None);
    for wrong in ["running", "failed,queued", "lost"] {
        let path = format!("{path}/retry?status={wrong}");
        api.call(api.post(&path)).await.refused(422, "invalid_field", Some("status"));
    }
}

#[tokio::test]
async fn a_job_without_its_document_does_not_keep_the_others_from_a_retry() {
    let server = Server::start();
    let api = server.api();
    let names = ["unknown.bin", "encrypted.pdf"];
    let (id, jobs) = api.submit_files(Api::files(names.map(|name| (name, fixture(name))))).await;
    for job in &jobs {
        api.ended(job).await;
    }
    let document = api.job(&jobs[0]).await["document"]["id"].as_str().unwrap().to_owned();
    api.call(api.delete(&format!("/v1/documents/{document}"))).await.expect(204);
    api.call(api.post(&format!("/v1/batches/{id}/retry"))).await.expect(202);
    assert_eq!(api.ended(&jobs[1]).await["attempt"], 2);
    assert_eq!(api.job(&jobs[0]).await["attempt"], 1);
}

#[tokio::test]
async fn orders_reach_more_jobs_than_one_step_takes() {
    let server = Server::start();
    let api = server.api();
    server.freeze().await;
    let files = (0..450).map(|n| (format!("{n}.md"), format!("# {n}").into_bytes()));
    let (id, _) = api.submit_files(Api::files(files)).await;
    let path = format!("/v1/batches/{id}");
    let batch = api.call(api.post(&format!("{path}/cancel"))).await.expect(200).json();
    assert_eq!(batch["by_status"]["cancelled"], 450, "{batch}");
    let batch = api.call(api.post(&format!("{path}/retry"))).await.expect(202).json();
    assert_eq!(batch["by_status"]["cancelled"], 0, "{batch}");
    api.call(api.post(&format!("{path}/cancel"))).await.expect(200);
    server.thaw();
}
