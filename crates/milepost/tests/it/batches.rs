//! Several documents in one request: a job each, and a batch over them.

use serde_json::{Value, json};

use crate::harness::{Api, Form, Server, eventually, expected, fixture, guarded, id_of};

fn three() -> Form {
    let files = ["report.pdf", "letter.docx", "notes.md"];
    Api::files(files.map(|name| (name, fixture(name))))
}

#[tokio::test]
async fn several_files_make_a_job_each_and_a_batch() {
    let server = Server::start();
    let api = server.api();
    server.freeze().await;
    let form = three().text("metadata", r#"{"order":7}"#).text("priority", "3");
    let reply = api.call(api.post("/v1/jobs").multipart(form)).await.expect(202);
    let made = reply.json();
    let (batch, jobs) = (&made["batch"], made["jobs"].as_array().unwrap());
    let id = id_of(batch);
    assert_eq!(reply.header("location"), format!("/v1/batches/{id}"));
    assert_eq!((&batch["total"], &batch["progress"]), (&json!(3), &json!(0.0)));
    let states = ["awaiting", "queued", "running", "completed", "failed", "cancelled"];
    let counts = batch["by_status"].as_object().unwrap();
    assert_eq!(counts.len(), states.len());
    assert_eq!(states.iter().map(|state| counts[*state].as_u64().unwrap()).sum::<u64>(), 3);
    let names: Vec<_> = jobs.iter().map(|job| job["document"]["filename"].clone()).collect();
    assert_eq!(names, ["report.pdf", "letter.docx", "notes.md"]);
    for job in jobs {
        assert_eq!((&job["batch"], &job["metadata"]["order"]), (&json!(id), &json!(7)));
        assert!(job.as_object().unwrap().contains_key("access"));
        assert_eq!(api.job(&id_of(job)).await["batch"], json!(id));
    }
    server.thaw();
    for job in jobs {
        api.completed(&id_of(job)).await;
    }
    let batch = api.batch(&id).await;
    assert_eq!((&batch["by_status"]["completed"], &batch["progress"]), (&json!(3), &json!(100.0)));
    let first = id_of(&jobs[0]);
    assert_eq!(api.result(&first, "markdown").await, expected("report.pdf"));
    let other = api.submit("letter.odt").await;
    assert_eq!(api.job(&other).await["batch"], Value::Null);
    let listed = api.list(&format!("/v1/jobs?batch={id}")).await;
    let listed: Vec<_> = listed.iter().map(id_of).rev().collect();
    assert_eq!(listed, jobs.iter().map(id_of).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_json_array_makes_a_batch_of_whatever_is_in_it() {
    let server = Server::start();
    let api = server.api();
    let stored = api.call(
        api.post("/v1/documents").multipart(Api::form("letter.docx", fixture("letter.docx"))),
    );
    let stored = id_of(&stored.await.expect(201).json());
    let body = json!([
        {"source": {"text": "# One", "filename": "one.md"}, "options": {"formats": ["html"]}},
        {"source": {"document": stored}, "metadata": 2},
        {"pipeline": "external", "stages": [{"name": "reading"}]},
        {"hold": true},
    ]);
    let made = api.submit_json(&body).await.expect(202).json();
    let id = id_of(&made["batch"]);
    let jobs: Vec<_> = made["jobs"].as_array().unwrap().iter().map(id_of).collect();
    assert_eq!(made["batch"]["total"], 4);
    api.completed(&jobs[0]).await;
    let second = api.completed(&jobs[1]).await;
    assert_eq!((&second["metadata"], &second["batch"]), (&json!(2), &json!(id)));
    let batch = api.batch(&id).await;
    assert_eq!(batch["by_status"]["completed"], 2);
    assert_eq!(batch["by_status"]["queued"], 1);
    assert_eq!(batch["by_status"]["awaiting"], 1);
    assert_eq!(batch["progress"], 50.0);
    // An array of one is a batch too: the shape of the answer follows from that of
    // the request.
    let one = api.submit_json(&json!([{"source": {"text": "# Two"}}])).await.expect(202).json();
    assert_eq!((&one["batch"]["total"], one["jobs"].as_array().unwrap().len()), (&json!(1), 1));
}

#[tokio::test]
async fn equal_files_are_jobs_of_their_own() {
    let server = Server::start();
    let api = server.api();
    let files = [("a.md", b"# Same".to_vec()), ("a.md", b"# Same".to_vec())];
    let (id, jobs) = api.submit_files(Api::files(files)).await;
    assert_ne!(jobs[0], jobs[1]);
    for job in &jobs {
        api.completed(job).await;
        assert_eq!(api.result(job, "text").await.trim_ascii(), b"Same");
    }
    assert_eq!(api.batch(&id).await["by_status"]["completed"], 2);
}

#[tokio::test]
async fn further_requests_join_a_batch() {
    let server = Server::start();
    let api = server.api();
    let (id, first) = api.submit_files(three()).await;
    let path = format!("/v1/jobs?batch={id}");
    let more = api.call(api.post(&path).multipart(three())).await.expect(202).json();
    assert_eq!((id_of(&more["batch"]), &more["batch"]["total"]), (id.clone(), &json!(6)));
    assert_eq!(more["jobs"].as_array().unwrap().len(), 3);
    // One file is answered as one file is.
    let form = Api::form("letter.odt", fixture("letter.odt"));
    let reply = api.call(api.post(&path).multipart(form)).await.expect(202);
    let single = reply.json();
    assert_eq!(single["batch"], json!(id));
    assert_eq!(reply.header("location"), format!("/v1/jobs/{}", id_of(&single)));
    let single = id_of(&single);
    for job in first.iter().chain([&single]) {
        api.completed(job).await;
    }
    assert_eq!(api.batch(&id).await["total"], 7);
}

#[tokio::test]
async fn a_batch_can_begin_with_one_file() {
    let server = Server::start();
    let api = server.api();
    let path = "/v1/jobs?batch=new";
    let form = || Api::form("letter.odt", fixture("letter.odt"));
    let first = api.call(api.post(path).multipart(form())).await.expect(202).json();
    let other = api.call(api.post(path).multipart(form())).await.expect(202).json();
    let batch = first["batch"].as_str().unwrap();
    assert_ne!(other["batch"], batch);
    let path = format!("/v1/jobs?batch={batch}");
    let second = api.call(api.post(&path).multipart(form())).await.expect(202).json();
    assert_eq!(second["batch"], batch);
    assert_eq!(api.batch(batch).await["total"], 2);
}

#[tokio::test]
async fn a_preference_waits_for_all() {
    let server = Server::start();
    let api = server.api();
    let request = api.post("/v1/jobs").header("prefer", "wait=60").multipart(three());
    let reply = api.call(request).await.expect(200);
    assert_eq!(reply.header("preference-applied"), "wait=60");
    let made = reply.json();
    assert_eq!(made["batch"]["by_status"]["completed"], 3, "{made}");
    assert!(made["jobs"].as_array().unwrap().iter().all(|job| job["status"] == "completed"));
    server.freeze().await;
    let form = three().text("force", "true");
    let request = api.post("/v1/jobs").header("prefer", "wait=1").multipart(form);
    let made = api.call(request).await.expect(202).json();
    assert_eq!(made["batch"]["total"], 3);
    server.thaw();
}

#[tokio::test]
async fn a_key_covers_the_whole_batch() {
    let mut server = Server::start();
    let submit = |api: Api, key: &'static str, form: Form| async move {
        api.call(api.post("/v1/jobs").header("idempotency-key", key).multipart(form)).await
    };
    let first = submit(server.api(), "folder-1", three()).await.expect(202).json();
    server.kill9();
    server.restart();
    let api = server.api();
    let again = submit(server.api(), "folder-1", three()).await.expect(202).json();
    let ids = |made: &Value| made["jobs"].as_array().unwrap().iter().map(id_of).collect::<Vec<_>>();
    assert_eq!((id_of(&again["batch"]), ids(&again)), (id_of(&first["batch"]), ids(&first)));
    assert_eq!(api.list("/v1/jobs").await.len(), 3);
    assert_eq!(api.list("/v1/documents").await.len(), 3);
    let fewer = Api::files([("report.pdf", fixture("report.pdf"))]);
    for form in [three().text("priority", "1"), fewer] {
        let reply = submit(server.api(), "folder-1", form).await;
        reply.refused(422, "invalid_field", Some("Idempotency-Key"));
    }
    // Each request that joins has a key and jobs of its own.
    let path = format!("/v1/jobs?batch={}", id_of(&first["batch"]));
    let join = || api.post(&path).header("idempotency-key", "folder-1b").multipart(three());
    let more = api.call(join()).await.expect(202).json();
    let same = api.call(join()).await.expect(202).json();
    assert_eq!(ids(&same), ids(&more));
    assert_eq!(same["batch"]["total"], 6);
}

#[tokio::test]
async fn a_batch_is_gone_with_its_last_job() {
    let server = Server::start();
    let api = server.api();
    let (id, jobs) = api.submit_files(three()).await;
    for (left, job) in [2, 1].into_iter().zip(&jobs) {
        api.completed(job).await;
        api.call(api.delete(&format!("/v1/jobs/{job}"))).await.expect(204);
        assert_eq!(api.batch(&id).await["total"], left);
    }
    api.completed(&jobs[2]).await;
    api.call(api.delete(&format!("/v1/jobs/{}", jobs[2]))).await.expect(204);
    let path = format!("/v1/batches/{id}");
    api.call(api.get(&path)).await.refused(404, "not_found", None);
    for order in ["cancel", "retry"] {
        api.call(api.post(&format!("{path}/{order}"))).await.refused(404, "not_found", None);
    }
    api.call(api.get(&format!("/v1/stream?batch={id}"))).await.refused(404, "not_found", None);
    let join = api.post(&format!("/v1/jobs?batch={id}")).multipart(three());
    api.call(join).await.refused(404, "not_found", None);
}

#[tokio::test]
async fn a_batch_goes_with_the_retention() {
    let server = Server::with(&[("MILEPOST_RETENTION", "1s")]);
    let api = server.api();
    let (id, _) = api.submit_files(three()).await;
    eventually("the batch is gone", || async {
        let reply = api.call(api.get(&format!("/v1/batches/{id}"))).await;
        (reply.status == 404).then_some(())
    })
    .await;
    assert!(api.list("/v1/jobs").await.is_empty());
}

#[tokio::test]
async fn batches_are_listed_from_the_newest() {
    let server = guarded();
    let (ann, ben) = (server.api_of("ann"), server.api_of("ben"));
    let mut made = Vec::new();
    for jobs in 1..=3 {
        let body = vec![json!({"hold": true}); jobs];
        let batch = ann.submit_json(&json!(body)).await.expect(202).json()["batch"].clone();
        made.insert(0, batch);
    }
    assert_eq!(ann.list("/v1/batches").await, made);
    let page = ann.call(ann.get("/v1/batches?limit=2")).await.expect(200).json();
    assert_eq!(page["items"].as_array().unwrap()[..], made[..2]);
    let next = format!("/v1/batches?cursor={}", page["next"].as_str().unwrap());
    assert_eq!(ann.list(&next).await, made[2..]);
    assert!(ben.list("/v1/batches").await.is_empty());
    ben.call(ben.get("/v1/batches?cursor=x")).await.refused(422, "invalid_field", Some("cursor"));
}
