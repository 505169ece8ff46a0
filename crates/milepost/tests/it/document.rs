//! The event stream of the protocol `document`.

use serde_json::{Value, json};

use crate::harness::{Api, Events, Server, Transcript, Work, pdf_of, raise_file_limit};

/// A server whose pings come often enough to wait for one.
fn pinging() -> Server {
    Server::with(&[("SSE_PING_INTERVAL", "1000")])
}

/// The next message; its event has no name and an id, but for pings.
async fn next(stream: &mut Events) -> Value {
    let event = stream.next().await.expect("the stream goes on");
    assert_eq!(event.name, "message");
    assert!(!event.id.is_empty(), "{event:?}");
    event.data
}

/// The next message that is no ping.
async fn said(stream: &mut Events) -> Value {
    loop {
        let message = next(stream).await;
        if message["type"] != "ping" {
            return message;
        }
    }
}

/// The next progress of this status and, while it counts, as many pages.
async fn progress(stream: &mut Events, status: &str, pages: u64) -> Value {
    loop {
        let mut message = said(stream).await;
        let progress = &mut message["progress"];
        if progress["status"] == status && progress["processedPages"] == pages {
            if let Some(estimate) = progress.get_mut("estimatedTimeRemaining") {
                assert!(estimate.is_u64(), "{estimate}");
                *estimate = json!("<estimate>");
            }
            return message;
        }
    }
}

/// Nothing but a ping is said.
async fn silent(stream: &mut Events) {
    let message = next(stream).await;
    assert_eq!(message["type"], "ping", "{message}");
    assert!(message["timestamp"].is_string());
}

#[tokio::test]
async fn a_stream_tells_one_conversion_after_the_other() {
    let server = pinging();
    let api = server.api();
    let work = Work::on(&api, "Annual report").await;
    let mut told = Transcript::of(&server);
    let mut stream = api.stream(&work.stream(), None).await;
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    assert_eq!(stream.headers["cache-control"], "no-cache");
    told.line("<-", next(&mut stream).await);
    // There is no job, and nothing to say of one.
    silent(&mut stream).await;
    for end in ["complete", "fail", "cancel"] {
        told.line("==", format!("a job that will {end}"));
        let job = work.begin().await;
        told.line("<-", progress(&mut stream, "queued", 0).await);
        work.pages(&job, 1, 4).await;
        told.line("<-", progress(&mut stream, "processing", 1).await);
        let mut late = api.stream(&work.stream(), None).await;
        told.line("late <-", next(&mut late).await);
        told.line("late <-", progress(&mut late, "processing", 1).await);
        match end {
            "complete" => work.complete(&job).await,
            "fail" => work.fail(&job, true).await,
            _ => {
                let order = json!({"action": "cancel"});
                api.call(api.post(&work.status()).json(&order)).await.expect(200);
            }
        }
        let (status, pages) = match end {
            "complete" => ("completed", 4),
            "fail" => ("failed", 1),
            _ => ("cancelled", 1),
        };
        let mut after = api.stream(&work.stream(), None).await;
        assert_eq!(next(&mut after).await["type"], "connected");
        for (who, stream) in [("<-", &mut stream), ("late", &mut late), ("after <-", &mut after)] {
            let last = progress(stream, status, pages).await;
            let end = match end {
                "cancel" => None,
                _ => Some(next(stream).await),
            };
            if who != "late" {
                told.line(who, last);
                end.into_iter().for_each(|end| told.line(who, end));
            }
            silent(stream).await;
        }
    }
    told.check("document_sse");
}

#[tokio::test]
async fn a_stream_goes_on_behind_its_last_event() {
    let server = pinging();
    let api = server.api();
    let work = Work::on(&api, "Book").await;
    let job = work.begin().await;
    let mut stream = api.stream(&work.stream(), None).await;
    let connected = stream.next().await.unwrap();
    progress(&mut stream, "queued", 0).await;
    work.pages(&job, 1, 4).await;
    let last = loop {
        let event = stream.next().await.unwrap();
        if event.data["progress"]["processedPages"] == 1 {
            break event.id;
        }
    };
    drop(stream);
    // Nothing is said again.
    let mut again = api.stream(&work.stream(), Some(&last)).await;
    assert_eq!(next(&mut again).await["type"], "connected");
    silent(&mut again).await;
    drop(again);
    work.pages(&job, 2, 4).await;
    work.complete(&job).await;
    let mut again = api.stream(&work.stream(), Some(&last)).await;
    assert_eq!(next(&mut again).await["type"], "connected");
    assert_eq!(next(&mut again).await["progress"]["status"], "completed");
    let complete = again.next().await.unwrap();
    assert_eq!(complete.data["type"], "complete");
    silent(&mut again).await;
    // The end is not told twice, whether it was the last or was cut off before.
    let mut ended = api.stream(&work.stream(), Some(&complete.id)).await;
    assert_eq!(next(&mut ended).await["type"], "connected");
    silent(&mut ended).await;
    let mut cut = api.stream(&work.stream(), Some(&connected.id)).await;
    assert_eq!(next(&mut cut).await["type"], "connected");
    assert_eq!(next(&mut cut).await["progress"]["status"], "completed");
    assert_eq!(next(&mut cut).await["type"], "complete");
    // An id that was never given begins anew; a browser would not come back from a refusal.
    for id in ["x", "-1", "99999999999999999999", "4000000000"] {
        let mut anew = api.stream(&work.stream(), Some(id)).await;
        assert_eq!(next(&mut anew).await["type"], "connected", "{id}");
        assert_eq!(next(&mut anew).await["progress"]["status"], "completed", "{id}");
        assert_eq!(next(&mut anew).await["type"], "complete", "{id}");
    }
}

#[tokio::test]
async fn the_newest_job_speaks_for_the_document() {
    let server = pinging();
    let api = server.api();
    let work = Work::on(&api, "Book").await;
    let (old, new) = (work.begin().await, work.begin().await);
    let mut stream = api.stream(&work.stream(), None).await;
    assert_eq!(next(&mut stream).await["type"], "connected");
    assert_eq!(next(&mut stream).await["progress"]["status"], "queued");
    work.pages(&old, 1, 4).await;
    work.fail(&old, false).await;
    silent(&mut stream).await;
    work.complete(&new).await;
    progress(&mut stream, "completed", 0).await;
    // What an agent does is not said here, so it is no news either.
    let third = work.begin().await;
    progress(&mut stream, "queued", 0).await;
    work.pages(&third, 1, 4).await;
    progress(&mut stream, "processing", 1).await;
    let agents = json!([{"name": "layout", "status": "running", "progress": 40}]);
    work.report(&third, "progress", json!({"agents": agents})).await;
    silent(&mut stream).await;
    // The one that is gone says nothing, and neither does the one before.
    work.complete(&third).await;
    assert_eq!(said(&mut stream).await["progress"]["status"], "completed");
    assert_eq!(said(&mut stream).await["type"], "complete");
    api.call(api.delete(&format!("/v1/jobs/{third}"))).await.expect(204);
    silent(&mut stream).await;
}

#[tokio::test]
async fn a_real_conversion_counts_its_pages() {
    let server = Server::start();
    let api = server.api();
    let form = Api::form("book.pdf", pdf_of(30)).text("title", "Book");
    let made = api.call(api.post("/api/documents").multipart(form)).await.expect(201).json();
    let document = made["document"]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/sse/conversion-progress?documentId={document}");
    let mut stream = api.stream(&path, None).await;
    assert_eq!(next(&mut stream).await["type"], "connected");
    let status = format!("/api/documents/{document}/conversion-status");
    let start = api.post(&status).json(&json!({"action": "start", "priority": "normal"}));
    api.call(start).await.expect(200);
    let (mut last, mut stages, mut before) = (0.0, Vec::new(), Value::Null);
    loop {
        let mut message = said(&mut stream).await;
        if message["type"] == "complete" {
            assert_eq!(message["result"], json!({"success": true, "totalPages": 30}));
            break;
        }
        let progress = message["progress"].take();
        assert_ne!(progress, before);
        let percent = progress["progress"].as_f64().unwrap();
        assert!(percent >= last, "{progress}");
        last = percent;
        let stage = progress["stage"].as_str().unwrap().to_owned();
        if stage == "processing_pages" {
            assert_eq!(progress["totalPages"], 30);
            assert!(progress["processedPages"].as_u64() <= Some(30), "{progress}");
        }
        if stages.last() != Some(&stage) {
            stages.push(stage);
        }
        before = progress;
    }
    assert_eq!(before["processedPages"], 30);
    let all = ["queued", "initializing", "processing_pages", "finalizing", "completed"];
    assert_eq!(stages, all);
}

#[tokio::test]
async fn whoever_has_the_end_is_not_told_of_it_again() {
    raise_file_limit();
    let server = pinging();
    let api = server.api();
    let work = Work::on(&api, "Book").await;
    let job = work.begin().await;
    // Many, as the first of them are told while the server still tells the others.
    let mut streams = Vec::new();
    for _ in 0..400 {
        streams.push(api.stream(&work.stream(), None).await);
    }
    work.pages(&job, 1, 4).await;
    work.complete(&job).await;
    let ends = streams.into_iter().map(async |mut stream| {
        let last = loop {
            let event = stream.next().await.expect("the stream goes on");
            if event.data["type"] == "complete" {
                break event.id;
            }
        };
        drop(stream);
        let mut again = api.stream(&work.stream(), Some(&last)).await;
        assert_eq!(next(&mut again).await["type"], "connected");
        silent(&mut again).await;
    });
    futures_util::future::join_all(ends).await;
}
