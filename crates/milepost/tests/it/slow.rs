//! Clients that take their time on purpose, many of them: the others are
//! answered, and the slow ones are cut off.

use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::{Api, DEADLINE, Server, Socket, eventually, id_of, raise_file_limit, within};

/// Between two bytes of a client that drips.
const DRIP: Duration = Duration::from_millis(20);
const HALF_A_HEAD: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
const REQUEST: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn connect(server: &Server, said: &str) -> TcpStream {
    let mut tcp = TcpStream::connect(server.address()).await.expect("the server listens");
    tcp.write_all(said.as_bytes()).await.expect("the server takes it");
    tcp
}

/// What the server says until it closes.
async fn rest(mut tcp: TcpStream) -> String {
    let mut said = Vec::new();
    // It may reset the connection behind what it said.
    let _ = within(DEADLINE, "the end of a connection", tcp.read_to_end(&mut said)).await;
    String::from_utf8(said).expect("text")
}

/// Sends one byte after the other until the server says something or closes.
async fn drip(mut tcp: TcpStream) -> String {
    let mut said = vec![0; 4096];
    within(DEADLINE, "the end of a dripping connection", async {
        loop {
            let _ = tcp.write_all(b"x").await;
            match tokio::time::timeout(DRIP, tcp.read(&mut said)).await {
                Err(_nothing) => {}
                Ok(Ok(length @ 1..)) => {
                    return String::from_utf8_lossy(&said[..length]).into_owned();
                }
                Ok(_closed) => return String::new(),
            }
        }
    })
    .await
}

/// Reads one whole answer of a connection that stays open.
async fn answer(tcp: &mut TcpStream) -> String {
    let mut said = String::new();
    within(DEADLINE, "an answer", async {
        let mut chunk = [0; 4096];
        while !said.ends_with("{\"status\":\"ok\"}") {
            let length = tcp.read(&mut chunk).await.expect("an answer");
            assert!(length > 0, "closed behind {said:?}");
            said.push_str(&String::from_utf8_lossy(&chunk[..length]));
        }
    })
    .await;
    said
}

/// A connection that is served, as soon as there is a place for it.
async fn place(server: &Server) -> TcpStream {
    eventually("a place", || async {
        let mut tcp = TcpStream::connect(server.address()).await.ok()?;
        tcp.write_all(REQUEST.as_bytes()).await.ok()?;
        (tcp.read(&mut [0; 1]).await.ok()? == 1).then_some(tcp)
    })
    .await
}

async fn refused(server: &Server, reason: &str) -> u64 {
    let api = server.api();
    let text = api.call(api.get("/metrics")).await.text();
    let name = format!("milepost_connections_refused_total{{reason=\"{reason}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |count| count.parse().expect("a number"))
}

#[tokio::test]
async fn hundreds_of_half_sent_heads_keep_nobody_out() {
    raise_file_limit();
    let server = Server::with(&[("MILEPOST_LIMITS_HEADER_TIME", "1s")]);
    // Fewer descriptors than there are slow ones.
    let pid = Pid::from_raw(server.process().0.cast_signed());
    let few = Rlimit { current: Some(128), maximum: Some(128) };
    prlimit(pid, Resource::Nofile, few).unwrap();
    let mut slow = Vec::new();
    for _ in 0..300 {
        slow.push(connect(&server, HALF_A_HEAD).await);
    }
    let api = server.api();
    for _ in 0..20 {
        api.call(api.get("/healthz").timeout(DEADLINE)).await.expect(200);
    }
    let id = api.submit("report.pdf").await;
    api.completed(&id).await;
    for tcp in slow {
        assert_eq!(rest(tcp).await, "");
    }
    assert!(refused(&server, "slow_head").await >= 300);
}

#[tokio::test]
async fn a_dripping_head_wins_no_time() {
    let server = Server::with(&[("MILEPOST_LIMITS_HEADER_TIME", "1s")]);
    assert_eq!(drip(connect(&server, HALF_A_HEAD).await).await, "");
    // Nor one behind a request, nor what is no HTTP at all.
    let mut tcp = connect(&server, REQUEST).await;
    answer(&mut tcp).await;
    tcp.write_all(HALF_A_HEAD.as_bytes()).await.unwrap();
    assert_eq!(drip(tcp).await, "");
    assert_eq!(rest(connect(&server, "PRI * HTTP/2.0\r\n").await).await, "");
}

#[tokio::test]
async fn a_connection_between_two_requests_is_kept_for_a_while() {
    let server = Server::with(&[("MILEPOST_LIMITS_HEADER_TIME", "1s")]);
    let mut kept = connect(&server, REQUEST).await;
    answer(&mut kept).await;
    // It is silent for longer than a head may take: a slow one that came later is
    // gone.
    assert_eq!(rest(connect(&server, HALF_A_HEAD).await).await, "");
    kept.write_all(REQUEST.as_bytes()).await.unwrap();
    answer(&mut kept).await;
    let server = Server::with(&[("MILEPOST_LIMITS_IDLE", "100ms")]);
    let mut idle = connect(&server, REQUEST).await;
    answer(&mut idle).await;
    assert_eq!(rest(idle).await, "");
    assert_eq!(refused(&server, "slow_head").await, 0, "that one was not slow");
}

#[tokio::test]
async fn what_is_under_way_is_not_idle() {
    let server = Server::with(&[("MILEPOST_LIMITS_IDLE", "100ms")]);
    // A connection for each request: one that is kept could be closed at the moment
    // in which the next request is sent on it.
    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
    let api = Api::by(server.url(), http.build().unwrap());
    let held = json!({"source": {"text": "# Title", "filename": "a.md"}, "hold": true});
    let id = id_of(&api.submit_json(&held).await.expect(202).json());
    let mut socket = Socket::open(&server).await;
    socket.subscribe(&id, "latest", 0).await;
    socket.snapshot().await;
    let mut stream = api.stream(&format!("/v1/jobs/{id}/events"), None).await;
    stream.snapshot().await.expect("an event");
    let poll = tokio::spawn({
        let api = api.clone();
        let path = format!("/v1/jobs/{id}?after=1&wait=60");
        async move { api.call(api.get(&path)).await }
    });
    // Younger than all of them, and over.
    let mut idle = connect(&server, REQUEST).await;
    answer(&mut idle).await;
    assert_eq!(rest(idle).await, "");
    api.call(api.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200);
    assert_eq!(poll.await.unwrap().expect(200).json()["status"], "cancelled");
    assert_eq!(stream.snapshot().await.expect("an event").data["status"], "cancelled");
    assert_eq!(socket.snapshot().await["status"], "cancelled");
}

#[tokio::test]
async fn a_body_that_pauses_is_given_up() {
    let server = Server::with(&[("MILEPOST_LIMITS_BODY_PAUSE", "300ms")]);
    let form = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\
                Content-Type: multipart/form-data; boundary=b\r\n\r\n\
                --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\nhalf";
    let json = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\
                Content-Type: application/json\r\n\r\n{\"source\":";
    let chunks = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
                  Content-Type: application/json\r\n\r\n5\r\n{\"sou\r\n";
    for request in [form, json, chunks] {
        let said = rest(connect(&server, request).await).await;
        assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
        assert!(said.contains("\"code\":\"body_too_slow\""), "{said}");
        assert!(said.contains("connection: close"), "{said}");
    }
    let api = server.api();
    assert_eq!(api.list("/v1/jobs").await.len(), 0, "nothing was made of it");
}

#[tokio::test]
async fn a_body_that_crawls_is_given_up() {
    let settings = [("MILEPOST_LIMITS_BODY_PAUSE", "2s"), ("MILEPOST_LIMITS_BODY_RATE", "100KB")];
    let server = Server::with(&settings);
    let head = "POST /v1/documents HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\
                Content-Type: multipart/form-data; boundary=b\r\n\r\n\
                --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\n\r\n";
    let mut slow = Vec::new();
    for _ in 0..50 {
        slow.push(tokio::spawn(drip(connect(&server, head).await)));
    }
    let api = server.api();
    let id = api.submit("report.pdf").await;
    api.completed(&id).await;
    for said in slow {
        let said = said.await.unwrap();
        assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
    }
}

#[tokio::test]
async fn a_head_and_a_url_have_a_length() {
    let server = Server::start();
    let api = server.api();
    let long = api.get("/healthz").header("x-long", "x".repeat(100_000));
    assert_eq!(api.call(long).await.status, 431);
    let url = |length| format!("/healthz?{}", "x".repeat(length));
    api.call(api.get(&url(40_000))).await.expect(200);
    api.call(api.get(&url(50_000))).await.refused(414, "url_too_long", None);
    // As many jobs as one connection may watch.
    let jobs = vec!["job=0199aaaa-0000-7000-8000-000000000000"; 1000].join("&");
    let reply = api.call(api.get(&format!("/v1/stream?{jobs}"))).await;
    assert!(![414, 431].contains(&reply.status), "{}", reply.text());
}

#[tokio::test]
async fn connections_have_a_number() {
    let server = Server::with(&[("MILEPOST_LIMITS_OPEN_CONNECTIONS", "3")]);
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut tcp = connect(&server, REQUEST).await;
        answer(&mut tcp).await;
        open.push(tcp);
    }
    // A socket has left the library, and counts still.
    let mut socket = Socket::open(&server).await;
    socket.send(&json!({"type": "ping"})).await;
    assert_eq!(socket.message().await["type"], "pong");
    for _ in 0..3 {
        let mut tcp = TcpStream::connect(server.address()).await.unwrap();
        let _ = tcp.write_all(REQUEST.as_bytes()).await;
        assert_eq!(rest(tcp).await, "");
    }
    socket.cut();
    // Another one has its place as soon as the server knows.
    drop(place(&server).await);
    drop(open);
    eventually("the refusals are counted", || async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let text = client.get(format!("{}/metrics", server.url())).send().await.ok()?;
        let text = text.text().await.ok()?;
        text.contains("milepost_connections_refused_total{reason=\"full\"}").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_address_has_its_share_of_connections_and_attempts() {
    let auth = ("MILEPOST_AUTH", "api-keys");
    for (name, value) in [
        ("MILEPOST_LIMITS_CONNECTIONS_PER_ADDRESS", "2"),
        ("MILEPOST_LIMITS_ATTEMPTS_PER_ADDRESS", "2/h"),
    ] {
        let server = Server::with(&[auth, (name, value)]);
        let mut open = Vec::new();
        for _ in 0..2 {
            let mut tcp = connect(&server, REQUEST).await;
            answer(&mut tcp).await;
            open.push(tcp);
        }
        let mut over = TcpStream::connect(server.address()).await.unwrap();
        let _ = over.write_all(REQUEST.as_bytes()).await;
        assert_eq!(rest(over).await, "", "{name}");
        // A proxy speaks for many, and one local user has no share.
        for other in
            [&[auth, ("MILEPOST_PROXIES", "127.0.0.0/8"), (name, value)][..], &[(name, value)]]
        {
            let server = Server::with(other);
            let mut open = Vec::new();
            for _ in 0..5 {
                let mut tcp = connect(&server, REQUEST).await;
                answer(&mut tcp).await;
                open.push(tcp);
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut_off() {
    let settings = [("MILEPOST_LIMITS_OPEN_CONNECTIONS", "1"), ("MILEPOST_LIMITS_SEND", "300ms")];
    let server = Server::with(&settings);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut reader = socket.connect(server.address().parse().unwrap()).await.unwrap();
    // More than the system keeps for a reader who never begins.
    let asked = REQUEST.replace("/healthz", "/openapi.json").repeat(200);
    reader.write_all(asked.as_bytes()).await.unwrap();
    reader.readable().await.unwrap();
    drop(place(&server).await);
}
