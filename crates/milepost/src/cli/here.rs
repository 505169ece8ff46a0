//! The server within this process, in the place of one behind a network. Enters: a
//! request as it would be sent. Leaves: the answer as it would come. Never: opens a
//! port, by which others on this machine could come in.

use axum::Router;
use axum::body::Body;
use axum::http;
use reqwest::{RequestBuilder, Response};
use tower::ServiceExt as _;

/// What requests seem to be sent to: a loopback name, as the server asks for without
/// authentication.
pub const BASE: &str = "http://localhost/";

/// A server without a door; cheap to clone.
#[derive(Clone, Debug)]
pub struct Here(Router);

impl Here {
    /// Around the routes of a server that runs in this process.
    pub const fn new(app: Router) -> Self {
        Self(app)
    }

    /// Its answer. Limits on time are not for here, where no network can fail.
    ///
    /// # Errors
    /// Where the request could not be sent to anybody.
    pub async fn answer(&self, request: RequestBuilder) -> reqwest::Result<Response> {
        let request: http::Request<reqwest::Body> = request.build()?.try_into()?;
        let answer = match self.0.clone().oneshot(request.map(Body::new)).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let answer = answer.map(|body| reqwest::Body::wrap_stream(body.into_data_stream()));
        Ok(answer.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::post;

    #[tokio::test]
    async fn a_request_comes_through_with_its_body_and_the_answer_back() {
        let echo = post(async |request: http::Request<Body>| {
            let kind = request.headers()[http::header::CONTENT_TYPE].clone();
            (http::StatusCode::CREATED, [("x-kind", kind)], request.into_body())
        });
        let here = Here::new(Router::new().route("/v1/{thing}", echo));
        let client = reqwest::Client::new();
        let request = client.post(format!("{BASE}v1/a%20b?x=1")).json(&[1, 2]);
        let answer = here.answer(request).await.unwrap();
        assert_eq!(answer.status(), 201);
        assert_eq!(answer.headers()["x-kind"], "application/json");
        assert_eq!(answer.text().await.unwrap(), "[1,2]");
    }
}
