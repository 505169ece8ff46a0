//! `GET /v1/stream`: many jobs over one connection. Whatever breaks, the end of
//! each is learnt.

use std::collections::HashMap;

use crate::harness::{Api, Server, fixture, id_of, is_terminal, pdf_of, seq_of};

/// What a client that drops by (job, seq) knows.
#[derive(Default)]
struct Client {
    last_id: Option<String>,
    known: HashMap<String, (u64, String)>,
}

impl Client {
    /// One connection that breaks after `most` events.
    async fn connect(&mut self, api: &Api, query: &str, most: usize, jobs: &[String]) {
        let mut stream = api.stream(&format!("/v1/stream?{query}"), self.last_id.as_deref()).await;
        assert_eq!(stream.status, 200);
        let mut on_this_connection: HashMap<String, u64> = HashMap::new();
        for _ in 0..most {
            if self.knows_all(jobs) {
                return;
            }
            let Some(event) = stream.next().await else { return };
            if !event.id.is_empty() {
                self.last_id = Some(event.id.clone());
            }
            if event.name != "snapshot" {
                continue;
            }
            let (id, seq) = (id_of(&event.data), seq_of(&event.data));
            let before = on_this_connection.insert(id.clone(), seq);
            assert!(before.is_none_or(|before| before < seq), "{id}: {seq} after {before:?}");
            let status = event.data["status"].as_str().unwrap().to_owned();
            let newer = self.known.get(&id).is_none_or(|(known, _)| *known < seq);
            if newer {
                self.known.insert(id, (seq, status));
            }
        }
    }

    /// Connects until all ends are known. However short the connections are,
    /// each must bring something new while there is something to tell.
    async fn follow(
        &mut self,
        api: &Api,
        query: &str,
        jobs: &[String],
        mut most: impl FnMut() -> usize,
    ) {
        let mut fruitless = 0;
        while !self.knows_all(jobs) {
            let before = (self.last_id.clone(), self.known.clone());
            self.connect(api, query, most(), jobs).await;
            fruitless = if before == (self.last_id.clone(), self.known.clone()) {
                fruitless + 1
            } else {
                0
            };
            assert!(fruitless < 100, "no news behind {:?}: {:?}", self.last_id, self.known);
        }
    }

    fn knows_all(&self, jobs: &[String]) -> bool {
        let ended = |status: &str| matches!(status, "completed" | "failed" | "cancelled");
        jobs.iter().all(|job| self.known.get(job).is_some_and(|(_, status)| ended(status)))
    }
}

async fn submit_many(api: &Api) -> Vec<String> {
    let mut jobs = Vec::new();
    for round in 0..3 {
        jobs.push(api.submit_bytes("road.pdf", pdf_of(100 + round)).await);
        jobs.push(api.submit("letter.docx").await);
        jobs.push(api.submit("unknown.bin").await);
        jobs.push(api.submit_text(&format!("# {round}")).await);
        jobs.push(api.submit_bytes("again.pdf", fixture("report.pdf")).await);
    }
    jobs
}

async fn check(api: &Api, client: &Client, jobs: &[String]) {
    for id in jobs {
        let job = api.ended(id).await;
        let (seq, status) = &client.known[id];
        assert_eq!((*seq, job["status"].as_str()), (seq_of(&job), Some(status.as_str())));
    }
}

#[tokio::test]
async fn the_end_of_every_job_is_learnt_over_connections_that_break() {
    let server = Server::start();
    let api = server.api();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let jobs = submit_many(&api).await;
    let named: Vec<String> = jobs.iter().map(|job| format!("job={job}")).collect();
    let query = named.join("&");
    let mut client = Client::default();
    client.follow(&api, &query, &jobs, || random.usize(1..12)).await;
    check(&api, &client, &jobs).await;
}

#[tokio::test]
async fn ones_own_jobs_are_followed_over_connections_that_break() {
    let server = Server::start();
    let api = server.api();
    let mut random = fastrand::Rng::with_seed(7);
    // One that ended before anybody looked is old news.
    let old = api.submit_text("# Old").await;
    api.completed(&old).await;
    // While they wait for a worker they cannot end unseen.
    server.freeze().await;
    let jobs = submit_many(&api).await;
    let mut client = Client::default();
    client.connect(&api, "mine=true", 3, &jobs).await;
    server.thaw();
    client.follow(&api, "mine=true", &jobs, || random.usize(1..8)).await;
    check(&api, &client, &jobs).await;
    assert!(!client.known.contains_key(&old));
}

#[tokio::test]
async fn a_reconnect_brings_what_changed_meanwhile() {
    let mut server = Server::start();
    let api = server.api();
    server.freeze().await;
    let jobs = [api.submit("report.pdf").await, api.submit("letter.docx").await];
    let query = format!("job={}&job={}", jobs[0], jobs[1]);
    let mut client = Client::default();
    client.connect(&api, &query, 2, &jobs).await;
    assert!(client.last_id.is_some() && !client.knows_all(&jobs));
    server.thaw();
    for job in &jobs {
        api.completed(job).await;
    }
    // On another server, as after a restart: the id is a position in the store.
    server.kill9();
    server.restart();
    client.connect(&server.api(), &query, 20, &jobs).await;
    assert!(client.knows_all(&jobs));
    check(&server.api(), &client, &jobs).await;
}

#[tokio::test]
async fn a_document_is_watched_with_all_its_jobs() {
    let server = Server::start();
    let api = server.api();
    server.freeze().await;
    let first = api.submit("letter.docx").await;
    let document = id_of(&api.job(&first).await["document"]);
    let mut stream = api.stream(&format!("/v1/stream?document={document}"), None).await;
    assert_eq!(id_of(&stream.snapshot().await.unwrap().data), first);
    let body = serde_json::json!({"source": {"document": document}});
    let second = id_of(&api.submit_json(&body).await.expect(202).json());
    let other = api.submit("report.pdf").await;
    server.thaw();
    let mut ended = Vec::new();
    while ended.len() < 2 {
        let event = stream.snapshot().await.unwrap();
        assert_ne!(id_of(&event.data), other);
        if is_terminal(&event.data) {
            ended.push(id_of(&event.data));
        }
    }
    ended.sort();
    assert_eq!(ended, [first, second]);
}

#[tokio::test]
async fn a_stream_over_nothing_or_over_strangers_is_refused() {
    let server = Server::start();
    let api = server.api();
    let nobody = "0199aaaa-0000-7000-8000-000000000000";
    let refused = |path: String, status: u16, code: &'static str, field: Option<&'static str>| {
        let api = api.clone();
        async move { api.call(api.get(&path)).await.refused(status, code, field) }
    };
    refused("/v1/stream".into(), 422, "invalid_field", Some("job")).await;
    refused(format!("/v1/stream?job={nobody}"), 404, "not_found", None).await;
    refused("/v1/stream?job=nonsense".into(), 404, "not_found", None).await;
    refused(format!("/v1/stream?document={nobody}"), 404, "not_found", None).await;
    refused(format!("/v1/stream?batch={nobody}"), 404, "not_found", None).await;
    let wrong = api.get("/v1/stream?mine=true").header("last-event-id", "yesterday");
    api.call(wrong).await.refused(422, "invalid_field", Some("Last-Event-ID"));
}

#[tokio::test]
async fn a_resumed_stream_gets_on_however_short_its_connections_are() {
    let server = Server::start();
    let api = server.api();
    let mut jobs = Vec::new();
    for number in 0..6 {
        jobs.push(api.submit_text(&format!("# {number}")).await);
        api.completed(jobs.last().unwrap()).await;
    }
    let named = jobs.iter().map(|job| format!("job={job}")).collect::<Vec<_>>();
    let backwards: Vec<_> = named.iter().rev().cloned().collect();
    for query in ["mine=true".to_owned(), named.join("&"), backwards.join("&")] {
        let mut client = Client { last_id: Some("0".to_owned()), ..Client::default() };
        // Each connection breaks behind its first event.
        client.follow(&api, &query, &jobs, || 1).await;
        check(&api, &client, &jobs).await;
    }
}
