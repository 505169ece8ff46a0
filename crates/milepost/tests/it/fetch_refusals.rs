//! Where documents are not fetched from: what the server may reach and its
//! clients may not.

use serde_json::json;

use crate::fetch::{LOOPBACK, ON, submit_url};
use crate::harness::{Api, Server, Web, fixture, id_of};

/// Fetching `url` must be refused, once, without a word about where it leads.
async fn refused(api: &Api, id: &str) {
    let job = api.ended(id).await;
    assert_eq!((&job["status"], &job["attempt"]), (&json!("failed"), &json!(1)), "{job}");
    assert_eq!(job["error"]["code"], "fetch_refused", "{job}");
    assert_eq!(job["error"]["retryable"], false, "{job}");
    assert!(!job.to_string().contains("s3cr3t"), "{job}");
}

#[tokio::test]
async fn nothing_is_fetched_unless_the_operator_wants_it() {
    let server = Server::start();
    let (api, web) = (server.api(), Web::start());
    let body = json!({"source": {"url": web.url("/a.md")}});
    let problem = api.submit_json(&body).await.refused(403, "forbidden", Some("source.url"));
    assert!(problem["detail"].as_str().unwrap().contains("fetch.enabled"), "{problem}");
    let held = api.submit_json(&json!({"hold": true})).await.expect(202).json();
    let confirm = format!("/v1/jobs/{}/confirm", held["id"].as_str().unwrap());
    let reply = api.call(api.post(&confirm).json(&body)).await;
    reply.refused(403, "forbidden", Some("source.url"));
    assert_eq!(api.list("/v1/jobs").await.len(), 1);
    assert!(!web.was_called());
}

#[tokio::test]
async fn this_machine_and_its_network_are_not_reached() {
    let server = Server::with(&[ON]);
    let (api, web) = (server.api(), Web::start());
    let port = web.port();
    // The rest of the table is checked where it stands.
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "localhost",
        "LOCALHOST",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
    ] {
        let id = submit_url(&api, &format!("http://{host}:{port}/?key=s3cr3t")).await;
        refused(&api, &id).await;
    }
    assert!(!web.was_called());
}

#[tokio::test]
async fn what_is_allowed_by_name_is_not_by_its_address() {
    let server = Server::with(&[ON, ("MILEPOST_FETCH_ALLOW", "localhost")]);
    let (api, web) = (server.api(), Web::start());
    let id = submit_url(&api, &format!("http://localhost:{}/letter.docx", web.port())).await;
    web.answer("200 OK", &fixture("letter.docx")).await;
    api.completed(&id).await;
    refused(&api, &submit_url(&api, &web.url("/")).await).await;
    assert!(!web.was_called());
}

#[tokio::test]
async fn a_redirect_is_checked_like_the_first_address() {
    let server = Server::with(&[ON, LOOPBACK]);
    let (api, web) = (server.api(), Web::start());
    let inside = Web::on("127.0.0.2");
    for location in [
        inside.url("/?key=s3cr3t"),
        format!("//127.0.0.2:{}/", inside.port()),
        format!("http://2130706434:{}/", inside.port()),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/".to_owned(),
        "http://[::1]/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "ftp://127.0.0.1/a".to_owned(),
        "data:text/plain,hello".to_owned(),
        web.url("/").replace("http://", "http://user:s3cr3t@"),
    ] {
        let id = submit_url(&api, &web.url("/start")).await;
        web.answer(&format!("302 Found\r\nLocation: {location}"), b"").await;
        refused(&api, &id).await;
        assert!(!inside.was_called(), "{location}");
    }
    assert!(!web.was_called());
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let server = Server::with(&[ON, LOOPBACK, ("MILEPOST_FETCH_REDIRECTS", "2")]);
    let (api, web) = (server.api(), Web::start());
    let id = submit_url(&api, &web.url("/round")).await;
    for _ in 0..3 {
        web.answer("302 Found\r\nLocation: /round", b"").await;
    }
    let job = api.ended(&id).await;
    assert_eq!(
        (&job["error"]["code"], &job["attempt"]),
        (&json!("fetch_failed"), &json!(1)),
        "{job}"
    );
    assert!(!web.was_called());
}

#[tokio::test]
async fn a_url_that_cannot_be_fetched_is_no_job() {
    let server = Server::with(&[ON]);
    let api = server.api();
    for (source, field) in [
        (json!({"url": "file:///etc/passwd"}), "source.url"),
        (json!({"url": "ftp://host.example/a.pdf"}), "source.url"),
        (json!({"url": "gopher://host.example/"}), "source.url"),
        (json!({"url": "https://user:s3cr3t@host.example/"}), "source.url"),
        (json!({"url": "https://user@host.example/"}), "source.url"),
        (json!({"url": "/etc/passwd"}), "source.url"),
        (json!({"url": "http://"}), "source.url"),
        (json!({"url": ""}), "source.url"),
        (json!({"url": 7}), "source.url"),
        (json!({"url": format!("http://host.example/{}", "x".repeat(9000))}), "source.url"),
        (json!({"url": "http://host.example/", "text": "x"}), "source"),
        (json!({"filename": "a.pdf"}), "source"),
    ] {
        let reply = api.submit_json(&json!({"source": source})).await;
        let problem = reply.refused(422, "invalid_field", Some(field));
        assert!(!problem.to_string().contains("s3cr3t"), "{problem}");
    }
    let external = json!({"pipeline": "external", "source": {"url": "http://host.example/"}});
    api.submit_json(&external).await.refused(422, "invalid_field", Some("source.url"));
    assert!(api.list("/v1/jobs").await.is_empty());
    let held = api.submit_json(&json!({"pipeline": "external", "hold": true})).await.expect(202);
    let confirm = format!("/v1/jobs/{}/confirm", id_of(&held.json()));
    let source = json!({"source": {"url": "http://host.example/"}});
    let reply = api.call(api.post(&confirm).json(&source)).await;
    reply.refused(422, "invalid_field", Some("source.url"));
}
