//! The command line: what it prints where, what it writes, and its exit codes.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::harness::{Client, Server, binary, exits, expected, fixture, fixtures, pdf_of, run};

fn convert(arguments: &[&str], files: &[&str]) -> Output {
    let mut command = binary();
    command.arg("convert").args(arguments);
    run(command.args(files.iter().map(|name| fixtures().join(name))))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn convert_needs_no_server_and_writes_one_file_for_each() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/out");
    let files = ["report.pdf", "letter.docx", "letter.odt", "workbook.xlsx"];
    let output = convert(&["-o", out.to_str().unwrap()], &files);
    assert_eq!(exits(&output, 0), "");
    assert_eq!(names(&out), ["letter.md", "letter.odt.md", "report.md", "workbook.md"]);
    for (made, of) in
        [("report.md", "report.pdf"), ("letter.md", "letter.docx"), ("letter.odt.md", "letter.odt")]
    {
        assert!(std::fs::read(out.join(made)).unwrap() == expected(of), "{made}");
    }
}

#[test]
fn convert_goes_on_behind_a_document_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let files = ["unknown.bin", "letter.docx", "missing.pdf", "encrypted.pdf"];
    let output = convert(&["--json", "-o", out], &files);
    let lines: Vec<Value> =
        exits(&output, 1).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| {
        let ends = |line: &&Value| line["file"].as_str().unwrap().ends_with(name);
        lines.iter().find(ends).unwrap_or_else(|| panic!("{name}: {lines:?}"))
    };
    assert_eq!(lines.len(), 4);
    assert_eq!(of("letter.docx")["status"], "completed");
    assert_eq!(of("unknown.bin")["code"], "document_unsupported");
    assert_eq!(of("encrypted.pdf")["code"], "document_encrypted");
    assert_eq!(
        (&of("missing.pdf")["status"], &of("missing.pdf")["code"]),
        (&"failed".into(), &Value::Null)
    );
    assert_eq!(names(folder.path()), ["letter.md"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("unknown.bin") && said.contains("missing.pdf"), "{said}");
}

#[test]
fn convert_writes_one_result_to_stdout_and_several_to_a_folder() {
    let output = convert(&[], &["letter.docx"]);
    assert_eq!(exits(&output, 0).as_bytes(), expected("letter.docx"));
    exits(&convert(&[], &["letter.docx", "report.pdf"]), 2);
    exits(&convert(&["--format", "docx"], &["letter.docx"]), 2);
    exits(&convert(&[], &[]), 2);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let formats = convert(&["--format", "markdown,json,html,text", "-o", out], &["report.pdf"]);
    exits(&formats, 0);
    assert_eq!(names(folder.path()), ["report.html", "report.json", "report.md", "report.txt"]);
}

#[test]
fn convert_takes_pages_and_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "milepost\n").unwrap();
    let output = convert(&["--password-file", password.to_str().unwrap()], &["encrypted.pdf"]);
    assert_eq!(exits(&output, 0).as_bytes(), expected("owner-password.pdf"));
    let part = exits(&convert(&["--pages", "2-3"], &["report.pdf"]), 0);
    assert!(!part.is_empty() && part.len() < expected("report.pdf").len());
}

/// Submits a file and returns the job's id.
#[track_caller]
fn submit(client: &Client<'_>, arguments: &[&str], path: &Path) -> String {
    let mut all = vec!["submit"];
    all.extend(arguments);
    all.push(path.to_str().unwrap());
    let id = exits(&client.run(&all), 0);
    assert_eq!(id.lines().count(), 1, "{id}");
    id.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_submitted_watched_and_read() {
    let server = Server::start();
    let client = Client(&server);
    let id = submit(&client, &[], &fixtures().join("report.pdf"));
    exits(&client.run(&["watch", &id]), 0);
    assert_eq!(exits(&client.run(&["result", &id]), 0).as_bytes(), expected("report.pdf"));
    let json = exits(&client.run(&["result", "--format", "json", &id]), 0);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema_name"], "DoclingDocument");
    let page = exits(&client.run(&["result", "--page", "2", &id]), 0);
    let path = format!("/v1/jobs/{id}/pages/2");
    let wanted = server.api().call(server.api().get(&path)).await.expect(200).text();
    assert_eq!(page, wanted);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.md");
    exits(&client.run(&["result", "-o", file.to_str().unwrap(), &id]), 0);
    assert!(std::fs::read(&file).unwrap() == expected("report.pdf"));
    let lines = exits(&client.run(&["watch", "--json", &id]), 0);
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&last["id"], &last["status"]), (&id.into(), &"completed".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watch_follows_a_running_job_to_its_end() {
    let server = Server::start();
    let client = Client(&server);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("road.pdf");
    std::fs::write(&file, pdf_of(500)).unwrap();
    let id = submit(&client, &[], &file);
    let lines = exits(&client.run(&["watch", "--json", &id]), 0);
    let seqs: Vec<u64> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap())
        .collect();
    assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
    let job = server.api().job(&id).await;
    assert_eq!(seqs.last(), job["seq"].as_u64().as_ref());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_have_exit_codes_that_scripts_can_use() {
    let server = Server::start();
    let client = Client(&server);
    let held = submit(&client, &["--hold"], &fixtures().join("letter.docx"));
    exits(&client.run(&["cancel", &held]), 0);
    exits(&client.run(&["watch", &held]), 3);
    exits(&client.run(&["retry", "--watch", &held]), 0);
    exits(&client.run(&["cancel", &held]), 5);
    exits(&client.run(&["delete", &held]), 0);
    for command in ["watch", "result", "cancel", "retry", "delete"] {
        exits(&client.run(&[command, &held]), 6);
        exits(&client.run(&[command, "nonsense"]), 2);
    }
    let path = fixtures().join("unknown.bin");
    let failed = client.run(&["submit", "--wait", path.to_str().unwrap()]);
    let failed = exits(&failed, 1).trim().to_owned();
    exits(&client.run(&["watch", &failed]), 1);
    exits(&client.run(&["result", &failed]), 5);
    exits(&client.run(&["submit", "/nowhere/at/all.pdf"]), 2);
    let waiting = submit(&client, &["--hold"], &fixtures().join("letter.docx"));
    exits(&client.run(&["result", &waiting]), 5);

    let table = exits(&client.run(&["jobs"]), 0);
    assert!(
        table.contains(&failed) && table.contains(&waiting) && !table.contains(&held),
        "{table}"
    );
    let lines = exits(&client.run(&["jobs", "--status", "failed", "--json"]), 0);
    let jobs: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0]["id"], failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_files_are_submitted_and_waited_for_at_once() {
    let server = Server::start();
    let client = Client(&server);
    let files: Vec<_> = ["letter.docx", "report.pdf", "notes.md"]
        .map(|name| fixtures().join(name).to_str().unwrap().to_owned())
        .into();
    let mut arguments = vec!["submit", "--wait", "--json", "--metadata", r#"{"order":1}"#];
    arguments.extend(files.iter().map(String::as_str));
    let lines = exits(&client.run(&arguments), 0);
    let jobs: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(jobs.len(), 3);
    for job in jobs {
        assert_eq!((&job["status"], &job["metadata"]["order"]), (&"completed".into(), &1.into()));
    }
}

#[test]
fn a_server_that_is_not_there_is_said_so() {
    let none = "http://127.0.0.1:9";
    let output = run(binary().args(["jobs", "--server", none]));
    exits(&output, 4);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(none) && said.contains("milepost serve"), "{said}");
    assert!(!said.contains("panicked"));
    assert!(!fixture("letter.docx").is_empty());
}
