//! Jobs as rooms of Socket.IO, and the routes around them: a job is confirmed first,
//! then gets its PDF, and whoever has joined its room sees it change. Enters: requests,
//! events. Leaves: jobs in that protocol's form. Never: holds state.

mod budget;
mod estimate;
mod message;
mod rest;
mod room;
mod shelf;
mod show;
mod socket;

use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use milepost_core::Scope;
use serde_json::json;

use crate::access::is_expiry;
use crate::http::form::{Asked, Body};
use crate::http::gate::NOTHING;
use crate::http::problem::{Code, Problem};
use crate::http::routes::{Routes, Rule};
use crate::transport::socketio;

/// The table.
pub fn routes() -> Routes {
    let (submit, read) = (Rule::Needs(Scope::Submit), Rule::Of(Scope::Read));
    let sockets = socket::Sockets::default();
    let mut routes = Routes::default()
        .on(form, Rule::Socket, Method::GET, socketio::PATH, get(sockets.clone().handler()))
        .on(form, Rule::Socket, Method::POST, socketio::PATH, post(sockets.handler()))
        .on(form, submit, Method::POST, "/api/v1/process-pdf-async", post(rest::process_later))
        .on(form, submit, Method::POST, "/api/v1/process-pdf", post(rest::process))
        .on(
            form,
            Rule::Of(Scope::Cancel),
            Method::POST,
            "/api/v1/jobs/{id}/cancel",
            post(rest::cancel),
        );
    routes =
        routes.on(form, submit, Method::POST, "/api/v1/estimate-pdf", post(estimate::estimate));
    for credits in ["/api/v1/credits/me", "/api/v1/me/credits"] {
        let read = Rule::Needs(Scope::Read);
        routes = routes.on(form, read, Method::GET, credits, get(estimate::credits));
    }
    for jobs in ["/api/v1/jobs", "/api/v1/credits/jobs"] {
        let (confirm, job) = (format!("{jobs}/confirm"), format!("{jobs}/{{id}}"));
        routes = routes
            .on(form, Rule::Needs(Scope::Read), Method::GET, jobs, get(rest::jobs))
            .on(form, submit, Method::POST, &confirm, post(rest::confirm))
            .on(form, read, Method::GET, &job, get(rest::job));
    }
    routes
}

/// A refusal: `msg` where it is about who somebody is, `error` for the rest.
fn form(problem: &Problem, _: &Asked) -> Body {
    let detail = &*problem.detail;
    let unknown = |msg: &str| Body::json(&json!({"msg": msg}));
    match problem.code {
        Code::Unauthenticated if detail == NOTHING => unknown("Missing Authorization Header"),
        Code::Unauthenticated if is_expiry(detail) => unknown("Token has expired"),
        Code::Unauthenticated if detail.contains("revoked") => unknown("Token has been revoked"),
        Code::Unauthenticated => unknown(detail).status(StatusCode::UNPROCESSABLE_ENTITY),
        Code::InvalidField => {
            let field = problem.field.as_deref().unwrap_or("_schema");
            let body = json!({"error": "Invalid request data", "details": {field: [detail]}});
            Body::json(&body).status(StatusCode::BAD_REQUEST)
        }
        _ => Body::json(&json!({"error": detail})),
    }
}
