//! Paths that several protocols have. Enters: requests. Leaves: the answer of the one that
//! is meant.

use axum::extract::State;
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::json;

use super::detail;
use crate::config::Dialects;
use crate::http::Services;
use crate::http::content::negotiate;
use crate::http::routes::{Routes, Rule};

/// The paths that at least one protocol has that is switched on.
pub fn routes(on: &Dialects) -> Routes {
    let mut routes = Routes::default().on(detail::form, Rule::Open, Method::GET, "/", get(front));
    if on.conversion || on.upload {
        routes = routes.on(detail::form, Rule::Open, Method::GET, "/health", get(health));
    }
    routes
}

/// People get pages; programs of `conversion` are told what this is.
async fn front(State(services): State<Services>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let page = negotiate(accept, &["application/json", "text/html"]) == Some("text/html");
    if page || !services.config.dialects.conversion {
        return Redirect::to("/docs").into_response();
    }
    let version = env!("CARGO_PKG_VERSION");
    axum::Json(json!({"message": "Milepost", "version": version, "status": "running"}))
        .into_response()
}

/// The fields of all who ask.
async fn health(State(services): State<Services>) -> Response {
    axum::Json(json!({
        "status": "healthy",
        "service": "milepost",
        "version": env!("CARGO_PKG_VERSION"),
        "environment": "production",
        "timestamp": services.clock.now(),
    }))
    .into_response()
}
