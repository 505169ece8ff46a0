//! Gives slow bodies up, and long URLs. Enters: requests. Leaves: the same, with
//! a body that ends in an error once its client pauses for too long, or sends
//! next to nothing for long. Never: counts the time in which nobody reads it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::problem::{Code, Problem};
use crate::config;

/// How slow a body and how long a URL may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    url_bytes: usize,
    pause: Duration,
    /// Bytes per second.
    rate: u64,
}

/// Whether a request's body was given up.
pub struct Patience(Option<Arc<AtomicBool>>);

impl Limits {
    /// As configured.
    pub fn new(limits: &config::Limits) -> Self {
        Self {
            url_bytes: usize::try_from(limits.url.as_u64()).unwrap_or(usize::MAX),
            pause: limits.body_pause,
            rate: limits.body_rate.as_u64(),
        }
    }

    /// Refuses a URL that is too long.
    ///
    /// # Errors
    /// `url_too_long`.
    pub fn check_url(&self, url: &Uri) -> Result<(), Problem> {
        let most = self.url_bytes;
        if url.path_and_query().is_none_or(|url| url.as_str().len() <= most) {
            return Ok(());
        }
        let size = bytesize::ByteSize::b(most as u64);
        let detail = format!("The URL is longer than the limit of {size}; ask for less at a time.");
        Err(Problem::new(Code::UrlTooLong, detail))
    }

    /// Watches a request's body, if it has one.
    pub fn watch(self, request: Request) -> (Request, Patience) {
        if request.body().is_end_stream() {
            return (request, Patience(None));
        }
        let given_up = Arc::new(AtomicBool::new(false));
        let patience = Patience(Some(given_up.clone()));
        let watch = |body| {
            let waiting = None;
            let (bytes, waited) = (0, Duration::ZERO);
            Body::new(Watched { body: Some(body), limits: self, given_up, waiting, waited, bytes })
        };
        (request.map(watch), patience)
    }
}

impl Patience {
    /// The answer: that the body was too slow, where it was, whatever has become of
    /// the part that was there.
    pub fn judge(self, response: Response) -> Response {
        if !self.0.is_some_and(|given_up| given_up.load(Ordering::Relaxed)) {
            return response;
        }
        let detail = "The request's body came too slowly, so the rest was not waited for; send it \
                      again over a better connection.";
        let mut judged = Problem::new(Code::BodyTooSlow, detail).into_response();
        let headers = judged.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        // Who may read it is not for us to say.
        let (parts, _) = response.into_parts();
        let kept = parts.headers.into_iter().filter_map(|(name, value)| Some((name?, value)));
        headers.extend(kept.filter(|(name, _)| {
            name == header::VARY || name.as_str().starts_with("access-control-")
        }));
        judged
    }
}

struct Watched {
    /// `None` once it has ended or was given up.
    body: Option<Body>,
    limits: Limits,
    given_up: Arc<AtomicBool>,
    /// Since when its reader waits for the client, and when it gives up.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    /// How long its readers have waited, all in all.
    waited: Duration,
    bytes: u64,
}

impl Watched {
    /// Whether so few bytes have come in so much time that it is no use to wait.
    /// That a client begins slowly says nothing.
    fn crawls(&self) -> bool {
        let Limits { pause, rate, .. } = self.limits;
        let expected = self.waited.as_secs_f64() * rate as f64;
        self.waited > pause && (self.bytes as f64) < expected
    }

    fn give_up(&mut self) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.given_up.store(true, Ordering::Relaxed);
        self.body = None;
        let error = io::Error::new(io::ErrorKind::TimedOut, "the body came too slowly");
        Poll::Ready(Some(Err(axum::Error::new(error))))
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let Poll::Ready(frame) = Pin::new(body).poll_frame(context) else {
            let pause = this.limits.pause;
            let (_, alarm) = this.waiting.get_or_insert_with(|| {
                let now = Instant::now();
                (now, Box::pin(sleep_until(now + pause)))
            });
            return match alarm.as_mut().poll(context) {
                Poll::Ready(()) => this.give_up(),
                Poll::Pending => Poll::Pending,
            };
        };
        if let Some((since, _)) = this.waiting.take() {
            this.waited += since.elapsed();
        }
        match &frame {
            None | Some(Err(_)) => this.body = None,
            Some(Ok(frame)) => {
                this.bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
                if this.crawls() {
                    return this.give_up();
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::http::StatusCode;
    use futures_util::stream;
    use http_body_util::BodyExt as _;

    use super::*;

    const LIMITS: Limits = Limits { url_bytes: 10, pause: Duration::from_secs(30), rate: 1024 };

    /// A body of so many parts, one every so often.
    fn body(parts: usize, bytes: usize, every: Duration) -> Body {
        let parts = stream::unfold(0, move |sent| async move {
            tokio::time::sleep(every).await;
            let part = Bytes::from(vec![b'x'; bytes]);
            (sent < parts).then_some((Ok::<_, Infallible>(part), sent + 1))
        });
        Body::from_stream(Box::pin(parts))
    }

    /// What an answer is made of whose handler has read the body.
    async fn read(body: Body) -> (Option<usize>, StatusCode) {
        let (request, patience) = LIMITS.watch(Request::new(body));
        let read = request.into_body().collect().await.ok().map(|body| body.to_bytes().len());
        (read, patience.judge(Response::new(Body::empty())).status())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_pause_but_not_for_long() {
        let patient = read(body(3, 50_000, Duration::from_secs(29))).await;
        assert_eq!(patient, (Some(150_000), StatusCode::OK));
        let silent = read(body(3, 50_000, Duration::from_secs(31))).await;
        assert_eq!(silent, (None, StatusCode::REQUEST_TIMEOUT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_not_crawl() {
        let slow = read(body(100, 1100, Duration::from_secs(1))).await;
        assert_eq!(slow, (Some(110_000), StatusCode::OK));
        let began = Instant::now();
        let crawling = read(body(100, 900, Duration::from_secs(1))).await;
        assert_eq!(crawling, (None, StatusCode::REQUEST_TIMEOUT));
        assert_eq!(began.elapsed().as_secs(), 31, "as long as it may pause is no measure");
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_server_is_not_the_clients_fault() {
        let (request, patience) = LIMITS.watch(Request::new(body(3, 9, Duration::from_secs(1))));
        let mut body = request.into_body();
        while let Some(frame) = body.frame().await {
            frame.unwrap();
            tokio::time::sleep(Duration::from_secs(100)).await;
        }
        assert_eq!(patience.judge(Response::new(Body::empty())).status(), StatusCode::OK);
    }

    #[test]
    fn a_long_url_is_refused() {
        let long = |url: &str| LIMITS.check_url(&url.parse().unwrap()).is_err();
        assert!(!long("http://much-longer.example/123456?8"));
        assert!(long("/12345?7890"));
    }
}
