//! What bad input gets: the right status, a code for programs, the field at
//! fault, and what would be right.

use bytes::Bytes;
use futures_util::stream;
use reqwest::Body;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Api, DEADLINE, Server, fixture, within};

const NOBODY: &str = "0199aaaa-0000-7000-8000-000000000000";

#[tokio::test]
async fn a_wrong_form_field_is_named_with_what_is_allowed() {
    let server = Server::start();
    let api = server.api();
    let long = format!("\"{}\"", "x".repeat(5000));
    for (name, value, field, said) in [
        ("pipeline", "paint", "pipeline", "convert"),
        ("options", r#"{"page":"1"}"#, "options.page", "pages"),
        ("options", r#"{"pages":"third"}"#, "options.pages", ""),
        ("options", r#"{"pages":"3-1"}"#, "options.pages", ""),
        ("options", r#"{"pages":"0"}"#, "options.pages", ""),
        ("options", r#"{"formats":["docx"]}"#, "options.formats[0]", "markdown"),
        ("options", r#"{"formats":[]}"#, "options.formats", "markdown"),
        ("options", r#"{"password":7}"#, "options.password", ""),
        ("options", "not json", "options", ""),
        ("options", "7", "options", ""),
        ("options", "[\"1-3\"]", "options", ""),
        ("metadata", "{", "metadata", ""),
        ("metadata", &long, "metadata", "4096"),
        ("hold", "perhaps", "hold", "true"),
        ("priority", "high", "priority", "100"),
        ("priority", "101", "priority", "100"),
        ("colour", "red", "colour", "options"),
    ] {
        let form =
            Api::form("notes.md", fixture("notes.md")).text(name.to_owned(), value.to_owned());
        let reply = api.call(api.post("/v1/jobs").multipart(form)).await;
        let problem = reply.refused(422, "invalid_field", Some(field));
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{name}={value}: {detail}");
    }
    let empty = reqwest::multipart::Form::new().text("pipeline", "convert");
    let reply = api.call(api.post("/v1/jobs").multipart(empty)).await;
    reply.refused(422, "invalid_field", Some("source"));
    let twice = Api::form("a.md", b"a".to_vec()).text("colour", "red");
    let reply = api.call(api.post("/v1/documents").multipart(twice)).await;
    reply.refused(422, "invalid_field", Some("colour"));
    // Nothing of all that was kept.
    assert!(api.list("/v1/jobs").await.is_empty());
    assert!(api.list("/v1/documents").await.is_empty());
}

#[tokio::test]
async fn a_wrong_json_field_is_named() {
    let server = Server::start();
    let api = server.api();
    let text = json!({"text": "# One"});
    for (body, field) in [
        (json!({"source": text, "colour": 1}), "colour"),
        (json!({"source": {"txt": "x"}}), "source.txt"),
        (json!({"source": {}}), "source"),
        (json!({"source": "# One"}), "source"),
        (json!({"source": [null, "# One", null]}), "source"),
        (json!({"source": {"text": 7}}), "source.text"),
        (json!({"source": {"text": "x", "document": NOBODY}}), "source"),
        (json!({"source": {"document": NOBODY}}), "source.document"),
        (json!({"source": {"document": "nonsense"}}), "source.document"),
        (json!({}), "source"),
        (json!({"source": text, "pipeline": "paint"}), "pipeline"),
        (json!({"source": text, "options": {"pages": 7}}), "options.pages"),
        (json!({"source": text, "options": {"page": "7"}}), "options.page"),
        (json!({"source": text, "options": {"formats": ["docx"]}}), "options.formats[0]"),
        (json!({"source": text, "priority": 3.5}), "priority"),
        (json!({"source": text, "priority": -101}), "priority"),
        (json!({"source": text, "hold": "yes"}), "hold"),
        (json!({"source": text, "metadata": "x".repeat(5000)}), "metadata"),
    ] {
        let reply = api.submit_json(&body).await;
        assert_eq!(reply.status, 422, "{body}: {}", reply.text());
        reply.refused(422, "invalid_field", Some(field));
    }
    for body in ["", "{", "nonsense", "{\"source\": }", "{} {}", "\u{0}"] {
        let request = api.post("/v1/jobs").header(CONTENT_TYPE, "application/json").body(body);
        let reply = api.call(request).await;
        assert_eq!(reply.status, 400, "{body:?}: {}", reply.text());
        reply.refused(400, "invalid_request", None);
    }
    assert!(api.list("/v1/jobs").await.is_empty());
    assert!(api.list("/v1/documents").await.is_empty());
}

#[tokio::test]
async fn a_broken_form_is_refused_and_leaves_nothing() {
    let server = Server::start();
    let api = server.api();
    let cut =
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\n# One";
    for (kind, body) in [
        ("multipart/form-data; boundary=b", cut),
        ("multipart/form-data; boundary=b", "nonsense"),
        ("multipart/form-data", cut),
    ] {
        for path in ["/v1/jobs", "/v1/documents"] {
            let reply = api.call(api.post(path).header(CONTENT_TYPE, kind).body(body)).await;
            reply.refused(400, "invalid_request", None);
        }
    }
    assert!(api.list("/v1/documents").await.is_empty());
}

#[tokio::test]
async fn other_media_types_are_refused() {
    let server = Server::start();
    let api = server.api();
    for path in ["/v1/jobs", "/v1/documents"] {
        for kind in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
            let request = api.post(path).header(CONTENT_TYPE, kind).body("x");
            api.call(request).await.refused(415, "unsupported_media_type", None);
        }
        api.call(api.post(path)).await.refused(415, "unsupported_media_type", None);
    }
    let json = api.post("/v1/documents").json(&json!({"text": "x"}));
    api.call(json).await.refused(415, "unsupported_media_type", None);
}

#[tokio::test]
async fn what_is_not_there_is_a_404() {
    let server = Server::start();
    let api = server.api();
    for id in [NOBODY, "nonsense", "1", "%00", "..%2f..", &"x".repeat(3000)] {
        for path in ["", "/events", "/pages", "/pages/1", "/result"] {
            let request = api.get(&format!("/v1/jobs/{id}{path}"));
            api.call(request).await.refused(404, "not_found", None);
        }
        for order in ["cancel", "retry", "confirm"] {
            let request = api.post(&format!("/v1/jobs/{id}/{order}"));
            api.call(request).await.refused(404, "not_found", None);
        }
        let path = format!("/v1/documents/{id}");
        for request in [
            api.get(&path),
            api.get(&format!("{path}/content")),
            api.delete(&path),
            api.delete(&format!("/v1/jobs/{id}")),
            api.get(&format!("/v1/jobs/{id}?after=0&wait=1")),
        ] {
            api.call(request).await.refused(404, "not_found", None);
        }
    }
    for path in ["/v1", "/v1/nothing", "/v2/jobs", "/v1/jobs/"] {
        api.call(api.get(path)).await.refused(404, "not_found", None);
    }
    let id = api.submit_text("# One").await;
    api.completed(&id).await;
    for page in ["0", "2", "-1", "x", "99999999999999999999"] {
        let request = api.get(&format!("/v1/jobs/{id}/pages/{page}"));
        api.call(request).await.refused(404, "not_found", None);
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = Server::start();
    let api = server.api();
    for (path, allowed) in [
        ("/v1/jobs", &["GET", "POST"][..]),
        ("/v1/documents", &["GET", "POST"]),
        (&format!("/v1/jobs/{NOBODY}/cancel"), &["POST"]),
        ("/v1/stats", &["GET"]),
    ] {
        let reply = api.call(api.put(path)).await;
        let allow = reply.header("allow").to_owned();
        reply.refused(405, "method_not_allowed", None);
        for method in allowed {
            assert!(allow.contains(method), "{path}: {allow:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_query_parameter_is_named() {
    let server = Server::start();
    let api = server.api();
    let id = api.submit_text("# One").await;
    api.completed(&id).await;
    let job = format!("/v1/jobs/{id}");
    for (path, field) in [
        ("/v1/jobs?limit=0".to_owned(), "limit"),
        ("/v1/jobs?limit=201".into(), "limit"),
        ("/v1/jobs?limit=many".into(), "limit"),
        ("/v1/jobs?cursor=zzz".into(), "cursor"),
        ("/v1/jobs?status=dancing".into(), "status"),
        ("/v1/jobs?pipeline=paint".into(), "pipeline"),
        ("/v1/jobs?document=x".into(), "document"),
        ("/v1/documents?limit=0".into(), "limit"),
        ("/v1/documents?cursor=zzz".into(), "cursor"),
        ("/v1/stats?since=yesterday".into(), "since"),
        (format!("{job}?after=x"), "after"),
        (format!("{job}?after=1&wait=x"), "wait"),
        (format!("{job}?after=-1"), "after"),
        (format!("{job}/events?limit=0"), "limit"),
        (format!("{job}/events?cursor=zzz"), "cursor"),
        (format!("{job}/pages?limit=0"), "limit"),
        (format!("{job}/result?format=docx"), "format"),
    ] {
        let reply = api.call(api.get(&path)).await;
        assert_eq!(reply.status, 422, "{path}: {}", reply.text());
        reply.refused(422, "invalid_field", Some(field));
    }
    let stream = api.get(&format!("{job}/events?mode=some")).header("accept", "text/event-stream");
    api.call(stream).await.refused(422, "invalid_field", Some("mode"));
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_unread() {
    let server = Server::with(&[("MILEPOST_LIMITS_BODY", "1MB")]);
    for kind in ["multipart/form-data; boundary=b", "application/json"] {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let head = format!(
            "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n\
             Content-Length: 30000000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Not one byte of the body is sent.
        let mut answer = [0; 4096];
        let length = within(DEADLINE, "the refusal", stream.read(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.starts_with("HTTP/1.1 413 "), "{kind}: {answer}");
        assert!(answer.contains("body_too_large"), "{kind}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_turns_out_too_large_is_refused_and_leaves_nothing() {
    let server =
        Server::with(&[("MILEPOST_LIMITS_BODY", "1MB"), ("MILEPOST_LIMITS_JSON_BODY", "100kB")]);
    let api = server.api();
    let chunked = |head: &str, chunks: usize| {
        let head = Bytes::from(head.to_owned());
        let rest = (0..chunks).map(|_| Bytes::from(vec![b'x'; 64 * 1024]));
        let all: Vec<_> = std::iter::once(head).chain(rest).map(Ok::<_, std::io::Error>).collect();
        Body::wrap_stream(stream::iter(all))
    };
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\n";
    for path in ["/v1/jobs", "/v1/documents"] {
        let kind = "multipart/form-data; boundary=b";
        let request = api.post(path).header(CONTENT_TYPE, kind).body(chunked(form, 40));
        api.call(request).await.refused(413, "body_too_large", None);
    }
    let json = api.post("/v1/jobs").header(CONTENT_TYPE, "application/json");
    let json = json.body(chunked("{\"source\":{\"text\":\"", 8));
    api.call(json).await.refused(413, "body_too_large", None);
    let whole = Api::form("big.txt", vec![b'x'; 1_200_000]);
    api.call(api.post("/v1/jobs").multipart(whole)).await.refused(413, "body_too_large", None);
    assert!(api.list("/v1/documents").await.is_empty());
    let fits = Api::form("small.txt", vec![b'x'; 800_000]);
    api.call(api.post("/v1/documents").multipart(fits)).await.expect(201);
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_back() {
    let server =
        Server::with(&[("MILEPOST_QUEUE_MAX_WAITING", "2"), ("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    server.freeze().await;
    let first = api.submit("letter.docx").await;
    api.until(&first, "started", |job| job["status"] == "running").await;
    let mut jobs = vec![first];
    for _ in 0..2 {
        jobs.push(api.submit("letter.docx").await);
    }
    for _ in 0..2 {
        let form = Api::form("letter.docx", fixture("letter.docx"));
        let reply = api.call(api.post("/v1/jobs").multipart(form)).await;
        let after: u64 = reply.header("retry-after").parse().expect("Retry-After in seconds");
        let problem = reply.refused(429, "queue_full", None);
        assert_eq!(problem["retry_after"], after);
    }
    assert_eq!(api.list("/v1/documents").await.len(), 3, "a refused upload is kept");
    server.thaw();
    for id in &jobs {
        api.completed(id).await;
    }
    let again = api.submit("letter.docx").await;
    api.completed(&again).await;
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_of_an_upload_leaves_nothing() {
    let server = Server::start();
    let api = server.api();
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\
        Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 1_000_000]).await.unwrap();
    drop(stream);
    let id = api.submit("letter.docx").await;
    api.completed(&id).await;
    assert_eq!(api.list("/v1/jobs").await.len(), 1);
    assert_eq!(api.list("/v1/documents").await.len(), 1);
}
