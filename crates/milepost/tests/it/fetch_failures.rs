//! Downloads that come to nothing: what the job says, and whether another
//! attempt is made.

use std::time::Duration;

use serde_json::{Value, json};

use crate::fetch::{LOOPBACK, ON, submit_url};
use crate::harness::{Api, Server, Web, expected, fixture};

const NO_RETRY: (&str, &str) = ("MILEPOST_QUEUE_RETRIES", "0");

/// The error of a job that must have failed, which names nothing of the URL but
/// its host.
async fn error(api: &Api, id: &str) -> Value {
    let job = api.ended(id).await;
    assert_eq!(job["status"], "failed", "{job}");
    assert_eq!((&job["document"], &job["stage"]), (&Value::Null, &json!("fetching")), "{job}");
    let text = job.to_string();
    assert!(!text.contains("s3cr3t") && !text.contains("hidden-path"), "{text}");
    assert!(api.list("/v1/documents").await.is_empty());
    job["error"].clone()
}

#[tokio::test]
async fn an_answer_that_is_no_document_says_what_it_was() {
    let server = Server::with(&[ON, LOOPBACK, NO_RETRY]);
    let (api, web) = (server.api(), Web::start());
    for (head, retryable, said) in [
        ("404 Not Found", false, "404 Not Found"),
        ("401 Unauthorized\r\nWWW-Authenticate: Basic", false, "401"),
        ("410 Gone", false, "410"),
        ("204 No Content", false, "204"),
        ("206 Partial Content\r\nContent-Range: bytes 0-3/9", false, "206"),
        ("304 Not Modified", false, "304"),
        ("302 Found", false, "redirects"),
        ("200 OK\r\nContent-Encoding: gzip", false, "compressed"),
        ("429 Too Many Requests", true, "429"),
        ("500 Internal Server Error", true, "500"),
        ("503 Service Unavailable", true, "503"),
    ] {
        let id = submit_url(&api, &web.url("/hidden-path?key=s3cr3t")).await;
        web.visit().await.answer(head, b"").await;
        let error = error(&api, &id).await;
        assert_eq!(
            (&error["code"], &error["retryable"]),
            (&json!("fetch_failed"), &json!(retryable))
        );
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(said) && message.contains("127.0.0.1"), "{head}: {message}");
    }
    assert!(!web.was_called(), "what cannot go better was tried again");
}

#[tokio::test]
async fn what_may_go_better_is_tried_again() {
    let server = Server::with(&[ON, LOOPBACK]);
    let (api, web) = (server.api(), Web::start());
    let id = submit_url(&api, &web.url("/report.pdf")).await;
    web.answer("503 Service Unavailable", b"later").await;
    // Cut off in the middle.
    let mut visit = web.visit().await;
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhalf").await;
    drop(visit);
    web.answer("200 OK", &fixture("report.pdf")).await;
    let job = api.completed(&id).await;
    assert_eq!(job["attempt"], 3);
    assert_eq!(api.result(&id, "markdown").await, expected("report.pdf"));
    let requeued: Vec<_> = api.events(&id).await;
    let requeued = requeued.iter().filter(|event| event["type"] == "requeued");
    for event in requeued {
        assert_eq!(
            (&event["failure"]["code"], &event["counted"]),
            (&json!("fetch_failed"), &json!(true))
        );
    }
}

#[tokio::test]
async fn a_document_that_is_cut_off_is_none() {
    let server = Server::with(&[ON, LOOPBACK, NO_RETRY]);
    let (api, web) = (server.api(), Web::start());
    for start in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n# Half",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n# Half\r\n",
        "HTTP/1.1 200 OK\r\nContent-",
        "nonsense\r\n\r\n",
        "",
    ] {
        let id = submit_url(&api, &web.url("/hidden-path?key=s3cr3t")).await;
        let mut visit = web.visit().await;
        visit.send(start).await;
        drop(visit);
        let error = error(&api, &id).await;
        assert_eq!(
            (&error["code"], &error["retryable"]),
            (&json!("fetch_failed"), &json!(true)),
            "{start}"
        );
    }
    let port = web.port();
    drop(web);
    let id = submit_url(&api, &format!("http://127.0.0.1:{port}/hidden-path")).await;
    let error = error(&api, &id).await;
    assert_eq!((&error["code"], &error["retryable"]), (&json!("fetch_failed"), &json!(true)));
}

#[tokio::test]
async fn a_connection_that_is_not_encrypted_is_not_taken_for_one_that_is() {
    let server = Server::with(&[ON, LOOPBACK]);
    let (api, web) = (server.api(), Web::start());
    let url = web.url("/hidden-path?key=s3cr3t").replace("http://", "https://");
    let id = submit_url(&api, &url).await;
    let mut visit = web.connection().await;
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n# One").await;
    let error = error(&api, &id).await;
    assert_eq!((&error["code"], &error["retryable"]), (&json!("fetch_failed"), &json!(false)));
    assert!(error["message"].as_str().unwrap().contains("TLS"), "{error}");
    assert!(!web.was_called());
}

#[tokio::test]
async fn a_document_may_not_be_larger_than_is_allowed() {
    let server = Server::with(&[ON, LOOPBACK, ("MILEPOST_FETCH_MAX_BYTES", "100KB")]);
    let (api, web) = (server.api(), Web::start());
    // Announced: nothing of it is awaited.
    let announced = submit_url(&api, &web.url("/hidden-path")).await;
    let mut visit = web.visit().await;
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n").await;
    assert_eq!(error(&api, &announced).await["code"], "document_too_large");
    visit.gone().await;
    // Not announced: it is cut off behind the limit.
    for start in ["", "Transfer-Encoding: chunked\r\n"] {
        let endless = submit_url(&api, &web.url("/hidden-path")).await;
        let mut visit = web.visit().await;
        visit.send(format!("HTTP/1.1 200 OK\r\n{start}\r\n")).await;
        for _ in 0..11 {
            let chunk = "x".repeat(10_000);
            let chunk = if start.is_empty() { chunk } else { format!("2710\r\n{chunk}\r\n") };
            visit.send(chunk).await;
        }
        let error = error(&api, &endless).await;
        assert_eq!(
            (&error["code"], &error["retryable"]),
            (&json!("document_too_large"), &json!(false))
        );
        visit.gone().await;
    }
    let exact = submit_url(&api, &web.url("/a.txt")).await;
    web.answer("200 OK", &b"word ".repeat(20_000)).await;
    assert_eq!(api.completed(&exact).await["document"]["bytes"], 100_000);
}

#[tokio::test]
async fn a_download_takes_no_longer_than_is_allowed() {
    let server = Server::with(&[ON, LOOPBACK, NO_RETRY, ("MILEPOST_FETCH_TIMEOUT", "3s")]);
    let (api, web) = (server.api(), Web::start());
    let starts = [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\nfirst",
        "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\ndrip",
    ];
    let (mut ids, mut visits) = (Vec::new(), Vec::new());
    for start in starts {
        ids.push(submit_url(&api, &web.url("/hidden-path?key=s3cr3t")).await);
        let mut visit = web.visit().await;
        visit.send(start).await;
        visits.push(visit);
    }
    // One never stands still for long, and gets no further for that.
    let mut slow = visits.pop().unwrap();
    let drip = async {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            slow.send("x").await;
        }
    };
    let ended = async {
        for id in &ids {
            let error = error(&api, id).await;
            assert_eq!(error["code"], "fetch_failed", "{error}");
            assert_eq!(error["retryable"], true, "{error}");
            assert!(error["message"].as_str().unwrap().contains("within 3s"), "{error}");
        }
    };
    tokio::select! { () = ended => {}, () = drip => unreachable!() }
    for visit in visits {
        visit.gone().await;
    }
}
