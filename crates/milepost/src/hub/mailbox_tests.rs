//! A mailbox under arbitrary pushes and reads.

use std::sync::Arc;
use std::time::Duration;

use milepost_core::{
    DocumentId, DocumentInfo, Event, EventKind, JobId, OwnerId, Pipeline, Plan, Seq, Snapshot,
    Submitted, Timestamp, Unit,
};
use proptest::prelude::*;
use tokio::time::Instant;
use uuid::Uuid;

use super::frame::Frame;
use super::mailbox::{Delivery, Mailbox, Mode, Next};

/// The states of a job that is submitted, converts `pages` pages and completes.
fn states(job: JobId, pages: u64) -> Vec<Arc<Frame>> {
    let at = Timestamp::from_micros(0);
    let document = DocumentInfo {
        id: DocumentId::new(Uuid::from_u128(9)),
        filename: "a.pdf".into(),
        media_type: "application/pdf".into(),
        bytes: 1,
        pages: None,
    };
    let submitted = EventKind::Submitted(Box::new(Submitted {
        owner: OwnerId::local(),
        pipeline: Pipeline::Convert,
        plan: Plan::new([("detecting", 1), ("converting", 8), ("assembling", 1)]),
        document: Some(document),
        options: serde_json::json!({}),
        metadata: None,
        batch: None,
        priority: 0,
        max_attempts: 4,
        hold: false,
        force: false,
        collection: None,
        documents: None,
    }));
    let stage = |stage: &str, total: Option<u64>| EventKind::Stage {
        stage: stage.into(),
        unit: total.map(|_| Unit::page()),
        total,
        document: None,
    };
    let mut kinds =
        vec![EventKind::Started { worker: "w".into() }, stage("converting", Some(pages))];
    kinds.extend((1..=pages).map(|page| EventKind::Page {
        page: page as u32,
        bytes: 1,
        error: None,
    }));
    kinds.extend([
        stage("assembling", None),
        EventKind::Completed { formats: vec![], reused: None },
    ]);

    let mut state = Snapshot::begin(job, &Event { seq: Seq(1), at, kind: submitted }).unwrap();
    let frame = |state: &Snapshot| {
        Arc::new(Frame::new(Arc::new(state.clone()), state.seq.0 * 10, None, at))
    };
    let mut frames = vec![frame(&state)];
    for kind in kinds {
        state.apply(&Event { seq: state.seq.next(), at, kind }).unwrap();
        frames.push(frame(&state));
    }
    frames
}

fn job() -> JobId {
    JobId::new(Uuid::from_u128(1))
}

/// Everything that can be had at `now`.
fn drain(mailbox: &mut Mailbox, now: Instant, into: &mut Vec<Arc<Frame>>) -> Option<Instant> {
    loop {
        match mailbox.next(now) {
            Next::Deliver(Delivery::Frame(frame)) => into.push(frame),
            Next::NotBefore(due) => return Some(due),
            _ => return None,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// However a reader dawdles, seq rises, no boundary is missing, the last is
    /// the end.
    #[test]
    fn latest_skips_only_the_middle(
        pages in 1..60u64,
        reads in proptest::collection::vec(any::<bool>(), 80),
        steps_ms in proptest::collection::vec(0..200u64, 80),
    ) {
        let frames = states(job(), pages);
        let mut mailbox = Mailbox::default();
        let mode = Mode::Latest { interval: Duration::from_millis(50) };
        mailbox.watch(job(), mode, Seq(0));
        let mut now = Instant::now();
        let mut got = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            mailbox.push(frame, None);
            now += Duration::from_millis(steps_ms[index % 80]);
            if reads[index % 80] {
                drain(&mut mailbox, now, &mut got);
            }
            prop_assert!(mailbox.position(frame.position) <= frame.position);
        }
        while let Some(due) = drain(&mut mailbox, now, &mut got) {
            now = due;
        }
        prop_assert!(got.windows(2).all(|two| two[0].seq() < two[1].seq()));
        prop_assert_eq!(got.last().unwrap().seq(), frames.last().unwrap().seq());
        let path = |frames: &[Arc<Frame>]| {
            let mut path: Vec<_> = frames
                .iter()
                .map(|f| (f.snapshot.status, f.snapshot.stage().map(|s| s.name.clone())))
                .collect();
            path.dedup();
            path
        };
        prop_assert_eq!(path(&got), path(&frames));
        let end = frames.last().unwrap().position;
        prop_assert_eq!(mailbox.position(end), end);
    }

    /// What was delivered, and what a resume at the mailbox's position would
    /// bring again, is together everything.
    #[test]
    fn a_position_never_promises_what_was_not_sent(
        take in 0..20usize,
        pushed in 1..20usize,
    ) {
        let mut mailbox = Mailbox::default();
        let jobs: Vec<_> = (1..4).map(|n| JobId::new(Uuid::from_u128(n))).collect();
        let mode = Mode::Latest { interval: Duration::from_secs(3600) };
        let now = Instant::now();
        let mut newest = std::collections::HashMap::new();
        let mut position = 0;
        for job in &jobs {
            mailbox.watch(*job, mode, Seq(0));
        }
        for index in 0..pushed {
            for job in &jobs {
                position += 1;
                let state = states(*job, 30)[index].snapshot.clone();
                let at = Timestamp::from_micros(0);
                mailbox.push(&Arc::new(Frame::new(state, position, None, at)), None);
                newest.insert(*job, position);
            }
        }
        let mut sent = std::collections::HashMap::new();
        for _ in 0..take {
            if let Next::Deliver(Delivery::Frame(frame)) = mailbox.next(now) {
                sent.insert(frame.snapshot.id, frame.position);
            }
        }
        for (job, newest) in newest {
            let up_to_date = sent.get(&job) == Some(&newest);
            prop_assert!(up_to_date || newest > mailbox.position(position));
        }
    }
}

#[test]
fn a_rate_holds_no_boundary_back() {
    let frames = states(job(), 3);
    let mut mailbox = Mailbox::default();
    mailbox.watch(job(), Mode::Latest { interval: Duration::from_secs(3600) }, Seq(0));
    let (mut got, now) = (Vec::new(), Instant::now());
    // The first page waits for its time, and would have the end wait behind it.
    for frame in &frames {
        mailbox.push(frame, None);
        drain(&mut mailbox, now, &mut got);
    }
    let got: Vec<_> = got.iter().map(|frame| frame.seq().0).collect();
    assert_eq!(got, [1, 2, 3, 7, 8]);
}

#[test]
fn all_has_no_gap_and_leaves_gaps_to_the_log() {
    let frames = states(job(), 20);
    let mut mailbox = Mailbox::default();
    mailbox.watch(job(), Mode::All, Seq(3));
    let now = Instant::now();
    // Live frames wait while the log is read.
    mailbox.push(&frames[9], None);
    assert!(matches!(mailbox.next(now), Next::Replay(_, Seq(3), None)));
    mailbox.replayed(job(), frames[3..10].to_vec(), false);
    mailbox.push(&frames[10], None);
    let mut got = Vec::new();
    drain(&mut mailbox, now, &mut got);
    assert_eq!(got.iter().map(|f| f.seq().0).collect::<Vec<_>>(), (4..=11).collect::<Vec<_>>());
    // A frame that was not announced here.
    mailbox.push(&frames[12], None);
    assert!(matches!(mailbox.next(now), Next::Replay(_, Seq(11), Some(_))));
}

#[test]
fn an_event_that_comes_while_the_log_is_read_is_not_lost() {
    let frames = states(job(), 20);
    let mut mailbox = Mailbox::default();
    mailbox.watch(job(), Mode::All, Seq(0));
    let now = Instant::now();
    assert!(matches!(mailbox.next(now), Next::Replay(..)));
    // The log was read up to 5 before 6, the last event, was committed.
    mailbox.push(&frames[5], None);
    mailbox.replayed(job(), frames[..5].to_vec(), false);
    let mut got = Vec::new();
    drain(&mut mailbox, now, &mut got);
    assert_eq!(got.len(), 5);
    assert!(!mailbox.is_idle());
    assert!(matches!(mailbox.next(now), Next::Replay(_, Seq(5), Some(_))));
    mailbox.replayed(job(), frames[5..6].to_vec(), false);
    drain(&mut mailbox, now, &mut got);
    assert_eq!(got.len(), 6);
    assert!(mailbox.is_idle());
}

#[test]
fn what_is_announced_behind_the_first_look_is_not_sent_again() {
    let frames = states(job(), 3);
    let mut mailbox = Mailbox::default();
    let group = Some(Mode::Latest { interval: Duration::ZERO });
    // The first look at the store shows the end, which the bus has yet to tell.
    mailbox.push(frames.last().unwrap(), group);
    let (mut got, now) = (Vec::new(), Instant::now());
    drain(&mut mailbox, now, &mut got);
    for frame in &frames {
        mailbox.push(frame, group);
        mailbox.passed(frame.position);
        drain(&mut mailbox, now, &mut got);
    }
    assert_eq!(got.len(), 1);
}

#[test]
fn a_reader_of_all_that_never_reads_is_given_up() {
    let frames = states(job(), 400);
    let mut mailbox = Mailbox::default();
    mailbox.watch(job(), Mode::All, Seq(0));
    mailbox.replayed(job(), frames[..1].to_vec(), false);
    for frame in &frames[1..] {
        mailbox.push(frame, None);
    }
    assert!(matches!(mailbox.next(Instant::now()), Next::TooSlow));
}

#[test]
fn a_reader_of_latest_that_never_reads_costs_a_few_frames() {
    let frames = states(job(), 400);
    let mut mailbox = Mailbox::default();
    mailbox.watch(job(), Mode::Latest { interval: Duration::ZERO }, Seq(0));
    for frame in &frames {
        mailbox.push(frame, None);
    }
    let mut got = Vec::new();
    drain(&mut mailbox, Instant::now(), &mut got);
    assert!(got.len() <= 6, "{}", got.len());
}

#[test]
fn whoever_leaves_a_group_misses_no_end_in_another() {
    let mut mailbox = Mailbox::default();
    let other = JobId::new(Uuid::from_u128(2));
    let group = Some(Mode::Latest { interval: Duration::ZERO });
    let ends = [job(), other].map(|job| states(job, 1).pop().unwrap());
    ends.iter().for_each(|end| mailbox.push(end, group));
    mailbox.unwatch_groups(|snapshot| snapshot.id == other);
    let mut sent = Vec::new();
    drain(&mut mailbox, Instant::now(), &mut sent);
    let sent: Vec<_> = sent.iter().map(|frame| frame.snapshot.id).collect();
    assert_eq!(sent, [other]);
}
