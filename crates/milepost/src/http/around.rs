//! What happens around every request: it gets an id, by which the log is found, passes
//! the gate, is counted, and its answer gets the headers that every answer has. One
//! layer, as each one copies the whole route under it for each request.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument as _;

use super::audited::{self, Asked};
use super::gate::Gate;
use super::{Bounds, Metrics, form, linger, slow};
use crate::audit::Audit;
use crate::clock::Clock;

/// Answers are data; a browser is to show nothing of them and run nothing in them.
const DATA: &str = "default-src 'none'; frame-ancestors 'none'";
/// The pages of the documentation bring their own scripts and styles.
const PAGES: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Where these pages are.
const PAGES_AT: &str = "/docs";

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The id of the request that is being answered.
pub fn request_id() -> Option<String> {
    REQUEST_ID.try_with(Clone::clone).ok()
}

/// What the layer works with.
#[derive(Clone)]
pub struct Around {
    pub(super) metrics: Metrics,
    pub(super) bounds: Bounds,
    pub(super) gate: Gate,
    pub(super) audit: Audit,
    pub(super) clock: Clock,
    pub(super) limits: slow::Limits,
    /// Whether clients come over TLS.
    pub(super) secure: bool,
}

/// The layer.
pub async fn around(State(around): State<Around>, request: Request, next: Next) -> Response {
    let counted = around.metrics.begin(&request);
    let id = around.clock.new_id().to_string();
    let pages = request.uri().path().starts_with(PAGES_AT);
    let span = tracing::error_span!("request", %id);
    let answer = async {
        let (request, patience) = around.limits.watch(request);
        let (mut head, body) = request.map(linger::read_on).into_parts();
        let client = around.bounds.client(&head);
        head.extensions.insert(client);
        let mut pass = around.bounds.pass(client, around.gate.submits(&head));
        let admitted = match around.limits.check_url(&head.uri) {
            Ok(()) => around.gate.admit(&mut head, &mut pass).await,
            Err(problem) => Err(problem),
        };
        let asked = around.audit.is_on().then(|| Asked::of(&head)).flatten();
        let known = asked.as_ref().and_then(|_| audited::known(&head));
        let form = form::Asked::of(&head, &around.gate.rules, &around.clock);
        let mut response = match admitted {
            Ok(()) => patience.judge(next.run(Request::from_parts(head, body)).await),
            Err(problem) => problem.into_response(),
        };
        if let Some(form) = form {
            response = form.reshape(response);
        }
        pass.mark(response.headers_mut());
        around.bounds.count(&response);
        if let Some(asked) = asked
            && let Some(entry) = asked.entry(&around.clock, &id, (client, known), &response)
        {
            around.audit.note(entry);
        }
        response
    };
    let mut response = REQUEST_ID.scope(id.clone(), answer.instrument(span)).await;
    finish(response.headers_mut(), &id, pages, around.secure);
    counted.end(&response);
    response
}

fn finish(headers: &mut HeaderMap, id: &str, pages: bool, secure: bool) {
    let fixed = HeaderValue::from_static;
    headers.insert("x-request-id", HeaderValue::from_str(id).expect("an id is printable"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(header::REFERRER_POLICY, fixed("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, fixed("DENY"));
    headers.insert("cross-origin-opener-policy", fixed("same-origin"));
    headers.insert("cross-origin-resource-policy", fixed("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(fixed("no-store"));
    // What somebody else wrote comes with a stricter one.
    let policy = if pages { PAGES } else { DATA };
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(fixed(policy));
    if secure {
        let year = fixed("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}
