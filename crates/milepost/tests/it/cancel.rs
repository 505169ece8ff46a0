//! Cancel and retry: a cancel takes effect wherever the job is, finished pages
//! stay, and the next attempt goes on behind them.

use std::time::Instant;

use serde_json::json;

use crate::harness::{SOON, Server, eventually, pdf_of, seq_of};

const ONE_SLOT: (&str, &str) = ("MILEPOST_WORKER_SLOTS", "1");

#[tokio::test]
async fn a_queued_job_is_cancelled_without_ever_starting() {
    let server = Server::with(&[ONE_SLOT]);
    let api = server.api();
    server.freeze().await;
    let first = api.submit("letter.docx").await;
    let queued = api.submit("letter.docx").await;
    let cancel = format!("/v1/jobs/{queued}/cancel");
    let job = api.call(api.post(&cancel)).await.expect(200).json();
    assert_eq!(job["status"], "cancelled");
    assert!(job["finished_at"].is_string() && job["started_at"].is_null(), "{job}");
    server.thaw();
    api.completed(&first).await;
    let types: Vec<_> = api.events(&queued).await.iter().map(|e| e["type"].clone()).collect();
    assert_eq!(types, ["submitted", "cancelled"]);
    // Once more is no error and no event.
    let again = api.call(api.post(&cancel)).await.expect(200).json();
    assert_eq!(seq_of(&again), seq_of(&job));
    // Too late is one.
    let late = api.call(api.post(&format!("/v1/jobs/{first}/cancel"))).await;
    assert_eq!(late.refused(409, "conflict", None)["job_status"], "completed");
}

#[tokio::test]
async fn a_cancel_frees_the_slot_even_in_the_middle_of_a_page() {
    let server = Server::with(&[ONE_SLOT]);
    let api = server.api();
    let id = api.submit_bytes("road.pdf", pdf_of(1500)).await;
    api.until(&id, "some pages", |job| job["stages"][1]["done"].as_u64() >= Some(5)).await;
    let converters = server.freeze().await;
    let before = api.job(&id).await;
    assert_eq!(before["status"], "running", "the document is too short for this machine");

    let began = Instant::now();
    let cancelled = api.call(api.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200).json();
    assert_eq!(cancelled["status"], "cancelled");
    assert!(cancelled["progress"].as_f64() >= before["progress"].as_f64());
    assert_eq!(cancelled["stages"][1]["status"], "cancelled");
    eventually("the end of the converter that was in the page", || async {
        (!converters[0].is_alive()).then_some(())
    })
    .await;
    let next = api.submit("letter.docx").await;
    api.completed(&next).await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());

    // Nothing was recorded behind the cancel, and what was before is there.
    let job = api.job(&id).await;
    assert_eq!(job, cancelled);
    let pages = api.pages(&id).await;
    assert_eq!(pages, (1..=job["stages"][1]["done"].as_u64().unwrap()).collect::<Vec<_>>());
    let last = pages.last().unwrap();
    let text = api.call(api.get(&format!("/v1/jobs/{id}/pages/{last}"))).await.expect(200).text();
    assert!(text.contains(&format!("Page {last}, line 30:")), "{text}");
}

#[tokio::test]
async fn a_retry_goes_on_behind_the_finished_pages_to_the_same_result() {
    let server = Server::with(&[ONE_SLOT]);
    let api = server.api();
    let document = pdf_of(600);
    let whole = api.submit_bytes("road.pdf", document.clone()).await;
    api.completed(&whole).await;
    let whole = api.results(&whole).await;

    let id = api.submit_bytes("road.pdf", document).await;
    for attempt in 1..=3 {
        let wanted = 40 * attempt;
        api.until(&id, "pages", |job| job["stages"][1]["done"].as_u64() >= Some(wanted)).await;
        let cancelled = api.call(api.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200);
        let cancelled = cancelled.json();
        let done = cancelled["stages"][1]["done"].as_u64().unwrap();
        assert!(done < 600, "the document is too short for this machine");
        let retried = api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202).json();
        assert_eq!(retried["status"], "queued");
        assert_eq!(retried["attempt"], attempt + 1);
        assert_eq!(seq_of(&retried), seq_of(&cancelled) + 1);
        assert_eq!(retried["finished_at"], json!(null));
        let taken_over = api.pages(&id).await.len() as u64;
        assert!(taken_over >= done, "{taken_over} pages of {done}");
    }
    let job = api.completed(&id).await;
    assert_eq!((&job["attempt"], &job["stages"][1]["done"]), (&json!(4), &json!(600)));
    for ((format, made), (_, wanted)) in api.results(&id).await.into_iter().zip(whole) {
        assert!(made == wanted, "{format} differs from that of an uninterrupted job");
    }
    // Each page was converted once, whatever happened.
    let events = api.events(&id).await;
    let pages: Vec<_> = events.iter().filter(|event| event["type"] == "page").collect();
    let numbers: Vec<_> = pages.iter().map(|event| event["page"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=600).collect::<Vec<_>>());
}

#[tokio::test]
async fn progress_goes_on_where_the_attempt_before_left_it() {
    let server = Server::with(&[ONE_SLOT]);
    let api = server.api();
    let id = api.submit_bytes("road.pdf", pdf_of(600)).await;
    api.until(&id, "pages", |job| job["stages"][1]["done"].as_u64() >= Some(100)).await;
    api.call(api.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200);
    api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
    api.completed(&id).await;
    let states = api.stream(&format!("/v1/jobs/{id}/events?mode=all"), None).await;
    let mut before = (0, 0.0);
    for state in states.snapshots().await {
        let attempt = state.data["attempt"].as_u64().unwrap();
        let progress = state.data["progress"].as_f64().unwrap();
        if attempt == before.0 {
            assert!(progress >= before.1, "{before:?}: {}", state.data);
        } else {
            assert!(attempt == 1 || progress > 10.0, "work was thrown away: {}", state.data);
        }
        before = (attempt, progress);
    }
    assert_eq!(before, (2, 100.0));
}

#[tokio::test]
async fn a_failed_and_a_completed_job_can_be_retried() {
    let server = Server::start();
    let api = server.api();
    for (name, end) in [("letter.docx", "completed"), ("unknown.bin", "failed")] {
        let id = api.submit(name).await;
        assert_eq!(api.ended(&id).await["status"], end);
        let retry = format!("/v1/jobs/{id}/retry");
        let retried = api.call(api.post(&retry)).await.expect(202).json();
        assert_eq!((&retried["attempt"], &retried["error"]), (&json!(2), &json!(null)));
        assert_eq!(retried["result"], json!(null));
        assert_eq!(api.ended(&id).await["status"], end);
    }
}
