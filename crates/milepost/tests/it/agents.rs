//! The protocol `agents`, as its clients use it.

use serde_json::json;

use crate::harness::{Api, Form, Server, Transcript, fixture, guarded, id_of};

const BASE: &str = "/api/v1/conversions";

fn form(name: &str, bytes: Vec<u8>) -> Form {
    Api::form(name, bytes).text("options", r#"{"target_version":"1.20.0","other":1}"#)
}

#[tokio::test]
async fn a_conversion_goes_all_the_way() {
    let server = Server::start();
    let api = server.api();
    let mut said = Transcript::of(&server);
    let submitted = api.call(api.post(BASE).multipart(form("né\"w.md", b"# Title".to_vec()))).await;
    // The estimate depends on whether it is under way already.
    let mut told = submitted.json();
    assert!(told["estimated_time_seconds"].take().as_u64() >= Some(1), "{told}");
    said.line("->", "POST");
    said.line("<-", format!("{} {told}", submitted.status));
    let id = submitted.expect(202).json()["conversion_id"].as_str().unwrap().to_owned();
    api.completed(&id).await;
    for path in [
        format!("{BASE}/{id}"),
        format!("/api/v1/convert/{id}/status"),
        format!("/convert/{id}/status"),
        format!("{BASE}?page=1&page_size=5&status=completed"),
        format!("{BASE}?page=2"),
        format!("{BASE}?status=failed"),
        format!("{BASE}/{id}/download"),
        format!("/convert/{id}/download?format=text"),
    ] {
        let reply = api.call(api.get(&path)).await;
        said.answer(&format!("GET {path}"), &reply);
        if let Some(disposition) = reply.headers.get("content-disposition") {
            said.line("   ", disposition.to_str().unwrap());
        }
    }
    // It has ended, and that is no error.
    said.answer("DELETE", &api.call(api.delete(&format!("{BASE}/{id}"))).await);
    said.answer("DELETE /convert", &api.call(api.delete(&format!("/convert/{id}"))).await);
    said.check("agents");
}

#[tokio::test]
async fn what_is_wrong_is_said_for_a_page() {
    let server = Server::with(&[("MILEPOST_LIMITS_BODY", "4KB")]);
    let api = server.api();
    let mut said = Transcript::of(&server);
    let post = |form: Form| api.call(api.post(BASE).multipart(form));
    said.answer("POST without a file", &post(Form::new().text("options", "{}")).await);
    said.answer(
        "POST with options",
        &post(Api::form("a.md", b"a".to_vec()).text("options", "{")).await,
    );
    said.answer(
        "POST with a list",
        &post(Api::form("a.md", b"a".to_vec()).text("options", "[]")).await,
    );
    said.answer("POST of 5 kB", &post(Api::form("a.md", vec![b'a'; 5000])).await);
    said.answer("POST of nothing", &api.call(api.post(BASE)).await);
    let none = "00000000-0000-7000-8000-000000000000";
    for path in [
        "/x",
        &format!("/{none}"),
        &format!("/{none}/download"),
        "?page=0",
        "?page_size=0",
        "?status=x",
    ] {
        said.answer(&format!("GET {path}"), &api.call(api.get(&format!("{BASE}{path}"))).await);
    }
    said.answer("DELETE", &api.call(api.delete(&format!("{BASE}/{none}"))).await);
    let body = json!({"pipeline": "external"});
    let id = id_of(&api.submit_json(&body).await.expect(202).json());
    said.answer("GET download", &api.call(api.get(&format!("{BASE}/{id}/download"))).await);
    said.check("agents_errors");
}

#[tokio::test]
async fn what_is_cancelled_stays_so() {
    let server = Server::start();
    let api = server.api();
    let pdf = crate::harness::pdf_of(300);
    let id = api.call(api.post(BASE).multipart(form("book.pdf", pdf))).await.expect(202).json();
    let id = id["conversion_id"].as_str().unwrap().to_owned();
    assert_eq!(api.call(api.delete(&format!("{BASE}/{id}"))).await.status, 204);
    for _ in 0..3 {
        let state = api.call(api.get(&format!("{BASE}/{id}"))).await.expect(200).json();
        assert_eq!(state["status"], "cancelled");
        assert_eq!(state["message"], "cancelled");
        assert_eq!(api.call(api.delete(&format!("{BASE}/{id}"))).await.status, 204);
    }
    // What is reported to a job that was cancelled does not revive it, either.
    let job = id_of(&api.submit_json(&json!({"pipeline": "external"})).await.expect(202).json());
    let report = |body| api.call(api.post(&format!("/v1/jobs/{job}/progress")).json(&body));
    report(json!({"agents": [{"name": "a", "status": "running"}]})).await.expect(200);
    api.call(api.delete(&format!("{BASE}/{job}"))).await.expect(204);
    assert_eq!(report(json!({"done": 1})).await.expect(200).json()["cancelled"], true);
    let state = api.call(api.get(&format!("{BASE}/{job}"))).await.json();
    assert_eq!(state["status"], "cancelled");
}

#[tokio::test]
async fn polling_every_three_seconds_stays_within_the_limits() {
    let server = guarded();
    let ann = server.api_of("ann");
    let report = fixture("report.pdf");
    let id = ann.call(ann.post(BASE).multipart(form("report.pdf", report))).await.expect(202);
    let id = id.json()["job_id"].as_str().unwrap().to_owned();
    // An hour of it at once would do, as the rates are by the minute.
    for _ in 0..60 {
        ann.call(ann.get(&format!("{BASE}/{id}"))).await.expect(200);
    }
}

#[tokio::test]
async fn what_an_upload_made_can_be_downloaded_where_it_says() {
    let server = Server::start();
    let api = server.api();
    let texts = json!({"documents": [{"content": "# A\n\nSome text."}]});
    let upload = api.call(api.post("/upload").json(&texts)).await.expect(200).json();
    let id = upload["upload_id"].as_str().unwrap().to_owned();
    api.completed(&id).await;
    let state = api.call(api.get(&format!("{BASE}/{id}"))).await.expect(200).json();
    let chunks = api.call(api.get(state["result_url"].as_str().unwrap())).await.expect(200);
    assert_eq!(chunks.json()["chunks"][0]["text"], "Some text.");
    // What cannot be worked on is refused at once.
    let long = json!({"documents": [{"content": "x", "source": "y".repeat(20_000)}]});
    let refused = api.call(api.post("/upload").json(&long)).await;
    assert_eq!(refused.status, 422, "{}", refused.text());
}
