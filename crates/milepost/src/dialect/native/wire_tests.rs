//! The lives of some jobs as the messages of a socket, word for word, in
//! `fixtures/wire/`: what this server says, and what the packages are tested with. Ids and
//! times are made up; the messages are encoded as all are. After a change:
//! `UPDATE_WIRE=1 cargo test --workspace --lib wire`.

use std::time::Duration;

use milepost_core::{
    DocumentFacts, DocumentNews, Event, EventKind, Failure, FailureCode, Pipeline, Plan, Seq,
    Status, Unit,
};
use serde_json::{Value, json};

use super::described::Schemas;
use super::life::{
    Life, agents, at, batch, completed, document, external, id, page, parsed, stage, submitted,
};
use super::spoken::ServerMessage;
use crate::http::problem::Code;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/wire");

#[test]
fn the_wire_messages_are_written_down() {
    for (name, messages) in lives() {
        let mut text = serde_json::to_string_pretty(&messages).unwrap();
        text.push('\n');
        let place = format!("{FOLDER}/{name}.json");
        if std::env::var_os("UPDATE_WIRE").is_some() {
            std::fs::write(&place, &text).unwrap();
        }
        let written = std::fs::read_to_string(&place).unwrap_or_default();
        assert!(written == text, "{place} is of another version");
    }
}

#[test]
fn the_wire_messages_are_described() {
    let schemas = Schemas::served();
    for (name, messages) in lives() {
        for message in messages {
            assert!(schemas.describe("ServerMessage", &message), "{name}: {message:#}");
        }
    }
    let strange = json!({"type": "ok", "more": 1});
    assert!(!schemas.describe("ServerMessage", &strange), "what is not described is found");
}

#[test]
fn every_kind_of_event_is_described() {
    let schemas = Schemas::served();
    let failure = Failure::retryable(FailureCode::FetchFailed, "Gone.");
    let facts = DocumentFacts { media_type: "application/pdf".into(), pages: None };
    let reused = milepost_core::Reused { job: id(1), document: facts.clone() };
    let steps = Plan::new([("one", 1)]);
    let advanced = |done, stalled| EventKind::Advanced {
        done,
        total: done,
        unit: None,
        message: None,
        stalled,
        documents: None,
    };
    let kinds = [
        submitted("a.pdf", Some(batch())),
        external(),
        EventKind::Confirmed { document: None, options: None, plan: None },
        EventKind::Confirmed {
            document: Some(document("a.pdf", None)),
            options: Some(json!({})),
            plan: Some(steps),
        },
        EventKind::Started { worker: "w".into() },
        stage("converting", Some(3), Some(DocumentNews::Found(facts))),
        stage("converting", None, Some(DocumentNews::Stored(document("a.pdf", Some(3))))),
        stage("assembling", None, None),
        page(1),
        EventKind::Page { page: 2, bytes: 0, error: Some("It is a scan.".into()) },
        advanced(Some(1), false),
        advanced(None, true),
        agents(&[("writer", "running", Some(40.0), Some("Writes."))]),
        EventKind::Requeued { failure: None, counted: false, not_before: at(0) },
        EventKind::Requeued { failure: Some(failure.clone()), counted: true, not_before: at(0) },
        EventKind::Retried { max_attempts: 5, again: vec![] },
        EventKind::Retried { max_attempts: 5, again: vec![2] },
        completed(),
        EventKind::Completed { formats: vec![], reused: Some(reused) },
        EventKind::Failed { failure },
        EventKind::Cancelled,
    ];
    for kind in kinds {
        let event = Event { seq: Seq(1), at: at(0), kind };
        let value = serde_json::to_value(event).unwrap();
        assert!(schemas.describe("JobEvent", &value), "{value:#}");
    }
}

#[test]
fn every_word_is_described() {
    let schemas = Schemas::served();
    let known = |name, word: &str| assert!(schemas.describe(name, &json!(word)), "{name}: {word}");
    Status::ALL.iter().for_each(|status| known("Status", status.as_str()));
    Pipeline::ALL.iter().for_each(|pipeline| known("Pipeline", pipeline.as_str()));
    for word in schemas.words("JobErrorCode") {
        serde_json::from_value::<FailureCode>(word).expect("a described code is one");
    }
}

/// Each file with its messages.
fn lives() -> [(&'static str, Vec<Value>); 9] {
    [
        ("pages", pages()),
        ("failed", failed()),
        ("cancelled", cancelled()),
        ("retried", retried()),
        ("fetched", fetched()),
        ("external", worked_outside()),
        ("queued", queued()),
        ("batch", in_a_batch()),
        ("answers", answers()),
    ]
}

fn pages() -> Vec<Value> {
    let mut life = Life::begin(1, submitted("report.pdf", None));
    life.converts(3);
    life.assembles();
    watched(&[1], life.messages)
}

fn failed() -> Vec<Value> {
    let mut life = Life::begin(1, submitted("broken.pdf", None));
    life.converts(1);
    let said = "The document is damaged: its table of pages cannot be read.";
    let failure = Failure::permanent(FailureCode::DocumentDamaged, said);
    life.then(EventKind::Failed { failure });
    watched(&[1], life.messages)
}

fn cancelled() -> Vec<Value> {
    let mut life = Life::begin(1, submitted("long.pdf", None));
    life.converts(2);
    life.then(EventKind::Cancelled);
    watched(&[1], life.messages)
}

/// Lost once and tried again by itself, then given up, then retried by its owner.
fn retried() -> Vec<Value> {
    let mut life = Life::begin(1, submitted("report.pdf", None));
    let failure = Failure::retryable(
        FailureCode::ConversionTimeout,
        "The converter was silent for too long on page 2.",
    );
    life.converts(1);
    let not_before = life.now().plus(Duration::from_secs(2));
    life.then(EventKind::Requeued { failure: Some(failure.clone()), counted: true, not_before });
    life.then(EventKind::Started { worker: "node".into() });
    life.then(EventKind::Failed { failure });
    life.then(EventKind::Retried { max_attempts: 6, again: vec![] });
    life.then(EventKind::Started { worker: "node".into() });
    life.then(stage("converting", Some(2), None));
    life.then(page(2));
    life.assembles();
    watched(&[1], life.messages)
}

/// By its URL: the document is there once it was fetched.
fn fetched() -> Vec<Value> {
    let EventKind::Submitted(mut submitted) = submitted("letter.docx", None) else { return vec![] };
    submitted.document = None;
    submitted.plan =
        Plan::new([("fetching", 10), ("detecting", 2), ("converting", 90), ("assembling", 8)]);
    let mut life = Life::begin(1, EventKind::Submitted(submitted));
    life.then(EventKind::Started { worker: "node".into() });
    let fetching = |done| EventKind::Advanced {
        done: Some(done),
        total: Some(200_000),
        unit: Some(Unit::byte()),
        message: None,
        stalled: false,
        documents: None,
    };
    life.then(fetching(65_536));
    life.then(fetching(200_000));
    let stored = DocumentNews::Stored(document("letter.docx", None));
    life.then(stage("detecting", None, Some(stored)));
    life.then(stage("converting", None, None));
    life.assembles();
    watched(&[1], life.messages)
}

fn worked_outside() -> Vec<Value> {
    let mut life = Life::begin(1, external());
    let reading = |done, message: Option<&str>, stalled| EventKind::Advanced {
        done,
        total: done.map(|_| 12),
        unit: done.map(|_| Unit::chunk()),
        message: message.map(str::to_owned),
        stalled,
        documents: None,
    };
    life.then(EventKind::Started { worker: "external".into() });
    life.then(stage("reading", Some(12), None));
    life.then(agents(&[
        ("reader", "running", Some(25.0), Some("Reads chapter 1.")),
        ("writer", "waiting", None, None),
    ]));
    life.then(reading(Some(3), None, false));
    life.then(reading(None, None, true));
    life.then(reading(Some(12), Some("All is read."), false));
    life.then(stage("writing", None, None));
    life.then(agents(&[
        ("reader", "completed", Some(100.0), None),
        ("writer", "running", Some(50.0), Some("Writes the summary.")),
    ]));
    life.then(EventKind::Completed { formats: vec!["json".into()], reused: None });
    watched(&[1], life.messages)
}

/// Behind two others, whose ends are told by places alone.
fn queued() -> Vec<Value> {
    let mut life = Life::begin_at(1, submitted("notes.md", None), 3);
    for position in [2, 1] {
        let message = ServerMessage::Queue { job: id(1), position, length: 3 };
        life.messages.push(parsed(&message));
    }
    life.then(EventKind::Started { worker: "node".into() });
    life.then(stage("converting", None, None));
    life.assembles();
    watched(&[1], life.messages)
}

/// One completes, one fails, one is cancelled and then removed.
fn in_a_batch() -> Vec<Value> {
    let names = ["a.pdf", "b.pdf", "c.pdf"];
    let begin = |(at, name): (usize, &&str)| {
        Life::begin_at(at as u128 + 1, submitted(name, Some(batch())), at as u64 + 1)
    };
    let mut lives: Vec<_> = names.iter().enumerate().map(begin).collect();
    lives[0].converts(1);
    lives[1].converts(1);
    lives[2].then(EventKind::Cancelled);
    lives[0].assembles();
    let failure = Failure::permanent(FailureCode::DocumentEncrypted, "It needs a password.");
    lives[1].then(EventKind::Failed { failure });
    let mut in_turn = Vec::new();
    let most = lives.iter().map(|life| life.messages.len()).max().unwrap_or(0);
    for at in 0..most {
        in_turn.extend(lives.iter().filter_map(|life| life.messages.get(at).cloned()));
    }
    in_turn.push(parsed(&ServerMessage::Removed { job: id(3) }));
    watched(&[1, 2, 3], in_turn)
}

/// What is said beside the jobs.
fn answers() -> Vec<Value> {
    let reference = || Some(json!(7));
    let error = |code, message, job, field| ServerMessage::Error {
        code,
        message,
        job,
        field,
        reference: reference(),
    };
    let gone = "01940000-0000-7000-8000-0000000000ff";
    [
        ServerMessage::Pong { reference: None },
        ServerMessage::Ok { reference: reference() },
        ServerMessage::Subscribed { jobs: &[], reference: Some(json!({"tab": "a"})) },
        error(Code::NotFound, "There is no such job.", Some(gone), None),
        error(Code::InvalidField, "A rate is a number above 0.", None, Some("max_rate")),
        error(Code::Unauthenticated, super::who::EXPIRED, None, None),
        ServerMessage::Draining { retry_after_ms: 1000 },
    ]
    .iter()
    .map(parsed)
    .collect()
}

/// What a client that has subscribed to these jobs hears.
fn watched(jobs: &[u128], messages: Vec<Value>) -> Vec<Value> {
    let jobs: Vec<_> = jobs.iter().map(|number| id(*number)).collect();
    let subscribed = ServerMessage::Subscribed { jobs: &jobs, reference: Some(json!(1)) };
    std::iter::once(parsed(&subscribed)).chain(messages).collect()
}
