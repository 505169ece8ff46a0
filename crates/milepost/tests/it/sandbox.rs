//! What a converter is kept from, tried from inside one by the program itself.

use serde_json::Value;

use crate::harness::{Server, binary, eventually, fixture, run};

/// What `doctor` says of converters, by the end of each check's name.
fn promises(settings: &[(&str, &str)]) -> Vec<(String, Value)> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("milepost.db"), "the data").unwrap();
    let mut command = binary();
    command.args(["doctor", "--json", "--data-dir"]).arg(folder.path());
    let output = run(command.envs(settings.iter().copied()));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter_map(|check| {
            let name = check["check"].as_str()?.strip_prefix("converter: ")?.to_owned();
            Some((name, check))
        })
        .collect()
}

#[test]
fn every_promise_is_kept_inside_a_converter() {
    let kept = promises(&[("MILEPOST_WORKER_SANDBOX", "require")]);
    let names: Vec<_> = kept.iter().map(|(name, _)| name.as_str()).collect();
    let all =
        ["network", "files", "data", "programs", "processes", "memory", "processor", "silence"];
    assert_eq!(names, all);
    for (name, check) in &kept {
        assert_eq!(check["verdict"], "ok", "{name}: {check}");
    }
}

/// The same attempts succeed where nothing stops them, or they would prove
/// nothing.
#[test]
fn without_the_sandbox_the_same_attempts_succeed() {
    let broken = promises(&[("MILEPOST_WORKER_SANDBOX", "off")]);
    for (name, check) in &broken {
        // These are the server's own watch.
        let watched = ["memory", "processor", "silence"].contains(&name.as_str());
        let verdict = if watched { "ok" } else { "bad" };
        assert_eq!(check["verdict"], verdict, "{name}: {check}");
    }
}

#[tokio::test]
async fn converters_at_work_are_shut_in() {
    let server = Server::with(&[("MILEPOST_WORKER_SANDBOX", "require")]);
    let converters = eventually("converters", || async {
        Some(server.converters()).filter(|converters| converters.len() == 2)
    })
    .await;
    let api = server.api();
    let id = api.submit_bytes("report.pdf", fixture("report.pdf")).await;
    api.completed(&id).await;
    for converter in converters {
        let status = std::fs::read_to_string(format!("/proc/{}/status", converter.0)).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().trim().to_owned()
        };
        assert_eq!(field("NoNewPrivs:"), "1");
        // A filter, and more than one.
        assert_eq!(field("Seccomp:"), "2");
        assert_eq!(field("Seccomp_filters:"), "2");
        let open = std::fs::read_dir(format!("/proc/{}/fd", converter.0)).unwrap().count();
        assert!(open <= 5, "{open} descriptors");
        let environment = std::fs::read(format!("/proc/{}/environ", converter.0)).unwrap();
        assert!(environment.is_empty());
    }
    assert!(!server.log().contains("less isolated"), "{}", server.log());
}

#[tokio::test]
async fn a_missing_sandbox_is_said() {
    let server = Server::with(&[("MILEPOST_WORKER_SANDBOX", "off")]);
    eventually("a warning", || async { server.log().contains("less isolated").then_some(()) })
        .await;
    let id = server.api().submit("letter.docx").await;
    server.api().completed(&id).await;
}
