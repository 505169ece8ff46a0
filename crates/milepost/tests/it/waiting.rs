//! Requests that wait for news: `Prefer: wait` and long-polls.

use reqwest::header::IF_NONE_MATCH;

use crate::harness::{Api, DEADLINE, Server, fixture, id_of, is_terminal, seq_of};

#[tokio::test]
async fn prefer_wait_answers_at_the_end_or_when_the_time_is_up() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    let submit = |wait: &str| {
        let form = Api::form("letter.docx", fixture("letter.docx")).text("force", "true");
        api.call(api.post("/v1/jobs").header("prefer", wait).multipart(form))
    };
    let reply = submit("wait=50").await.expect(200);
    assert_eq!(reply.json()["status"], "completed");
    assert_eq!(reply.header("preference-applied"), "wait=50");
    assert_eq!(reply.header("location"), format!("/v1/jobs/{}", id_of(&reply.json())));

    server.freeze().await;
    let reply = submit("respond-async, wait=1").await.expect(202);
    assert_eq!(reply.header("preference-applied"), "wait=1");
    assert_ne!(reply.json()["status"], "completed");
    server.thaw();
    api.completed(&id_of(&reply.json())).await;
}

#[tokio::test]
async fn a_poll_waits_for_news_and_validators_save_the_body() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let converters = server.freeze().await;
    assert_eq!(converters.len(), 1);
    let api = server.api();
    let id = api.submit("letter.docx").await;
    let running = api.until(&id, "started", |job| job["status"] == "running").await;
    let seq = seq_of(&running);
    let path = format!("/v1/jobs/{id}");
    let reply = api.call(api.get(&format!("{path}?after={seq}"))).await.expect(304);
    assert!(reply.body.is_empty());
    let held = format!("W/\"{seq}\"");
    let reply = api.call(api.get(&path).header(IF_NONE_MATCH, &held)).await.expect(304);
    assert_eq!(reply.header("etag"), held);
    let reply = api.call(api.get(&path)).await.expect(200);
    assert_eq!((reply.header("etag"), reply.header("cache-control")), (&*held, "no-store"));

    let polling = tokio::spawn({
        let (api, path) = (api.clone(), format!("{path}?after={seq}&wait=60"));
        async move { api.call(api.get(&path)).await.expect(200).json() }
    });
    server.thaw();
    let news = polling.await.unwrap();
    assert!(seq_of(&news) > seq, "{news}");
    let end = seq_of(&api.completed(&id).await);
    // At once, although it could wait for a minute: nothing will ever come.
    let began = std::time::Instant::now();
    api.call(api.get(&format!("{path}?after={end}&wait=60"))).await.expect(304);
    assert!(began.elapsed() < DEADLINE / 2);
}

#[tokio::test]
async fn no_long_poll_sleeps_through_the_end() {
    let server = Server::start();
    let api = server.api();
    // Each poll begins at another moment of a short life.
    for round in 0..150 {
        let id = api.submit_text(&format!("# {round}")).await;
        let mut after = 1;
        loop {
            let path = format!("/v1/jobs/{id}?after={after}&wait=60");
            let reply = api.call(api.get(&path)).await;
            // The job lives for some milliseconds: a time-out missed its end.
            let job = reply.expect(200).json();
            if is_terminal(&job) {
                break;
            }
            after = seq_of(&job);
        }
    }
}
