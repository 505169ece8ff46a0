//! Browsers that are told of jobs' ends while no page is open: by a push service that
//! does what the test says, and keys with which a browser reads what came.

use serde_json::{Value, json};

use crate::harness::{Api, Browser, SUBSCRIPTIONS, Server, Told, Web, id_of};

const NO_PAGES: &str = "empty.pdf";

/// A server that calls this push service.
fn server_for(service: &Web) -> Server {
    let host = format!("127.0.0.1:{}", service.port());
    Server::with(&[("MILEPOST_PUSH_HOSTS", &host), ("MILEPOST_LOG_LEVEL", "trace")])
}

async fn failed(api: &Api) -> String {
    let body = json!({"pipeline": "external"});
    let id = id_of(&api.submit_json(&body).await.expect(202).json());
    fail(api, &id).await;
    id
}

async fn fail(api: &Api, id: &str) {
    let error = json!({"error": {"message": "no"}});
    api.call(api.post(&format!("/v1/jobs/{id}/fail")).json(&error)).await.expect(200);
}

async fn sent(api: &Api, outcome: &str) -> String {
    let text = api.call(api.get("/metrics")).await.expect(200).text();
    let name = format!("milepost_push_messages_total{{outcome=\"{outcome}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

#[tokio::test]
async fn a_browser_is_told_how_a_job_ended() {
    let service = Web::start();
    let server = server_for(&service);
    let (api, browser) = (server.api(), Browser::new("/send/s3cr3t?x=y"));
    let body = browser.subscription(&service);
    let reply = api.call(api.post(SUBSCRIPTIONS).json(&body)).await.expect(201);
    let made = reply.json();
    assert_eq!(made["service"], "127.0.0.1");
    assert_eq!(made.as_object().unwrap().len(), 3, "{made}");
    let again = api.call(api.post(SUBSCRIPTIONS).json(&body)).await.expect(200).json();
    assert_eq!(again, made);
    assert_eq!(api.list(SUBSCRIPTIONS).await, [made]);

    let id = api.submit("letter.docx").await;
    let Told { path, topic, server: key, message } = browser.told(&service, "201 Created").await;
    assert_eq!((path.as_str(), topic.len()), ("/send/s3cr3t?x=y", 32));
    let info = api.call(api.get("/v1/info")).await.expect(200).json();
    assert_eq!(info["push"], json!({"public_key": key}));
    let expected = json!({
        "type": "job",
        "job": {"id": id, "status": "completed", "filename": "letter.docx", "error_code": null},
        "batch": null,
        "url": format!("/app/jobs/{id}"),
    });
    assert_eq!(message, expected);

    // A job that its owner cancels is no news; the next message is about another one.
    let held = api.submit_json(&json!({"pipeline": "external"})).await.expect(202).json();
    api.call(api.post(&format!("/v1/jobs/{}/cancel", id_of(&held)))).await.expect(200);
    let lost = failed(&api).await;
    let told = browser.told(&service, "201 Created").await;
    let expected =
        json!({"id": lost, "status": "failed", "filename": null, "error_code": "worker_failed"});
    assert_eq!((&told.message["job"], &told.server), (&expected, &key));
    assert_ne!(told.topic, topic);

    // What ends once more takes the place of what was told.
    api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
    let told = browser.told(&service, "201 Created").await;
    assert_eq!((&told.message["job"]["id"], &told.topic), (&json!(id), &topic));
    assert!(!service.was_called(), "something was told twice");

    // A job that fails by itself says why.
    let id = api.submit(NO_PAGES).await;
    let job = api.ended(&id).await;
    let told = browser.told(&service, "201 Created").await;
    assert_eq!(told.message["job"]["error_code"], job["error"]["code"]);

    for text in [server.log(), Value::from(api.list(SUBSCRIPTIONS).await).to_string()] {
        assert!(!text.contains("s3cr3t") && !text.contains("p256dh"), "{text}");
    }
}

#[tokio::test]
async fn a_batch_is_told_once_it_has_ended() {
    let service = Web::start();
    let server = server_for(&service);
    let (api, browser) = (server.api(), Browser::new("/1"));
    browser.subscribe(&api, &service).await;
    let external = json!({"pipeline": "external"});
    let made = api.submit_json(&json!([external, external, external])).await.expect(202).json();
    let batch = id_of(&made["batch"]);
    let jobs: Vec<_> = made["jobs"].as_array().unwrap().iter().map(id_of).collect();
    let complete = |id: &str| {
        api.call(api.post(&format!("/v1/jobs/{id}/complete")).json(&json!({"result": "done"})))
    };
    complete(&jobs[1]).await.expect(200);
    api.call(api.post(&format!("/v1/jobs/{}/cancel", jobs[0]))).await.expect(200);
    complete(&jobs[2]).await.expect(200);
    // It looked ended, and goes on: that is not told.
    api.call(api.post(&format!("/v1/jobs/{}/retry", jobs[0]))).await.expect(202);
    fail(&api, &jobs[0]).await;
    let told = browser.told(&service, "201 Created").await.message;
    let expected = json!({
        "type": "job",
        "job": {
            "id": jobs[0],
            "status": "failed",
            "filename": null,
            "error_code": "worker_failed",
        },
        "batch": {"id": batch, "total": 3, "completed": 2, "failed": 1, "cancelled": 0},
        "url": format!("/app/?batch={batch}"),
    });
    assert_eq!(told, expected);
    let alone = failed(&api).await;
    let told = browser.told(&service, "201 Created").await.message;
    assert_eq!((&told["job"]["id"], &told["batch"]), (&json!(alone), &Value::Null));
}

#[tokio::test]
async fn nothing_is_lost_with_the_service_or_the_server() {
    let service = Web::start();
    let mut server = server_for(&service);
    let (api, browser) = (server.api(), Browser::new("/1"));
    let subscription = browser.subscribe(&api, &service).await;
    let id = failed(&api).await;
    let first = browser.told(&service, "503 Busy\r\nRetry-After: 1").await;
    // The service takes the second, and the server ends before it hears so.
    let visit = service.visit().await;
    server.kill9();
    drop(visit);
    server.restart();
    let again = browser.told(&service, "201 Created").await;
    assert_eq!((&again.message, &again.topic), (&first.message, &first.topic));
    assert_eq!((&again.message["job"]["id"], &again.server), (&json!(id), &first.server));

    // An end that is refused is not told again; a browser that is gone is forgotten.
    let api = server.api();
    failed(&api).await;
    browser.told(&service, "403 Forbidden").await;
    let last = failed(&api).await;
    let told = browser.told(&service, "410 Gone").await;
    assert_eq!(told.message["job"]["id"], last);
    crate::harness::eventually("the end of the subscription", || async {
        api.list(SUBSCRIPTIONS).await.is_empty().then_some(())
    })
    .await;
    for (outcome, count) in
        [("sent", "1"), ("postponed", "0"), ("refused", "1"), ("gone", "1"), ("expired", "0")]
    {
        assert_eq!(sent(&api, outcome).await, count, "{outcome}");
    }
    let path = format!("{SUBSCRIPTIONS}/{subscription}");
    api.call(api.delete(&path)).await.refused(404, "not_found", None);
    failed(&api).await;
    assert!(!service.was_called());
}

#[tokio::test]
async fn a_browser_that_unsubscribed_is_told_nothing() {
    let service = Web::start();
    let server = server_for(&service);
    let (api, browser, other) = (server.api(), Browser::new("/1"), Browser::new("/2"));
    let id = browser.subscribe(&api, &service).await;
    other.subscribe(&api, &service).await;
    api.call(api.delete(&format!("{SUBSCRIPTIONS}/{id}"))).await.expect(204);
    failed(&api).await;
    assert_eq!(other.told(&service, "201 Created").await.path, "/2");
    assert!(!service.was_called());
    assert_eq!(api.list(SUBSCRIPTIONS).await.len(), 1);
}
