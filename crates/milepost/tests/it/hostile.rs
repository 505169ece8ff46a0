//! Whatever is sent, it ends: in a result, or in an error that says why. More
//! folders of documents come from `MILEPOST_CORPUS`, separated by colons.

use std::path::{Path, PathBuf};

use crate::harness::{Server, fixture, fixtures};

/// What may be wrong with a document, as opposed to with the server.
const CODES: [&str; 10] = [
    "document_encrypted",
    "document_empty",
    "document_damaged",
    "document_unsupported",
    "document_too_large",
    "conversion_timeout",
    "conversion_crashed",
    "conversion_memory",
    "page_failed",
    "ocr_unavailable",
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_ends_in_a_result_or_a_clear_error() {
    let mut documents = Vec::new();
    files(&fixtures(), &mut documents);
    assert!(
        documents.iter().filter(|path| path.parent().unwrap().ends_with("hostile")).count() > 40
    );
    let corpus = std::env::var_os("MILEPOST_CORPUS").unwrap_or_default();
    for folder in std::env::split_paths(&corpus).filter(|folder| !folder.as_os_str().is_empty()) {
        files(&folder, &mut documents);
    }
    documents.sort();

    let server =
        Server::with(&[("MILEPOST_WORKER_SILENCE", "20s"), ("MILEPOST_QUEUE_RETRIES", "1")]);
    let api = server.api();
    let mut jobs = Vec::new();
    for path in documents {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        jobs.push((path, api.submit_bytes(&name, bytes).await));
    }
    let mut wrong = Vec::new();
    for (path, id) in jobs {
        let name = path.display();
        let job = api.ended(&id).await;
        if job["status"] == "completed" {
            // What is promised is there.
            api.result(&id, "markdown").await;
            continue;
        }
        let code = job["error"]["code"].as_str().unwrap_or_default();
        let message = job["error"]["message"].as_str().unwrap_or_default();
        if job["status"] != "failed" || !CODES.contains(&code) || message.contains("/tmp") {
            wrong.push(format!("{name}: {job}"));
        }
        // An answer of the converter is better than its death.
        if code.starts_with("conversion_") {
            wrong.push(format!("{name}: {code}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // And the server is as good as before.
    let id = api.submit_bytes("report.pdf", fixture("report.pdf")).await;
    api.completed(&id).await;
}
