//! The lines over which somebody watches: SSE, long-polling, sockets. Enters:
//! bytes, at the reader's pace. Leaves: messages. A line breaks at any moment.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::door::{Answer, Door};
use super::watcher::{Kind, Watcher};
use super::world::World;
use crate::dialect::native::session;
use crate::transport::ws::Session;

/// One line, from its beginning to its end.
pub async fn connect(watcher: &Watcher, world: &World, door: &Door) {
    match watcher.kind {
        Kind::Poll => poll(watcher, world, door).await,
        Kind::Events { all } => events(watcher, world, door, all).await,
        Kind::Stream { mine } => stream(watcher, world, door, mine).await,
        Kind::Socket { all, mine, rate } => socket(watcher, world, door, all, mine, rate).await,
    }
}

/// When the reader goes away.
fn patience(world: &World) -> Instant {
    let millis = 200 + world.below(20_000);
    let long =
        if world.calm() { Duration::from_secs(86_400) } else { Duration::from_millis(millis) };
    Instant::now() + long
}

async fn rest(world: &World) {
    if world.fault(world.weather.reader_rests) {
        world.wait_up_to(10_000).await;
    }
}

async fn poll(watcher: &Watcher, world: &World, door: &Door) {
    let job = watcher.state().jobs[0];
    let seen = watcher.state().seen.get(&job).copied().unwrap_or(0);
    watcher.begin(vec![job], BTreeMap::from([(job, seen)]));
    let wait = world.below(20);
    let path = format!("/v1/jobs/{job}?after={seen}&wait={wait}");
    let calm = world.calm();
    let stored = world.ledger().jobs[&job].last().snapshot.seq.0;
    match door.ask(&watcher.owner, "GET", &path, &HeaderMap::new(), None).await {
        Answer::Came(StatusCode::OK, json) => watcher.took(world, json),
        Answer::Came(StatusCode::NOT_MODIFIED, _) if stored > seen && calm && door.is_open() => {
            world.wrong(format!("{job} is at {stored}, and a poll behind {seen} got nothing"));
        }
        Answer::Came(status, json) => refused(watcher, world, status, &json),
        Answer::None => {}
    }
}

async fn events(watcher: &Watcher, world: &World, door: &Door, all: bool) {
    let job = watcher.state().jobs[0];
    let seen = watcher.state().seen.get(&job).copied().unwrap_or(0);
    watcher.begin(vec![job], BTreeMap::from([(job, seen)]));
    let mode = if all { "all" } else { "latest" };
    let path = format!("/v1/jobs/{job}/events?mode={mode}");
    let last_id = if seen > 0 { Some(seen) } else { None };
    let Some(mut sse) = Sse::open(watcher, world, door, &path, last_id).await else { return };
    while let Some(message) = sse.next(watcher, world).await {
        match message.event.as_str() {
            "snapshot" => {
                let same = message.data["seq"].as_u64() == message.id;
                watcher.took(world, message.data);
                if !same {
                    world.wrong(format!("an event of {job} has the id {:?}", message.id));
                }
            }
            "removed" => return,
            _ => {}
        }
        rest(world).await;
    }
}

async fn stream(watcher: &Watcher, world: &World, door: &Door, mine: bool) {
    let jobs = watcher.state().jobs.clone();
    watcher.begin(jobs.clone(), BTreeMap::new());
    let path = if mine {
        "/v1/stream?mine=true".to_owned()
    } else {
        let jobs: Vec<_> = jobs.iter().map(|job| format!("job={job}")).collect();
        format!("/v1/stream?{}", jobs.join("&"))
    };
    let last_id = watcher.state().last_id;
    let Some(mut sse) = Sse::open(watcher, world, door, &path, last_id).await else { return };
    while let Some(message) = sse.next(watcher, world).await {
        if message.event == "snapshot" {
            if message.id.is_none() {
                world.wrong("an event of a stream has no id".to_owned());
            }
            watcher.took(world, message.data);
        }
        if let Some(id) = message.id {
            watcher.took_id(world, id);
        }
        rest(world).await;
    }
}

async fn socket(watcher: &Watcher, world: &World, door: &Door, all: bool, mine: bool, rate: u32) {
    let named = if mine { watcher.unfinished(world) } else { watcher.state().jobs.clone() };
    let after = watcher.state().seen.clone();
    let subscribe = json!({
        "type": "subscribe",
        "jobs": named,
        "mine": mine,
        "after": after,
        "mode": if all { "all" } else { "latest" },
        "max_rate": f64::from(rate) / 10.0,
    });
    watcher.begin(named, after);
    let draining = door.services.draining.clone();
    let mut session = session(door.services.clone(), watcher.owner.clone());
    let mut connection = door.services.hub.connect();
    let leaves = patience(world);
    world.note(|| format!("watcher {}: {subscribe}", watcher.number));
    let subscribe = subscribe.to_string();
    let answers = session.on_text(&mut connection, &subscribe);
    let Ok(answers) = timeout_at(leaves, answers).await else { return };
    let Ok(answers) = answers else { return world.wrong("a socket was refused".to_owned()) };
    watcher.admitted(world);
    for answer in answers {
        if !heard(watcher, world, &answer) {
            return;
        }
    }
    loop {
        watcher.waits(Some(world.now()));
        let delivery = tokio::select! {
            biased;
            () = draining.cancelled() => return,
            () = sleep_until(leaves) => return,
            delivery = connection.next() => delivery,
        };
        watcher.waits(None);
        let Ok(delivery) = delivery else {
            return world.note(|| format!("watcher {}: is too slow", watcher.number));
        };
        let framed = session.encode(delivery).ok().flatten();
        let framed = framed.expect("whoever is known is told of everything here");
        if !heard(watcher, world, &framed) {
            return;
        }
        rest(world).await;
    }
}

/// Takes a message of a socket. `false`: the client had better come again.
fn heard(watcher: &Watcher, world: &World, frame: &[u8]) -> bool {
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let mut message: Value = serde_json::from_slice(&frame[header..]).expect("a message is JSON");
    match message["type"].as_str() {
        Some("snapshot") => watcher.took(world, message["job"].take()),
        Some("error") => {
            world.note(|| format!("watcher {}: {message}", watcher.number));
            return message["code"] == "not_found";
        }
        _ => {}
    }
    true
}

fn refused(watcher: &Watcher, world: &World, status: StatusCode, body: &Value) {
    world.note(|| format!("watcher {}: {status} {body}", watcher.number));
    let gone = status == StatusCode::NOT_FOUND;
    let known = gone
        || status.is_server_error()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED;
    if !known {
        world.wrong(format!("watcher {} is answered with {status}: {body}", watcher.number));
    }
    if gone {
        let ledger = world.ledger();
        let state = watcher.state();
        if !state.jobs.iter().any(|job| ledger.jobs[job].removed) {
            drop(ledger);
            world.wrong(format!("watcher {} does not find what is there", watcher.number));
        }
    }
}

/// A stream of events, as an `EventSource` reads it.
struct Sse {
    body: BodyDataStream,
    text: String,
    leaves: Instant,
}

#[derive(Default)]
struct Message {
    id: Option<u64>,
    event: String,
    data: Value,
}

impl Sse {
    async fn open(
        watcher: &Watcher,
        world: &World,
        door: &Door,
        path: &str,
        last_id: Option<u64>,
    ) -> Option<Self> {
        let mut headers = HeaderMap::new();
        headers.insert("accept", HeaderValue::from_static("text/event-stream"));
        if let Some(id) = last_id {
            headers.insert("last-event-id", id.into());
        }
        let leaves = patience(world);
        let opened = door.open(&watcher.owner, "GET", path, &headers, None);
        let response = timeout_at(leaves, opened).await.ok()??;
        let status = response.status();
        world.note(|| format!("watcher {}: {path} behind {last_id:?} -> {status}", watcher.number));
        if status != StatusCode::OK {
            refused(watcher, world, status, &Value::Null);
            return None;
        }
        watcher.admitted(world);
        let body: Body = response.into_body();
        Some(Self { body: body.into_data_stream(), text: String::new(), leaves })
    }

    /// The next message; `None` where the line has broken.
    async fn next(&mut self, watcher: &Watcher, world: &World) -> Option<Message> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let message = parse(block);
                self.text = rest.to_owned();
                if message.is_some() {
                    watcher.waits(None);
                    return message;
                }
            }
            watcher.waits(Some(world.now()));
            let chunk = timeout_at(self.leaves, self.body.next()).await.ok()??;
            let chunk = chunk.expect("a stream of ours does not fail");
            self.text.push_str(std::str::from_utf8(&chunk).expect("a stream is text"));
        }
    }
}

fn parse(block: &str) -> Option<Message> {
    let mut message = Message::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => message.id = id.parse().ok(),
            Some(("event", event)) => event.clone_into(&mut message.event),
            Some(("data", data)) => {
                message.data = serde_json::from_str(data).expect("data is JSON")
            }
            _ => {}
        }
    }
    (!message.event.is_empty() || message.id.is_some()).then_some(message)
}
