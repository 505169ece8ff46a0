//! The event stream of a document. It stays open after a conversion, for the next one.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use milepost_core::Scope;

use super::follow::follow;
use super::{About, about, find, message};
use crate::dialect::noted;
use crate::dialect::watch::{connect_as, validity};
use crate::http::Services;
use crate::http::client::Client;
use crate::http::extract::Known;
use crate::http::problem::Problem;
use crate::hub::Delivery;
use crate::transport::sse::{self, BEAT, Chunk, Cue};

/// The stream.
pub async fn stream(
    State(services): State<Services>,
    Known(principal): Known,
    client: Client,
    query: Result<Query<About>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = about(query)?;
    let caller = &principal.caller;
    let row = find(&services, caller, &asked, Scope::Read).await?;
    let document = row.info.id;
    // A browser whose id was refused would never come back; it begins anew instead.
    let position = services.query.position().await?;
    let since = last_event_id(&headers).filter(|since| *since <= position);
    let (mut connection, mut seat) = connect_as(&services, client, caller)?;
    seat.subscriptions(1)?;
    connection.resume_from(since.unwrap_or(0));
    let mut followed = follow(&services, &mut connection, &row, since).await?;
    connection.resumed();
    let connected = message::connected(document, services.clock.now());
    // Whoever is cut off before the first event comes back to where it began.
    let first = Bytes::from(format!("{connected}id: {}\n\n", connection.position()));
    let attendance = noted::attend(&services, client, Some(&*principal), "stream closed");
    let (draining, validity) = (services.draining.clone(), validity(&services, &principal));
    let (beat, beats) = pulse(services.config.dialects.document_ping);
    let (clock, mut count) = (services.clock.clone(), 0_u32);
    let encode = move |connection: &crate::hub::Connection, cue: Cue| {
        let _held = (&seat, &attendance);
        match cue {
            Cue::Beat => {
                count += 1;
                if !count.is_multiple_of(beats) {
                    return Chunk::comment();
                }
                let ping = message::event(&message::plain("ping", clock.now(), &[]));
                Chunk::of(vec![Bytes::from(ping + "\n")])
            }
            Cue::Delivery(Delivery::Frame(frame)) if followed.is_news(document, &frame) => {
                let id = format!("id: {}\n\n", connection.position());
                Chunk::of(vec![message::sse(document, &frame), Bytes::from(id)])
            }
            Cue::Delivery(Delivery::Removed(job)) => {
                followed.removed(job);
                Chunk::nothing(false)
            }
            Cue::Delivery(Delivery::Revoked(job, epoch)) => {
                Chunk::nothing(principal.revoked_by(job, epoch))
            }
            Cue::Delivery(Delivery::Frame(_) | Delivery::Queue(..)) => Chunk::nothing(false),
        }
    };
    let mut response = sse::respond(connection, draining, validity, Some(first), beat, encode);
    // Some of its clients compare the whole of it.
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// How often there is a sign of life, and every how many of them is a ping: credentials
/// are looked at again no less often than elsewhere.
fn pulse(ping: Duration) -> (Duration, u32) {
    let beats = ping.as_millis().div_ceil(BEAT.as_millis()).clamp(1, u128::from(u32::MAX)) as u32;
    (ping / beats, beats)
}

fn last_event_id(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_come_when_they_are_due() {
        let secs = Duration::from_secs;
        for (ping, beat, beats) in [(1, 1, 1), (15, 15, 1), (20, 10, 2), (30, 15, 2), (90, 15, 6)] {
            assert_eq!(pulse(secs(ping)), (secs(beat), beats), "{ping}");
        }
        assert!(pulse(Duration::MAX).0 > Duration::ZERO);
    }
}
