//! `milepost submit FOLDER`, and the orders that take a batch.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Client, Server, exits, fixture, fixtures};

/// Submits a folder; returns the lines of stdout and what stderr says.
#[track_caller]
fn submit(server: &Server, arguments: &[&str], folder: &Path, code: i32) -> (Vec<String>, String) {
    let mut all = vec!["submit"];
    all.extend(arguments);
    all.push(folder.to_str().unwrap());
    let output = Client(server).run(&all);
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    (exits(&output, code).lines().map(str::to_owned).collect(), said)
}

fn put(folder: &Path, path: &str, bytes: &[u8]) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Two documents, one in a folder of its own, and what is none.
fn scans() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["letter.docx", "report.pdf"] {
        put(folder.path(), name, &fixture(name));
    }
    put(folder.path(), "deep/er/notes.md", &fixture("notes.md"));
    put(folder.path(), ".DS_Store", b"x");
    put(folder.path(), "~$letter.docx", b"x");
    put(folder.path(), "photo.jpg", b"x");
    folder
}

fn batch_in(said: &str) -> String {
    said.split("--batch ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documents_of_a_folder_become_a_batch() {
    let server = Server::start();
    let (client, api, folder) = (Client(&server), server.api(), scans());
    let (ids, said) = submit(&server, &["--metadata", "1"], folder.path(), 0);
    assert_eq!(ids.len(), 2, "{said}");
    for passed_over in [".DS_Store", "~$letter.docx", "photo.jpg", "deep"] {
        assert!(said.contains(passed_over), "{passed_over}: {said}");
    }
    assert!(said.contains("--recursive"), "{said}");
    let batch = batch_in(&said);
    assert_eq!(api.batch(&batch).await["total"], 2);
    exits(&client.run(&["watch", "--batch", &batch]), 0);
    for (id, name) in ids.iter().zip(["letter.docx", "report.pdf"]) {
        let job = api.job(id).await;
        assert_eq!(
            (&job["document"]["filename"], &job["batch"]),
            (&name.into(), &batch.clone().into())
        );
        assert_eq!(job["metadata"], 1);
    }
    let (ids, said) = submit(&server, &["-r"], folder.path(), 0);
    assert_eq!(ids.len(), 3);
    assert!(!said.contains("--recursive"), "{said}");
    let table = exits(&client.run(&["jobs", "--batch", &batch_in(&said), "--json"]), 0);
    assert_eq!(table.lines().count(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_are_listed_at_the_end_by_their_paths() {
    let server = Server::start();
    let (client, folder) = (Client(&server), scans());
    put(folder.path(), "deep/report.pdf", b"no PDF at all");
    put(folder.path(), "deep/encrypted.pdf", &fixture("encrypted.pdf"));
    let (_, said) = submit(&server, &["--wait", "--recursive"], folder.path(), 1);
    let end: Vec<_> = said.lines().rev().take(3).collect();
    assert_eq!(end[2], "5 jobs: 3 completed, 2 failed", "{said}");
    for (path, code) in
        [("deep/report.pdf", "document_damaged"), ("deep/encrypted.pdf", "document_encrypted")]
    {
        let path = folder.path().join(path).display().to_string();
        assert!(end[..2].iter().any(|line| line.contains(&path) && line.contains(code)), "{said}");
    }
    let (lines, said) = submit(&server, &["--wait", "--json", "-r"], folder.path(), 1);
    let jobs: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(jobs.len(), 5);
    assert!(jobs.iter().all(|job| job["finished_at"].is_string() && job["batch"].is_string()));
    assert!(said.contains("5 jobs: 3 completed, 2 failed"), "{said}");

    let batch = jobs[0]["batch"].as_str().unwrap();
    let again = client.run(&["retry", "--watch", "--batch", batch]);
    let line = exits(&again, 1);
    assert!(line.starts_with(batch) && line.contains("3 completed"), "{line}");
    assert!(String::from_utf8_lossy(&again.stderr).contains("2 failed"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_goes_in_as_many_requests_as_the_server_wants() {
    let server =
        Server::with(&[("MILEPOST_LIMITS_REQUEST_JOBS", "4"), ("MILEPOST_LIMITS_BODY", "200kB")]);
    let (api, folder) = (server.api(), tempfile::tempdir().unwrap());
    for number in 0..21 {
        let text = format!("# Number {number}\n\n").repeat(if number % 3 == 0 { 5000 } else { 1 });
        put(folder.path(), &format!("{number:02}.md"), text.as_bytes());
    }
    put(folder.path(), "huge.md", &vec![b'x'; 300_000]);
    let (ids, said) = submit(&server, &[], folder.path(), 5);
    assert_eq!(ids.len(), 21, "{said}");
    assert!(said.contains("huge.md") && said.contains("larger than the limit"), "{said}");
    let batch = api.batch(&batch_in(&said)).await;
    assert_eq!(batch["total"], 21);
    let listed = api.list(&format!("/v1/jobs?batch={}", batch_in(&said))).await;
    let mut names: Vec<_> =
        listed.iter().map(|job| job["document"]["filename"].as_str().unwrap()).collect();
    names.reverse();
    assert_eq!(names, (0..21).map(|number| format!("{number:02}.md")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sent_is_said() {
    let server =
        Server::with(&[("MILEPOST_LIMITS_BATCH_JOBS", "5"), ("MILEPOST_LIMITS_REQUEST_JOBS", "3")]);
    let folder = tempfile::tempdir().unwrap();
    for number in 0..9 {
        put(folder.path(), &format!("{number}.md"), b"# One");
    }
    let (ids, said) = submit(&server, &[], folder.path(), 5);
    assert!((1..=5).contains(&ids.len()), "{said}");
    let left = 9 - ids.len();
    assert!(said.contains(&format!("{left} of its files were not sent")), "{said}");
    assert!(said.contains("A batch has 5 jobs at most"), "{said}");

    let empty = tempfile::tempdir().unwrap();
    let (ids, said) = submit(&server, &[], empty.path(), 2);
    assert!(ids.is_empty() && said.contains("no document is in this folder"), "{said}");
    put(empty.path(), "lost.jpg", b"x");
    let (_, said) = submit(&server, &[], empty.path(), 2);
    assert!(said.contains("lost.jpg"), "{said}");
    std::os::unix::fs::symlink("/nowhere", empty.path().join("a.pdf")).unwrap();
    let (_, said) = submit(&server, &[], empty.path(), 2);
    assert!(said.contains("a.pdf: cannot be read"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_takes_orders_on_the_command_line() {
    let server = Server::start();
    let (client, folder) = (Client(&server), scans());
    let (_, said) = submit(&server, &["--hold"], folder.path(), 0);
    let batch = batch_in(&said);
    let line = exits(&client.run(&["cancel", "--batch", &batch]), 0);
    assert_eq!(line.trim(), format!("{batch} cancelled: 2 cancelled"));
    exits(&client.run(&["watch", "--batch", &batch]), 3);
    exits(&client.run(&["retry", "--watch", "--batch", &batch]), 0);
    exits(&client.run(&["retry", "--batch", &batch]), 5);
    exits(&client.run(&["cancel"]), 2);
    exits(&client.run(&["cancel", "--batch", "nonsense"]), 2);
    let nobody = "0199aaaa-0000-7000-8000-000000000000";
    for command in ["watch", "cancel", "retry"] {
        exits(&client.run(&[command, "--batch", nobody]), 6);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_jobs_than_a_stream_names_are_watched_as_one() {
    let server = Server::start();
    let (client, folder) = (Client(&server), tempfile::tempdir().unwrap());
    for number in 0..120 {
        put(folder.path(), &format!("{number}.md"), format!("# {number}").as_bytes());
    }
    put(folder.path(), "letter.docx", &fixture("letter.docx"));
    let file = fixtures().join("report.pdf");
    let output = client.run(&[
        "submit",
        "--watch",
        "--json",
        folder.path().to_str().unwrap(),
        file.to_str().unwrap(),
    ]);
    let lines = exits(&output, 0);
    let jobs = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(jobs.filter(|job| job["status"] == "completed").count(), 122);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("122 jobs: 122 completed"), "{said}");
}
