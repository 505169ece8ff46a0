//! Requests of Engine.IO on their way to the library. Enters: requests. Leaves: answers.
//! Never: what of a request the library does not need, since it keeps all of it as long
//! as the session.

use std::convert::Infallible;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::cut::Cut;
use crate::transport::ws;

/// What of a request's query says what it is.
const PARAMETERS: [&str; 3] = ["EIO=", "transport=", "sid="];
/// And of its headers.
const HEADERS: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::UPGRADE,
];
/// An opening packet is not longer.
const OPENING_BYTES: usize = 1024;
/// What a client answers to a ping.
const PONG: &str = "3";

/// Answers a request by the library's `service`, until `stop`.
pub async fn answer<S, B>(mut service: S, stop: &CancellationToken, request: Request) -> Response
where
    S: Service<Request, Response = axum::http::Response<B>, Error = Infallible, Future: Send>
        + Service<(Cut, axum::http::Request<()>), Future: Send>
        + Clone
        + Send
        + 'static,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let mut request = lean(request);
    let query = request.uri().query();
    let opens = is_handshake(query);
    let polls = opens && query.is_some_and(|query| query.contains("transport=polling"));
    // With what else there may be the library finds fault.
    if is_upgrade(query)
        && let Ok((response, wire)) = ws::shake(&mut request)
    {
        let (stop, head) = (stop.clone(), request.map(|_| ()));
        tokio::spawn(async move {
            let Some((wire, read)) = wire.await else { return };
            let _ = service.call((Cut::new(wire, read, opens, stop), head)).await;
        });
        return response;
    }
    let path = request.uri().path().to_owned();
    let answered = async {
        let response = call(&mut service, request).await;
        if polls { opened(&mut service, &path, response).await } else { response }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        response = answered => response,
    }
}

async fn call<S, B>(service: &mut S, request: Request) -> Response
where
    S: Service<Request, Response = axum::http::Response<B>, Error = Infallible>,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    service.call(request).await.unwrap_or_else(|never| match never {}).map(Body::new)
}

/// The library's first ping comes at once, when by the protocol it is not due. It is
/// fetched and answered here, before the client knows the session.
async fn opened<S, B>(service: &mut S, path: &str, response: Response) -> Response
where
    S: Service<Request, Response = axum::http::Response<B>, Error = Infallible>,
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let (head, body) = response.into_parts();
    let Ok(packet) = to_bytes(body, OPENING_BYTES).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let session: Option<Value> = packet.get(1..).and_then(|json| serde_json::from_slice(json).ok());
    if let Some(session) = session.as_ref().and_then(|session| session.get("sid")?.as_str()) {
        let uri = format!("{path}?EIO=4&transport=polling&sid={session}");
        for (method, body) in [(Method::GET, Body::empty()), (Method::POST, Body::from(PONG))] {
            let mut request = Request::new(body);
            *request.method_mut() = method;
            *request.uri_mut() = uri.parse().unwrap_or_default();
            let kind = HeaderValue::from_static("text/plain;charset=UTF-8");
            request.headers_mut().insert(header::CONTENT_TYPE, kind);
            let _ = call(service, request).await;
        }
    }
    Response::from_parts(head, Body::from(packet))
}

/// Whether a WebSocket is asked for, in words that the library understands.
fn is_upgrade(query: Option<&str>) -> bool {
    let query = query.unwrap_or_default();
    let has = |wanted| query.split('&').any(|pair| pair == wanted);
    has("EIO=4") && has("transport=websocket") && query.matches("transport=").count() == 1
}

/// Whether a request begins a session.
pub fn is_handshake(query: Option<&str>) -> bool {
    !query.unwrap_or_default().split('&').any(|pair| pair.starts_with("sid="))
}

/// What of a request is kept as long as its session lives: no credential, and no
/// header that is not needed.
fn lean(mut request: Request) -> Request {
    let query = request.uri().query().unwrap_or_default();
    let pairs: Vec<_> = query
        .split('&')
        .filter(|pair| PARAMETERS.iter().any(|name| pair.starts_with(name)))
        .collect();
    // What was a URI remains one.
    let path = request.uri().path();
    let uri = format!("{path}?{}", pairs.join("&")).parse();
    *request.uri_mut() = uri.unwrap_or_default();
    let all = std::mem::take(request.headers_mut());
    let kept = HEADERS.iter().filter_map(|name| Some((name.clone(), all.get(name)?.clone())));
    request.headers_mut().extend(kept);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_keeps_neither_credentials_nor_what_is_not_needed() {
        let request = Request::get("/socket.io/?token=a.b.c&EIO=4&sid=x&transport=polling&t=1")
            .header("authorization", "Bearer x")
            .header("cookie", "session=x")
            .header("upgrade", "websocket");
        let request = lean(request.body(Body::empty()).unwrap());
        assert_eq!(request.uri(), "/socket.io/?EIO=4&sid=x&transport=polling");
        let names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["upgrade"]);
    }

    #[test]
    fn a_handshake_is_what_names_no_session() {
        assert!(is_handshake(Some("EIO=4&transport=polling")));
        assert!(is_handshake(None));
        assert!(!is_handshake(Some("EIO=4&transport=polling&sid=")));
    }
}
