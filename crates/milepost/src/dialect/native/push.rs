//! Browsers that are told of jobs' ends while no page is open. Enters: what
//! `PushSubscription.toJSON()` gives. Leaves: subscriptions. Never: shows an endpoint or a
//! key again.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use milepost_core::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::jobs::Page;
use crate::http::Services;
use crate::http::extract::{self, By, Id, Known};
use crate::http::problem::Problem;
use crate::push::{Subscription, Wish};

const MAX_BODY_BYTES: u64 = 16 * 1024;

/// A browser's subscription, as it gives it; what else it says is passed over.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PushSubscriptionWish {
    /// The URL at which the browser's push service takes messages.
    #[schema(example = "https://updates.push.services.mozilla.com/wpush/v2/…")]
    endpoint: String,
    /// When it ends by itself, in milliseconds since 1970.
    expiration_time: Option<f64>,
    keys: PushKeys,
}

/// The browser's keys, in base64url.
#[derive(Deserialize, ToSchema)]
pub struct PushKeys {
    /// Its public key: a point of the curve P-256.
    p256dh: String,
    /// Its authentication secret: 16 bytes.
    auth: String,
}

/// A subscription, as it is listed.
#[derive(Serialize, ToSchema)]
pub struct PushSubscription {
    #[schema(value_type = String, format = Uuid)]
    id: Uuid,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The host of the browser's push service.
    service: String,
}

impl From<Subscription> for PushSubscription {
    fn from(subscription: Subscription) -> Self {
        let Subscription { id, created_at, service } = subscription;
        Self { id, created_at, service }
    }
}

/// Has this browser be told of the ends of your jobs, for as long as your credential
/// holds. The same endpoint again renews its subscription.
#[utoipa::path(
    post, path = "/v1/push/subscriptions", operation_id = "add_push_subscription", tag = "push",
    request_body = PushSubscriptionWish,
    responses(
        (status = 200, description = "It was there, and is renewed", body = PushSubscription),
        (status = 201, description = "It is new", body = PushSubscription),
        (status = 404, description = "Notifications are switched off", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong, or the push service is not one that this server calls", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn add(
    State(services): State<Services>,
    Known(principal): Known,
    request: Request,
) -> Result<Response, Problem> {
    let wish: PushSubscriptionWish = extract::json(request, MAX_BODY_BYTES).await?;
    let wish = Wish {
        endpoint: wish.endpoint,
        p256dh: wish.keys.p256dh,
        auth: wish.keys.auth,
        expiration_ms: wish.expiration_time,
    };
    let (subscription, new) = services.push.subscribe(&principal, wish).await?;
    let headers = [
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::LOCATION, format!("/v1/push/subscriptions/{}", subscription.id)),
    ];
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, headers, axum::Json(PushSubscription::from(subscription))).into_response())
}

/// Your browsers that are told, newest first. There are 20 at most, so all come at once.
#[utoipa::path(
    get, path = "/v1/push/subscriptions", operation_id = "list_push_subscriptions", tag = "push",
    responses(
        (status = 200, description = "The subscriptions", body = Page<PushSubscription>),
        (status = 404, description = "Notifications are switched off", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(services): State<Services>, By(caller): By) -> Result<Response, Problem> {
    let items = services.push.list(caller.owner).await?;
    let items: Vec<_> = items.into_iter().map(PushSubscription::from).collect();
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((headers, axum::Json(Page { items, next: None })).into_response())
}

/// Has one of your browsers be told nothing more.
#[utoipa::path(
    delete, path = "/v1/push/subscriptions/{id}", operation_id = "remove_push_subscription", tag = "push",
    params(("id" = String, Path, description = "The subscription")),
    responses(
        (status = 204, description = "It has ended"),
        (status = 404, description = "No such subscription, or notifications are switched off", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn remove(
    State(services): State<Services>,
    By(caller): By,
    Id(id): Id<Uuid>,
) -> Result<StatusCode, Problem> {
    services.push.unsubscribe(caller.owner, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
