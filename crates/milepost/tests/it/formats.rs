//! Every kind of document becomes what it is known to become, in every format,
//! and what cannot be converted says why.

use reqwest::header::ACCEPT;
use serde_json::{Value, json};

use crate::harness::{Api, Server, expected, fixture, fixtures, id_of};

/// Documents that are refused, and with which code.
const REFUSED: [(&str, &str); 8] = [
    ("encrypted.pdf", "document_encrypted"),
    ("encrypted-rc4.pdf", "document_encrypted"),
    ("encrypted.docx", "document_encrypted"),
    ("empty.pdf", "document_empty"),
    ("truncated.pdf", "document_damaged"),
    ("truncated.docx", "document_damaged"),
    ("unknown.bin", "document_unsupported"),
    ("scanned.pdf", "ocr_unavailable"),
];

/// Every document with a known result.
fn known() -> Vec<String> {
    let folder = std::fs::read_dir(fixtures().join("expected")).expect("the folder is there");
    let mut names: Vec<String> = folder
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".md").map(str::to_owned))
        .collect();
    names.sort();
    assert!(names.len() >= 27, "{names:?}");
    names
}

#[tokio::test]
async fn every_format_gives_its_expected_result_in_every_format() {
    let server = Server::start();
    let api = server.api();
    let mut jobs = Vec::new();
    for name in known() {
        let id = api.submit(&name).await;
        jobs.push((name, id));
    }
    for (name, id) in jobs {
        let job = api.completed(&id).await;
        assert_eq!(job["progress"], 100.0, "{name}");
        assert_eq!(job["result"]["url"], format!("/v1/jobs/{id}/result"), "{name}");
        assert_eq!(job["result"]["formats"], json!(["markdown", "json", "html", "text"]), "{name}");
        assert_eq!(job["document"]["filename"], name);

        let markdown = String::from_utf8(api.result(&id, "markdown").await).expect(&name);
        let wanted = String::from_utf8(expected(&name)).expect(&name);
        assert_eq!(markdown, wanted, "{name}");
        let document: Value =
            serde_json::from_slice(&api.result(&id, "json").await).expect("it is JSON");
        assert_eq!(document["schema_name"], "DoclingDocument", "{name}");
        assert_eq!(document["origin"]["filename"], name);
        assert_eq!(document["origin"]["mimetype"], job["document"]["media_type"], "{name}");
        let html = String::from_utf8(api.result(&id, "html").await).expect(&name);
        assert!(html.starts_with("<!DOCTYPE html>"), "{name}");
        let text = String::from_utf8(api.result(&id, "text").await).expect(&name);
        assert_eq!(text.trim().is_empty(), wanted.trim().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_converted_says_why() {
    let server = Server::start();
    let api = server.api();
    let mut jobs = Vec::new();
    for (name, code) in REFUSED {
        jobs.push((name, code, api.submit(name).await));
    }
    for (name, code, id) in jobs {
        let job = api.ended(&id).await;
        assert_eq!(job["status"], "failed", "{name}: {job}");
        assert_eq!(job["error"]["code"], code, "{name}");
        assert_eq!(job["error"]["retryable"], false, "{name}");
        assert_eq!(job["attempt"], 1, "{name}: what cannot get better is not tried again");
        assert_eq!(job["result"], Value::Null, "{name}");
        let message = job["error"]["message"].as_str().expect("a message");
        assert!(!message.is_empty() && !message.contains('/'), "{name}: {message}");
        let problem = api.call(api.get(&format!("/v1/jobs/{id}/result"))).await;
        let problem = problem.refused(409, "not_finished", None);
        assert_eq!(problem["job_status"], "failed");
    }
}

async fn convert(api: &Api, name: &str, options: &Value) -> String {
    let form = Api::form(name, fixture(name)).text("options", options.to_string());
    let id = id_of(&api.submit_form(form).await);
    api.completed(&id).await;
    id
}

#[tokio::test]
async fn a_password_opens_and_is_shown_nowhere() {
    let server = Server::start();
    let api = server.api();
    for (name, plain) in [
        ("encrypted.pdf", "owner-password.pdf"),
        ("encrypted-rc4.pdf", "owner-password.pdf"),
        ("encrypted.docx", "letter.docx"),
    ] {
        let id = convert(&api, name, &json!({"password": "milepost"})).await;
        assert_eq!(api.result(&id, "markdown").await, expected(plain), "{name}");
        let events = serde_json::to_string(&api.events(&id).await).unwrap();
        let options = &api.events(&id).await[0]["options"];
        assert!(options.get("password").is_none(), "{name}: {events}");
    }
    let form = Api::form("encrypted.pdf", fixture("encrypted.pdf"))
        .text("options", json!({"password": "open sesame"}).to_string());
    let id = id_of(&api.submit_form(form).await);
    let job = api.ended(&id).await;
    assert_eq!(job["error"]["code"], "document_encrypted", "{job}");
    let told = format!("{job}{:?}{}", api.events(&id).await, server.log());
    assert!(!told.contains("open sesame"), "{told}");
}

#[tokio::test]
async fn only_the_wanted_pages_are_converted_under_their_own_numbers() {
    let server = Server::start();
    let api = server.api();
    let id = convert(&api, "report.pdf", &json!({"pages": "2-3,7,11-"})).await;
    let job = api.job(&id).await;
    assert_eq!(job["document"]["pages"], 12);
    assert_eq!(job["stages"][1]["total"], 5);
    assert_eq!(api.pages(&id).await, [2, 3, 7, 11, 12]);
    api.call(api.get(&format!("/v1/jobs/{id}/pages/1"))).await.refused(404, "not_found", None);

    let whole = convert(&api, "report.pdf", &json!({})).await;
    for page in [2, 3, 7, 11, 12] {
        let path = |id: &str| format!("/v1/jobs/{id}/pages/{page}?format=text");
        let part = api.call(api.get(&path(&id))).await.expect(200);
        assert_eq!(part.body, api.call(api.get(&path(&whole))).await.body, "page {page}");
    }

    let form = Api::form("report.pdf", fixture("report.pdf")).text("options", r#"{"pages":"40-"}"#);
    let job = api.ended(&id_of(&api.submit_form(form).await)).await;
    assert_eq!(job["error"]["code"], "page_failed", "{job}");
}

#[tokio::test]
async fn only_the_wanted_formats_are_kept() {
    let server = Server::start();
    let api = server.api();
    let id = convert(&api, "letter.docx", &json!({"formats": ["text", "json"]})).await;
    assert_eq!(api.job(&id).await["result"]["formats"], json!(["json", "text"]));
    let result = format!("/v1/jobs/{id}/result");
    let wrong = api.call(api.get(&format!("{result}?format=html"))).await;
    wrong.refused(406, "not_acceptable", None);
    let wrong = api.call(api.get(&result).header(ACCEPT, "text/markdown")).await;
    wrong.refused(406, "not_acceptable", None);
    let text = api.call(api.get(&result).header(ACCEPT, "text/*")).await.expect(200);
    assert_eq!(text.header("content-type"), "text/plain; charset=utf-8");
}

#[tokio::test]
async fn a_document_is_known_by_its_content_and_not_by_its_name() {
    let server = Server::start();
    let api = server.api();
    let id = api.submit_bytes("report.txt", fixture("report.pdf")).await;
    let job = api.completed(&id).await;
    assert_eq!(job["document"]["media_type"], "application/pdf");
    assert_eq!(api.result(&id, "markdown").await, expected("report.pdf"));
}
