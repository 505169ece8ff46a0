//! Counts over the sockets: one's own, or all for those who may read everything.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::http::Services;
use crate::http::extract::By;
use crate::http::problem::Problem;
use crate::query::QueryError;

/// How many sockets there are, and which documents they follow.
pub async fn stats(State(services): State<Services>, By(caller): By) -> Result<Response, Problem> {
    let all = caller.reads_all();
    let (total, documents) = services.hub.enrolled((!all).then_some(&caller.owner));
    let mut shown = BTreeMap::new();
    for (document, count) in documents {
        if all {
            shown.insert(document, count);
            continue;
        }
        // One's own sockets may follow what another credential lets them.
        match services.query.document(&caller, document).await {
            Ok(_) => {
                shown.insert(document, count);
            }
            Err(QueryError::Denied(..)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(axum::Json(json!({
        "totalConnections": total,
        "documentSubscriptions": shown.len(),
        "connectionsByDocument": shown,
    }))
    .into_response())
}
