//! Somebody who wants documents converted, and changes their mind. Enters: the
//! door. Leaves: wishes that became jobs, orders, reports of work done outside.

use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use milepost_core::{JobId, OwnerId, Pipeline, Status};
use serde_json::{Value, json};

use super::converter::document;
use super::door::{Answer, Door};
use super::ledger::Record;
use super::shown::Shown;
use super::world::World;

/// One of those who use the server.
pub struct User {
    owner: OwnerId,
    state: Mutex<State>,
}

struct State {
    wishes: Vec<Wish>,
    /// Orders that are still to be given.
    orders: u32,
}

/// A job that is wanted.
#[derive(Clone)]
struct Wish {
    number: u64,
    keyed: bool,
    body: Value,
    sent: u32,
    job: Option<JobId>,
}

impl User {
    /// `number` is who.
    pub fn new(world: &World, number: usize) -> Arc<Self> {
        let wishes = (0..world.weather.intents).map(|_| Wish::new(world)).collect();
        let state = State { wishes, orders: world.weather.orders };
        Arc::new(Self { owner: owner(number), state: Mutex::new(state) })
    }

    /// What they do while the server is there.
    pub async fn live(self: Arc<Self>, world: Arc<World>, door: Arc<Door>) {
        while door.is_open() {
            if world.calm() {
                world.wait_up_to(300).await;
                self.finish(&world, &door).await;
            } else {
                world.wait_up_to(2500).await;
                self.act(&world, &door).await;
            }
        }
    }

    /// What is not as they want it.
    pub fn open(&self, world: &World) -> Option<String> {
        let state = self.state.lock().unwrap();
        let wish = state.wishes.iter().find(|wish| !wish.settled());
        let _ = world;
        wish.map(|wish| format!("wish {} is not answered", wish.number))
    }

    async fn act(&self, world: &World, door: &Door) {
        let wishes: Vec<usize> = {
            let state = self.state.lock().unwrap();
            let wanted = state.wishes.iter().enumerate();
            wanted.filter(|(_, w)| w.keyed || !w.settled()).map(|(index, _)| index).collect()
        };
        let jobs = world.ledger().of(&self.owner);
        match (world.below(10), world.choose(&wishes), world.choose(&jobs)) {
            (0..4, Some(wish), _) => self.submit(world, door, wish).await,
            (4..6, _, Some(job)) => self.look(world, door, job).await,
            (_, _, Some(job)) => self.order(world, door, job).await,
            _ => {}
        }
    }

    /// Brings what is open to an end.
    async fn finish(&self, world: &World, door: &Door) {
        let open = {
            let state = self.state.lock().unwrap();
            state.wishes.iter().position(|wish| !wish.settled())
        };
        // One that waits for others to leave the queue must not keep them there.
        if let (Some(wish), true) = (open, world.chance(500)) {
            return self.submit(world, door, wish).await;
        }
        let jobs = world.ledger().of(&self.owner);
        let waits = jobs.into_iter().find(|job| {
            let ledger = world.ledger();
            let state = &ledger.jobs[job].last().snapshot;
            state.status == Status::Awaiting
                || (state.pipeline == Pipeline::External && !state.status.is_terminal())
        });
        if let Some(job) = waits {
            self.order(world, door, job).await;
        }
    }

    async fn submit(&self, world: &World, door: &Door, index: usize) {
        let wish = {
            let mut state = self.state.lock().unwrap();
            let wish = &mut state.wishes[index];
            wish.sent += 1;
            wish.clone()
        };
        let number = wish.number;
        *world.ledger().sent.entry(number).or_default() += 1;
        let mut headers = HeaderMap::new();
        if wish.keyed {
            let key = HeaderValue::from_str(&format!("key-{number}")).expect("it is printable");
            headers.insert("idempotency-key", key);
        }
        if world.chance(100) {
            headers.insert("prefer", HeaderValue::from_static("wait=2"));
        }
        let answer = door.ask(&self.owner, "POST", "/v1/jobs", &headers, Some(&wish.body)).await;
        let Answer::Came(status, body) = answer else { return };
        match status {
            StatusCode::ACCEPTED | StatusCode::OK => match Shown::check(world, body) {
                Ok(shown) => self.accepted(world, index, &shown),
                Err(what) => world.wrong(what),
            },
            StatusCode::TOO_MANY_REQUESTS => {}
            status if status.is_server_error() => {
                let ledger = world.ledger();
                let made = ledger.jobs.values().any(|record| record.intent() == Some(number));
                drop(ledger);
                if made && wish.sent == 1 {
                    world.wrong(format!("wish {number} was refused, and became a job"));
                }
            }
            status => world.wrong(format!("wish {number} is answered with {status}: {body}")),
        }
    }

    fn accepted(&self, world: &World, index: usize, shown: &Shown) {
        let mut state = self.state.lock().unwrap();
        let wish = &mut state.wishes[index];
        let ledger = world.ledger();
        let of = |job: &JobId| ledger.jobs.get(job).and_then(Record::intent);
        let fine = of(&shown.id) == Some(wish.number);
        // Once it is deleted the same wish makes another job.
        let other = wish.job.filter(|job| *job != shown.id && !ledger.jobs[job].removed);
        drop(ledger);
        if !fine || (wish.keyed && other.is_some()) {
            world.wrong(format!("wish {} is answered with {}", wish.number, shown.id));
        }
        wish.job = Some(shown.id);
    }

    /// Reads a job and its log.
    async fn look(&self, world: &World, door: &Door, job: JobId) {
        let known = world.ledger().jobs[&job].last().snapshot.seq.0;
        let nothing = HeaderMap::new();
        let path = format!("/v1/jobs/{job}");
        let answer = door.ask(&self.owner, "GET", &path, &nothing, None).await;
        if let Some(body) = self.fine(world, job, answer) {
            match Shown::check(world, body) {
                Ok(shown) if shown.seq < known => {
                    world.wrong(format!("{job} is at {known} and was read at {}", shown.seq));
                }
                Ok(_) => {}
                Err(what) => world.wrong(what),
            }
        }
        let path = format!("/v1/jobs/{job}/events?limit=200");
        let answer = door.ask(&self.owner, "GET", &path, &nothing, None).await;
        if let Some(body) = self.fine(world, job, answer) {
            let items = body["items"].as_array().cloned().unwrap_or_default();
            let whole = items.iter().enumerate().all(|(i, item)| item["seq"] == i as u64 + 1);
            let removed = world.ledger().jobs[&job].removed;
            if !whole || ((items.len() as u64) < known.min(200) && !removed) {
                world.wrong(format!("the log of {job} has a gap: {body}"));
            }
        }
    }

    /// The body of an answer that is no refusal.
    fn fine(&self, world: &World, job: JobId, answer: Answer) -> Option<Value> {
        let Answer::Came(status, body) = answer else { return None };
        if status == StatusCode::NOT_FOUND && !world.ledger().jobs[&job].removed {
            world.wrong(format!("{job} is there and was not found"));
        }
        status.is_success().then_some(body)
    }

    async fn order(&self, world: &World, door: &Door, job: JobId) {
        let state = world.ledger().jobs[&job].last().snapshot.clone();
        let external = state.pipeline == Pipeline::External;
        let path = |what: &str| format!("/v1/jobs/{job}{what}");
        let source = || json!({"source": {"text": document(1, 2), "filename": "1.txt"}});
        let (method, path, body) = match (world.calm(), state.status, world.below(6)) {
            (true, Status::Awaiting, 0..3) | (false, Status::Awaiting, 0..4) => {
                let bring = state.document.is_none() && !external || world.chance(200);
                ("POST", path("/confirm"), bring.then(source))
            }
            (_, Status::Queued | Status::Running, 0..4) if external => {
                let (what, body) = report(world);
                ("POST", path(what), Some(body))
            }
            (calm, ..) if calm || self.may_order() => {
                let mut ledger = world.ledger();
                let asked = &mut ledger.jobs.get_mut(&job).expect("it was chosen from there").asked;
                let terminal = state.status.is_terminal();
                let runs = state.status == Status::Running;
                match world.below(8) {
                    _ if runs && world.fault(world.weather.hurry) => {
                        asked.cancel += 1;
                        ("POST", path("/cancel"), None)
                    }
                    _ if calm => {
                        asked.cancel += 1;
                        ("POST", path("/cancel"), None)
                    }
                    0..2 if terminal => {
                        asked.delete += 1;
                        ("DELETE", path(""), None)
                    }
                    2..5 => {
                        asked.retry += 1;
                        ("POST", path("/retry"), None)
                    }
                    _ => {
                        asked.cancel += 1;
                        ("POST", path("/cancel"), None)
                    }
                }
            }
            _ => return,
        };
        let cancels = path.ends_with("/cancel");
        let nothing = HeaderMap::new();
        let ordered = door.ask(&self.owner, method, &path, &nothing, body.as_ref());
        // Who is in a hurry does not wait for the one before the other.
        let hurry = cancels && world.fault(world.weather.hurry);
        if hurry {
            let asked = |record: &mut Record| record.asked.retry += 1;
            world.ledger().jobs.get_mut(&job).map(asked);
        }
        let again = format!("/v1/jobs/{job}/retry");
        let again = async {
            if hurry {
                door.ask(&self.owner, "POST", &again, &nothing, None).await;
            }
        };
        let (answer, ()) = tokio::join!(ordered, again);
        let Some(body) = self.fine(world, job, answer) else { return };
        if method == "DELETE" && !world.ledger().jobs[&job].removed {
            world.wrong(format!("{job} was said to be deleted, and is there"));
        }
        if body.get("id").is_some() {
            match Shown::check(world, body) {
                Ok(shown) if cancels && shown.status != Status::Cancelled => {
                    world.wrong(format!("{job} was said to be cancelled, and is not"));
                }
                Ok(_) => {}
                Err(what) => world.wrong(what),
            }
        }
    }

    fn may_order(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        let may = state.orders > 0;
        state.orders = state.orders.saturating_sub(1);
        may
    }
}

impl Wish {
    fn new(world: &World) -> Self {
        let number = world.number();
        let keyed = world.chance(500);
        let pages = 1 + world.below(6) as u32;
        let hold = world.chance(200);
        let mut body = json!({
            "metadata": {"intent": number, "keyed": keyed},
            "hold": hold,
            "priority": world.choose(&[0, 0, 5]),
        });
        if world.chance(300) {
            // What does not fit into the pages that the database has.
            body["metadata"]["more"] = "x".repeat(3000).into();
        }
        if world.chance(250) {
            body["pipeline"] = "external".into();
            body["stages"] = json!([{"name": "reading"}, {"name": "writing", "weight": 3}]);
        } else if !hold || world.chance(500) {
            // Some want what others have wanted.
            let popular = world.chance(400).then_some(800);
            let text = popular.map_or_else(|| document(number, pages), |name| document(name, 3));
            let name = popular.unwrap_or(number);
            body["source"] = json!({"text": text, "filename": format!("{name}.txt")});
            body["force"] = world.chance(200).into();
            if world.chance(200) {
                body["pipeline"] = world.choose(&["sentences", "ingest"]).into();
            }
        }
        Self { number, keyed, body, sent: 0, job: None }
    }

    /// With a key one asks until there is an answer; without one that might make
    /// two jobs.
    const fn settled(&self) -> bool {
        self.job.is_some() || (!self.keyed && self.sent > 0)
    }
}

/// Whose name a number is.
pub fn owner(number: usize) -> OwnerId {
    OwnerId::new(["ada", "bob", "cem"][number])
}

/// A report of work that is done outside.
fn report(world: &World) -> (&'static str, Value) {
    let done = world.below(10);
    match world.below(if world.calm() { 3 } else { 10 }) {
        0 => ("/complete", json!({"result": {"done": done}})),
        1 => ("/complete", json!({})),
        2 => ("/fail", json!({"error": {"message": "It did not work.", "retryable": true}})),
        3 => ("/progress", json!({})),
        4 => ("/progress", json!({"stage": "writing"})),
        5 => ("/progress", json!({"agents": [{"name": "one", "status": "busy"}]})),
        _ => ("/progress", json!({"stage": "reading", "done": done, "total": 10, "unit": "line"})),
    }
}
