//! HTTP/2, with and without encryption: the same answers, and limits of its own.

use axum::http::Version;
use tokio::net::TcpStream;

use crate::harness::{Api, Authority, DEADLINE, Events, Http2, Server, within};

#[tokio::test]
async fn http2_is_spoken_with_and_without_tls() {
    let authority = Authority::new();
    for server in [authority.server(&[]), Server::start()] {
        let mut client = if server.url().starts_with("https") {
            let tls = authority.connect(&server, &["h2", "http/1.1"]).await;
            assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            Http2::over(tls).await
        } else {
            Http2::open(&server).await
        };
        let plain = Api::by(server.url(), authority.client().build().unwrap());
        let id = plain.submit("report.pdf").await;
        // Many at once, on one connection.
        let mut streams = Vec::new();
        for _ in 0..20 {
            let response = client.get(&server, &format!("/v1/jobs/{id}/events")).await;
            assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
            streams.push(Events::open(response.map(reqwest::Body::wrap).into()));
        }
        let last = plain.ended(&id).await["seq"].as_u64().unwrap();
        for stream in streams {
            assert_eq!(stream.snapshots().await.last().expect("an event").seq(), last);
        }
    }
}

#[tokio::test]
async fn a_head_has_a_length() {
    let server = Server::start();
    let mut client = Http2::open(&server).await;
    let long = client.ask(&server, "/healthz", &[("x-long", &"x".repeat(100_000))]).await;
    assert_eq!(long.status(), 431);
    // It was refused alone.
    assert_eq!(client.get(&server, "/healthz").await.status(), 200);
    let url = format!("/healthz?{}", "x".repeat(50_000));
    assert_eq!(client.get(&server, &url).await.status(), 414);
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let server = Server::with(&[("MILEPOST_LIMITS_IDLE", "100ms")]);
    let mut client = Http2::open(&server).await;
    assert_eq!(client.get(&server, "/healthz").await.status(), 200);
    within(DEADLINE, "the end of an idle connection", client.closed()).await;
}

#[tokio::test]
async fn a_connection_that_never_asks_is_closed() {
    let server = Server::with(&[("MILEPOST_LIMITS_HEADER_TIME", "100ms")]);
    let client = Http2::over(TcpStream::connect(server.address()).await.unwrap()).await;
    within(DEADLINE, "the end of a silent connection", client.closed()).await;
}

#[tokio::test]
async fn a_slow_body_ends_alone() {
    let server = Server::with(&[("MILEPOST_LIMITS_BODY_PAUSE", "300ms")]);
    let mut client = Http2::open(&server).await;
    let slow = client.submit_half(&server).await;
    assert_eq!(slow.status(), 408);
    assert_eq!(client.get(&server, "/healthz").await.status(), 200);
}
