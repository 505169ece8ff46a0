//! The hooks of `document`, by their own logic, in Node and in a page of Chromium from
//! another origin: what their callbacks are called with, also where the connection breaks.

use serde_json::{Value, json};

use crate::harness::{Api, Place, Script, Server, all, fixture, id_of, last, pdf_of};

const STAGES: [&str; 7] = [
    "queued",
    "initializing",
    "extracting pages",
    "processing pages",
    "uploading pages",
    "finalizing",
    "completed",
];

async fn stored(api: &Api, name: &str, bytes: Vec<u8>) -> String {
    let form = Api::form(name, bytes);
    let reply = api.call(api.post("/v1/documents").multipart(form)).await;
    id_of(&reply.expect(201).json())
}

fn connected(line: &Value) -> bool {
    line["message"]["type"] == "connected"
}

fn complete(line: &Value) -> bool {
    line["complete"].is_object()
}

/// Holds that a panel moves forward only, through known stages, and that nothing was
/// said twice in a row.
fn check_panels(shown: &[Value]) {
    let (mut stage, mut bar, mut before) = (0, 0, &Value::Null);
    for line in shown {
        let progress = &line["message"]["progress"];
        if progress.is_object() {
            assert_ne!(progress, before, "said twice");
            before = progress;
        }
        let panel = &line["panel"];
        if panel.is_null() {
            continue;
        }
        let name = panel["stage"].as_str().unwrap();
        let now = STAGES.iter().position(|stage| *stage == name);
        let now = now.unwrap_or_else(|| panic!("an unknown stage: {line}"));
        assert!(now >= stage, "{} before {line}", STAGES[stage]);
        let moved = panel["bar"].as_u64().unwrap();
        assert!((bar..=100).contains(&moved), "{bar} before {line}");
        (stage, bar) = (now, moved);
    }
    assert_eq!((stage, bar), (6, 100));
}

/// Starts the job of a document, and reads up to the answer and to what is `wanted`.
async fn start(client: &mut Script, id: &str, wanted: fn(&Value) -> bool) -> Vec<Value> {
    client.say(&format!("start {id}")).await;
    let answer = |line: &Value| line["start"].is_object();
    let mut shown = client.until("a sign of the start", |line| answer(line) || wanted(line)).await;
    while !shown.iter().any(answer) || !shown.iter().any(wanted) {
        shown.extend(client.until("the other sign", |line| answer(line) || wanted(line)).await);
    }
    shown
}

async fn a_viewer(place: Place, hook: &str) {
    let (server, mut client) = place.open().await;
    let api = server.api();
    let road = stored(&api, "road.pdf", pdf_of(40)).await;
    client.begin("document", &server, json!({"id": road, "hook": hook})).await;
    client.until("a connection", connected).await;
    let shown = start(&mut client, &road, complete).await;
    let answer = last(&shown, "start");
    assert_eq!(
        (&answer["success"], &answer["message"], &answer["job"]["documentId"]),
        (&json!(true), &json!("Conversion job created"), &json!(road))
    );
    check_panels(&shown);
    assert_eq!(last(&shown, "complete"), &json!({"success": true, "totalPages": 40}));
    if hook == "ws" {
        follow_another(&server, &mut client, &road).await;
    }
    client.say("stop").await;
    client.rest().await;

    // Who comes late is told the end at once.
    let late = json!({"id": road, "hook": hook, "ends": 1});
    let late = Script::node("document", &server, late).await.rest().await;
    assert_eq!(all(&late, "panel").count(), 1, "{late:?}");
    assert_eq!(last(&late, "complete"), &json!({"success": true, "totalPages": 40}));
    let polled = json!({"id": road, "hook": "poll"});
    let polled = Script::node("document", &server, polled).await.rest().await;
    let polled = last(&polled, "polled");
    assert_eq!((&polled["status"], &polled["progress"]), (&json!("completed"), &json!(100)));
    assert!(polled["queueMetrics"]["successRate"].is_number(), "{polled}");
}

/// One socket follows a second document, and no longer.
async fn follow_another(server: &Server, client: &mut Script, first: &str) {
    let lane = stored(&server.api(), "lane.pdf", pdf_of(30)).await;
    client.say(&format!("subscribe {lane}")).await;
    client.until("a subscription", |line| line["message"]["type"] == "subscribed").await;
    let shown = start(client, &lane, complete).await;
    for message in all(&shown, "message") {
        assert_eq!(message["documentId"], lane, "not of {first}");
    }
    client.say(&format!("unsubscribe {lane}")).await;
    client.until("its end", |line| line["message"]["type"] == "unsubscribed").await;
    client.say("ping").await;
    client.until("a pong", |line| line["message"]["type"] == "pong").await;
}

#[tokio::test]
async fn events_in_node() {
    a_viewer(Place::Node, "sse").await;
}

#[tokio::test]
async fn events_in_a_page() {
    a_viewer(Place::Page, "sse").await;
}

#[tokio::test]
async fn a_socket_in_node() {
    a_viewer(Place::Node, "ws").await;
}

#[tokio::test]
async fn a_socket_in_a_page() {
    a_viewer(Place::Page, "ws").await;
}

#[tokio::test]
async fn a_failure_is_an_error_and_a_cancelled_job_is_not_completed() {
    let server = Server::start();
    let api = server.api();
    for hook in ["sse", "ws"] {
        let unknown = stored(&api, "unknown.bin", fixture("unknown.bin")).await;
        let arguments = json!({"id": unknown, "hook": hook});
        let mut client = Script::node("document", &server, arguments).await;
        client.until("a connection", connected).await;
        let shown = start(&mut client, &unknown, |line| line["error"].is_object()).await;
        let error = last(&shown, "error");
        assert_eq!(
            (&error["code"], &error["retryable"]),
            (&json!("CONVERSION_FAILED"), &json!(false))
        );
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
        assert_eq!(last(&shown, "panel")["status"], "failed");
    }
    server.freeze().await;
    for hook in ["sse", "ws"] {
        let road = stored(&api, "road.pdf", pdf_of(9)).await;
        let arguments = json!({"id": road, "hook": hook});
        let mut client = Script::node("document", &server, arguments).await;
        client.until("a connection", connected).await;
        start(&mut client, &road, |line| line["panel"].is_object()).await;
        client.say(&format!("cancel {road}")).await;
        let shown = client.until("its end", |line| line["panel"]["status"] == "cancelled").await;
        assert_eq!(all(&shown, "complete").next(), None, "{shown:?}");
    }
}

#[tokio::test]
async fn both_hooks_come_back_after_a_restart() {
    for hook in ["sse", "ws"] {
        let mut server = Server::settled(&[]);
        let road = stored(&server.api(), "road.pdf", pdf_of(30)).await;
        server.freeze().await;
        // Slow enough that five tries outlast the restart.
        let arguments = json!({"id": road, "hook": hook, "speed": 2, "ends": 1});
        let mut client = Script::node("document", &server, arguments).await;
        client.until("a connection", connected).await;
        start(&mut client, &road, |line| line["panel"].is_object()).await;
        server.kill9();
        client.until("the break", |line| line["connected"] == false).await;
        server.restart();
        let shown = client.rest().await;
        assert!(shown.iter().any(connected), "{shown:?}");
        assert_eq!(last(&shown, "complete"), &json!({"success": true, "totalPages": 30}));
        assert_eq!(all(&shown, "gone").next(), None);
    }
}
