//! What the death of processes does to jobs: nothing but a delay. The server is
//! killed at moments that a seed decides; the seed is printed and can be set
//! again by `MILEPOST_SEED`.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Server, completed, eventually, fixture, pdf_of, seq_of};

/// What a result is in every format.
type Results = Vec<(&'static str, Vec<u8>)>;

fn batch() -> Vec<(&'static str, Vec<u8>)> {
    let mut batch: Vec<_> =
        ["report.pdf", "letter.docx", "slides.pptx", "workbook.xlsx", "book.epub", "page.html"]
            .map(|name| (name, fixture(name)))
            .into();
    batch.push(("long.pdf", fixture("long.pdf")));
    batch.push(("road.pdf", pdf_of(400)));
    batch.push(("lane.pdf", pdf_of(150)));
    batch
}

/// The results of jobs that nothing interrupts.
async fn undisturbed(documents: &[(&'static str, Vec<u8>)]) -> Vec<Results> {
    let server = Server::start();
    let api = server.api();
    let mut all = Vec::new();
    for (name, bytes) in documents {
        let id = api.submit_bytes(name, bytes.clone()).await;
        api.completed(&id).await;
        all.push(api.results(&id).await);
    }
    all
}

/// The log is whole, and the job ended in it once.
fn check_log(name: &str, events: &[Value]) {
    let seqs: Vec<u64> = events.iter().map(seq_of).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "{name}");
    let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert_eq!(count("completed"), 1, "{name}: {events:?}");
    assert_eq!(count("failed"), 0, "{name}: {events:?}");
    let mut pages: Vec<u64> = events.iter().filter_map(|event| event["page"].as_u64()).collect();
    let converted = pages.len();
    pages.sort_unstable();
    pages.dedup();
    assert_eq!(pages.len(), converted, "{name}: a page was recorded twice");
}

fn same_results(name: &str, made: Results, wanted: &Results) {
    for ((format, made), (_, wanted)) in made.into_iter().zip(wanted) {
        assert!(made == *wanted, "{name} as {format} is not that of an undisturbed job");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_accepted_job_completes_once_whenever_the_server_is_killed() {
    let seed = std::env::var("MILEPOST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("MILEPOST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let documents = batch();
    let wanted = undisturbed(&documents).await;

    let mut server = Server::start();
    let mut jobs = Vec::new();
    // Half of them at once, the others between the crashes.
    let (first, others) = documents.split_at(4);
    for (name, bytes) in first {
        jobs.push((*name, server.api().submit_bytes(name, bytes.clone()).await));
    }
    for (name, bytes) in others {
        jobs.push((*name, server.api().submit_bytes(name, bytes.clone()).await));
        // Not to wait for anything: the moment of the crash is the input.
        tokio::time::sleep(Duration::from_millis(random.u64(0..250))).await;
        server.kill9();
        server.restart();
    }
    let api = server.api();
    for ((name, id), wanted) in jobs.iter().zip(&wanted) {
        let job = api.completed(id).await;
        assert_eq!(job["progress"], 100.0);
        check_log(name, &api.events(id).await);
        same_results(name, api.results(id).await, wanted);
    }
    assert_eq!(api.list("/v1/jobs").await.len(), jobs.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_with_202_is_there_after_a_crash() {
    let mut server = Server::start();
    let mut accepted = Vec::new();
    for round in 0..4 {
        // Submits until the server dies under it.
        let submitting = tokio::spawn({
            let api = server.api();
            async move {
                let mut accepted = Vec::new();
                loop {
                    let body = serde_json::json!({"source": {"text": format!("# {round}")}});
                    let Ok(reply) = api.post("/v1/jobs").json(&body).send().await else {
                        return accepted;
                    };
                    assert_eq!(reply.status(), 202);
                    let Ok(job) = reply.json::<Value>().await else { return accepted };
                    accepted.push(job["id"].as_str().unwrap().to_owned());
                }
            }
        });
        let api = server.api();
        eventually("some jobs", || async {
            (api.list("/v1/jobs").await.len() >= (round + 1) * 15).then_some(())
        })
        .await;
        server.kill9();
        accepted.extend(submitting.await.unwrap());
        server.restart();
    }
    let api = server.api();
    for id in &accepted {
        api.completed(id).await;
    }
    assert!(accepted.len() >= 50, "{}", accepted.len());
}

#[tokio::test]
async fn the_death_of_a_converter_is_tried_again_and_harms_nobody_else() {
    let server = Server::start();
    let api = server.api();
    let document = pdf_of(600);
    let whole = api.submit_bytes("road.pdf", document.clone()).await;
    api.completed(&whole).await;
    let whole = api.results(&whole).await;

    let id = api.submit_bytes("road.pdf", document).await;
    api.until(&id, "pages", |job| job["stages"][1]["done"].as_u64() >= Some(20)).await;
    for converter in server.converters() {
        converter.signal(Signal::KILL);
    }
    // Both converters died; jobs of others do not notice.
    for name in ["letter.docx", "report.pdf"] {
        let other = api.submit(name).await;
        assert_eq!(api.completed(&other).await["attempt"], 1, "{name}");
    }
    let job = api.completed(&id).await;
    assert_eq!(job["attempt"], 2, "{job}");
    let events = api.events(&id).await;
    check_log("road.pdf", &events);
    let requeued = events.iter().find(|event| event["type"] == "requeued").expect("a new attempt");
    assert_eq!(requeued["failure"]["code"], "conversion_crashed");
    same_results("road.pdf", api.results(&id).await, &whole);
}

#[tokio::test]
async fn a_document_that_always_kills_its_converter_fails_alone() {
    let server = Server::with(&[("MILEPOST_QUEUE_RETRIES", "1"), ("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    server.freeze().await;
    // Long enough for the second converter to be met in the middle of it.
    let id = api.submit_bytes("road.pdf", pdf_of(600)).await;
    for attempt in 1..=2 {
        api.until(&id, "the attempt", |job| {
            job["status"] == "running" && job["attempt"] == attempt
        })
        .await;
        for converter in server.converters() {
            converter.signal(Signal::KILL);
        }
        if attempt == 1 {
            server.freeze().await;
        }
    }
    let job = api.ended(&id).await;
    assert_eq!(job["status"], "failed", "{job}");
    assert_eq!(job["error"]["code"], "conversion_crashed");
    assert_eq!((job["attempt"].as_u64(), job["max_attempts"].as_u64()), (Some(2), Some(2)));
    let other = api.submit("letter.docx").await;
    api.completed(&other).await;
    // The owner may try again all the same.
    api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
    api.completed(&id).await;
}

#[tokio::test]
async fn a_converter_that_hangs_is_given_up_and_others_go_on() {
    let server = Server::with(&[("MILEPOST_WORKER_SILENCE", "2s")]);
    let api = server.api();
    let id = api.submit_bytes("road.pdf", pdf_of(1500)).await;
    api.until(&id, "pages", |job| job["stages"][1]["done"].as_u64() >= Some(3)).await;
    // The other converter is stopped too, but nobody waits for it: it is only
    // given a job once it goes on again.
    let stopped = server.freeze().await;
    assert_eq!(api.job(&id).await["status"], "running", "the document is too short");
    let job = api.ended(&id).await;
    assert_eq!(job["status"], "failed", "{job}");
    assert_eq!(job["error"]["code"], "conversion_timeout", "{job}");
    assert!(!api.pages(&id).await.is_empty());
    eventually("the end of the converter that hangs", || async {
        stopped.iter().any(|converter| !converter.is_alive()).then_some(())
    })
    .await;
    server.thaw();
    let other = api.submit("letter.docx").await;
    completed(api.ended(&other).await);
}

#[tokio::test]
async fn converters_do_not_outlive_a_killed_server() {
    let mut server = Server::start();
    let api = server.api();
    let id = api.submit_bytes("road.pdf", pdf_of(1500)).await;
    api.until(&id, "pages", |job| job["stages"][1]["done"].as_u64() >= Some(3)).await;
    let converters = server.converters();
    assert!(!converters.is_empty());
    server.kill9();
    eventually("the end of the converters", || async {
        (!converters.iter().any(|converter| converter.is_alive())).then_some(())
    })
    .await;
}
