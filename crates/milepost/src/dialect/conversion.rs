//! `conversion`.

use axum::extract::{Path, Request, State};
use axum::http::Method;
use axum::response::Response;
use axum::routing::get;

use super::detail;
use super::flat::{self, Heard, Opener, Voice};
use crate::http::Services;
use crate::http::problem::Problem;
use crate::http::routes::{Routes, Rule};
use crate::transport::ws;

pub fn routes() -> Routes {
    Routes::default().on(
        detail::form,
        Rule::Socket,
        Method::GET,
        "/ws/conversion/{conversion}",
        get(socket),
    )
}

const VOICE: Voice = Voice {
    begin: |_| ws::text(""),
    say: |_| ws::text(""),
    hear: |_, _| Heard::Nothing,
    stays: std::time::Duration::from_secs(60),
    silence: ws::SILENCE,
};

async fn socket(
    State(services): State<Services>,
    opener: Opener,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    flat::open(services, opener, &id, request, VOICE)
}
