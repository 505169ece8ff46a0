//! Fields and parameters that are wrong: the refusal names the one at fault, and
//! what would be right.

use reqwest::header::CONTENT_TYPE;
use serde_json::json;

use crate::harness::{Api, Server, fixture};

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
