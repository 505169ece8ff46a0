//! A collection that is made anew, or deleted, while it is searched and filled: a search sees
//! all of the one or all of the other.

use serde_json::{Value, json};

use crate::harness::{Api, Server, eventually, id_of};

/// Texts of one chunk each, in which `word` stands.
fn texts(count: usize, word: &str) -> Vec<Value> {
    let text = |number| json!({"text": format!("A {word} stands here, number {number}."), "filename": format!("{word}{number}.md")});
    (0..count).map(text).collect()
}

async fn submitted(api: &Api, sources: &[Value], options: Value) -> String {
    let body = json!({
        "pipeline": "ingest", "collection": "birds", "sources": sources, "options": options,
    });
    id_of(&api.submit_json(&body).await.expect(202).json())
}

/// The words that the hits have, each with how many have it.
async fn searched(api: &Api) -> (usize, usize) {
    let query = json!({"query": "heron bittern", "k": 100});
    let search = api.post("/v1/collections/birds/search").json(&query);
    let found = api.call(search).await.expect(200).json();
    let hits = found["hits"].as_array().unwrap();
    let with =
        |word: &str| hits.iter().filter(|hit| hit["text"].as_str().unwrap().contains(word)).count();
    assert_eq!(with("heron") + with("bittern"), hits.len());
    (with("heron"), with("bittern"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_see_the_former_collection_until_the_new_one_is_whole() {
    let server = Server::start();
    let api = server.api();
    let (old, new) = (40, 90);
    api.completed(&submitted(&api, &texts(old, "heron"), json!({})).await).await;
    assert_eq!(searched(&api).await, (old, 0));
    let anew = submitted(&api, &texts(new, "bittern"), json!({"force_recreate": true})).await;
    let (mut before, mut last) = (0, (old, 0));
    loop {
        let ended = api.job(&anew).await["status"] == "completed";
        let seen = searched(&api).await;
        assert!(seen == (old, 0) || seen == (0, new), "half of it: {seen:?}");
        assert!(last == (old, 0) || seen == last, "it went back to {seen:?}");
        (before, last) = (before + usize::from(seen.0 > 0), seen);
        if ended {
            break;
        }
    }
    assert_eq!(last, (0, new));
    assert!(before > 0);
    // What could not be made whole changes nothing.
    let more = submitted(&api, &texts(300, "heron"), json!({"force_recreate": true})).await;
    api.until(&more, "some of it", |job| job["documents"]["done"].as_u64() >= Some(2)).await;
    api.call(api.post(&format!("/v1/jobs/{more}/cancel"))).await.expect(200);
    assert_eq!(searched(&api).await, (0, new));
    api.call(api.post(&format!("/v1/jobs/{more}/retry"))).await.expect(202);
    api.completed(&more).await;
    assert_eq!(searched(&api).await, (100, 0));
}

#[tokio::test]
async fn a_job_whose_collection_is_deleted_says_so() {
    let server = Server::start();
    let api = server.api();
    let id = submitted(&api, &texts(600, "heron"), json!({})).await;
    api.until(&id, "some of it", |job| job["documents"]["done"].as_u64() >= Some(2)).await;
    api.call(api.delete("/v1/collections/birds")).await.expect(204);
    let job = api.ended(&id).await;
    assert_eq!(
        (&job["status"], &job["error"]["code"]),
        (&json!("failed"), &json!("collection_refused")),
        "{job}"
    );
    assert!(job["message"].as_str().unwrap().contains("`birds`"), "{job}");
    api.call(api.get("/v1/collections/birds")).await.expect(404);
    // Whoever wants it all the same tries again.
    api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
    api.completed(&id).await;
    let collection = api.call(api.get("/v1/collections/birds")).await.expect(200).json();
    assert_eq!((&collection["documents"], &collection["chunks"]), (&json!(600), &json!(600)));
}

#[tokio::test]
async fn what_a_deleted_job_had_staged_is_dropped() {
    let mut server = Server::with(&[("MILEPOST_RETENTION", "1s")]);
    let api = server.api();
    let id = submitted(&api, &texts(600, "heron"), json!({"force_recreate": true})).await;
    api.until(&id, "some of it", |job| job["documents"]["done"].as_u64() >= Some(2)).await;
    api.call(api.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200);
    // Its retention is over at once, and the sweeper comes by.
    let builds = server.data().join("index/builds");
    eventually("the end of the build", || async {
        let left = std::fs::read_dir(&builds).unwrap().count();
        (left == 0 && api.list("/v1/jobs").await.is_empty()).then_some(())
    })
    .await;
    let shelf = crate::harness::Shelf::of(&mut server);
    assert!(!shelf.is_building(&id).await);
}
