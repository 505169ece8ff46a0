//! Orders that cross each other and the work: whatever owners do at the same
//! time, each log stays a log, and each job can be brought to its whole result.

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Server, pdf_of, seq_of};

const PAGES: usize = 120;

/// Checks what must be true of a log after any orders.
fn check_log(events: &[Value]) {
    let seqs: Vec<u64> = events.iter().map(seq_of).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    let mut ended = false;
    let mut pages = Vec::new();
    for event in events {
        let kind = event["type"].as_str().unwrap();
        assert!(!ended || kind == "retried", "{kind} after the end: {events:?}");
        ended = matches!(kind, "completed" | "failed" | "cancelled");
        pages.extend(event["page"].as_u64());
    }
    assert!(ended, "{events:?}");
    let recorded = pages.len();
    pages.sort_unstable();
    pages.dedup();
    assert_eq!(pages.len(), recorded, "a page was recorded twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crossing_orders_leave_every_job_whole() {
    let seed = std::env::var("MILEPOST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("MILEPOST_SEED={seed}");
    let server = Server::with(&[("MILEPOST_QUEUE_RETRIES", "9")]);
    let api = server.api();
    let document = pdf_of(PAGES);
    let whole = api.submit_bytes("road.pdf", document.clone()).await;
    api.completed(&whole).await;
    let whole = api.results(&whole).await;

    let mut jobs = Vec::new();
    for _ in 0..5 {
        jobs.push(api.submit_bytes("road.pdf", document.clone()).await);
    }
    let owners: Vec<_> = (0..4)
        .map(|owner| {
            let (api, jobs, server) = (api.clone(), jobs.clone(), server.process());
            let mut random = fastrand::Rng::with_seed(seed.wrapping_add(owner));
            tokio::spawn(async move {
                for _ in 0..60 {
                    let id = &jobs[random.usize(..jobs.len())];
                    let order = ["cancel", "retry", "retry", "kill"][random.usize(..4)];
                    if order == "kill" {
                        // Of four owners one is this wicked, and not always.
                        let converters = server.converters();
                        if owner == 0 && random.u8(..4) == 0 && !converters.is_empty() {
                            converters[random.usize(..converters.len())].signal(Signal::KILL);
                        }
                        continue;
                    }
                    let reply = api.call(api.post(&format!("/v1/jobs/{id}/{order}"))).await;
                    assert!(matches!(reply.status, 200 | 202 | 409), "{}", reply.text());
                }
            })
        })
        .collect();
    for owner in owners {
        owner.await.unwrap();
    }
    for id in &jobs {
        let mut job = api.ended(id).await;
        for _ in 0..3 {
            if job["status"] == "completed" {
                break;
            }
            // Only its converter can have failed it.
            assert!(
                job["error"].is_null() || job["error"]["code"] == "conversion_crashed",
                "{job}"
            );
            api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
            job = api.ended(id).await;
        }
        assert_eq!((&job["status"], &job["progress"]), (&"completed".into(), &100.0.into()));
        check_log(&api.events(id).await);
        assert_eq!(api.pages(id).await, (1..=PAGES as u64).collect::<Vec<_>>());
        for ((format, made), (_, wanted)) in api.results(id).await.into_iter().zip(&whole) {
            assert!(made == *wanted, "{format} differs from that of an undisturbed job");
        }
    }
    // No slot was lost on the way.
    let stats = api.call(api.get("/v1/stats")).await.expect(200).json();
    assert_eq!((&stats["capacity"]["running"], &stats["queue"]["depth"]), (&0.into(), &0.into()));
    let both = [api.submit("report.pdf").await, api.submit("report.pdf").await];
    for id in both {
        api.completed(&id).await;
    }
}

#[tokio::test]
async fn a_retry_tries_placeholder_pages_again() {
    let server = Server::start();
    let api = server.api();
    let id = api.submit("hostile/page-tree-shared.pdf").await;
    let first = api.completed(&id).await;
    let placeholders = || async {
        let pages = api.list(&format!("/v1/jobs/{id}/pages")).await;
        let broken = pages.iter().filter(|page| !page["error"].is_null());
        broken.map(|page| page["page"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let broken = placeholders().await;
    assert!(!broken.is_empty());
    api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
    let second = api.completed(&id).await;
    assert_eq!(second["attempt"], 2);
    assert_eq!(second["stages"][1]["done"], first["stages"][1]["done"]);
    let events = api.events(&id).await;
    let retried = events.iter().find(|event| event["type"] == "retried").unwrap();
    assert_eq!(retried["again"], serde_json::json!(broken));
    let behind = events.iter().skip_while(|event| event["type"] != "retried");
    let again = behind.filter(|event| event["type"] == "page").count();
    assert_eq!(again, broken.len());
    assert_eq!(placeholders().await, broken);
}
