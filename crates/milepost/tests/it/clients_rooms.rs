//! The clients of `rooms`: the page's own logic with socket.io-client in Node and in a
//! page of Chromium, and python-socketio, over every transport, also where the connection
//! breaks.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::harness::{
    Api, Place, Script, Server, all, fixture, guarded, last, pdf_of, signed, token_of,
};

const WAYS: [&[&str]; 3] = [&["websocket"], &["polling"], &["polling", "websocket"]];

fn encoded(bytes: Vec<u8>) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// The page's arguments for a job of its own.
fn pdf(version: &str, transports: &[&str], bytes: Vec<u8>) -> Value {
    json!({"io": version, "transports": transports, "name": "road.pdf", "bytes": encoded(bytes)})
}

/// A job as the page makes it, for clients that only watch.
async fn job_of(api: &Api, bytes: Vec<u8>) -> Value {
    let confirm = json!({"estimated_credits": 1, "model_preference": "speed"});
    let confirm = api.post("/api/v1/jobs/confirm").json(&confirm);
    let id = api.call(confirm).await.expect(201).json()["job_id"].clone();
    let part = reqwest::multipart::Part::bytes(bytes).file_name("road.pdf");
    let form = reqwest::multipart::Form::new().part("pdf_file", part);
    let form = form.text("job_id", id.as_str().unwrap().to_owned());
    api.call(api.post("/api/v1/process-pdf-async").multipart(form)).await.expect(202);
    id
}

/// As [`check_end`], and that the job moved forward only, by whole numbers.
fn check(shown: &[Value]) {
    let mut bar = 0;
    let jobs: Vec<_> = all(shown, "job").collect();
    for job in &jobs {
        let now = job["progress_percent"].as_u64().expect("a whole number");
        assert!((bar..=100).contains(&now), "{bar} before {job}");
        bar = now;
        assert!(job["created_at"].as_str().unwrap().ends_with('Z'), "{job}");
    }
    check_end(shown);
}

/// Holds that a job completed with its chunks.
fn check_end(shown: &[Value]) {
    let end = last(shown, "job");
    let (status, bar) = (&end["status"], &end["progress_percent"]);
    assert_eq!((status, bar), (&json!("completed"), &json!(100)), "{end}");
    let chunks = end["chunk_results"].as_array().unwrap();
    assert_eq!(end["total_chunks"], chunks.len());
    assert!(chunks.iter().all(|chunk| chunk["status"] == "success"), "{end}");
}

async fn a_page_of_sentences(place: Place, version: &str, transports: &[&str]) {
    let (server, mut client) = place.open().await;
    client.begin("rooms", &server, pdf(version, transports, fixture("report.pdf"))).await;
    let shown = client.rest().await;
    let started = last(&shown, "started");
    assert_eq!(
        (&started["status"], &started["message"]),
        (&json!("pending"), &json!("PDF processing started"))
    );
    assert_eq!(last(&shown, "confirmed")["reserved"], true);
    assert_eq!(all(&shown, "transport").next().unwrap(), transports[0]);
    check(&shown);
    assert_eq!(last(&shown, "success"), "completed");
    let sentences = last(&shown, "sentences").as_array().unwrap();
    assert!(!sentences.is_empty() && sentences.iter().all(Value::is_string), "{sentences:?}");
    assert_eq!(all(&shown, "error").next(), None);

    // Who comes late is told the end, once.
    let late = json!({"io": version, "transports": transports, "id": started["job_id"]});
    let late = Script::node("rooms", &server, late).await.rest().await;
    assert_eq!(all(&late, "job").count(), 1, "{late:?}");
    check(&late);
}

#[tokio::test]
async fn rooms_in_node() {
    for version in ["4.7", "4.8"] {
        for transports in WAYS {
            a_page_of_sentences(Place::Node, version, transports).await;
        }
    }
}

#[tokio::test]
async fn rooms_in_a_page() {
    a_page_of_sentences(Place::Page, "4.7", WAYS[0]).await;
    a_page_of_sentences(Place::Page, "4.8", WAYS[2]).await;
}

#[tokio::test]
async fn rooms_in_python() {
    let server = Server::start();
    let api = server.api();
    for transports in WAYS {
        let id = job_of(&api, pdf_of(30)).await;
        let arguments = json!({"id": id, "transports": transports});
        let shown = Script::python(&server, arguments).await.rest().await;
        check(&shown);
        assert_eq!(last(&shown, "joined"), &id);
    }
}

#[tokio::test]
async fn a_connection_upgrades_and_keeps_its_room() {
    let server = Server::start();
    server.freeze().await;
    let arguments = pdf("4.8", WAYS[2], pdf_of(30));
    let mut client = Script::node("rooms", &server, arguments).await;
    let shown = client.until("an upgrade", |line| line["transport"] == "websocket").await;
    assert_eq!(all(&shown, "transport").collect::<Vec<_>>(), WAYS[2]);
    server.thaw();
    check(&client.rest().await);
}

#[tokio::test]
async fn every_client_is_back_in_its_room_after_a_restart() {
    for kill in [true, false] {
        let mut server = Server::settled(&[]);
        let id = job_of(&server.api(), pdf_of(200)).await;
        server.freeze().await;
        let mut clients = Vec::new();
        for transports in WAYS {
            // Slow enough that five tries outlast the restart.
            let mut arguments =
                json!({"io": "4.8", "transports": transports, "id": id, "speed": 2});
            clients.push(Script::node("rooms", &server, arguments.clone()).await);
            arguments["io"] = json!("4.7");
            clients.push(Script::node("rooms", &server, arguments.clone()).await);
            clients.push(Script::python(&server, arguments).await);
        }
        for client in &mut clients {
            client.until("a job", |line| line["job"].is_object()).await;
        }
        if kill {
            server.kill9();
        } else {
            server.terminate();
            server.thaw();
            assert_eq!(server.exit_status().code(), Some(0));
        }
        for client in &mut clients {
            client.until("the break", |line| line["connected"] == false).await;
        }
        server.restart();
        for client in clients {
            // A new attempt may begin with less than the old one had.
            check_end(&client.rest().await);
        }
    }
}

#[tokio::test]
async fn a_cancelled_job_is_said_to_be_so() {
    let server = Server::start();
    server.freeze().await;
    let arguments = pdf("4.8", WAYS[0], pdf_of(30));
    let mut client = Script::node("rooms", &server, arguments).await;
    client.until("a job", |line| line["job"].is_object()).await;
    client.say("cancel").await;
    let shown = client.rest().await;
    let end = last(&shown, "job");
    assert_eq!((&end["status"], &end["is_cancelled"]), (&json!("cancelled"), &json!(true)));
    assert_eq!(last(&shown, "info"), "cancelled");
}

#[tokio::test]
async fn a_token_is_taken_where_each_page_puts_it() {
    let server = guarded();
    for (token_is_in, version) in [("auth", "4.7"), ("query", "4.8")] {
        let mut arguments = pdf(version, WAYS[0], pdf_of(9));
        arguments["where"] = json!(token_is_in);
        arguments["token"] = json!(token_of("42"));
        let shown = Script::node("rooms", &server, arguments).await.rest().await;
        check(&shown);
        let id = &last(&shown, "confirmed")["job_id"];
        // Somebody else does not learn that it exists.
        let foreign = json!({"io": version, "transports": WAYS[0], "id": id, "where": token_is_in,
            "token": token_of("43")});
        let mut foreign = Script::node("rooms", &server, foreign).await;
        let shown = foreign.until("an error", |line| line["error"].is_string()).await;
        let id = id.as_str().unwrap();
        assert_eq!(last(&shown, "error"), &json!(format!("Job {id} not found")));
        assert_eq!(all(&shown, "job").next(), None);
        for token in [signed(json!({"sub": "42"}), -60), "no token".into()] {
            let refused = json!({"io": version, "transports": WAYS[0], "id": id,
                "where": token_is_in, "token": token});
            let shown = Script::node("rooms", &server, refused).await.rest().await;
            let error = last(&shown, "error").as_str().unwrap();
            assert!(error.starts_with("Connection error: "), "{shown:?}");
            assert_eq!(all(&shown, "connected").next(), None);
        }
    }
}
