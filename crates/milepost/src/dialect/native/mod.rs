//! The native protocol, `/v1`. Enters: requests and frames of its clients.
//! Leaves: whole snapshots, problem details.

mod batches;
mod body;
mod collections;
#[cfg(test)]
mod described;
mod documents;
mod entries;
mod events;
mod external;
mod filter;
mod form;
mod info;
mod jobs;
mod keys;
#[cfg(test)]
mod life;
mod logged;
mod message;
mod push;
mod results;
mod search;
mod session;
mod share;
mod socket;
mod source;
mod spoken;
mod stats;
mod submit;
mod subscribe;
mod who;
#[cfg(test)]
mod wire_tests;

use milepost_core::Scope;
pub use search::{counted, hits, query};
#[cfg(test)]
pub use socket::session;
use utoipa_axum::routes;

use crate::http::routes::{Routes, Rule};

/// Every route of the protocol, each with its description and the rule for who may
/// call it.
pub fn routes() -> Routes {
    let (read, submit) = (Rule::Of(Scope::Read), Rule::Of(Scope::Submit));
    let (cancel, work) = (Rule::Of(Scope::Cancel), Rule::Of(Scope::Work));
    Routes::default()
        .add(Rule::Open, routes!(info::info))
        .add(Rule::Open, routes!(session::log_in))
        .add(Rule::Known, routes!(session::get))
        .add(Rule::Open, routes!(session::log_out))
        .add(Rule::Needs(Scope::Submit), routes!(submit::submit))
        .add(Rule::Needs(Scope::Read), routes!(jobs::list))
        .add(read, routes!(jobs::get))
        .add(cancel, routes!(jobs::delete))
        .add(cancel, routes!(jobs::cancel))
        .add(submit, routes!(jobs::retry))
        .add(submit, routes!(submit::confirm))
        .add(submit, routes!(share::share, share::unshare))
        .add(Rule::Needs(Scope::Read), routes!(batches::list))
        .add(read, routes!(batches::get))
        .add(cancel, routes!(batches::cancel))
        .add(submit, routes!(batches::retry))
        .add(work, routes!(external::progress))
        .add(work, routes!(external::complete))
        .add(work, routes!(external::fail))
        .add(read, routes!(results::result))
        .add(read, routes!(results::pages))
        .add(read, routes!(results::page))
        .add(read, routes!(events::events))
        .add(read, routes!(events::stream))
        .add(Rule::Needs(Scope::Submit), routes!(documents::add))
        .add(Rule::Needs(Scope::Read), routes!(documents::list))
        .add(read, routes!(documents::get))
        .add(cancel, routes!(documents::delete))
        .add(read, routes!(documents::content))
        .add(Rule::Needs(Scope::Read), routes!(collections::list))
        .add(Rule::Needs(Scope::Submit), routes!(collections::put))
        .add(Rule::Needs(Scope::Read), routes!(collections::get))
        .add(Rule::Needs(Scope::Cancel), routes!(collections::delete))
        .add(Rule::Needs(Scope::Read), routes!(entries::list))
        .add(Rule::Needs(Scope::Read), routes!(entries::get))
        .add(Rule::Needs(Scope::Submit), routes!(entries::replace))
        .add(Rule::Needs(Scope::Cancel), routes!(entries::delete))
        .add(Rule::Needs(Scope::Read), routes!(search::one))
        .add(Rule::Needs(Scope::Read), routes!(search::all))
        .add(Rule::Needs(Scope::Read), routes!(stats::stats))
        .add(Rule::Needs(Scope::Read), routes!(push::add, push::list))
        .add(Rule::Needs(Scope::Read), routes!(push::remove))
        .add(Rule::Needs(Scope::Admin), routes!(keys::add, keys::list))
        .add(Rule::Needs(Scope::Admin), routes!(keys::revoke))
        .add(Rule::Socket, routes!(socket::connect))
        .says::<socket::Marked>()
        .says::<spoken::ServerMessage<'_>>()
}

/// For fuzzing: what has no route.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use super::message::sse;
    pub use super::socket::fuzzing::talk;
}
