//! One event stream over the jobs of a group. Enters: SSE. Leaves: snapshots, and
//! how the stream ended. Never: trusts a stream to be alive because it is open.

use std::time::Duration;

use futures_util::StreamExt as _;
use reqwest::{Method, Response, StatusCode, header};
use tokio::time::timeout;

use super::follow::{Group, Pause, Update};
use super::sse::{Event, Parser};
use super::trouble::{Thing, Trouble};
use super::wire::{Notice, Queue, Snapshot};

/// The server speaks at once, so silence here means that something keeps it back.
const FIRST_BYTE: Duration = Duration::from_secs(20);
/// It sends a comment every 15 s; three missed ones are a dead connection.
const SILENCE: Duration = Duration::from_secs(45);

/// How a stream ended.
pub enum Ended {
    /// In the open; `heard` tells whether it brought anything at all.
    Closed { heard: bool },
    /// By an error.
    Broken(Trouble),
    /// It cannot work here.
    Useless(&'static str),
}

/// What has to be remembered from one stream to the next.
#[derive(Debug, Default)]
pub struct Stream {
    last_id: Option<String>,
    retry_ms: Option<u64>,
    useless: bool,
}

impl Stream {
    /// The pause that the server wishes for.
    pub fn retry(&self) -> Duration {
        Duration::from_millis(self.retry_ms.unwrap_or(500).min(15_000))
    }

    /// Makes the next read end as useless.
    pub fn give_up(&mut self) {
        self.useless = true;
    }

    /// Reads one stream until it ends.
    pub async fn read(&mut self, group: &mut Group, pause: &mut Pause) -> Ended {
        if self.useless {
            return Ended::Useless("they end before they say anything");
        }
        let response = match timeout(FIRST_BYTE, self.open(group)).await {
            Err(_) => return Ended::Useless("the stream does not begin"),
            Ok(Ok(response)) => response,
            Ok(Err(Trouble::Refused(refusal))) => match refusal.status {
                405 | 406 | 501 => return Ended::Useless("the server offers none"),
                // Our position is not in the log, as after a restored backup.
                409 => {
                    self.last_id = None;
                    group.forget();
                    return Ended::Closed { heard: false };
                }
                _ => return Ended::Broken(Trouble::Refused(refusal)),
            },
            // A job was deleted, or there is no such path: the jobs will tell.
            Ok(Err(Trouble::NotFound(_) | Trouble::Foreign { .. })) => {
                return self.after_refresh(group, "there is no stream at this address").await;
            }
            Ok(Err(trouble)) => return Ended::Broken(trouble),
        };
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let is_stream = kind.is_some_and(|kind| kind.starts_with("text/event-stream"));
        if response.status() == StatusCode::NO_CONTENT {
            return match group.refresh().await {
                Ok(()) => Ended::Closed { heard: false },
                Err(trouble) => Ended::Broken(trouble),
            };
        }
        if !is_stream {
            return Ended::Useless("the answer is no event stream");
        }
        self.drain(response, group, pause).await
    }

    async fn open(&self, group: &Group) -> Result<Response, Trouble> {
        let mut jobs = group.pending.iter();
        let client = &group.client;
        let mut request = match (jobs.next(), jobs.next()) {
            // A single job's log can be resumed from the seq that we have.
            (Some((job, seq)), None) => {
                let request = client.get_job(*job, &["events"]);
                match *seq {
                    0 => request,
                    seq => request.header("Last-Event-ID", seq),
                }
            }
            _ => {
                let wanted = match group.batch {
                    Some(batch) => vec![("batch", batch.to_string())],
                    None => group.pending.keys().map(|id| ("job", id.to_string())).collect(),
                };
                let request = client.request(Method::GET, &["stream"]).query(&wanted);
                match &self.last_id {
                    Some(id) => request.header("Last-Event-ID", id),
                    None => request,
                }
            }
        };
        request = request.header(header::ACCEPT, "text/event-stream");
        client.send(request, Thing::Path("event streams")).await
    }

    async fn drain(&mut self, response: Response, group: &mut Group, pause: &mut Pause) -> Ended {
        let mut chunks = response.bytes_stream();
        let mut parser = Parser::default();
        let mut heard = false;
        while !group.pending.is_empty() {
            let patience = if heard { SILENCE } else { FIRST_BYTE };
            let chunk = match timeout(patience, chunks.next()).await {
                Err(_) if heard => break,
                Err(_) => return Ended::Useless("something on the way keeps them back"),
                Ok(None) => break,
                Ok(Some(Err(error))) => return Ended::Broken(group.client.broken(&error)),
                Ok(Some(Ok(chunk))) => chunk,
            };
            pause.reset();
            if !std::mem::replace(&mut heard, true) {
                group.outlet.say_back().await;
            }
            let Ok(events) = parser.push(&chunk) else {
                return Ended::Useless("they are larger than any of ours");
            };
            self.retry_ms = parser.retry_ms().or(self.retry_ms);
            for event in events {
                if !handle(&event, group, pause).await {
                    return Ended::Useless("they hold what this version cannot read");
                }
            }
            if let Some(id) = parser.last_id() {
                self.last_id = Some(id.to_owned());
            }
        }
        Ended::Closed { heard }
    }

    async fn after_refresh(&mut self, group: &mut Group, why: &'static str) -> Ended {
        let before = group.pending.len();
        match group.refresh().await {
            // The deleted job was the reason; the others can be streamed.
            Ok(()) if group.pending.len() < before => Ended::Closed { heard: true },
            Ok(()) => Ended::Useless(why),
            Err(trouble) => Ended::Broken(trouble),
        }
    }
}

/// Whether the event could be read.
async fn handle(event: &Event, group: &mut Group, pause: &mut Pause) -> bool {
    if event.name == "snapshot" {
        let Ok(snapshot) = Snapshot::parse(&event.data) else { return false };
        group.take(snapshot).await;
        return true;
    }
    let notice: Notice = serde_json::from_str(&event.data).unwrap_or_default();
    let only = group.pending.keys().next().copied().filter(|_| group.pending.len() == 1);
    match (event.name.as_str(), notice.job.or(only)) {
        ("queue", Some(job)) => {
            if let (Some(position), Some(length)) = (notice.position, notice.length) {
                group.outlet.send(Update::Queue(job, Queue { position, length })).await;
            }
        }
        ("removed", Some(job)) => {
            group.lose(job, Trouble::NotFound(Thing::Job(job))).await;
        }
        ("draining", _) => pause.ask_for(notice.retry_after_ms.map(Duration::from_millis)),
        // Kinds of events that later versions add.
        _ => {}
    }
    true
}
