//! The same document with the same options is converted once: who submits it again
//! has the result at once.

use serde_json::{Value, json};

use crate::fetch::{LOOPBACK, ON, submit_url};
use crate::harness::{
    Api, Client, Form, Server, Socket, Web, exits, expected, fixture, fixtures, id_of, is_terminal,
    pdf_of,
};

/// Submits as users do, without `force`, and returns the snapshot.
async fn submit(api: &Api, form: Form) -> Value {
    api.call(api.post("/v1/jobs").multipart(form)).await.expect(202).json()
}

fn report() -> Form {
    Api::form("report.pdf", fixture("report.pdf"))
}

/// A server that has converted the report, and converts nothing more.
async fn with_report() -> (Server, Api, String) {
    let server = Server::start();
    let api = server.api();
    let first = id_of(&submit(&api, report()).await);
    api.completed(&first).await;
    server.freeze().await;
    (server, api, first)
}

#[tokio::test]
async fn the_same_again_is_completed_at_once() {
    let (_server, api, first) = with_report().await;
    let job = submit(&api, report().text("metadata", "7").text("priority", "5")).await;
    let id = id_of(&job);
    assert_ne!(id, first);
    assert_eq!(
        (&job["status"], &job["progress"], &job["seq"]),
        (&json!("completed"), &json!(100.0), &json!(2))
    );
    assert_eq!(job["result"]["reused_from"], json!(first));
    assert_eq!((&job["started_at"], &job["metadata"]), (&Value::Null, &json!(7)));
    assert_eq!(
        (&job["document"]["pages"], &job["document"]["media_type"]),
        (&json!(12), &json!("application/pdf"))
    );
    assert!(job["stages"].as_array().unwrap().iter().all(|stage| stage["status"] == "completed"));
    assert_eq!(api.job(&first).await["result"]["reused_from"], Value::Null);

    assert_eq!(api.result(&id, "markdown").await, expected("report.pdf"));
    assert_eq!(api.results(&id).await, api.results(&first).await);
    assert_eq!(api.pages(&id).await, api.pages(&first).await);
    let page = |id: &str| api.get(&format!("/v1/jobs/{id}/pages/3?format=html"));
    let (mine, theirs) = (api.call(page(&id)).await.expect(200), api.call(page(&first)).await);
    assert_eq!(mine.body, theirs.body);
    let events = api.events(&id).await;
    let types: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["submitted", "completed"]);
    assert_eq!(events[1]["reused"]["job"], json!(first));
    // A third one names the job that converted, not the one that reused.
    let third = submit(&api, report()).await;
    assert_eq!(third["result"]["reused_from"], json!(first));
    // Its document is one of its own.
    let document = |job: &Value| id_of(&job["document"]);
    assert_ne!(document(&third), document(&job));
    let listed =
        api.call(api.get(&format!("/v1/documents/{}", document(&third)))).await.expect(200);
    assert_eq!(listed.json()["pages"], 12);
}

#[tokio::test]
async fn watchers_learn_the_end_of_what_was_never_begun() {
    let (server, api, _) = with_report().await;
    let mut socket = Socket::open(&server).await;
    socket.send(&json!({"type": "subscribe", "mine": true})).await;
    socket.message_of("subscribed").await;
    let request = api.post("/v1/jobs").header("prefer", "wait=30").multipart(report());
    let id = id_of(&api.call(request).await.expect(200).json());
    loop {
        let job = socket.snapshot().await;
        if id_of(&job) == id && is_terminal(&job) {
            break;
        }
    }
    let all = api.stream(&format!("/v1/jobs/{id}/events?mode=all&after=0"), None).await;
    let states: Vec<_> =
        all.snapshots().await.into_iter().map(|event| event.data["status"].clone()).collect();
    assert_eq!(states, ["queued", "completed"]);
    let poll = api.call(api.get(&format!("/v1/jobs/{id}?after=1&wait=30"))).await.expect(200);
    assert!(is_terminal(&poll.json()));
}

#[tokio::test]
async fn whatever_could_change_the_result_is_converted() {
    let (_server, api, _) = with_report().await;
    for form in [
        report().text("force", "true"),
        report().text("options", r#"{"pages": "1-2"}"#),
        report().text("options", r#"{"formats": ["markdown"]}"#),
        report().text("options", r#"{"password": "none is needed"}"#),
        Api::form("other.pdf", fixture("report.pdf")),
        Api::form("report.pdf", fixture("no-index.pdf")),
    ] {
        let job = submit(&api, form).await;
        assert!(!is_terminal(&job), "{job}");
    }
    // The same said in other words is the same.
    let all = r#"{"formats": ["text", "html", "json", "markdown", "text"], "pages": null}"#;
    assert!(is_terminal(&submit(&api, report().text("options", all)).await));
    let declared = reqwest::multipart::Part::bytes(fixture("report.pdf")).file_name("report.pdf");
    let form = Form::new().part("file", declared.mime_str("application/x-unknown").unwrap());
    assert_eq!(submit(&api, form).await["document"]["media_type"], "application/pdf");
    let external = submit(&api, report().text("pipeline", "external")).await;
    assert_eq!(external["status"], "queued");
}

#[tokio::test]
async fn what_did_not_succeed_whole_is_tried_again() {
    let server = Server::start();
    let api = server.api();
    for name in ["unknown.bin", "hostile/page-tree-shared.pdf"] {
        for _ in 0..2 {
            let form = Api::form("document.pdf", fixture(name));
            let job = api.ended(&id_of(&submit(&api, form).await)).await;
            assert!(job["started_at"].is_string(), "{job}");
        }
    }
}

#[tokio::test]
async fn nobody_is_given_what_needed_a_password() {
    let server = Server::start();
    let api = server.api();
    let form = || Api::form("encrypted.pdf", fixture("encrypted.pdf"));
    let opened = || form().text("options", r#"{"password": "milepost"}"#);
    let first = id_of(&submit(&api, opened()).await);
    api.completed(&first).await;
    let without = api.ended(&id_of(&submit(&api, form()).await)).await;
    assert_eq!(without["error"]["code"], "document_encrypted");
    let wrong = form().text("options", r#"{"password": "wrong"}"#);
    let wrong = api.ended(&id_of(&submit(&api, wrong).await)).await;
    assert_eq!(wrong["error"]["code"], "document_encrypted");
    let again = api.completed(&id_of(&submit(&api, opened()).await)).await;
    assert!(again["started_at"].is_string() && again["result"]["reused_from"].is_null());
}

#[tokio::test]
async fn what_several_attempts_made_is_not_passed_on() {
    let mut server = Server::start();
    let document = pdf_of(800);
    let form = || Api::form("road.pdf", document.clone());
    let id = id_of(&submit(&server.api(), form()).await);
    server.api().until(&id, "has pages", |job| job["stages"][1]["done"].as_u64() > Some(0)).await;
    server.kill9();
    server.restart();
    let api = server.api();
    assert!(api.completed(&id).await["attempt"].as_u64() > Some(1));
    let second = api.completed(&id_of(&submit(&api, form()).await)).await;
    assert!(second["result"]["reused_from"].is_null(), "{second}");
    assert_eq!(api.results(&id_of(&second)).await, api.results(&id).await);
    let third = submit(&api, form()).await;
    assert_eq!(third["result"]["reused_from"], second["id"]);
}

#[tokio::test]
async fn stored_documents_texts_and_batches_reuse_each_by_itself() {
    let (server, api, first) = with_report().await;
    let stored = api.call(api.post("/v1/documents").multipart(report())).await.expect(201).json();
    let body = json!({"source": {"document": id_of(&stored)}});
    let job = api.submit_json(&body).await.expect(202).json();
    assert_eq!(job["result"]["reused_from"], json!(first));
    let files = ["letter.docx", "report.pdf", "letter.docx"];
    let made = submit(&api, Api::files(files.map(|name| (name, fixture(name))))).await;
    let counts = &made["batch"]["by_status"];
    assert_eq!((&counts["completed"], &made["batch"]["progress"]), (&json!(1), &json!(33.3)));
    server.thaw();
    let mut results = Vec::new();
    for job in made["jobs"].as_array().unwrap() {
        api.completed(&id_of(job)).await;
        results.push(api.result(&id_of(job), "markdown").await);
    }
    assert_eq!(results, files.map(expected));
    let text = json!({"source": {"text": "# The same", "filename": "a.md"}});
    let one = id_of(&api.submit_json(&text).await.expect(202).json());
    api.completed(&one).await;
    let two = api.submit_json(&text).await.expect(202).json();
    assert_eq!(two["result"]["reused_from"], json!(one));
}

#[tokio::test]
async fn equal_jobs_that_wait_are_converted_once() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    server.freeze().await;
    let held = submit(&api, report().text("hold", "true")).await;
    let made =
        submit(&api, Api::files((0..3).map(|_| ("report.pdf", fixture("report.pdf"))))).await;
    server.thaw();
    let mut converted = 0;
    for job in made["jobs"].as_array().unwrap() {
        let job = api.completed(&id_of(job)).await;
        converted += usize::from(job["result"]["reused_from"].is_null());
        assert_eq!(api.result(&id_of(&job), "markdown").await, expected("report.pdf"));
    }
    assert_eq!(converted, 1);
    // A held one is looked at when it is let go.
    assert_eq!(held["status"], "awaiting");
    let path = format!("/v1/jobs/{}/confirm", id_of(&held));
    api.call(api.post(&path)).await.expect(202);
    let job = api.completed(&id_of(&held)).await;
    assert!(job["result"]["reused_from"].is_string(), "{job}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_submissions_at_the_same_time_are_all_right() {
    let server = Server::start();
    let api = server.api();
    let requests: Vec<_> = (0..12)
        .map(|_| {
            let api = api.clone();
            tokio::spawn(async move { id_of(&submit(&api, report()).await) })
        })
        .collect();
    for request in requests {
        let id = request.await.unwrap();
        api.completed(&id).await;
        assert_eq!(api.result(&id, "markdown").await, expected("report.pdf"));
        assert_eq!(api.pages(&id).await.len(), 12);
    }
}

#[tokio::test]
async fn what_is_fetched_is_compared_once_it_is_there() {
    let server = Server::with(&[ON, LOOPBACK]);
    let (api, web) = (server.api(), Web::start());
    let first = id_of(&submit(&api, report()).await);
    api.completed(&first).await;
    server.freeze().await;
    let id = submit_url(&api, &web.url("/elsewhere/report.pdf")).await;
    web.answer("200 OK", &fixture("report.pdf")).await;
    let job = api.completed(&id).await;
    assert_eq!(job["result"]["reused_from"], json!(first));
    assert_eq!(job["stages"][0]["status"], "completed");
    assert_eq!(api.results(&id).await, api.results(&first).await);
    server.thaw();
}

#[tokio::test]
async fn a_full_queue_takes_what_needs_no_worker() {
    let server =
        Server::with(&[("MILEPOST_QUEUE_MAX_WAITING", "1"), ("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    let first = id_of(&submit(&api, report()).await);
    api.completed(&first).await;
    server.freeze().await;
    let running = api.submit_text("# Runs").await;
    api.until(&running, "started", |job| job["status"] == "running").await;
    api.submit_text("# Waits").await;
    let full = api.call(api.post("/v1/jobs").multipart(Api::form("a.md", b"# A".to_vec()))).await;
    full.refused(429, "queue_full", None);
    let two = submit(&api, Api::files((0..2).map(|_| ("report.pdf", fixture("report.pdf"))))).await;
    assert_eq!(two["batch"]["by_status"]["completed"], 2);
    server.thaw();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_says_so_and_can_force() {
    let server = Server::start();
    let client = Client(&server);
    let file = fixtures().join("letter.docx");
    let file = file.to_str().unwrap();
    exits(&client.run(&["submit", "--wait", file]), 0);
    let again = client.run(&["submit", "--watch", file]);
    exits(&again, 0);
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(said.contains("letter.docx: completed, as it was converted before"), "{said}");
    let forced = client.run(&["submit", "--watch", "--force", file]);
    exits(&forced, 0);
    let said = String::from_utf8_lossy(&forced.stderr);
    assert!(said.contains("completed") && !said.contains("before"), "{said}");
}
