//! What watchers do, for the audit log. Enters: what is said on a socket, and what
//! watches. Leaves: entries. Never: anything of what they are sent.

use crate::access::Principal;
use crate::audit::{Attendance, Entry, ids};
use crate::http::Services;
use crate::http::client::Client;
use crate::http::problem::Problem;

/// Notes what somebody did on a socket, or what they were refused.
pub fn note(
    services: &Services,
    (client, request): (Client, Option<&str>),
    who: Option<&Principal>,
    action: &str,
    targets: impl FnOnce() -> Vec<String>,
    refused: Option<&Problem>,
) {
    if !services.audit.is_on() {
        return;
    }
    let code = refused.and_then(|problem| serde_json::to_value(problem.code).ok());
    let at = services.clock.now();
    let request = request.map(str::to_owned);
    let targets = ids(targets());
    let entry = Entry { at, request, code, targets, ..begun(client, who, action) };
    services.audit.note(entry);
}

/// Notes the end of a connection that watches, once it is dropped.
pub fn attend(
    services: &Services,
    client: Client,
    who: Option<&Principal>,
    action: &str,
) -> Attendance {
    let request = crate::http::request_id();
    services.audit.attend(&services.clock, || Entry { request, ..begun(client, who, action) })
}

fn begun(client: Client, who: Option<&Principal>, action: &str) -> Entry {
    Entry {
        from: Some(client.address),
        who: who.map(Into::into),
        action: action.to_owned(),
        ..Entry::default()
    }
}
