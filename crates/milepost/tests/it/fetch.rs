//! Documents that are submitted by their URL: fetched like any other work, seen
//! while it is under way, and begun anew where it was lost.

use serde_json::{Value, json};

use crate::harness::{
    Api, Heard, Server, Socket, Web, binary, expected, fixture, id_of, pdf_of, run,
};

pub const ON: (&str, &str) = ("MILEPOST_FETCH_ENABLED", "true");
pub const LOOPBACK: (&str, &str) = ("MILEPOST_FETCH_ALLOW", "127.0.0.1/32");
const ONE_SLOT: (&str, &str) = ("MILEPOST_WORKER_SLOTS", "1");

pub async fn submit_url(api: &Api, url: &str) -> String {
    let body = json!({"source": {"url": url}});
    id_of(&api.submit_json(&body).await.expect(202).json())
}

/// The head of an answer that announces a body of this length.
fn head(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nContent-Length: {length}\r\n\r\n")
}

fn stages(job: &Value) -> Vec<&str> {
    job["stages"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_document_is_fetched_while_everybody_watches() {
    // What a proxy would be told is not asked of it.
    let proxy = ("http_proxy", "http://127.0.0.1:9");
    let server = Server::with(&[ON, LOOPBACK, proxy, ("MILEPOST_LOG_LEVEL", "trace")]);
    let (api, web) = (server.api(), Web::start());
    let document = pdf_of(200);
    let half = document.len() / 2;
    let url = web.url("/papers/road%20map.pdf?signature=s3cr3t#page=2");
    let submitted = api.submit_json(&json!({"source": {"url": url}})).await.expect(202).json();
    assert_eq!(submitted["document"], Value::Null);
    assert_eq!(submitted["documents"], json!({"total": 1, "done": 0}));
    assert_eq!(stages(&submitted), ["fetching", "detecting", "converting", "assembling"]);
    let id = id_of(&submitted);

    let mut visit = web.visit().await;
    assert_eq!(visit.target(), "/papers/road%20map.pdf?signature=s3cr3t");
    assert_eq!(visit.header("accept-encoding"), "identity");
    assert_eq!(visit.header("referer"), "");
    visit.send(head(document.len())).await;
    visit.send(&document[..half]).await;
    let mut stream = api.stream(&format!("/v1/jobs/{id}/events?mode=all&after=0"), None).await;
    let mut socket = Socket::open(&server).await;
    socket.subscribe(&id, "latest", 0).await;
    // The rest is sent once both have seen the half.
    let at_half = |job: &Value| job["stages"][0]["done"] == json!(half);
    let seen = loop {
        let job = stream.snapshot().await.unwrap().data;
        if at_half(&job) {
            break job;
        }
    };
    while !at_half(&socket.snapshot().await) {}
    assert_eq!((&seen["status"], &seen["stage"]), (&json!("running"), &json!("fetching")));
    assert_eq!(seen["stages"][0]["unit"], "byte");
    assert_eq!(seen["stages"][0]["total"], json!(document.len()));
    assert_eq!((&seen["document"], &seen["eta_seconds"]), (&Value::Null, &Value::Null));
    assert!(seen["message"].as_str().unwrap().starts_with("Fetching, "), "{seen}");
    let progress = seen["progress"].as_f64().unwrap();
    assert!(progress > 0.0 && progress < 10.0, "{seen}");
    visit.send(&document[half..]).await;

    // The document is known from the very snapshot that begins the next stage.
    for state in stream.snapshots().await {
        let fetched = state.data["stages"][0]["status"] == "completed";
        assert_eq!(fetched, state.data["document"].is_object(), "{}", state.data);
    }
    while let Heard::Message(message) = socket.hear().await {
        if message["job"]["status"] == "completed" {
            break;
        }
    }
    let job = api.completed(&id).await;
    assert_eq!(job["document"]["filename"], "road map.pdf");
    assert_eq!(job["document"]["media_type"], "application/pdf");
    assert_eq!(job["document"]["pages"], 200);
    assert_eq!(job["stages"][0]["done"], json!(document.len()));
    let uploaded = api.submit_bytes("road map.pdf", document.clone()).await;
    api.completed(&uploaded).await;
    assert!(api.results(&id).await == api.results(&uploaded).await, "the results differ");
    let path = format!("/v1/documents/{}/content", job["document"]["id"].as_str().unwrap());
    assert!(api.call(api.get(&path)).await.expect(200).body == document);
    assert!(!web.was_called(), "it was fetched twice");

    // Where it came from is nobody's business but the submitter's.
    let log = serde_json::to_string(&api.events(&id).await).unwrap();
    for text in [log, job.to_string(), seen.to_string(), server.log()] {
        assert!(!text.contains("s3cr3t") && !text.contains("signature"), "{text}");
    }
}

#[tokio::test]
async fn redirects_are_followed_to_the_document() {
    let server = Server::with(&[ON, LOOPBACK]);
    let (api, web) = (server.api(), Web::start());
    let id = submit_url(&api, &web.url("/start?x=1")).await;
    let last = web.url("/deep/letter.docx");
    let steps =
        [("301", "next"), ("302", "/a/b?c"), ("303", "../up"), ("307", "?q"), ("308", &last)];
    let mut asked = Vec::new();
    for (status, location) in steps {
        let visit = web.visit().await;
        assert_eq!((visit.header("referer"), visit.header("cookie")), ("", ""));
        asked.push(visit.target().to_owned());
        let head = format!("{status} Elsewhere\r\nSet-Cookie: a=b\r\nLocation: {location}");
        visit.answer(&head, b"<p>elsewhere</p>").await;
    }
    assert_eq!(asked, ["/start?x=1", "/next", "/a/b?c", "/up", "/up?q"]);
    web.answer("200 OK", &fixture("letter.docx")).await;
    let job = api.completed(&id).await;
    assert_eq!(job["document"]["filename"], "letter.docx");
    assert_eq!(api.result(&id, "markdown").await, expected("letter.docx"));
}

#[tokio::test]
async fn a_cancel_stops_a_download_at_once_and_a_retry_begins_anew() {
    let server = Server::with(&[ON, LOOPBACK]);
    let (api, web) = (server.api(), Web::start());
    let document = fixture("report.pdf");
    let id = submit_url(&api, &web.url("/report.pdf")).await;
    let mut visit = web.visit().await;
    visit.send(head(document.len())).await;
    visit.send(&document[..1000]).await;
    api.until(&id, "some bytes", |job| job["stages"][0]["done"] == 1000).await;
    let cancelled = api.call(api.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200).json();
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(cancelled["stages"][0]["status"], "cancelled");
    visit.gone().await;
    assert_eq!(api.job(&id).await, cancelled, "something was recorded behind the cancel");
    assert!(api.list("/v1/documents").await.is_empty());

    let retried = api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202).json();
    assert_eq!((&retried["progress"], &retried["stages"][0]["done"]), (&json!(0.0), &Value::Null));
    web.answer("200 OK", &document).await;
    api.completed(&id).await;
    assert_eq!(api.result(&id, "markdown").await, expected("report.pdf"));
    // From now on it is a document like any other.
    api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
    let again = api.completed(&id).await;
    assert_eq!(
        (&again["attempt"], &again["stages"][0]["status"]),
        (&json!(3), &json!("completed"))
    );
    assert!(!web.was_called(), "what was fetched is fetched again");
}

#[tokio::test]
async fn a_download_that_a_server_lost_begins_anew() {
    for orderly in [false, true] {
        let mut server = Server::with(&[ON, LOOPBACK]);
        let web = Web::start();
        let document = fixture("report.pdf");
        let id = submit_url(&server.api(), &web.url("/report.pdf")).await;
        let mut visit = web.visit().await;
        visit.send(head(document.len())).await;
        visit.send(&document[..1000]).await;
        server.api().until(&id, "some bytes", |job| job["stages"][0]["done"] == 1000).await;
        if orderly {
            server.terminate();
            assert!(server.exit_status().success());
        } else {
            server.kill9();
        }
        visit.gone().await;
        server.restart();
        web.answer("200 OK", &document).await;
        let job = server.api().completed(&id).await;
        assert_eq!((&job["attempt"], &job["max_attempts"]), (&json!(2), &json!(5)));
        assert_eq!(server.api().result(&id, "markdown").await, expected("report.pdf"));
        assert_eq!(server.api().list("/v1/documents").await.len(), 1);
    }
}

#[tokio::test]
async fn what_was_fetched_survives_the_server() {
    let mut server = Server::with(&[ON, LOOPBACK]);
    let web = Web::start();
    server.freeze().await;
    let id = submit_url(&server.api(), &web.url("/report.pdf")).await;
    web.answer("200 OK", &fixture("report.pdf")).await;
    let fetched = server.api().until(&id, "its document", |job| job["document"].is_object()).await;
    assert_eq!(fetched["stage"], "detecting");
    server.kill9();
    server.thaw();
    server.restart();
    let job = server.api().completed(&id).await;
    assert_eq!((&job["attempt"], &job["document"]["id"]), (&json!(2), &fetched["document"]["id"]));
    assert_eq!(job["stages"][0], fetched["stages"][0]);
    assert!(!web.was_called(), "what was fetched is fetched again");
}

#[tokio::test]
async fn a_slow_web_server_keeps_no_converter_from_others() {
    let server = Server::with(&[ON, LOOPBACK, ONE_SLOT]);
    let (api, web) = (server.api(), Web::start());
    let slow =
        [submit_url(&api, &web.url("/1.md")).await, submit_url(&api, &web.url("/2.md")).await];
    let visits = [web.visit().await, web.visit().await];
    let other = api.submit("letter.docx").await;
    api.completed(&other).await;
    for (visit, id) in visits.into_iter().zip(&slow) {
        assert_eq!(api.job(id).await["stage"], "fetching");
        visit.answer("200 OK", b"# Late\n").await;
    }
    for id in &slow {
        api.completed(id).await;
    }
}

#[tokio::test]
async fn a_held_job_may_get_its_document_by_url() {
    let server = Server::with(&[ON, LOOPBACK]);
    let (api, web) = (server.api(), Web::start());
    let by_url = json!({"source": {"url": web.url("/notes.md")}});
    let with_file = || Api::form("letter.docx", fixture("letter.docx")).text("hold", "true");
    for (submitted, confirmed) in [("url", ""), ("", "url"), ("file", "url"), ("url", "url")] {
        let held = match submitted {
            "file" => api.submit_form(with_file()).await,
            "url" => {
                let body = json!({"hold": true, "source": {"url": web.url("/notes.md")}});
                api.submit_json(&body).await.expect(202).json()
            }
            _ => api.submit_json(&json!({"hold": true})).await.expect(202).json(),
        };
        assert_eq!(held["status"], "awaiting");
        let id = id_of(&held);
        let request = api.post(&format!("/v1/jobs/{id}/confirm"));
        let request = if confirmed.is_empty() { request } else { request.json(&by_url) };
        let queued = api.call(request).await.expect(202).json();
        assert_eq!(queued["document"], Value::Null, "{submitted} {confirmed}");
        assert_eq!(stages(&queued)[0], "fetching", "{submitted} {confirmed}");
        web.answer("200 OK", &fixture("notes.md")).await;
        api.completed(&id).await;
        assert_eq!(api.result(&id, "markdown").await, expected("notes.md"));
    }
    // A file that comes with the confirmation goes before the URL.
    let body = json!({"hold": true, "source": {"url": web.url("/notes.md")}});
    let id = id_of(&api.submit_json(&body).await.expect(202).json());
    let form = Api::form("letter.docx", fixture("letter.docx"));
    let request = api.post(&format!("/v1/jobs/{id}/confirm")).multipart(form);
    let queued = api.call(request).await.expect(202).json();
    assert_eq!(stages(&queued), ["detecting", "converting", "assembling"]);
    api.completed(&id).await;
    assert_eq!(api.result(&id, "markdown").await, expected("letter.docx"));
    assert!(!web.was_called());
}

#[tokio::test]
async fn the_url_is_a_part_of_the_request_that_a_key_stands_for() {
    let server = Server::with(&[ON, LOOPBACK]);
    let (api, web) = (server.api(), Web::start());
    let submit = |source: Value| {
        let request = api.post("/v1/jobs").header("idempotency-key", "one");
        api.call(request.json(&json!({"source": source})))
    };
    let url = web.url("/a.md");
    let first = submit(json!({"url": url})).await.expect(202).json();
    let again = submit(json!({"url": url})).await.expect(202).json();
    assert_eq!(first["id"], again["id"]);
    for other in [json!({"url": web.url("/b.md")}), json!({"url": url, "filename": "b.md"})] {
        submit(other).await.refused(422, "invalid_field", Some("Idempotency-Key"));
    }
    web.answer("200 OK", b"# One\n").await;
    api.completed(&id_of(&first)).await;
    assert!(!web.was_called());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_takes_a_url_for_a_file() {
    let server = Server::with(&[ON, LOOPBACK]);
    let (api, web) = (server.api(), Web::start());
    let url = web.url("/report.pdf?key=1");
    let mut command = binary();
    command.args([
        "submit",
        "--pages",
        "2-3",
        "--metadata",
        r#"{"order":1}"#,
        "--priority",
        "5",
        &url,
    ]);
    command.env("MILEPOST_SERVER", server.url());
    let output = run(&mut command);
    assert!(output.status.success(), "{output:?}");
    let id = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    web.answer("200 OK", &fixture("report.pdf")).await;
    let job = api.completed(&id).await;
    assert_eq!((&job["metadata"]["order"], &job["stages"][2]["total"]), (&json!(1), &json!(2)));
    assert_eq!(job["document"]["filename"], "report.pdf");
}
