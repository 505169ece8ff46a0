//! One client of Socket.IO and its session. Enters: what the client says, what the session
//! has to say. Leaves: both, in their order. Never: keeps more of what a client says than
//! a bound.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::handler::{FromMessageParts, MessageHandler, Value as Packet};
use socketioxide::socket::Socket;
use socketioxide::{SendError, SocketError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{End, Host, Said, Session};
use crate::hub::TooSlow;

/// How long until it is looked again whether there is room for a packet.
const UNSENT_WAIT: Duration = Duration::from_millis(25);
/// What a client may have said that was not answered so far.
const UNHEARD_BYTES: usize = 256 * 1024;
/// What an event takes beside its text.
const EVENT_BYTES: usize = 256;
/// How often it is asked whether a client may still be here.
const STILL_EVERY: Duration = Duration::from_secs(30);

/// What a client says, on its way to its session.
#[derive(Clone)]
struct Inbox {
    events: mpsc::UnboundedSender<Event>,
    room: Arc<Semaphore>,
    flooded: CancellationToken,
}

struct Event {
    packet: Packet,
    ack: AckSender,
    _room: OwnedSemaphorePermit,
}

// The library's own way starts a task for each event, which lose their order.
impl MessageHandler<LocalAdapter, ()> for Inbox {
    fn call(&self, socket: Arc<Socket>, mut packet: Packet, ack: Option<i64>) {
        let Ok(ack) = AckSender::from_message_parts(&socket, &mut packet, &ack);
        let bytes = packet.as_str().map_or(0, |text| text.len()) + EVENT_BYTES;
        let room =
            self.room.clone().try_acquire_many_owned(u32::try_from(bytes).unwrap_or(u32::MAX));
        match room {
            Ok(_room) => drop(self.events.send(Event { packet, ack, _room })),
            Err(_full) => self.flooded.cancel(),
        }
    }
}

/// A session that was admitted, between the library's two calls.
struct Admitted<S>(Arc<Mutex<Option<Open<S>>>>);

impl<S> Clone for Admitted<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Open<S> {
    session: S,
    events: mpsc::UnboundedReceiver<Event>,
    flooded: CancellationToken,
    gone: CancellationToken,
}

/// Before the client hears that it is connected: from then on nothing that it says may
/// be missed.
pub async fn greet<H: Host>(
    host: H,
    socket: SocketRef,
    auth: Value,
    gone: CancellationToken,
) -> Result<(), String> {
    let flooded = CancellationToken::new();
    let (events, heard) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(UNHEARD_BYTES));
    socket.on_fallback(Inbox { events, room, flooded: flooded.clone() });
    let left = gone.clone();
    socket.on_disconnect(async move || left.cancel());
    let session = host.admit(socket.req_parts(), auth).await?;
    let open = Open { session, events: heard, flooded, gone };
    socket.extensions.insert(Admitted(Arc::new(Mutex::new(Some(open)))));
    Ok(())
}

/// The client is connected.
pub async fn begin<S: Session>(socket: SocketRef) {
    let admitted = socket.extensions.remove::<Admitted<S>>();
    let open = admitted.and_then(|a| a.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    let Some(mut open) = open else { return };
    let gone = open.gone.clone();
    let ended = tokio::select! {
        biased;
        () = gone.cancelled() => End::Gone,
        Err(end) = run(&socket, &mut open) => end,
    };
    if let End::Away(last) = ended {
        let farewell = async {
            if let Some(said) = last {
                emit(&socket, &said).await?;
            }
            // There has to be room to say so.
            while let Err(SocketError::InternalChannelFull) = socket.clone().disconnect() {
                sleep(UNSENT_WAIT).await;
            }
            Ok::<_, End>(())
        };
        tokio::select! {
            () = gone.cancelled() => {}
            _ = farewell => {}
        }
    }
}

async fn run(socket: &SocketRef, open: &mut Open<impl Session>) -> Result<Infallible, End> {
    let Open { session, events, flooded, .. } = open;
    let mut look = interval_at(Instant::now() + STILL_EVERY, STILL_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let deadline = session.deadline();
        tokio::select! {
            biased;
            () = flooded.cancelled() => return Err(session.flooded()),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                if let Some(said) = session.expired()? {
                    emit(socket, &said).await?;
                }
            }
            event = events.recv() => {
                let Some(Event { packet, ack, _room }) = event else { return Err(End::Gone) };
                session.heard()?;
                let Some((name, payload)) = taken_apart(&packet) else { continue };
                let answer = session.on_event(&name, payload).await?;
                for said in &answer.said {
                    emit(socket, said).await?;
                }
                // Where there is no room for it, it goes the way of one that was lost.
                let _ = ack.send(&answer.ack);
            }
            delivery = session.next() => {
                let delivery = delivery.map_err(|TooSlow| End::Away(None))?;
                if let Some(said) = session.encode(delivery).await? {
                    emit(socket, &said).await?;
                }
            }
            _ = look.tick() => {
                if !socket.connected() {
                    return Err(End::Gone);
                }
                if let Some(said) = session.still().await? {
                    emit(socket, &said).await?;
                }
            }
        }
    }
}

/// An event's name and its first argument.
fn taken_apart(packet: &Packet) -> Option<(String, Value)> {
    let parts: Vec<Value> = serde_json::from_str(packet.as_str()?).ok()?;
    let mut parts = parts.into_iter();
    let Some(Value::String(name)) = parts.next() else { return None };
    Some((name, parts.next().unwrap_or_default()))
}

/// Waits for room: the session has what is newest once there is some.
async fn emit(socket: &SocketRef, said: &Said) -> Result<(), End> {
    // Taken over as it is: the library copies each message for each client anyway.
    let data: &RawValue = serde_json::from_slice(&said.data).map_err(|_| End::Gone)?;
    loop {
        match socket.emit(said.event, data) {
            Ok(()) => return Ok(()),
            Err(SendError::Socket(SocketError::InternalChannelFull)) => sleep(UNSENT_WAIT).await,
            Err(_gone) => return Err(End::Gone),
        }
    }
}
