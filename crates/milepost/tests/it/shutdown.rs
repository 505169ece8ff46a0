//! SIGTERM: watchers are told, work is given back, the exit code is 0, and the
//! next start goes on where this one stopped.

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Heard, SOON, Server, Socket, pdf_of, seq_of};

#[tokio::test]
async fn watchers_are_told_and_the_next_start_goes_on() {
    let mut server = Server::start();
    let document = pdf_of(800);
    let whole = server.api().submit_bytes("road.pdf", document.clone()).await;
    server.api().completed(&whole).await;
    let whole = server.api().results(&whole).await;

    let api = server.api();
    let id = api.submit_bytes("road.pdf", document).await;
    let mut socket = Socket::open(&server).await;
    socket.subscribe(&id, "all", 0).await;
    let stream = api.stream(&format!("/v1/jobs/{id}/events"), None).await;
    let mut seen = 0;
    while seen < 30 {
        seen = seq_of(&socket.snapshot().await);
    }
    server.terminate();
    let mut told = false;
    let code = loop {
        match socket.hear().await {
            Heard::Message(message) if message["type"] == "draining" => {
                assert!(message["retry_after_ms"].is_u64(), "{message}");
                told = true;
            }
            Heard::Message(message) => seen = seq_of(&message["job"]),
            Heard::Closed(code) => break code,
            Heard::Broken => panic!("no goodbye"),
        }
    };
    assert!(told && matches!(code, 1001 | 1012), "{code}");
    // It ends, and not with the end of the job.
    assert!(stream.snapshots().await.iter().all(|event| event.data["status"] != "completed"));
    assert_eq!(server.exit_status().code(), Some(0));

    server.restart();
    let api = server.api();
    let mut socket = Socket::open(&server).await;
    socket.subscribe(&id, "all", seen).await;
    assert_eq!(seq_of(&socket.snapshot().await), seen + 1);
    let job = api.completed(&id).await;
    assert_eq!(job["error"], json!(null));
    for ((format, made), (_, wanted)) in api.results(&id).await.into_iter().zip(whole) {
        assert!(made == wanted, "{format} differs from that of an uninterrupted job");
    }
    let events = api.events(&id).await;
    let requeued: Vec<_> = events.iter().filter(|e| e["type"] == "requeued").collect();
    assert_eq!(requeued.len(), 1, "{requeued:?}");
    assert_eq!((&requeued[0]["failure"], &requeued[0]["counted"]), (&json!(null), &json!(false)));
    let mut pages: Vec<_> = events.iter().filter_map(|event| event["page"].as_u64()).collect();
    pages.sort_unstable();
    assert_eq!(pages, (1..=800).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_that_does_not_end_is_given_up_after_the_grace_period() {
    let mut server = Server::with(&[("MILEPOST_GRACE", "1s"), ("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    let converters = server.freeze().await;
    let running = api.submit("report.pdf").await;
    api.until(&running, "started", |job| job["status"] == "running").await;
    let queued = api.submit("letter.docx").await;
    let began = std::time::Instant::now();
    server.terminate();
    assert_eq!(server.exit_status().code(), Some(0));
    assert!(began.elapsed() < SOON * 2);
    assert!(!converters[0].is_alive());
    server.restart();
    for id in [running, queued] {
        server.api().completed(&id).await;
    }
}

#[tokio::test]
async fn requests_that_wait_are_answered_before_the_end() {
    let mut server = Server::with(&[("MILEPOST_GRACE", "1s")]);
    let api = server.api();
    server.freeze().await;
    let id = api.submit("letter.docx").await;
    let seq = seq_of(&api.until(&id, "started", |job| job["status"] == "running").await);
    let polling = tokio::spawn({
        let (api, path) = (api.clone(), format!("/v1/jobs/{id}?after={seq}&wait=60"));
        async move { api.call(api.get(&path)).await }
    });
    // It waits once the server counts it.
    crate::harness::eventually("the poll", || async {
        let stats = api.call(api.get("/v1/stats")).await.expect(200).json();
        (stats["connections"] == 1).then_some(())
    })
    .await;
    server.terminate();
    let status = polling.await.unwrap().status;
    assert!(matches!(status, 200 | 304), "{status}");
    assert_eq!(server.exit_status().code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut server = Server::with(&[("MILEPOST_GRACE", "10m")]);
    let api = server.api();
    server.freeze().await;
    let id = api.submit("letter.docx").await;
    api.until(&id, "started", |job| job["status"] == "running").await;
    server.process().signal(Signal::INT);
    crate::harness::eventually("the first signal to be heard", || async {
        server.log().contains("stopping").then_some(())
    })
    .await;
    server.terminate();
    assert_eq!(server.exit_status().code(), Some(130));
    server.restart();
    server.api().completed(&id).await;
}

#[tokio::test]
async fn two_servers_do_not_share_a_data_directory() {
    let server = Server::start();
    let mut second = crate::harness::binary();
    second.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(server.data());
    let output = crate::harness::run(&mut second);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("in use") || said.contains("another"), "{said}");
}
