//! Paths that several protocols have. Enters: requests. Leaves: the answer of the one that
//! is meant. Never: answers for a protocol that is switched off.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use milepost_core::Scope;
use serde_json::json;

use super::{conversion, detail, upload};
use crate::config::Dialects;
use crate::http::content::negotiate;
use crate::http::extract::{By, media_type};
use crate::http::problem::Problem;
use crate::http::routes::{Routes, Rule};
use crate::http::{Services, web};

/// The paths that at least one protocol has that is switched on.
pub fn routes(on: &Dialects) -> Routes {
    let mut routes = Routes::default().on(detail::form, Rule::Open, Method::GET, "/", get(front));
    if on.conversion || on.upload {
        let submit = Rule::Needs(Scope::Submit);
        routes = routes.on(detail::form, Rule::Open, Method::GET, "/health", get(health)).on(
            detail::form,
            submit,
            Method::POST,
            "/upload",
            post(upload),
        );
    }
    routes
}

/// People get the app, or else the documentation; programs of `conversion` are told what
/// this is.
async fn front(State(services): State<Services>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let page = negotiate(accept, &["application/json", "text/html"]) == Some("text/html");
    let mut response = if page && services.config.web.enabled {
        web::page(headers).await
    } else if page || !services.config.dialects.conversion {
        Redirect::to("/docs").into_response()
    } else {
        let version = env!("CARGO_PKG_VERSION");
        axum::Json(json!({"message": "Milepost", "version": version, "status": "running"}))
            .into_response()
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// A form is a file of `conversion`, JSON are texts of `upload`.
async fn upload(
    State(services): State<Services>,
    by: By,
    request: Request,
) -> Result<Response, Problem> {
    let on = services.config.dialects.clone();
    match media_type(request.headers()).as_deref() {
        Some("multipart/form-data") if on.conversion => {
            conversion::upload(State(services), by, request).await
        }
        Some("application/json") if on.upload => upload::upload(State(services), by, request).await,
        _ => Err(detail::missing(if on.conversion { "file" } else { "documents" })),
    }
}

/// The fields of all who ask.
async fn health(State(services): State<Services>) -> Response {
    axum::Json(json!({
        "status": "healthy",
        "service": "milepost",
        "version": env!("CARGO_PKG_VERSION"),
        "environment": "production",
        "timestamp": services.clock.now().as_micros() as f64 / 1e6,
    }))
    .into_response()
}
