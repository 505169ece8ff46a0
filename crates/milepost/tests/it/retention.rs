//! What is kept, and for how long.

use crate::harness::{Server, eventually};

#[tokio::test]
async fn what_is_past_its_retention_is_gone_with_its_files() {
    let server = Server::with(&[("MILEPOST_RETENTION", "1s")]);
    let api = server.api();
    // Large enough for its document and its texts to be files.
    let text = "A line that is long enough to fill a file.\n\n".repeat(4000);
    let id = api.submit_bytes("long.md", text.into_bytes()).await;
    api.ended(&id).await;
    eventually("the job is gone", || async {
        let reply = api.call(api.get(&format!("/v1/jobs/{id}"))).await;
        (reply.status == 404).then_some(())
    })
    .await;
    eventually("its document is gone", || async {
        let documents = api.call(api.get("/v1/documents")).await.expect(200).json();
        documents["items"].as_array()?.is_empty().then_some(())
    })
    .await;
    eventually("its files are gone", || async { (files(&server) == 0).then_some(()) }).await;
}

#[tokio::test]
async fn a_deleted_job_leaves_no_file() {
    let server = Server::start();
    let api = server.api();
    let text = "A line that is long enough to fill a file.\n\n".repeat(4000);
    let id = api.submit_bytes("long.md", text.into_bytes()).await;
    let job = api.completed(&id).await;
    assert!(files(&server) > 1, "the document and its texts are files");
    api.call(api.delete(&format!("/v1/jobs/{id}"))).await.expect(204);
    let document = job["document"]["id"].as_str().unwrap();
    api.call(api.delete(&format!("/v1/documents/{document}"))).await.expect(204);
    assert_eq!(files(&server), 0);
}

/// How many objects the server keeps.
fn files(server: &Server) -> usize {
    let folders = std::fs::read_dir(server.data().join("objects")).unwrap();
    folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}
