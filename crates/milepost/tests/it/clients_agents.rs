//! The client of `agents`, by its own logic, in Node and in a page of Chromium from
//! another origin: what its users are shown, also where the connection breaks.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::harness::{Place, Script, Server, all, id_of, last, pdf_of};

/// A conversion that takes a while.
fn road() -> Value {
    let bytes = base64::engine::general_purpose::STANDARD.encode(pdf_of(30));
    json!({"name": "road.pdf", "bytes": bytes})
}

fn states(shown: &[Value]) -> Vec<&Value> {
    all(shown, "state").collect()
}

async fn a_conversion(place: Place) {
    let (server, mut client) = place.open().await;
    client.begin("agents", &server, road()).await;
    let shown = client.rest().await;
    let started = last(&shown, "started");
    assert_eq!(
        (&started["status"], &started["job_id"]),
        (&json!("queued"), &started["conversion_id"])
    );
    assert!(started["estimated_time_seconds"].is_number());
    let mut bar = 0;
    for line in shown.iter().filter(|line| line["state"].is_object()) {
        assert_eq!(line["by"], "socket");
        // Else the page would connect again.
        assert_eq!(line["state"]["job_id"], started["job_id"]);
        // Wrapped messages would be taken apart.
        assert!(line["state"]["type"].is_null() && line["state"]["data"].is_null());
        let now = line["state"]["progress"].as_u64().expect("a whole number");
        assert!((bar..=100).contains(&now), "{bar} before {line}");
        bar = now;
    }
    let end = states(&shown).pop().unwrap();
    assert_eq!((&end["status"], bar), (&json!("completed"), 100));
    assert!(last(&shown, "download").as_str().is_some_and(|name| name.contains("road")));
    assert_eq!(last(&shown, "head"), 200);
    assert!(last(&shown, "size").as_u64().unwrap() > 0);
    let connections: Vec<_> = all(&shown, "connection").collect();
    assert_eq!(connections, ["connecting", "connected"]);

    // Who comes late is told the end, once.
    let late = Script::node("agents", &server, json!({"id": started["job_id"]})).await;
    let late = late.rest().await;
    assert_eq!((states(&late).len(), &states(&late)[0]["status"]), (1, &json!("completed")));
}

#[tokio::test]
async fn agents_in_node() {
    a_conversion(Place::Node).await;
}

#[tokio::test]
async fn agents_in_a_page() {
    a_conversion(Place::Page).await;
}

async fn a_cancelled_one(place: Place) {
    let (server, mut client) = place.open().await;
    server.freeze().await;
    client.begin("agents", &server, road()).await;
    let shown = client.until("a state", |line| line["state"].is_object()).await;
    client.say("cancel").await;
    let rest = client.rest().await;
    assert_eq!(states(&rest).pop().unwrap()["status"], "cancelled");
    server.thaw();
    let id = last(&shown, "started")["job_id"].as_str().unwrap();
    assert_eq!(server.api().ended(id).await["status"], "cancelled");
    let late = Script::node("agents", &server, json!({"id": id})).await.rest().await;
    assert_eq!(states(&late).pop().unwrap()["status"], "cancelled");
}

#[tokio::test]
async fn a_cancelled_conversion_stays_so_in_node() {
    a_cancelled_one(Place::Node).await;
}

#[tokio::test]
async fn a_cancelled_conversion_stays_so_in_a_page() {
    a_cancelled_one(Place::Page).await;
}

#[tokio::test]
async fn the_socket_comes_back_after_a_restart() {
    let mut server = Server::settled(&[]);
    server.freeze().await;
    // Slow enough that five tries outlast the restart.
    let mut arguments = road();
    arguments["speed"] = json!(2);
    let mut client = Script::node("agents", &server, arguments).await;
    client.until("a state", |line| line["state"].is_object()).await;
    server.kill9();
    let shown = client.until("a pause", |line| line["delay"].is_number()).await;
    assert_eq!(last(&shown, "delay"), 1000);
    server.restart();
    let shown = client.rest().await;
    assert_eq!(all(&shown, "fallback").next(), None);
    let end = shown.iter().rfind(|line| line["state"].is_object()).unwrap();
    assert_eq!((&end["by"], &end["state"]["status"]), (&json!("socket"), &json!("completed")));
}

#[tokio::test]
async fn without_a_socket_the_page_asks() {
    let mut server = Server::settled(&[]);
    server.freeze().await;
    let mut client = Script::node("agents", &server, road()).await;
    client.until("a state", |line| line["state"].is_object()).await;
    server.kill9();
    let shown = client.until("the fallback", |line| line["fallback"].is_string()).await;
    let delays: Vec<_> = all(&shown, "delay").collect();
    assert_eq!(delays, [1000, 2000, 4000, 8000, 16_000]);
    server.restart();
    let shown = client.rest().await;
    let end = shown.iter().rfind(|line| line["state"].is_object()).unwrap();
    assert_eq!((&end["by"], &end["state"]["status"]), (&json!("polling"), &json!("completed")));
    assert_eq!(last(&shown, "head"), 200);
}

#[tokio::test]
async fn agents_that_work_elsewhere_are_shown() {
    let server = Server::start();
    let api = server.api();
    let stages = json!([{"name": "analysis", "weight": 1}, {"name": "writing", "weight": 1}]);
    let job = json!({"pipeline": "external", "stages": stages});
    let id = id_of(&api.submit_json(&job).await.expect(202).json());
    let mut client = Script::node("agents", &server, json!({"id": id})).await;
    client.until("a state", |line| line["state"]["status"] == "queued").await;
    let report = |what: &'static str, body: Value| {
        let request = api.post(&format!("/v1/jobs/{id}/{what}")).json(&body);
        let api = &api;
        async move { api.call(request).await.expect(200) }
    };
    let agents = json!([
        {"name": "reader", "status": "running", "progress": 40, "message": "On chapter 2"},
        {"name": "writer", "status": "waiting"},
    ]);
    report("progress", json!({"stage": "analysis", "done": 1, "total": 2, "agents": agents})).await;
    let shown = client.until("agents", |line| line["page"]["agents"][0].is_string()).await;
    let line = shown.last().unwrap();
    assert_eq!(line["page"]["agents"], json!(["reader: running 40", "writer: pending 0"]));
    assert_eq!(line["state"]["current_agent"], "reader");
    report("complete", json!({"result": {"made": 1}})).await;
    let shown = client.rest().await;
    assert_eq!(states(&shown).pop().unwrap()["status"], "completed");
}
