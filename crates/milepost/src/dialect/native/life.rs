//! Lives of jobs for tests. Enters: events. Leaves: the message of each. Ids and times are
//! made up.

use std::sync::Arc;

use milepost_core::{
    Agent, BatchId, DocumentFacts, DocumentId, DocumentInfo, DocumentNews, Event, EventKind, JobId,
    OwnerId, Pipeline, Plan, Seq, Snapshot, Status, Submitted, Timestamp, Unit,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::message::Job;
use super::spoken::ServerMessage;
use crate::hub::{Frame, QueuePlace};

/// 2026-01-01T00:00:00Z
const BEGINNING: i64 = 1_767_225_600_000_000;

/// A job's life so far, one message for each event.
pub struct Life {
    state: Snapshot,
    /// What was said so far.
    pub messages: Vec<Value>,
}

impl Life {
    pub fn begin(number: u128, submitted: EventKind) -> Self {
        Self::begin_at(number, submitted, 1)
    }

    /// It is the last in the queue.
    pub fn begin_at(number: u128, submitted: EventKind, position: u64) -> Self {
        let event = Event { seq: Seq(1), at: at(0), kind: submitted };
        let state = Snapshot::begin(id(number), &event).unwrap();
        let mut life = Self { state, messages: Vec::new() };
        let waits = life.state.pipeline != Pipeline::External;
        life.told(waits.then_some(QueuePlace { position, length: position }));
        life
    }

    pub fn now(&self) -> Timestamp {
        at(self.state.seq.0)
    }

    pub fn then(&mut self, kind: EventKind) {
        let event = Event { seq: self.state.seq.next(), at: self.now(), kind };
        self.state.apply(&event).unwrap();
        let waits = self.state.status == Status::Queued;
        self.told(waits.then_some(QueuePlace { position: 1, length: 1 }));
    }

    fn told(&mut self, place: Option<QueuePlace>) {
        let frame = Frame::new(Arc::new(self.state.clone()), 0, place, self.state.updated_at);
        self.messages.push(parsed(&ServerMessage::Snapshot { job: Job::new(&frame) }));
    }

    /// Begins with a document of two pages or more, and converts the first ones.
    pub fn converts(&mut self, pages: u32) {
        self.then(EventKind::Started { worker: "node".into() });
        let total = pages.max(2);
        let facts = DocumentFacts { media_type: "application/pdf".into(), pages: Some(total) };
        self.then(stage("converting", Some(total.into()), Some(DocumentNews::Found(facts))));
        (1..=pages).for_each(|number| self.then(page(number)));
    }

    pub fn assembles(&mut self) {
        self.then(stage("assembling", None, None));
        self.then(completed());
    }
}

pub fn parsed(message: &ServerMessage<'_>) -> Value {
    serde_json::from_str(&message.json()).unwrap()
}

/// A quarter of a second for each event.
pub fn at(seq: u64) -> Timestamp {
    Timestamp::from_micros(BEGINNING + seq as i64 * 250_000)
}

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0194_0000_0000_7000_8000_0000_0000_0000 + number)
}

pub fn id(number: u128) -> JobId {
    JobId::new(uuid(number))
}

pub fn batch() -> BatchId {
    BatchId::new(uuid(0xb0))
}

pub fn document(filename: &str, pages: Option<u32>) -> DocumentInfo {
    DocumentInfo {
        id: DocumentId::new(uuid(0xd0)),
        filename: filename.into(),
        media_type: "application/octet-stream".into(),
        bytes: 200_000,
        pages,
    }
}

fn submission(pipeline: Pipeline, plan: Plan, document: Option<DocumentInfo>) -> Submitted {
    Submitted {
        owner: OwnerId::local(),
        pipeline,
        plan,
        document,
        options: json!({}),
        metadata: Some(json!({"order": 17})),
        batch: None,
        priority: 0,
        max_attempts: 4,
        hold: false,
        force: false,
        collection: None,
        documents: None,
    }
}

pub fn submitted(filename: &str, batch: Option<BatchId>) -> EventKind {
    let plan = Plan::new([("detecting", 2), ("converting", 90), ("assembling", 8)]);
    let submitted = submission(Pipeline::Convert, plan, Some(document(filename, None)));
    EventKind::Submitted(Box::new(Submitted { batch, ..submitted }))
}

pub fn external() -> EventKind {
    let plan = Plan::new([("reading", 1), ("writing", 4)]);
    let submitted = submission(Pipeline::External, plan, None);
    EventKind::Submitted(Box::new(Submitted { metadata: None, ..submitted }))
}

pub fn stage(name: &str, total: Option<u64>, document: Option<DocumentNews>) -> EventKind {
    let unit = total.map(|_| Unit::page());
    EventKind::Stage { stage: name.into(), unit, total, document }
}

pub fn page(page: u32) -> EventKind {
    EventKind::Page { page, bytes: 1200, error: None }
}

pub fn completed() -> EventKind {
    let formats = ["markdown", "json", "html", "text"].map(str::to_owned).into();
    EventKind::Completed { formats, reused: None }
}

pub fn agents(all: &[(&str, &str, Option<f64>, Option<&str>)]) -> EventKind {
    let agents = all.iter().map(|(name, status, progress, message)| Agent {
        name: (*name).to_owned(),
        status: (*status).to_owned(),
        progress: *progress,
        message: message.map(str::to_owned),
    });
    EventKind::Reported { agents: agents.collect() }
}
