//! The certificate and its key: what is said of a pair that cannot be used, and
//! how another one comes into force.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::json;

use crate::harness::{Api, Authority, Pair, Socket, binary, eventually, run};

#[tokio::test]
async fn a_new_certificate_is_taken_while_connections_live() {
    let authority = Authority::new();
    let server = authority.server(&[("MILEPOST_TLS_RELOAD", "20ms")]);
    let first = authority.served(&server).await;
    let mut socket = Socket::over(&server, authority.connect(&server, &[]).await).await;
    authority.put(&authority.issue());
    eventually("the new certificate", || async {
        (authority.served(&server).await != first).then_some(())
    })
    .await;
    // What was open goes on as it was.
    socket.send(&json!({"type": "ping"})).await;
    assert_eq!(socket.message().await["type"], "pong");
}

#[tokio::test]
async fn a_signal_has_the_files_read_at_once() {
    let authority = Authority::new();
    let server = authority.server(&[("MILEPOST_TLS_RELOAD", "1h")]);
    let first = authority.served(&server).await;
    authority.put(&authority.issue());
    assert_eq!(authority.served(&server).await, first);
    server.process().signal(Signal::HUP);
    eventually("the new certificate", || async {
        (authority.served(&server).await != first).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_pair_that_does_not_work_is_not_taken() {
    let authority = Authority::new();
    let server = authority.server(&[("MILEPOST_TLS_RELOAD", "20ms")]);
    let first = authority.served(&server).await;
    let (one, other) = (authority.issue(), authority.issue());
    authority.put(&Pair { cert: one.cert.clone(), key: other.key });
    eventually("a word about it", || async {
        let log = server.log();
        (log.contains("ERROR") && log.contains("the old certificate stays in force")).then_some(())
    })
    .await;
    assert_eq!(authority.served(&server).await, first);
    let api = Api::by(server.url(), authority.client().build().unwrap());
    api.call(api.get("/healthz")).await.expect(200);
    // And the next good one is.
    authority.put(&one);
    eventually("the new certificate", || async {
        (authority.served(&server).await != first).then_some(())
    })
    .await;
}

#[test]
fn a_pair_that_does_not_work_is_refused_at_the_start() {
    let authority = Authority::new();
    let other = authority.issue();
    fs::write(authority.file("other.pem"), &other.key).unwrap();
    fs::write(authority.file("nonsense.pem"), "nonsense").unwrap();
    let data = tempfile::tempdir().unwrap();
    for (cert, key, said) in [
        ("missing.pem", "key.pem", &["missing.pem", "cannot read"][..]),
        ("cert.pem", "missing.pem", &["missing.pem", "cannot read"]),
        ("nonsense.pem", "key.pem", &["nonsense.pem", "no certificate"]),
        ("cert.pem", "nonsense.pem", &["nonsense.pem", "no private key"]),
        ("cert.pem", "cert.pem", &["cert.pem", "no private key"]),
        ("cert.pem", "other.pem", &["other.pem", "cannot use"]),
        ("cert.pem", "", &["tls.key", "--tls-key"]),
    ] {
        let mut command = binary();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data.path());
        command.arg("--tls-cert").arg(authority.file(cert));
        if !key.is_empty() {
            command.arg("--tls-key").arg(authority.file(key));
        }
        let output = run(&mut command);
        assert!(!output.status.success(), "{cert} {key}: {output:?}");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        for word in said {
            assert!(message.contains(word), "{cert} {key}: {message}");
        }
        assert!(!message.contains("PRIVATE KEY"), "{message}");
    }
}

#[tokio::test]
async fn a_key_that_everybody_can_read_is_noticed() {
    let authority = Authority::new();
    let mode =
        |bits| fs::set_permissions(authority.file("key.pem"), PermissionsExt::from_mode(bits));
    mode(0o640).unwrap();
    let server = authority.server(&[]);
    assert!(!server.log().contains("private key"), "{}", server.log());
    mode(0o644).unwrap();
    server.process().signal(Signal::HUP);
    eventually("a warning", || async {
        let log = server.log();
        (log.contains("WARN") && log.contains("can read the private key")).then_some(())
    })
    .await;
}
