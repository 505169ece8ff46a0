//! The clients of `conversion` and `upload`, by their own logic, in Node and in a page
//! of Chromium from another origin: what their users are shown.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::harness::{Place, Script, Server, all, expected, fixture, last, pdf_of};

fn encoded(bytes: Vec<u8>) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Holds that no bar went back, and tells where it ended.
fn bar_of(updates: &[&Value], field: &str) -> f64 {
    let mut bar = 0.0;
    for update in updates {
        let now = update[field].as_f64().unwrap();
        assert!((bar..=100.0).contains(&now), "{bar} before {update}");
        bar = now;
    }
    bar
}

async fn a_list_of_documents(place: Place) {
    let (server, mut client) = place.open().await;
    let bytes = encoded(fixture("report.pdf"));
    let arguments = json!({"name": "report.pdf", "bytes": bytes, "watchers": 3});
    client.begin("conversion", &server, arguments).await;
    let shown = client.rest().await;

    assert_eq!(last(&shown, "config")["apiDomain"], server.url());
    let [uploaded, accepted] = all(&shown, "reply").collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(uploaded["file_size"], fixture("report.pdf").len());
    assert_eq!(accepted["message"], "Conversion task started. Use WebSocket to track progress.");
    for watcher in 0..3 {
        let own: Vec<_> = shown.iter().filter(|line| line["watcher"] == watcher).collect();
        let updates: Vec<_> = own.iter().filter_map(|line| line.get("update")).collect();
        for update in &updates {
            assert_eq!(
                keys(update),
                [
                    "completed_at",
                    "created_at",
                    "error",
                    "filename",
                    "id",
                    "message",
                    "progress",
                    "started_at",
                    "status"
                ]
            );
            assert_eq!(update["id"], accepted["conversion_id"]);
        }
        assert!((bar_of(&updates, "progress") - 100.0).abs() < f64::EPSILON);
        let toasts: Vec<_> = own.iter().filter_map(|line| line.get("toast")).collect();
        assert_eq!(toasts, ["Document converted successfully"]);
    }
    assert_eq!(last(&shown, "status")["status"], "completed");
    let exists: Vec<_> = all(&shown, "rows").map(|rows| &rows[0]["markdown_exists"]).collect();
    assert_eq!(exists, [false, true]);
    // The server leaves it to the page to close them.
    assert_eq!(last(&shown, "open"), 3);
    let content = last(&shown, "content").as_str().unwrap();
    assert_eq!(content.trim().as_bytes(), expected("report.pdf").trim_ascii());
}

#[tokio::test]
async fn conversion_in_node() {
    a_list_of_documents(Place::Node).await;
}

#[tokio::test]
async fn conversion_in_a_page() {
    a_list_of_documents(Place::Page).await;
}

#[tokio::test]
async fn a_conversion_under_way_is_joined_and_not_begun_again() {
    let server = Server::start();
    server.freeze().await;
    let arguments = json!({"name": "road.pdf", "bytes": encoded(pdf_of(30))});
    let mut first = Script::node("conversion", &server, arguments).await;
    let shown = first.until("a bar", |line| line["bar"].is_number()).await;
    let id = &last(&shown, "reply")["conversion_id"];
    let join = json!({"name": "road.pdf", "id": id});
    let mut second = Script::node("conversion", &server, join.clone()).await;
    second.until("a bar", |line| line["bar"].is_number()).await;

    let again = Script::node("conversion", &server, json!({"name": "road.pdf"})).await;
    let refused = again.rest().await;
    let refused = refused.last().unwrap();
    assert_eq!(
        (&refused["status"], &refused["detail"]),
        (&json!(409), &json!("Conversion already in progress for: road.pdf"))
    );
    server.thaw();
    for client in [first, second] {
        assert_eq!(last(&client.rest().await, "update")["status"], "completed");
    }
    // Who comes late is told the end, once.
    let late = Script::node("conversion", &server, join).await.rest().await;
    let updates: Vec<_> = all(&late, "update").collect();
    assert_eq!(updates.len(), 1, "{updates:?}");
    assert_eq!(
        (&updates[0]["status"], &updates[0]["progress"]),
        (&json!("completed"), &json!(100))
    );
}

#[tokio::test]
async fn a_conversion_that_fails_says_so_once() {
    let server = Server::start();
    let arguments = json!({"name": "unknown.bin", "bytes": encoded(fixture("unknown.bin"))});
    let shown = Script::node("conversion", &server, arguments).await.rest().await;
    let update = last(&shown, "update");
    assert_eq!((&update["status"], &update["progress"]), (&json!("error"), &json!(0)));
    assert!(update["error"].as_str().is_some_and(|error| !error.is_empty()), "{update}");
    let failed = all(&shown, "toast").filter(|toast| **toast == update["message"]);
    assert_eq!(failed.count(), 1, "{shown:?}");
    assert_eq!(last(&shown, "rows")[0]["markdown_exists"], false);
    assert_eq!(last(&shown, "toast"), "Failed to load markdown content");
}

#[tokio::test]
async fn a_conversion_is_found_again_after_a_restart() {
    let mut server = Server::settled(&[]);
    server.freeze().await;
    let arguments = json!({"name": "road.pdf", "bytes": encoded(pdf_of(30))});
    let mut client = Script::node("conversion", &server, arguments).await;
    let shown = client.until("a bar", |line| line["bar"].is_number()).await;
    let id = &last(&shown, "reply")["conversion_id"];
    server.kill9();
    server.restart();
    // This client does not connect again by itself; its user does, by opening the page.
    let join = json!({"name": "road.pdf", "id": id});
    let shown = Script::node("conversion", &server, join).await.rest().await;
    assert_eq!(last(&shown, "update")["status"], "completed");
}

async fn an_upload(place: Place) {
    let (server, mut client) = place.open().await;
    let text = "A sentence of some length stands here, and another one follows it. ".repeat(400);
    let documents = json!([
        {"content": text, "source": "long.txt", "metadata": {"fileName": "long.txt"}},
        {"content": "# Short\n\nOne line.", "source": "short.md"},
    ]);
    server.freeze().await;
    client.begin("upload", &server, json!({"documents": documents})).await;
    // Who is there before the work begins sees all of it.
    let mut shown = client.until("a state", |line| line["update"].is_object()).await;
    server.thaw();
    shown.extend(client.rest().await);

    let reply = last(&shown, "reply");
    assert_eq!(keys(reply), ["message", "status", "timestamp", "upload_id"]);
    assert_eq!(
        (&reply["status"], &reply["message"]),
        (&json!("received"), &json!("Upload received. Total documents: 2"))
    );
    assert!(reply["timestamp"].is_f64());
    let updates: Vec<_> = all(&shown, "update").collect();
    let mut states: Vec<_> =
        updates.iter().map(|update| update["status"].as_str().unwrap()).collect();
    states.dedup();
    assert_eq!(
        states,
        ["received", "extracting", "chunking", "enriching", "indexing", "completed"]
    );
    assert!((bar_of(&updates, "progress_percent") - 100.0).abs() < f64::EPSILON);
    for update in &updates {
        assert_eq!(
            keys(update),
            [
                "current_chunk",
                "message",
                "progress_percent",
                "status",
                "timestamp",
                "total_chunks",
                "upload_id"
            ]
        );
        assert!(update["progress_percent"].is_number(), "{update}");
        assert!(update["timestamp"].as_str().unwrap().ends_with("+00:00"), "{update}");
        let (current, total) = (&update["current_chunk"], &update["total_chunks"]);
        assert!(current.as_u64().unwrap() <= total.as_u64().unwrap(), "{update}");
    }
    let end = updates.last().unwrap();
    assert!(end["total_chunks"].as_u64().unwrap() > 2, "{end}");
    assert_eq!(end["current_chunk"], end["total_chunks"]);
    assert_eq!(
        last(&shown, "success"),
        "✅ Processing complete! Processing completed successfully"
    );
    assert_eq!(all(&shown, "error").next(), None);
    // Either side may have closed it first.
    assert!([1000, 1005].contains(&last(&shown, "closed").as_i64().unwrap()), "{shown:?}");
    assert_eq!(last(&shown, "clean"), true);

    let late = Script::node("upload", &server, json!({"id": reply["upload_id"]})).await;
    let late = late.rest().await;
    let updates: Vec<_> = all(&late, "update").collect();
    assert_eq!((updates.len(), &updates[0]["status"]), (1, &json!("completed")));
}

#[tokio::test]
async fn upload_in_node() {
    an_upload(Place::Node).await;
}

#[tokio::test]
async fn upload_in_a_page() {
    an_upload(Place::Page).await;
}
