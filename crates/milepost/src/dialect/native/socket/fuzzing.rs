//! A session without a socket, for fuzzing. Enters: lines. Leaves: nothing; an answer
//! that is far longer than its question panics.

use axum::http::Extensions;

use super::{Client, Native, Session, Who, watch};
use crate::access::Access;
use crate::http::Services;

/// What an answer adds to what it repeats of the message, and of the jobs
/// that it is about.
const OWN_BYTES: usize = 64 * 1024;

/// Says each line of `text` as a message.
pub async fn talk(services: &Services, text: &str) {
    let client = Client::known(&Extensions::default());
    let Ok((mut connection, seat)) = watch::connect(services, client) else { return };
    let tracked = services.sockets.token();
    let who = Who::known(services, Access::local().into());
    let services = services.clone();
    let mut session = Native::new(services, client, seat, who, tracked);
    for line in text.lines() {
        let Ok(answers) = session.on_text(&mut connection, line).await else { return };
        let bytes: usize = answers.iter().map(|answer| answer.len()).sum();
        assert!(bytes <= OWN_BYTES + line.len() * 64, "{bytes} bytes for {}", line.len());
    }
}
