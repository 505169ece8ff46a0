//! `milepost doctor`, on machines and behind proxies that have a fault.

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Server, binary, run};

/// What stands between.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// Passes an answer on when it is whole.
    Buffers,
    /// Forgets headers that are for one hop only.
    DropsUpgrades,
}

/// A proxy before `server`, with its address.
async fn proxy(server: &Server, fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let upstream = server.address().to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(pass(client, upstream.clone(), fault));
        }
    });
    url
}

async fn pass(client: TcpStream, upstream: String, fault: Fault) {
    let server = TcpStream::connect(upstream.clone()).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = tokio::spawn(async move {
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from_client.read(&mut chunk).await {
            let mut bytes = chunk[..length].to_vec();
            if fault == Fault::DropsUpgrades {
                // A head comes in one piece here, and no frame ever follows.
                let text = String::from_utf8_lossy(&bytes).replace("upgrade: websocket\r\n", "");
                bytes = text.replace("connection: Upgrade\r\n", "").into_bytes();
            }
            if to_server.write_all(&bytes).await.is_err() {
                break;
            }
        }
    });
    let mut kept = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from_server.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..length]);
        let streams = String::from_utf8_lossy(&kept).contains("text/event-stream");
        if fault == Fault::Buffers && streams {
            continue;
        }
        if to_client.write_all(&kept).await.is_err() {
            break;
        }
        kept.clear();
    }
    let _ = to_client.write_all(&kept).await;
    up.abort();
}

/// Exit code and checks of the way to `url`.
async fn way(url: &str) -> (i32, Vec<Value>) {
    let mut command = binary();
    command.args(["doctor", "--json", "--idle", "500ms", "--url", url]);
    let output = tokio::task::spawn_blocking(move || run(&mut command)).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let checks = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code().unwrap(), checks)
}

fn verdicts<'a>(checks: &'a [Value], name: &str) -> Vec<&'a str> {
    let of = checks.iter().filter(|check| check["check"] == name);
    of.map(|check| check["verdict"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clear_way_is_called_so() {
    let server = Server::start();
    for url in [server.url().to_owned(), proxy(&server, Fault::None).await] {
        let (exit, checks) = way(&url).await;
        assert_eq!(exit, 0, "{checks:?}");
        assert_eq!(verdicts(&checks, "server"), ["ok"]);
        // At once, and after a while without news.
        assert_eq!(verdicts(&checks, "server-sent events"), ["ok", "ok"], "{checks:?}");
        assert_eq!(verdicts(&checks, "WebSocket"), ["ok", "ok"], "{checks:?}");
    }
    assert!(server.api().list("/v1/jobs").await.is_empty(), "it cleans up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_buffers_is_found() {
    let server = Server::start();
    let url = proxy(&server, Fault::Buffers).await;
    let (exit, checks) = way(&url).await;
    assert_eq!(exit, 1);
    assert_eq!(verdicts(&checks, "server-sent events"), ["bad"], "{checks:?}");
    assert_eq!(verdicts(&checks, "WebSocket"), ["ok", "ok"], "{checks:?}");
    let advice = checks.iter().find_map(|check| check["advice"].as_str()).unwrap();
    assert!(advice.contains("proxy_buffering"), "{advice}");
    assert!(server.api().list("/v1/jobs").await.is_empty(), "it cleans up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_drops_websockets_is_found() {
    let server = Server::start();
    let url = proxy(&server, Fault::DropsUpgrades).await;
    let (exit, checks) = way(&url).await;
    assert_eq!(exit, 1);
    assert_eq!(verdicts(&checks, "server-sent events"), ["ok", "ok"], "{checks:?}");
    assert_eq!(verdicts(&checks, "WebSocket"), ["bad"], "{checks:?}");
}

#[tokio::test]
async fn what_is_no_server_is_called_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (exit, checks) = way(&url).await;
    assert_eq!((exit, verdicts(&checks, "server")), (1, vec!["bad"]), "{checks:?}");
}

#[tokio::test]
async fn faults_of_the_machine_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let check = |name: &str, settings: &[(&str, &str)]| {
        let mut command = binary();
        command.args(["doctor", "--json"]).env("MILEPOST_DATA_DIR", folder.path());
        let output = run(command.envs(settings.iter().copied()));
        let text = String::from_utf8(output.stdout).unwrap();
        let checks: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let verdict = verdicts(&checks, name).first().copied().unwrap_or("none").to_owned();
        (output.status.code().unwrap(), verdict)
    };
    let bad = (1, "bad".to_owned());
    assert_eq!(check("configuration", &[("MILEPOST_NONSENSE", "1")]), bad);
    assert_eq!(check("configuration", &[("MILEPOST_LISTEN", "0.0.0.0:1")]), bad);
    assert_eq!(check("data directory", &[("MILEPOST_DATA_DIR", file.to_str().unwrap())]), bad);
    let file = file.to_str().unwrap();
    let pair = [("MILEPOST_TLS_CERT", file), ("MILEPOST_TLS_KEY", file)];
    assert_eq!(check("certificate", &pair), bad);
    let warned = (0, "warning".to_owned());
    assert_eq!(check("memory", &[("MILEPOST_WORKER_MEMORY", "9000GiB")]), warned);
    let many = ("MILEPOST_LIMITS_OPEN_CONNECTIONS", "99999999");
    assert_eq!(check("file descriptors", &[many]), warned);
    let server = Server::start();
    assert_eq!(check("address", &[("MILEPOST_LISTEN", server.address())]), warned);
    let data = server.data().to_str().unwrap();
    assert_eq!(check("data directory", &[("MILEPOST_DATA_DIR", data)]), (0, "ok".to_owned()));
}
