//! Whoever watches a batch learns the end of each of its jobs, on every transport
//! and whatever breaks.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Api, Form, Server, Socket, fixture, id_of, is_terminal, pdf_of, seq_of};

fn mixed() -> Form {
    Api::files([
        ("road.pdf", pdf_of(60)),
        ("letter.docx", fixture("letter.docx")),
        ("unknown.bin", fixture("unknown.bin")),
        ("notes.md", fixture("notes.md")),
        ("report.pdf", fixture("report.pdf")),
    ])
}

/// What a watcher knows: of each job the newest seq and status.
#[derive(Default)]
struct Known(BTreeMap<String, (u64, String)>);

impl Known {
    fn take(&mut self, job: &Value, batch: &str) {
        assert_eq!(job["batch"], batch, "a stranger: {job}");
        let (id, seq) = (id_of(job), seq_of(job));
        if self.0.get(&id).is_none_or(|(known, _)| *known < seq) {
            self.0.insert(id, (seq, job["status"].as_str().unwrap().to_owned()));
        }
    }

    fn ended(&self) -> usize {
        let ended = |status: &str| matches!(status, "completed" | "failed" | "cancelled");
        self.0.values().filter(|(_, status)| ended(status)).count()
    }

    /// What is known is what is so.
    async fn check(&self, api: &Api, jobs: &[String]) {
        assert_eq!(self.0.keys().collect::<Vec<_>>(), jobs.iter().collect::<Vec<_>>());
        for (id, (seq, status)) in &self.0 {
            let job = api.ended(id).await;
            assert_eq!((&seq_of(&job), job["status"].as_str()), (seq, Some(status.as_str())));
        }
    }
}

#[tokio::test]
async fn a_stream_tells_every_end_over_connections_that_break() {
    let mut server = Server::start();
    let api = server.api();
    server.freeze().await;
    let (id, jobs) = api.submit_files(mixed()).await;
    api.submit("letter.odt").await;
    let path = format!("/v1/stream?batch={id}");
    let (mut known, mut last, mut random) = (Known::default(), None, fastrand::Rng::with_seed(3));
    let mut thawed = false;
    while known.ended() < jobs.len() {
        let mut stream = api.stream(&path, last.as_deref()).await;
        for _ in 0..random.usize(1..6) {
            if known.ended() == jobs.len() {
                break;
            }
            let event = stream.snapshot().await.unwrap();
            last = Some(event.id.clone());
            known.take(&event.data, &id);
        }
        if !std::mem::replace(&mut thawed, true) {
            server.thaw();
        }
    }
    known.check(&api, &jobs).await;
    // After a restart too, from nothing and from what a client has.
    server.kill9();
    server.restart();
    let api = server.api();
    let mut fresh = Known::default();
    let mut stream = api.stream(&path, None).await;
    while fresh.ended() < jobs.len() {
        fresh.take(&stream.snapshot().await.unwrap().data, &id);
    }
    fresh.check(&api, &jobs).await;
}

#[tokio::test]
async fn a_socket_tells_every_end_and_goes_on_behind_it() {
    let server = Server::start();
    let api = server.api();
    server.freeze().await;
    let (id, jobs) = api.submit_files(mixed()).await;
    let subscribe = json!({"type": "subscribe", "batches": [id], "ref": 1});
    let mut socket = Socket::open(&server).await;
    socket.send(&subscribe).await;
    let answer = socket.message_of("subscribed").await;
    assert_eq!((answer["jobs"].as_array().unwrap().len(), &answer["ref"]), (5, &json!(1)));
    let mut known = Known::default();
    known.take(&socket.snapshot().await, &id);
    // The connection breaks, and the jobs end meanwhile.
    socket.cut();
    server.thaw();
    for job in &jobs {
        api.ended(job).await;
    }
    let mut socket = Socket::open(&server).await;
    socket.send(&subscribe).await;
    while known.ended() < jobs.len() {
        known.take(&socket.snapshot().await, &id);
    }
    known.check(&api, &jobs).await;
    // What happens to the batch afterwards shows: a retry, a job that joins it, one
    // that is deleted.
    api.call(api.post(&format!("/v1/batches/{id}/retry"))).await.expect(202);
    loop {
        let job = socket.snapshot().await;
        assert_eq!(id_of(&job), jobs[2]);
        if is_terminal(&job) && job["attempt"] == 2 {
            break;
        }
    }
    let form = Api::form("letter.odt", fixture("letter.odt"));
    let request = api.post(&format!("/v1/jobs?batch={id}")).multipart(form);
    let joined = id_of(&api.call(request).await.expect(202).json());
    loop {
        let job = socket.snapshot().await;
        if id_of(&job) == joined && is_terminal(&job) {
            break;
        }
    }
    api.call(api.delete(&format!("/v1/jobs/{joined}"))).await.expect(204);
    assert_eq!(socket.message_of("removed").await["job"], joined);
    for stranger in ["0199aaaa-0000-7000-8000-000000000000", "nonsense"] {
        socket.send(&json!({"type": "subscribe", "batches": [stranger], "ref": stranger})).await;
        let error = socket.message_of("error").await;
        assert_eq!((&error["code"], &error["ref"]), (&json!("not_found"), &json!(stranger)));
    }
}

#[tokio::test]
async fn a_socket_replays_every_event_of_a_batch() {
    let server = Server::start();
    let api = server.api();
    let (id, jobs) = api.submit_files(mixed()).await;
    for job in &jobs {
        api.ended(job).await;
    }
    let mut socket = Socket::open(&server).await;
    socket.send(&json!({"type": "subscribe", "batches": [id], "mode": "all"})).await;
    let mut seqs: BTreeMap<String, u64> = BTreeMap::new();
    let mut ended = 0;
    while ended < jobs.len() {
        let job = socket.snapshot().await;
        let before = seqs.insert(id_of(&job), seq_of(&job)).unwrap_or(0);
        assert_eq!(seq_of(&job), before + 1);
        ended += usize::from(is_terminal(&job));
    }
}

#[tokio::test]
async fn a_long_poll_of_each_member_tells_its_end() {
    let server = Server::start();
    let api = server.api();
    let (id, jobs) = api.submit_files(mixed()).await;
    let mut known = Known::default();
    for job in api.list(&format!("/v1/jobs?batch={id}")).await {
        known.take(&api.ended(&id_of(&job)).await, &id);
    }
    known.check(&api, &jobs).await;
    let counts = &api.batch(&id).await["by_status"];
    assert_eq!((&counts["completed"], &counts["failed"]), (&json!(4), &json!(1)));
}

#[tokio::test]
async fn a_watcher_sees_all_of_a_large_batch_at_once() {
    let server = Server::start();
    let api = server.api();
    server.freeze().await;
    // More than the newest thousand, which is what other groups begin with.
    let files = |part: usize| {
        Api::files((0..400).map(|n| (format!("{part}-{n}.md"), format!("# {n}").into_bytes())))
    };
    let (id, mut jobs) = api.submit_files(files(0)).await;
    for part in 1..3 {
        let request = api.post(&format!("/v1/jobs?batch={id}")).multipart(files(part));
        let made = api.call(request).await.expect(202).json();
        jobs.extend(made["jobs"].as_array().unwrap().iter().map(id_of));
    }
    api.call(api.post(&format!("/v1/batches/{id}/cancel"))).await.expect(200);
    let mut stream = api.stream(&format!("/v1/stream?batch={id}"), None).await;
    let mut known = Known::default();
    while known.ended() < jobs.len() {
        known.take(&stream.snapshot().await.unwrap().data, &id);
    }
    jobs.sort();
    assert_eq!(known.0.keys().collect::<Vec<_>>(), jobs.iter().collect::<Vec<_>>());
    server.thaw();
}
