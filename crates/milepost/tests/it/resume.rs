//! A lost connection loses nothing: whoever comes back with a seq goes on from
//! it, on any transport.

use serde_json::{Value, json};

use crate::harness::{Api, Heard, Server, Socket, fixture, id_of, is_terminal, pdf_of, seq_of};

/// A job that has ended, and its last seq.
async fn finished(api: &Api) -> (String, u64) {
    let id = api.submit("report.pdf").await;
    let end = seq_of(&api.completed(&id).await);
    (id, end)
}

#[tokio::test]
async fn websockets_go_on_after_every_seq() {
    let server = Server::start();
    let api = server.api();
    let (id, end) = finished(&api).await;
    for after in 0..=end {
        let mut all = Socket::open(&server).await;
        all.subscribe(&id, "all", after).await;
        assert_eq!(all.message().await["type"], "subscribed");
        for wanted in after + 1..=end {
            assert_eq!(seq_of(&all.snapshot().await), wanted, "all, after {after}");
        }
        let mut latest = Socket::open(&server).await;
        latest.subscribe(&id, "latest", after).await;
        assert_eq!(latest.message().await["jobs"], json!([id]));
        if after < end {
            let job = latest.snapshot().await;
            assert_eq!((seq_of(&job), is_terminal(&job)), (end, true), "latest, after {after}");
        }
        // And nothing more: the answer to a ping comes next.
        for socket in [&mut all, &mut latest] {
            socket.send(&json!({"type": "ping"})).await;
            assert_eq!(socket.message().await["type"], "pong", "after {after}");
        }
    }
}

#[tokio::test]
async fn event_streams_go_on_after_every_seq_and_end() {
    let server = Server::start();
    let api = server.api();
    let (id, end) = finished(&api).await;
    let path = format!("/v1/jobs/{id}/events");
    for after in 0..=end {
        let last_id = after.to_string();
        for (query, last_id) in
            [("mode=all", Some(&*last_id)), (&format!("mode=all&after={after}"), None)]
        {
            let stream = api.stream(&format!("{path}?{query}"), last_id).await;
            assert_eq!(stream.status, if after == end { 204 } else { 200 }, "{query} {last_id:?}");
            let seqs: Vec<u64> = stream.snapshots().await.iter().map(|event| event.seq()).collect();
            assert_eq!(seqs, (after + 1..=end).collect::<Vec<_>>(), "{query} {last_id:?}");
        }
        let stream = api.stream(&path, Some(&last_id)).await;
        assert_eq!(stream.status, if after == end { 204 } else { 200 }, "latest, after {after}");
        let events = stream.snapshots().await;
        assert_eq!(events.last().map(|event| event.seq()), (after < end).then_some(end));
        for event in &events {
            assert_eq!(event.id, event.seq().to_string());
        }
    }
    // The header is the newer word.
    let stream = api.stream(&format!("{path}?mode=all&after=2"), Some("5")).await;
    assert_eq!(stream.snapshots().await.first().map(|event| event.seq()), Some(6));
}

#[tokio::test]
async fn polls_go_on_after_every_seq() {
    let server = Server::start();
    let api = server.api();
    let (id, end) = finished(&api).await;
    for after in 0..end {
        let reply = api.call(api.get(&format!("/v1/jobs/{id}?after={after}&wait=60"))).await;
        assert_eq!(seq_of(&reply.expect(200).json()), end);
    }
    api.call(api.get(&format!("/v1/jobs/{id}?after={end}&wait=60"))).await.expect(304);
}

#[tokio::test]
async fn a_stream_says_how_it_wants_to_be_treated() {
    let server = Server::start();
    let api = server.api();
    let (id, _) = finished(&api).await;
    for path in [format!("/v1/jobs/{id}/events"), format!("/v1/stream?job={id}")] {
        let stream = api.stream(&path, None).await;
        let header = |name: &str| stream.headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "text/event-stream; charset=utf-8");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-accel-buffering"), "no");
    }
    let raw = api.get(&format!("/v1/jobs/{id}/events")).header("accept", "text/event-stream");
    let text = api.call(raw).await.expect(200).text();
    assert!(text.contains("\nretry:") || text.starts_with("retry:"), "{text}");
}

#[tokio::test]
async fn more_than_there_is_is_a_conflict_and_never_silence() {
    let server = Server::start();
    let api = server.api();
    let (id, end) = finished(&api).await;
    let beyond = end + 1;
    for path in [
        format!("/v1/jobs/{id}?after={beyond}"),
        format!("/v1/jobs/{id}?after={beyond}&wait=5"),
        format!("/v1/jobs/{id}/events?after={beyond}"),
    ] {
        api.call(api.get(&path)).await.refused(409, "conflict", Some("after"));
    }
    for mode in ["latest", "all"] {
        let path = format!("/v1/jobs/{id}/events?mode={mode}&after={beyond}");
        let request = api.get(&path).header("accept", "text/event-stream");
        api.call(request).await.refused(409, "conflict", Some("after"));
        let mut socket = Socket::open(&server).await;
        socket.subscribe(&id, mode, beyond).await;
        assert_eq!(socket.message().await["jobs"], json!([]));
        let error = socket.message().await;
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("conflict")));
        assert_eq!(error["job"], id);
    }
}

/// One connection: what it gives behind `after`, at most `most` snapshots.
async fn some(server: &Server, how: &str, id: &str, after: u64, most: usize) -> Vec<Value> {
    let api = server.api();
    let mut states = Vec::new();
    match how {
        "poll" => {
            let reply = api.call(api.get(&format!("/v1/jobs/{id}?after={after}&wait=20"))).await;
            if reply.status != 304 {
                states.push(reply.expect(200).json());
            }
        }
        "sse-latest" | "sse-all" => {
            let mode = how.trim_start_matches("sse-");
            let path = format!("/v1/jobs/{id}/events?mode={mode}");
            let mut stream = api.stream(&path, Some(&after.to_string())).await;
            while states.len() < most {
                let Some(event) = stream.snapshot().await else { break };
                states.push(event.data);
            }
        }
        _ => {
            let mode = how.trim_start_matches("ws-");
            let mut socket = Socket::open(server).await;
            socket.subscribe(id, mode, after).await;
            while states.len() < most {
                match socket.hear().await {
                    Heard::Message(mut message) if message["type"] == "snapshot" => {
                        states.push(message["job"].take());
                    }
                    Heard::Message(_) => continue,
                    end => panic!("{end:?}"),
                }
                if states.last().is_some_and(is_terminal) {
                    break;
                }
            }
            socket.cut();
        }
    }
    states
}

/// Follows a running job to its end over connections that break all the time.
async fn follow(server: &Server, ways: &[&str], id: &str, most: usize) {
    let (mut after, mut round) = (0, 0);
    loop {
        let how = ways[round % ways.len()];
        round += 1;
        for job in some(server, how, id, after, most).await {
            let seq = seq_of(&job);
            assert!(seq > after, "{how}: {seq} behind {after}");
            if how.ends_with("-all") {
                assert_eq!(seq, after + 1, "{how}: a gap");
            }
            after = seq;
            if is_terminal(&job) {
                assert_eq!(job["status"], "completed", "{job}");
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_running_job_is_followed_over_connections_that_break_at_every_update() {
    let server = Server::start();
    let api = server.api();
    for how in ["ws-latest", "ws-all", "sse-latest", "sse-all", "poll"] {
        let id = api.submit_bytes("lane.pdf", pdf_of(60)).await;
        follow(&server, &[how], &id, 1).await;
    }
}

#[tokio::test]
async fn a_client_changes_its_transport_in_the_middle_of_a_job() {
    let server = Server::start();
    let api = server.api();
    for most in [1, 3, 10] {
        let id = api.submit_bytes("road.pdf", pdf_of(200)).await;
        follow(&server, &["ws-all", "sse-all", "poll", "ws-latest", "sse-latest"], &id, most).await;
    }
}

#[tokio::test]
async fn seq_goes_on_through_a_restart_of_the_server() {
    let mut server = Server::start();
    let form = Api::form("road.pdf", pdf_of(400));
    let id = id_of(&server.api().submit_form(form).await);
    let before = some(&server, "ws-all", &id, 0, 30).await;
    let last = seq_of(before.last().unwrap());
    server.kill9();
    server.restart();
    let mut rest = Vec::new();
    for job in some(&server, "sse-all", &id, last, usize::MAX).await {
        rest.push(seq_of(&job));
    }
    assert_eq!(rest.first(), Some(&(last + 1)));
    assert!(rest.windows(2).all(|pair| pair[1] == pair[0] + 1), "{rest:?}");
    server.api().completed(&id).await;
}

#[tokio::test]
async fn a_retry_shows_on_streams_that_resume_behind_the_first_end() {
    let server = Server::start();
    let api = server.api();
    let id = api.submit_bytes("x.docx", fixture("letter.docx")).await;
    let end = seq_of(&api.completed(&id).await);
    api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
    let stream = api.stream(&format!("/v1/jobs/{id}/events?mode=all"), None).await;
    let states = stream.snapshots().await;
    let seqs: Vec<u64> = states.iter().map(|event| event.seq()).collect();
    let last = seq_of(&api.completed(&id).await);
    assert_eq!(seqs, (1..=last).collect::<Vec<_>>(), "the first end is not the end");
    assert!(last > end);
    assert_eq!(states.last().unwrap().data["attempt"], 2);
}
