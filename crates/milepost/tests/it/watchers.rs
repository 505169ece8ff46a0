//! Many watchers, and watchers that do not read: nobody else notices, the
//! memory stays bounded, and everybody learns the end.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::{
    Api, Heard, Server, Socket, eventually, fixture, id_of, is_terminal, pdf_of, raise_file_limit,
    seq_of,
};

const MIB: u64 = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_watchers_of_one_job_all_see_its_end() {
    assert!(raise_file_limit() > 4000, "the system allows too few open files for this test");
    let server = Server::start();
    let api = server.api();
    server.freeze().await;
    let id = api.submit_bytes("report.pdf", fixture("report.pdf")).await;
    let mut sockets = Vec::new();
    for number in 0..700 {
        let mut socket = Socket::open(&server).await;
        let all = number % 2 == 0;
        socket.subscribe(&id, if all { "all" } else { "latest" }, 0).await;
        socket.message_of("subscribed").await;
        sockets.push((socket, all));
    }
    let mut streams = Vec::new();
    for number in 0..300 {
        let all = number % 2 == 0;
        let mode = if all { "all" } else { "latest" };
        let stream = api.stream(&format!("/v1/jobs/{id}/events?mode={mode}"), None).await;
        assert_eq!(stream.status, 200);
        streams.push((stream, all));
    }
    let stats = api.call(api.get("/v1/stats")).await.expect(200).json();
    assert_eq!(stats["connections"], 1000);
    server.thaw();
    let by_socket = sockets.into_iter().map(|(mut socket, all)| async move {
        let mut seqs = Vec::new();
        loop {
            let job = socket.snapshot().await;
            seqs.push(seq_of(&job));
            if is_terminal(&job) {
                return (seqs, all);
            }
        }
    });
    let by_stream = streams.into_iter().map(|(stream, all)| async move {
        let states = stream.snapshots().await;
        assert!(states.last().is_some_and(|event| is_terminal(&event.data)));
        (states.iter().map(|event| event.seq()).collect::<Vec<_>>(), all)
    });
    let (by_socket, by_stream) = tokio::join!(join_all(by_socket), join_all(by_stream));
    let end = seq_of(&api.completed(&id).await);
    for (seqs, all) in by_socket.into_iter().chain(by_stream) {
        assert_eq!(seqs.last(), Some(&end));
        assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "{seqs:?}");
        assert!(!all || seqs == (1..=end).collect::<Vec<_>>(), "{seqs:?}");
    }
    eventually("the end of all connections", || async {
        let stats = api.call(api.get("/v1/stats")).await.expect(200).json();
        (stats["connections"] == 0 && stats["subscriptions"] == 0).then_some(())
    })
    .await;
}

/// A connection whose reader takes in hardly anything that it does not ask for.
async fn narrow(server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(server.address().parse().unwrap()).await.unwrap()
}

/// A long job whose snapshots are large.
fn heavy(pages: usize) -> reqwest::multipart::Form {
    let metadata = json!({"filling": "x".repeat(3900)});
    Api::form("road.pdf", pdf_of(pages)).text("metadata", metadata.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_stop_reading_cost_little_and_harm_nobody() {
    let server = Server::start();
    let api = server.api();
    let id = id_of(&api.submit_form(heavy(1200)).await);
    let end = seq_of(&api.completed(&id).await);
    let before = server.process().resident_bytes();
    // Each would be sent 5 MiB, if it were all kept for them.
    let mut stuck = Vec::new();
    for _ in 0..60 {
        let mut socket = Socket::over(&server, narrow(&server).await).await;
        socket.subscribe(&id, "all", 0).await;
        stuck.push(socket);
    }
    // Somebody who reads gets everything, although the others do not.
    let mut reader = Socket::open(&server).await;
    reader.subscribe(&id, "all", 0).await;
    for seq in 1..=end {
        assert_eq!(seq_of(&reader.snapshot().await), seq);
    }
    let other = api.submit("report.pdf").await;
    api.completed(&other).await;
    let grown = server.process().resident_bytes().saturating_sub(before);
    assert!(grown < 120 * MIB, "{} MiB", grown / MIB);
    // And those who begin to read again get it too.
    let mut late = stuck.pop().unwrap();
    let mut seq = 0;
    while seq < end {
        let next = seq_of(&late.snapshot().await);
        assert_eq!(next, seq + 1);
        seq = next;
    }
}

/// A job whose snapshots are large.
async fn chatty(api: &Api) -> String {
    let metadata = json!({"padding": "x".repeat(4000)});
    let body = json!({"pipeline": "external", "metadata": metadata});
    id_of(&api.submit_json(&body).await.expect(202).json())
}

/// Changes it so often, and completes it.
async fn chat(api: Api, id: String, changes: u64) {
    let path = format!("/v1/jobs/{id}/progress");
    for done in 1..=changes {
        let report = json!({"done": done, "total": changes});
        api.call(api.post(&path).json(&report)).await.expect(200);
    }
    let path = format!("/v1/jobs/{id}/complete");
    api.call(api.post(&path).json(&json!({}))).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_everything_that_falls_behind_is_told_and_resumes() {
    // It reads nothing until the job has ended, however long that takes here.
    let server = Server::with(&[("MILEPOST_LIMITS_SEND", "1h")]);
    let api = server.api();
    let id = chatty(&api).await;
    let mut slow = Socket::over(&server, narrow(&server).await).await;
    slow.subscribe(&id, "all", 0).await;
    slow.message_of("subscribed").await;
    let mut brisk = Socket::open(&server).await;
    brisk.subscribe(&id, "latest", 0).await;
    let chat = tokio::spawn(chat(api.clone(), id.clone(), 1500));
    let mut job = Value::Null;
    while !is_terminal(&job) {
        job = brisk.snapshot().await;
    }
    chat.await.unwrap();
    let end = seq_of(&job);
    let mut seq = 0;
    loop {
        match slow.hear().await {
            Heard::Message(message) if message["type"] == "snapshot" => {
                assert_eq!(seq_of(&message["job"]), seq + 1);
                seq += 1;
                assert!(seq < end, "nobody can have kept all this");
            }
            Heard::Message(_) => {}
            Heard::Closed(code) => {
                assert_eq!(code, 4408);
                break;
            }
            Heard::Broken => panic!("no goodbye"),
        }
    }
    let mut again = Socket::open(&server).await;
    again.subscribe(&id, "all", seq).await;
    while seq < end {
        assert_eq!(seq_of(&again.snapshot().await), seq + 1);
        seq += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_latest_that_falls_behind_still_learns_the_end() {
    // It reads nothing until the job has ended, however long that takes here.
    let server = Server::with(&[("MILEPOST_LIMITS_SEND", "1h")]);
    let api = server.api();
    let id = chatty(&api).await;
    let mut slow = Socket::over(&server, narrow(&server).await).await;
    slow.send(&json!({"type": "subscribe", "jobs": [id], "max_rate": 100_000})).await;
    slow.message_of("subscribed").await;
    chat(api.clone(), id.clone(), 1500).await;
    let (mut seen, mut job) = (0, Value::Null);
    while !is_terminal(&job) {
        job = slow.snapshot().await;
        assert!(seq_of(&job) > seen);
        seen = seq_of(&job);
    }
    slow.send(&json!({"type": "ping"})).await;
    slow.message_of("pong").await;
}

#[tokio::test]
async fn a_stream_that_is_not_read_harms_nobody() {
    let server = Server::start();
    let api = server.api();
    let id = id_of(&api.submit_form(heavy(1200)).await);
    let end = seq_of(&api.completed(&id).await);
    let mut stuck = Vec::new();
    for _ in 0..20 {
        stuck.push(api.stream(&format!("/v1/jobs/{id}/events?mode=all"), None).await);
    }
    let other = api.submit("report.pdf").await;
    api.completed(&other).await;
    let late = stuck.pop().unwrap().snapshots().await;
    assert_eq!(late.len() as u64, end);
}
