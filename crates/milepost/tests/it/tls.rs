//! Encrypted connections: requests, streams and sockets over them.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Api, Authority, DEADLINE, Socket, binary, eventually, run, within};

#[tokio::test]
async fn requests_streams_and_sockets_are_encrypted() {
    let authority = Authority::new();
    let server = authority.server(&[]);
    assert!(server.url().starts_with("https://127.0.0.1:"), "{}", server.url());
    let api = Api::by(server.url(), authority.client().build().unwrap());
    let tls = authority.connect(&server, &["http/1.1"]).await;
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let mut socket = Socket::over(&server, tls).await;
    let id = api.submit("report.pdf").await;
    socket.subscribe(&id, "all", 0).await;
    let stream = api.stream(&format!("/v1/jobs/{id}/events?mode=all"), None).await;
    let seqs: Vec<u64> = stream.snapshots().await.iter().map(|event| event.seq()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    for seq in seqs {
        assert_eq!(socket.snapshot().await["seq"], seq);
    }
    api.completed(&id).await;
    // Larger than what is encrypted at a time, and longer than one write.
    let text = "milestone ".repeat(200_000);
    let id = api.submit_text(&text).await;
    api.completed(&id).await;
    let result = api.result(&id, "text").await;
    assert!(String::from_utf8_lossy(&result).matches("milestone").count() == 200_000);
}

#[tokio::test]
async fn a_socket_over_tls_answers_and_says_goodbye() {
    let authority = Authority::new();
    let server = authority.server(&[]);
    let mut socket = Socket::over(&server, authority.connect(&server, &[]).await).await;
    socket.send(&json!({"type": "ping"})).await;
    assert_eq!(socket.message().await["type"], "pong");
    server.terminate();
    assert_eq!(socket.message().await["type"], "draining");
    assert_eq!(socket.close_code().await, 1012);
}

#[tokio::test]
async fn pages_of_the_server_itself_may_call_it() {
    let authority = Authority::new();
    let server = authority.server(&[]);
    let api = Api::by(server.url(), authority.client().build().unwrap());
    let from = |origin: String| api.get("/v1/stats").header("origin", origin);
    api.call(from(server.url().to_owned())).await.expect(200);
    let other = server.url().replace("https", "http");
    api.call(from(other)).await.refused(403, "forbidden", None);
}

#[tokio::test]
async fn whoever_does_not_speak_tls_is_told_or_cut_off() {
    let authority = Authority::new();
    let server = authority.server(&[("MILEPOST_LIMITS_HEADER_TIME", "2s")]);
    let mut plain = TcpStream::connect(server.address()).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut said = String::new();
    within(DEADLINE, "the end", plain.read_to_string(&mut said)).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 400 ") && said.contains("https://"), "{said}");
    // A handshake that never goes on, and one that never begins.
    for begin in [&[22_u8, 3, 1][..], &[]] {
        let mut slow = TcpStream::connect(server.address()).await.unwrap();
        slow.write_all(begin).await.unwrap();
        let read = within(DEADLINE, "the end", slow.read(&mut [0; 64])).await;
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
    let api = Api::by(server.url(), authority.client().build().unwrap());
    eventually("the refusals are counted", || async {
        let text = api.call(api.get("/metrics")).await.text();
        text.contains("milepost_connections_refused_total{reason=\"handshake\"} 3").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_command_line_can_trust_an_authority() {
    let authority = Authority::new();
    let server = authority.server(&[]);
    let jobs = || {
        let mut command = binary();
        command.arg("jobs").env("MILEPOST_SERVER", server.url());
        command
    };
    let stranger = run(&mut jobs());
    assert!(!stranger.status.success(), "{stranger:?}");
    let message = String::from_utf8_lossy(&stranger.stderr).into_owned();
    assert!(message.contains("certificate"), "{message}");
    let trusting = run(jobs().env("MILEPOST_CA", authority.file("ca.pem")));
    assert!(trusting.status.success(), "{trusting:?}");
    for wrong in ["key.pem", "missing.pem"] {
        let output = run(jobs().env("MILEPOST_CA", authority.file(wrong)));
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.contains("MILEPOST_CA") && message.contains(wrong), "{message}");
    }
}
