//! A document that wants more than it may: it fails alone, says which limit it
//! met, and neither the server nor other jobs notice.

use std::fmt::Write as _;

use serde_json::Value;

use crate::harness::{Server, eventually, fixture, pdf_of};

const MEGABYTE: u64 = 1024 * 1024;
/// A server that has read no document takes a tenth of it.
const SERVER_AT_MOST: u64 = 160 * MEGABYTE;

/// A table that takes many times its size to read.
fn table(rows: usize) -> Vec<u8> {
    let mut text = String::from("milestone,place,year\n");
    for row in 0..rows {
        let _ = writeln!(text, "stone {row},place {row},{row}");
    }
    text.into_bytes()
}

fn error(job: &Value) -> (&str, &str) {
    assert_eq!(job["status"], "failed", "{job}");
    let field = |name: &str| job["error"][name].as_str().unwrap();
    (field("code"), field("message"))
}

#[tokio::test]
async fn a_document_that_eats_memory_fails_alone() {
    let server =
        Server::with(&[("MILEPOST_WORKER_MEMORY", "96MiB"), ("MILEPOST_WORKER_SILENCE", "5m")]);
    let api = server.api();
    let before = server.process().resident_bytes();
    let hungry = api.submit_bytes("table.csv", table(400_000)).await;
    let others = [api.submit("report.pdf").await, api.submit("letter.docx").await];
    for other in &others {
        api.completed(other).await;
    }
    let job = api.ended(&hungry).await;
    let (code, message) = error(&job);
    assert_eq!(code, "conversion_memory");
    assert!(message.contains("96.0 MiB of memory"), "{message}");
    assert_eq!(job["error"]["retryable"], false, "it would only happen again");
    assert_eq!(job["attempt"], 1);
    let peak = server.process().peak_bytes();
    assert!(peak < before + SERVER_AT_MOST, "{before} {peak}");
    // And the slot is as good as before.
    let after = api.submit("report.pdf").await;
    api.completed(&after).await;
}

#[tokio::test]
async fn a_page_that_takes_too_much_processor_time_is_stopped() {
    let server = Server::with(&[("MILEPOST_WORKER_PAGE_CPU", "300ms")]);
    let api = server.api();
    let slow = api.submit_bytes("table.csv", table(400_000)).await;
    // Many pages are no page that takes long.
    let long = api.submit_bytes("road.pdf", pdf_of(600)).await;
    let job = api.ended(&slow).await;
    let (code, message) = error(&job);
    assert_eq!(code, "conversion_timeout");
    assert!(message.contains("300ms of processor time"), "{message}");
    api.completed(&long).await;
}

#[tokio::test]
async fn a_converter_is_replaced_when_it_met_a_limit() {
    let server =
        Server::with(&[("MILEPOST_WORKER_SLOTS", "1"), ("MILEPOST_WORKER_MEMORY", "96MiB")]);
    let api = server.api();
    let before = eventually("a converter", || async { server.converters().pop() }).await;
    let hungry = api.submit_bytes("table.csv", table(400_000)).await;
    assert_eq!(error(&api.ended(&hungry).await).0, "conversion_memory");
    let after = api.submit("letter.docx").await;
    api.completed(&after).await;
    assert!(!before.is_alive());
    assert_ne!(server.converters(), vec![before]);
}

/// Documents that would be enormous if anybody believed them: the converter
/// says what is wrong with them within its limits.
#[tokio::test]
async fn bombs_and_loops_are_answered_and_the_server_stays_small() {
    let server = Server::start();
    let api = server.api();
    let before = server.process().resident_bytes();
    let mut jobs = Vec::new();
    for name in [
        // An archive that unpacks to thousands of times its size, and one that lies
        // about it.
        "inflating.docx",
        "lying-size.docx",
        "inflating.pdf",
        // Entities that multiply.
        "laughs.docx",
        "laughs.xml",
        // Sheets of more than a billion cells.
        "repeated.ods",
        "far-cell.xlsx",
        "merged.xlsx",
        // Nesting and loops.
        "deep-arrays.pdf",
        "form-loop.pdf",
        "page-tree-loop.pdf",
        "xref-loop.pdf",
        "loop.epub",
    ] {
        jobs.push((name, api.submit_bytes(name, fixture(&format!("hostile/{name}"))).await));
    }
    for (name, id) in jobs {
        let job = api.ended(&id).await;
        let code = job["error"]["code"].as_str().unwrap_or("none");
        assert!(!code.starts_with("conversion_"), "{name}: {job}");
    }
    let peak = server.process().peak_bytes();
    assert!(peak < before + SERVER_AT_MOST, "{before} {peak}");
}

#[tokio::test]
async fn what_a_document_refers_to_stays_outside() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "the-secret-of-the-machine").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let file = format!("file://{}", secret.path().display());
    let web = format!("http://{}/entity", listener.local_addr().unwrap());
    let entities = format!(
        r#"<!ENTITY f SYSTEM "{file}"><!ENTITY w SYSTEM "{web}"><!ENTITY % p SYSTEM "{web}"> %p;"#
    );
    let server = Server::start();
    let api = server.api();
    for (name, document) in [
        (
            "drawing.svg",
            format!(
                r#"<?xml version="1.0"?><!DOCTYPE svg [{entities}]>
                <svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">
                <text>stone &f; &w;</text><image xlink:href="{file}"/><use xlink:href="{web}"/></svg>"#
            ),
        ),
        (
            "article.xml",
            format!(
                r#"<?xml version="1.0"?><!DOCTYPE article [{entities}]>
                <article xmlns:xi="http://www.w3.org/2001/XInclude"><body><p>stone &f; &w;</p>
                <xi:include href="{file}" parse="text"/></body></article>"#
            ),
        ),
        (
            "page.html",
            format!(
                r#"<!DOCTYPE html [{entities}]><p>stone</p><iframe src="{file}"></iframe>
                <img src="{web}"><link rel="stylesheet" href="{web}"><object data="{file}">"#
            ),
        ),
        ("notes.adoc", format!("= Notes\n\nstone\n\ninclude::{}[]\n", secret.path().display())),
        (
            "paper.tex",
            format!(
                "\\documentclass{{article}}\\begin{{document}}stone \\input{{{}}}\\end{{document}}",
                secret.path().display()
            ),
        ),
    ] {
        let id = api.submit_bytes(name, document.into_bytes()).await;
        let job = api.ended(&id).await;
        if job["status"] == "completed" {
            for (format, text) in api.results(&id).await {
                let text = String::from_utf8_lossy(&text).into_owned();
                assert!(!text.contains("the-secret"), "{name} as {format}: {text}");
            }
        } else {
            assert!(!job["error"]["code"].as_str().unwrap().starts_with("conversion_"), "{job}");
        }
    }
    let called = listener.accept();
    assert_eq!(called.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "somebody was called");
}
