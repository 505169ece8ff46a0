//! Without authentication nobody but this machine's own programs and pages
//! drives the server, and a configuration with a mistake does not start.

use std::process::{Command, Output};

use reqwest::Method;
use serde_json::json;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self};

use crate::harness::{Server, binary, run};

#[tokio::test]
async fn only_loopback_names_are_answered() {
    let server = Server::start();
    let api = server.api();
    let port = server.address().rsplit(':').next().unwrap();
    for host in
        ["evil.example", &format!("evil.example:{port}"), "192.168.1.5", "localhost.evil.example"]
    {
        for path in ["/v1/jobs", "/healthz", "/openapi.json", "/docs/"] {
            let reply = api.call(api.get(path).header("host", host)).await;
            reply.refused(403, "forbidden", None);
        }
        let submit = api.post("/v1/jobs").header("host", host);
        let submit = submit.json(&json!({"source": {"text": "# One"}}));
        api.call(submit).await.refused(403, "forbidden", None);
    }
    for host in ["localhost", "127.0.0.1", &format!("LOCALHOST:{port}"), "[::1]:80"] {
        api.call(api.get("/v1/jobs").header("host", host)).await.expect(200);
    }
    assert!(api.list("/v1/jobs").await.is_empty());
}

#[tokio::test]
async fn only_our_own_and_configured_pages_are_answered() {
    let server = Server::with(&[("MILEPOST_ORIGINS", "https://app.example")]);
    let api = server.api();
    for origin in ["https://evil.example", "null", "http://localhost:1", "https://app.example.evil"]
    {
        for request in [
            api.get("/v1/jobs"),
            api.post("/v1/jobs").json(&json!({"source": {"text": "# One"}})),
            api.get("/v1/stream?mine=true"),
        ] {
            api.call(request.header("origin", origin)).await.refused(403, "forbidden", None);
        }
        let mut request = format!("ws://{}/v1/ws", server.address()).into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        match tokio_tungstenite::connect_async(request).await {
            Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 403),
            other => panic!("{origin}: {other:?}"),
        }
    }
    let own = api.get("/v1/jobs").header("origin", server.url());
    api.call(own).await.expect(200);
    let app = api.get("/v1/jobs").header("origin", "https://app.example");
    let reply = api.call(app).await.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), "https://app.example");
    let ask = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = ask
        .request(Method::OPTIONS, format!("{}/v1/jobs", server.url()))
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,idempotency-key");
    let reply = api.call(ask).await;
    assert!(reply.status < 300);
    assert!(reply.header("access-control-allow-methods").contains("POST"));
    assert!(api.list("/v1/jobs").await.is_empty());
}

fn serve(settings: &[(&str, &str)], arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary();
    command.arg("serve").arg("--data-dir").arg(folder.path()).args(arguments);
    run(command.envs(settings.iter().copied()))
}

#[track_caller]
fn refuses(output: &Output, words: &[&str]) {
    assert!(output.status.code().is_some_and(|code| code != 0), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    for word in words {
        assert!(said.contains(word), "{said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn an_open_address_is_refused_with_the_reason() {
    let words = ["refusing to listen", "0.0.0.0:18080", "authentication", "127.0.0.1"];
    refuses(&serve(&[], &["--listen", "0.0.0.0:18080"]), &words);
    refuses(&serve(&[("MILEPOST_LISTEN", "0.0.0.0:18080")], &[]), &words);
    refuses(&serve(&[], &["--listen", "[::]:18080"]), &words[..1]);
}

#[test]
fn a_mistake_in_the_configuration_is_named() {
    let local = ["--listen", "127.0.0.1:0"];
    for (name, value) in [
        ("MILEPOST_LISTENN", "127.0.0.1:0"),
        ("MILEPOST_WORKER_SLOT", "1"),
        ("MILEPOST_WORKER_SLOTS", "many"),
        ("MILEPOST_GRACE", "soon"),
        ("MILEPOST_LIMITS_BODY", "large"),
        ("MILEPOST_LOG_JSON", "perhaps"),
        ("MILEPOST_AUTH", "everybody"),
    ] {
        refuses(&serve(&[(name, value)], &local), &[name]);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("milepost.toml");
    let path = file.to_str().unwrap();
    for (text, word) in [
        ("colour = 1", "colour"),
        ("[worker]\nslot = 1", "slot"),
        ("[worker]\nslots = \"x\"", "slots"),
        ("listen = ", "milepost.toml"),
    ] {
        std::fs::write(&file, text).unwrap();
        refuses(&serve(&[], &["--listen", "127.0.0.1:0", "--config", path]), &[word, path]);
    }
    std::fs::remove_file(&file).unwrap();
    refuses(&serve(&[], &["--config", path]), &[path]);
}

fn printed(command: &mut Command) -> toml::Table {
    let output = run(command);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().parse().expect("it is TOML")
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("milepost.toml");
    let text = "listen = \"127.0.0.1:1\"\ngrace = \"1s\"\n[worker]\nslots = 1\nrecycle_after = 5\n";
    std::fs::write(&file, text).unwrap();
    let mut command = binary();
    command.arg("config").arg("--config").arg(&file).args(["--listen", "127.0.0.1:3"]);
    command.env("MILEPOST_LISTEN", "127.0.0.1:2").env("MILEPOST_WORKER_SLOTS", "2");
    let config = printed(&mut command);
    assert_eq!(config["listen"].as_str(), Some("127.0.0.1:3"));
    assert_eq!(config["grace"].as_str(), Some("1s"));
    let worker = config["worker"].as_table().unwrap();
    assert_eq!(worker["slots"].as_integer(), Some(2));
    assert_eq!(worker["recycle_after"].as_integer(), Some(5));
    let by_variable = printed(binary().arg("config").env("MILEPOST_CONFIG", &file));
    assert_eq!(by_variable["listen"].as_str(), Some("127.0.0.1:1"));
}

#[test]
fn what_is_printed_is_exactly_what_is_in_force() {
    let mut command = binary();
    let config = printed(command.arg("config").env("MILEPOST_LIMITS_BODY", "1234567B"));
    let body = config["limits"]["body"].as_str().expect("a size").to_owned();
    let read: bytesize::ByteSize = body.parse().expect("a size");
    assert_eq!(read.as_u64(), 1_234_567, "{body}");
}
