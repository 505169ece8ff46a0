//! An ingestion that is interrupted goes on where it was: no chunk is missing, and none is there
//! twice. The moments are decided by a seed, which is printed and can be set again by
//! `MILEPOST_SEED`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Api, Server, Shelf, id_of};

/// A word of letters alone, which nothing takes apart.
fn word(text: usize, section: usize) -> String {
    let letter = |digit: u8| char::from(b'b' + (digit - b'0'));
    format!("{text:04}{section:04}").bytes().map(letter).collect::<String>() + "word"
}

/// Texts of which each has a word of its own in each of its chunks.
fn texts(count: usize, sections: usize) -> Vec<Value> {
    let section = |text: usize, section: usize| {
        let word = word(text, section);
        format!("## Section {section}\n\nThe {word} stands here beside the road.\n\n")
    };
    let content = |text| (0..sections).map(|at| section(text, at)).collect::<String>();
    (0..count)
        .map(|text| json!({"text": content(text), "filename": format!("{text}.md")}))
        .collect()
}

fn body(sources: &[Value]) -> Value {
    json!({
        "pipeline": "ingest", "collection": "words", "sources": sources,
        "options": {"chunker": {"kind": "hybrid", "max": 100, "overlap": 0}},
    })
}

async fn submitted(api: &Api, body: &Value) -> String {
    id_of(&api.submit_json(body).await.expect(202).json())
}

/// Each word stands in one chunk, and there are no others.
async fn check(server: &mut Server, count: usize, sections: usize) {
    let shelf = Shelf::of(server);
    let entries = shelf.entries("words").await;
    let keys: Vec<_> = entries.iter().map(|entry| entry.facts.key.clone()).collect();
    assert_eq!(keys, (0..count).map(|text| format!("{text}.md")).collect::<Vec<_>>());
    for (text, entry) in entries.iter().enumerate() {
        assert_eq!(entry.chunks, sections as u64, "{entry:?}");
        for section in 0..sections {
            let found = shelf.found("words", &word(text, section)).await;
            assert_eq!(found, [(entry.facts.key.clone(), section as u32)], "{text} {section}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_is_twice_whenever_the_server_is_killed() {
    let seed = std::env::var("MILEPOST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("MILEPOST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (count, sections) = (60, 12);
    let mut server = Server::start();
    let id = submitted(&server.api(), &body(&texts(count, sections))).await;
    for stage in ["extracting", "chunking", "indexing", "indexing", "indexing"] {
        let api = server.api();
        let there = |job: &Value| job["stage"] == stage || job["status"] == "completed";
        if stage != "chunking" {
            api.until(&id, stage, there).await;
        }
        // Not to wait for anything: the moment of the crash is the input.
        tokio::time::sleep(Duration::from_millis(random.u64(0..120))).await;
        server.kill9();
        server.restart();
    }
    let job = server.api().completed(&id).await;
    assert_eq!(job["documents"], json!({"total": count, "done": count}));
    let events = server.api().events(&id).await;
    assert_eq!(events.iter().filter(|event| event["type"] == "completed").count(), 1);
    check(&mut server, count, sections).await;
}

#[tokio::test]
async fn a_cancelled_ingestion_goes_on_when_it_is_retried() {
    let mut server = Server::start();
    let api = server.api();
    let (count, sections) = (150, 4);
    let id = submitted(&api, &body(&texts(count, sections))).await;
    let some = |job: &Value| job["documents"]["done"].as_u64() >= Some(3);
    api.until(&id, "some documents", some).await;
    let job = api.call(api.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200).json();
    assert_eq!((&job["status"], &job["stage"]), (&json!("cancelled"), &json!("indexing")));
    let done = job["stages"][3]["done"].as_u64().unwrap();
    assert!(done > 0 && done < (count * sections) as u64, "{job}");
    let retried = api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202).json();
    assert_eq!(retried["stages"][3]["done"], done);
    // What was whole stays so.
    let words: Vec<_> = retried["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["status"].as_str().unwrap())
        .collect();
    assert_eq!(words, ["completed", "completed", "completed", "pending"]);
    let job = api.completed(&id).await;
    assert_eq!(job["documents"], json!({"total": count, "done": count}));
    let events = api.events(&id).await;
    let attempt = events.iter().position(|event| event["type"] == "retried").unwrap();
    // Nothing was read or cut again.
    let stages: Vec<_> =
        events[attempt..].iter().filter_map(|event| event["stage"].as_str()).collect();
    assert_eq!(stages, ["indexing"]);
    check(&mut server, count, sections).await;
}

#[tokio::test]
async fn a_completed_ingestion_is_made_anew_by_a_retry() {
    let mut server = Server::start();
    let api = server.api();
    let id = submitted(&api, &body(&texts(5, 3))).await;
    api.completed(&id).await;
    let retried = api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202).json();
    assert_eq!(retried["documents"], json!({"total": 5, "done": 0}));
    api.completed(&id).await;
    check(&mut server, 5, 3).await;
}

#[tokio::test]
async fn a_collection_that_is_made_anew_has_only_what_the_last_job_brought() {
    let mut server = Server::start();
    let api = server.api();
    let old = json!({
        "pipeline": "ingest", "collection": "words", "source": {"text": "old heron", "filename": "old.md"},
    });
    api.completed(&submitted(&api, &old).await).await;
    let mut anew = body(&texts(4, 2));
    anew["options"]["force_recreate"] = true.into();
    let id = submitted(&api, &anew).await;
    api.completed(&id).await;
    check(&mut server, 4, 2).await;
}
