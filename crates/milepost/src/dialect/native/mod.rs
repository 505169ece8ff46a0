//! The native protocol, `/v1`. Enters: requests and frames of its clients.
//! Leaves: whole snapshots, problem details.

mod batches;
mod body;
mod documents;
mod events;
mod external;
mod form;
mod heads;
mod jobs;
mod message;
mod results;
mod socket;
mod stats;
mod submit;

#[cfg(test)]
pub use socket::session;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::Services;

/// Every route of the protocol, each with its description.
pub fn routes() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(submit::submit, jobs::list))
        .routes(routes!(jobs::get, jobs::delete))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::retry))
        .routes(routes!(submit::confirm))
        .routes(routes!(batches::get))
        .routes(routes!(batches::cancel))
        .routes(routes!(batches::retry))
        .routes(routes!(external::progress))
        .routes(routes!(external::complete))
        .routes(routes!(external::fail))
        .routes(routes!(results::result))
        .routes(routes!(results::pages))
        .routes(routes!(results::page))
        .routes(routes!(events::events))
        .routes(routes!(events::stream))
        .routes(routes!(documents::add, documents::list))
        .routes(routes!(documents::get, documents::delete))
        .routes(routes!(documents::content))
        .routes(routes!(stats::stats))
        .routes(routes!(socket::connect))
}

/// For fuzzing: what has no route.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use super::message::sse;
    pub use super::socket::fuzzing::talk;
}
