//! A result that several jobs have: what becomes of one of them is nothing to the
//! others.

use serde_json::{Value, json};

use crate::harness::{Api, Server, eventually, fixture, id_of};

/// Text that fills objects and rows.
fn long() -> Vec<u8> {
    "# A heading\n\nA line that is long enough to fill a file.\n\n".repeat(3000).into_bytes()
}

async fn submit(api: &Api, name: &str, bytes: Vec<u8>) -> Value {
    let form = Api::form(name, bytes);
    api.call(api.post("/v1/jobs").multipart(form)).await.expect(202).json()
}

/// Three jobs with one result, the first of which made it.
async fn three(api: &Api, name: &str, bytes: &[u8]) -> [String; 3] {
    let first = id_of(&submit(api, name, bytes.to_vec()).await);
    api.completed(&first).await;
    let mut all = [first.clone(), String::new(), String::new()];
    for id in &mut all[1..] {
        let job = submit(api, name, bytes.to_vec()).await;
        assert_eq!(job["result"]["reused_from"], json!(first));
        *id = id_of(&job);
    }
    all
}

async fn delete(api: &Api, id: &str) {
    api.call(api.delete(&format!("/v1/jobs/{id}"))).await.expect(204);
}

fn objects(server: &Server) -> usize {
    let folders = std::fs::read_dir(server.data().join("objects")).unwrap();
    folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}

#[tokio::test]
async fn a_result_stays_until_the_last_of_its_jobs_is_deleted() {
    let mut server = Server::start();
    for order in [[0, 1, 2], [1, 2, 0], [2, 0, 1]] {
        let api = server.api();
        let ids = three(&api, "long.md", &long()).await;
        let whole = api.results(&ids[0]).await;
        let documents = 3;
        assert!(objects(&server) > documents, "texts are files");
        for (index, place) in order.into_iter().enumerate() {
            delete(&api, &ids[place]).await;
            for left in &order[index + 1..] {
                assert_eq!(api.results(&ids[*left]).await, whole);
                assert_eq!(api.pages(&ids[*left]).await, [1]);
            }
        }
        assert_eq!(objects(&server), documents);
        // What nobody has any more does not count.
        let anew = submit(&api, "long.md", long()).await;
        assert_eq!(anew["status"], "queued");
        let anew = api.completed(&id_of(&anew)).await;
        delete(&api, &id_of(&anew)).await;
        for document in api.list("/v1/documents").await {
            let path = format!("/v1/documents/{}", id_of(&document));
            api.call(api.delete(&path)).await.expect(204);
        }
        assert_eq!(objects(&server), 0);
        server.kill9();
        server.restart();
    }
}

#[tokio::test]
async fn a_retry_converts_anew_and_leaves_the_others_theirs() {
    let server = Server::start();
    let api = server.api();
    for (name, bytes) in [("report.pdf", fixture("report.pdf")), ("long.md", long())] {
        for retried in [0, 1] {
            let ids = three(&api, name, &bytes).await;
            let whole = api.results(&ids[0]).await;
            let pages = api.pages(&ids[0]).await;
            api.call(api.post(&format!("/v1/jobs/{}/retry", ids[retried]))).await.expect(202);
            let job = api.completed(&ids[retried]).await;
            assert!(job["started_at"].is_string(), "{job}");
            assert_eq!((&job["attempt"], &job["result"]["reused_from"]), (&json!(2), &Value::Null));
            for id in &ids {
                assert_eq!(api.results(id).await, whole);
                assert_eq!(api.pages(id).await, pages);
            }
            // Each can go without the others.
            for (index, id) in ids.iter().enumerate() {
                delete(&api, id).await;
                for left in &ids[index + 1..] {
                    assert_eq!(api.results(left).await, whole);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_retried_job_that_is_cancelled_has_lost_only_its_own() {
    let server = Server::start();
    let api = server.api();
    let ids = three(&api, "report.pdf", &fixture("report.pdf")).await;
    let whole = api.results(&ids[2]).await;
    server.freeze().await;
    for id in &ids[..2] {
        api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
        api.call(api.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200);
    }
    assert_eq!(api.results(&ids[2]).await, whole);
    // It made its pages itself, and the other one none.
    assert_eq!(api.pages(&ids[0]).await.len(), 12);
    assert!(api.pages(&ids[1]).await.is_empty());
    let job = submit(&api, "report.pdf", fixture("report.pdf")).await;
    assert_eq!(job["status"], "completed");
    delete(&api, &ids[2]).await;
    assert_eq!(api.results(&id_of(&job)).await, whole);
    server.thaw();
}

#[tokio::test]
async fn a_result_outlives_the_retention_of_the_job_that_made_it() {
    let server = Server::with(&[("MILEPOST_RETENTION", "3s")]);
    let api = server.api();
    let first = id_of(&submit(&api, "long.md", long()).await);
    api.completed(&first).await;
    let whole = api.results(&first).await;
    // Submitted again and again, until the first one is gone.
    let last = eventually("the first job is gone", || async {
        let job = submit(&api, "long.md", long()).await;
        let gone = api.call(api.get(&format!("/v1/jobs/{first}"))).await.status == 404;
        gone.then(|| id_of(&job))
    })
    .await;
    let job = api.completed(&last).await;
    assert_eq!(job["result"]["reused_from"], json!(first));
    assert_eq!(api.results(&last).await, whole);
}
