//! Whatever events are offered in whatever order, a snapshot stays sane.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use milepost_core::{
    Agent, DocumentFacts, DocumentId, DocumentInfo, DocumentNews, Event, EventKind, FETCHING,
    Failure, FailureCode, JobId, OwnerId, Pipeline, Plan, Progress, Reused, Seq, Snapshot,
    StageStatus, Status, Submitted, Timestamp, Unit,
};
use proptest::prelude::*;
use uuid::Uuid;

fn document() -> DocumentInfo {
    DocumentInfo {
        id: DocumentId::new(Uuid::from_u128(7)),
        filename: "paper.pdf".into(),
        media_type: "application/pdf".into(),
        bytes: 1,
        pages: None,
    }
}

fn plan(fetch: bool) -> Plan {
    let work = [("detecting", 2), ("converting", 90), ("assembling", 8)];
    Plan::new(fetch.then_some((FETCHING, 10)).into_iter().chain(work))
}

fn submitted(hold: bool, with_document: bool, fetch: bool) -> EventKind {
    EventKind::Submitted(Box::new(Submitted {
        owner: OwnerId::local(),
        pipeline: Pipeline::Convert,
        plan: plan(fetch),
        document: with_document.then(document),
        options: serde_json::json!({}),
        metadata: None,
        batch: None,
        priority: 0,
        max_attempts: 4,
        hold,
        force: false,
        collection: None,
        documents: None,
    }))
}

fn any_kind() -> impl Strategy<Value = EventKind> {
    let failure = any::<bool>().prop_map(|retryable| Failure {
        code: FailureCode::ConversionCrashed,
        message: "The converter crashed.".into(),
        retryable,
    });
    prop_oneof![
        1 => Just(submitted(false, true, false)),
        2 => (any::<bool>(), proptest::option::of(any::<bool>())).prop_map(|(with, fetch)| {
            let document = with.then(document);
            EventKind::Confirmed { document, options: None, plan: fetch.map(plan) }
        }),
        2 => Just(EventKind::Stage {
            stage: "detecting".into(),
            unit: None,
            total: None,
            document: Some(DocumentNews::Stored(document())),
        }),
        6 => Just(EventKind::Started { worker: "node".into() }),
        6 => (0..4usize, proptest::option::of(0..20u64)).prop_map(|(stage, total)| {
            EventKind::Stage {
                stage: ["detecting", "converting", "assembling", "unknown"][stage].into(),
                unit: total.map(|_| Unit::page()),
                total,
                document: Some(DocumentNews::Found(DocumentFacts {
                    media_type: "application/pdf".into(),
                    pages: total.map(|n| n as u32),
                })),
            }
        }),
        20 => (1..30u32).prop_map(|page| EventKind::Page { page, bytes: 10, error: None }),
        6 => (proptest::option::of(0..20u64), proptest::option::of(0..20u64), any::<bool>()).prop_map(
            |(done, total, stalled)| EventKind::Advanced {
                done,
                total,
                unit: Some(Unit::new("chunk")),
                message: Some("Reading".into()),
                stalled, documents: None, }
        ),
        2 => Just(EventKind::Reported {
            agents: vec![Agent {
                name: "layout".into(),
                status: "running".into(),
                progress: Some(40.0),
                message: None,
            }],
        }),
        2 => (proptest::option::of(failure.clone()), any::<bool>(), 0..10i64).prop_map(
            |(failure, counted, at)| EventKind::Requeued {
                failure,
                counted,
                not_before: Timestamp::from_micros(at),
            }
        ),
        1 => (1..9u32, proptest::collection::vec(1..9u32, 0..4)).prop_map(|(max_attempts, again)| {
            EventKind::Retried { max_attempts, again }
        }),
        1 => any::<bool>().prop_map(|reused| EventKind::Completed {
            formats: vec!["markdown".into()],
            reused: reused.then(|| Reused {
                job: JobId::new(Uuid::from_u128(9)),
                document: DocumentFacts { media_type: "text/plain".into(), pages: Some(3) },
            }),
        }),
        1 => failure.prop_map(|failure| EventKind::Failed { failure }),
        1 => Just(EventKind::Cancelled),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_sequence_keeps_the_invariants(
        hold in any::<bool>(),
        with_document in any::<bool>(),
        fetch in any::<bool>(),
        goes_on in any::<bool>(),
        kinds in proptest::collection::vec(any_kind(), 0..120),
    ) {
        let id = JobId::new(Uuid::from_u128(1));
        let mut kind = submitted(hold, !fetch && (with_document || !hold), fetch);
        if let EventKind::Submitted(submitted) = &mut kind {
            submitted.pipeline = if goes_on { Pipeline::Convert } else { Pipeline::Sentences };
        }
        let first = Event { seq: Seq(1), at: Timestamp::from_micros(0), kind };
        let mut log = vec![first];
        let mut snapshot = Snapshot::begin(id, &log[0]).unwrap();

        for (tick, kind) in kinds.into_iter().enumerate() {
            let at = Timestamp::from_micros(tick as i64 * 1_000_000);
            let event = Event { seq: snapshot.seq.next(), at, kind };
            let before = snapshot.clone();
            match snapshot.apply(&event) {
                Err(_) => prop_assert_eq!(&snapshot, &before, "a refused event changes nothing"),
                Ok(()) => {
                    prop_assert_eq!(snapshot.seq, before.seq.next());
                    if before.status.is_terminal() {
                        let retried = matches!(event.kind, EventKind::Retried { .. });
                        prop_assert!(retried, "only a retry leads on from the end");
                    }
                    if snapshot.attempt == before.attempt {
                        prop_assert!(snapshot.progress >= before.progress);
                    } else {
                        prop_assert_eq!(snapshot.attempt, before.attempt + 1);
                        prop_assert_eq!(snapshot.status, Status::Queued);
                        let taken_over = snapshot.stages.iter().any(|stage| {
                            stage.name != FETCHING && stage.done.is_some()
                        });
                        prop_assert!(goes_on || !taken_over, "nothing was kept");
                    }
                    prop_assert!(snapshot.fence >= before.fence);
                    prop_assert!(!snapshot.fetches() || snapshot.document.is_none());
                    log.push(event);
                }
            }
            prop_assert_eq!(
                snapshot.progress == Progress::DONE,
                snapshot.status == Status::Completed
            );
            prop_assert_eq!(snapshot.finished_at.is_some(), snapshot.status.is_terminal());
            prop_assert_eq!(snapshot.failure.is_some(), snapshot.status == Status::Failed);
            let percent = snapshot.progress.percent();
            prop_assert!((0.0..=100.0).contains(&percent));
            prop_assert_eq!((percent * 10.0).round() / 10.0, percent);
            // The estimate never panics and never comes from nothing.
            let _ = snapshot.eta_seconds(at);
        }

        let text = serde_json::to_string(&log).unwrap();
        let read: Vec<Event> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &log, "a log survives its encoding");
        let folded = Snapshot::fold(id, &read).unwrap().unwrap();
        prop_assert_eq!(&folded, &snapshot, "replaying the log gives the snapshot");
        let text = serde_json::to_string(&snapshot).unwrap();
        prop_assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot);
    }
}

/// A job that runs, as a helper for the tables below.
fn running(pages: u64) -> Snapshot {
    let mut log = Log::new(false);
    log.push(EventKind::Started { worker: "node".into() });
    log.push(EventKind::Stage {
        stage: "detecting".into(),
        unit: None,
        total: None,
        document: None,
    });
    log.push(EventKind::Stage {
        stage: "converting".into(),
        unit: Some(Unit::page()),
        total: Some(pages),
        document: None,
    });
    log.snapshot
}

struct Log {
    snapshot: Snapshot,
    clock_secs: i64,
}

impl Log {
    fn new(fetch: bool) -> Self {
        let id = JobId::new(Uuid::from_u128(1));
        let at = Timestamp::from_micros(0);
        let first = Event { seq: Seq(1), at, kind: submitted(false, !fetch, fetch) };
        Self { snapshot: Snapshot::begin(id, &first).unwrap(), clock_secs: 0 }
    }

    fn push(&mut self, kind: EventKind) {
        self.clock_secs += 1;
        let at = Timestamp::from_micros(self.clock_secs * 1_000_000);
        self.snapshot.apply(&Event { seq: self.snapshot.seq.next(), at, kind }).unwrap();
    }
}

#[test]
fn progress_follows_the_pages_and_the_message_names_the_next_one() {
    let mut log = Log { snapshot: running(40), clock_secs: 3 };
    for page in 1..=12 {
        log.push(EventKind::Page { page, bytes: 1, error: None });
    }
    assert_eq!(log.snapshot.progress.percent(), 29.0);
    assert_eq!(log.snapshot.message, "Converting page 13 of 40");
    let now = Timestamp::from_micros(log.clock_secs * 1_000_000);
    // 28 pages at a second each, and 8/90 of the 40 s that all pages take.
    assert_eq!(log.snapshot.eta_seconds(now), Some(32));
}

#[test]
fn a_new_attempt_begins_at_what_it_takes_over() {
    let mut log = Log { snapshot: running(10), clock_secs: 3 };
    for page in 1..=5 {
        log.push(EventKind::Page { page, bytes: 1, error: None });
    }
    let reached = log.snapshot.progress;
    log.push(EventKind::Requeued {
        failure: None,
        counted: false,
        not_before: Timestamp::from_micros(0),
    });
    assert_eq!((log.snapshot.attempt, log.snapshot.max_attempts), (2, 5));
    assert_eq!(log.snapshot.progress.percent(), 45.0);
    log.push(EventKind::Started { worker: "node".into() });
    assert_eq!(log.snapshot.fence, 2);
    log.push(EventKind::Stage {
        stage: "converting".into(),
        unit: Some(Unit::page()),
        total: Some(10),
        document: None,
    });
    assert_eq!(log.snapshot.progress, reached);
    assert_eq!(log.snapshot.eta_seconds(Timestamp::from_micros(0)), None);
}

#[test]
fn a_document_is_fetched_once_and_half_of_one_counts_for_nothing() {
    let mut log = Log::new(true);
    let requeued = || EventKind::Requeued {
        failure: None,
        counted: false,
        not_before: Timestamp::from_micros(0),
    };
    let advanced = |done| EventKind::Advanced {
        done: Some(done),
        total: Some(2_500_000),
        unit: Some(Unit::byte()),
        message: None,
        stalled: false,
        documents: None,
    };
    log.push(EventKind::Started { worker: "node".into() });
    assert!(log.snapshot.fetches());
    assert_eq!(log.snapshot.stage().unwrap().name, FETCHING);
    log.push(advanced(1_250_000));
    assert_eq!(log.snapshot.message, "Fetching, 1.2 MB of 2.5 MB");
    assert_eq!(log.snapshot.progress.percent(), 4.5);
    // Bytes say nothing about the time that pages will take.
    assert_eq!(log.snapshot.eta_seconds(Timestamp::from_micros(9_000_000)), None);
    log.push(requeued());
    assert_eq!((log.snapshot.progress.percent(), log.snapshot.stages[0].done), (0.0, None));

    log.push(EventKind::Started { worker: "node".into() });
    log.push(advanced(2_500_000));
    log.push(EventKind::Stage {
        stage: "detecting".into(),
        unit: None,
        total: None,
        document: Some(DocumentNews::Stored(document())),
    });
    assert_eq!(log.snapshot.document, Some(document()));
    assert!(!log.snapshot.fetches());
    let fetched = log.snapshot.stages[0].clone();
    assert_eq!(fetched.status, StageStatus::Completed);
    log.push(requeued());
    log.push(EventKind::Started { worker: "node".into() });
    assert_eq!(log.snapshot.stages[0], fetched);
    assert_eq!(log.snapshot.stage().unwrap().name, "detecting");
    assert_eq!(log.snapshot.progress.percent(), 9.1);
}

#[test]
fn what_was_converted_before_completes_without_a_worker() {
    let reused = Reused {
        job: JobId::new(Uuid::from_u128(9)),
        document: DocumentFacts { media_type: "text/plain".into(), pages: Some(3) },
    };
    let at = |micros| Timestamp::from_micros(micros);
    let event = |seq, kind| Event { seq: Seq(seq), at: at(seq as i64), kind };
    let completed = |reused| EventKind::Completed { formats: vec!["text".into()], reused };
    let id = JobId::new(Uuid::from_u128(1));
    let first = event(1, submitted(false, true, false));
    let mut job = Snapshot::begin(id, &first).unwrap();
    assert!(job.apply(&event(2, completed(None))).is_err());
    job.apply(&event(2, completed(Some(reused.clone())))).unwrap();
    assert_eq!((job.status, job.progress), (Status::Completed, Progress::DONE));
    assert_eq!((job.reused, job.started_at), (Some(reused.job), None));
    assert_eq!(job.document.as_ref().unwrap().pages, Some(3));
    assert!(job.stages.iter().all(|stage| stage.status == StageStatus::Completed));
    job.apply(&event(3, EventKind::Retried { max_attempts: 5, again: vec![] })).unwrap();
    assert_eq!((job.status, job.reused), (Status::Queued, None));
    // Without its document nothing can be said of it.
    let mut fetches = Snapshot::begin(id, &event(1, submitted(false, false, true))).unwrap();
    assert!(fetches.apply(&event(2, completed(Some(reused)))).is_err());
}
