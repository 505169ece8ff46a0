//! The HTTP side: one router over all dialects, what stands before it (who may
//! call, how much), and what every server has (health, metrics, API docs, the web app).

mod around;
mod audited;
pub mod bounds;
pub mod client;
pub mod content;
mod credentials;
pub mod extract;
pub mod form;
pub mod gate;
mod guard;
mod linger;
mod metrics;
mod operation;
pub mod own;
pub mod problem;
pub mod routes;
mod slow;
pub mod web;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use utoipa::openapi::{InfoBuilder, OpenApi};

pub use around::request_id;
pub use bounds::Bounds;
pub use metrics::Metrics;
use problem::{Code, Problem};
use routes::{Routes, Rules};

use crate::access::Access;
use crate::audit::Audit;
use crate::clock::Clock;
use crate::command::Commands;
use crate::config::Config;
use crate::hub::Hub;
use crate::push::Push;
use crate::query::Query;
use crate::report::Reports;
use crate::submit::Submitter;

/// What handlers work with; cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// Knows people.
    pub access: Access,
    /// Who did what.
    pub audit: Audit,
    /// Takes submissions in.
    pub submitter: Submitter,
    /// Takes reports of work that is done outside.
    pub reports: Reports,
    /// Carries orders out.
    pub commands: Commands,
    /// Reads.
    pub query: Query,
    /// Watches.
    pub hub: Hub,
    /// Tells browsers of jobs' ends.
    pub push: Push,
    /// Limits what owners and addresses use.
    pub bounds: Bounds,
    /// What is configured.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Clock,
    /// Counts.
    pub metrics: Metrics,
    /// The server is about to stop: long requests end now.
    pub draining: CancellationToken,
    /// Sockets, which outlive their requests and are waited for at the end.
    pub sockets: TaskTracker,
}

/// All routes, with what every server has, taken apart.
pub fn described(dialects: Routes) -> (Router<Services>, OpenApi, Rules) {
    let (routes, mut api, rules) = dialects.merge(operation::routes()).split();
    describe(&mut api);
    (routes, api, rules)
}

/// The whole server as a router over `dialects`' routes.
pub fn router(services: Services, dialects: Routes) -> Router {
    let app = services.config.web.enabled.then(web::routes).unwrap_or_default();
    let (routes, api, rules) = described(dialects.merge(app));
    let api_json: Bytes = api.to_json().expect("the description has only string keys").into();
    let ui = utoipa_swagger_ui::SwaggerUi::new("/docs")
        // Else a page under another name than localhost would ask swagger.io.
        .config(utoipa_swagger_ui::Config::from("/openapi.json").validator_url("none"));
    let config = services.config.clone();
    let around = around::Around {
        metrics: services.metrics.clone(),
        bounds: services.bounds.clone(),
        gate: gate::Gate {
            access: services.access.clone(),
            origins: guard::Origins::new(&config.origins),
            rules,
            proxies: config.proxies.clone().into(),
        },
        audit: services.audit.clone(),
        clock: services.clock.clone(),
        limits: slow::Limits::new(&config.limits),
        // Not on loopback names, where it would bind other servers, too.
        secure: config.tls.is_on() && !config.auth.is_none(),
    };
    routes
        .route("/openapi.json", get(move || openapi(api_json.clone())))
        .merge(Router::from(ui))
        .fallback(|| async { Problem::new(Code::NotFound, "There is nothing at this path.") })
        .method_not_allowed_fallback(|| async {
            Problem::new(Code::MethodNotAllowed, "This path does not take that method.")
        })
        .layer(DefaultBodyLimit::max(
            usize::try_from(config.limits.body.as_u64()).unwrap_or(usize::MAX),
        ))
        .layer(from_fn_with_state(around, around::around))
        // Around the gate: a page has to be able to read why it was refused.
        .layer(cors(&config.origins))
        .with_state(services)
}

/// Not a copy for each client: whoever asks and does not read would hold it.
async fn openapi(text: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// What pages of configured origins may send and see.
fn cors(origins: &[String]) -> CorsLayer {
    let any = !origins.is_empty();
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let names = |names: &[&'static str]| -> Vec<HeaderName> {
        names.iter().map(|name| HeaderName::from_static(name)).collect()
    };
    let exposed = names(&[
        "content-disposition",
        "content-range",
        "etag",
        "location",
        "preference-applied",
        "retry-after",
        "x-request-id",
    ]);
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers(AllowHeaders::list(names(&[
            "authorization",
            "content-type",
            "currentlanguage",
            "idempotency-key",
            "if-none-match",
            "last-event-id",
            "prefer",
            "range",
            "tus-resumable",
            "upload-length",
            "upload-metadata",
            "upload-offset",
        ])))
        .expose_headers([&exposed[..], &names(&bounds::HEADERS)].concat())
        .allow_credentials(any)
}

fn describe(api: &mut OpenApi) {
    api.info = InfoBuilder::new()
        .title("Milepost")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Converts documents. Every job answers at once with an id, runs durably, and can be \
             watched live, page by page. Errors are RFC 9457 problem details with a stable \
             `code`.",
        ))
        .license(Some(
            utoipa::openapi::LicenseBuilder::new()
                .name("MIT OR Apache-2.0")
                .identifier(Some("MIT OR Apache-2.0"))
                .build(),
        ))
        .build();
}
