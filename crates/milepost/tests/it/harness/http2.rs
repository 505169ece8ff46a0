//! A client of HTTP/2 that knows beforehand that the server speaks it.

use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{DEADLINE, Server, Stream, within};

/// One connection.
pub struct Http2 {
    client: SendRequest<Body>,
    connection: JoinHandle<()>,
}

impl Http2 {
    /// Without encryption.
    pub async fn open(server: &Server) -> Self {
        Self::over(TcpStream::connect(server.address()).await.expect("the server listens")).await
    }

    /// Over a connection that the test has prepared.
    pub async fn over(stream: impl Stream + 'static) -> Self {
        let shaking = handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (client, connection) = within(DEADLINE, "HTTP/2", shaking).await.expect("HTTP/2");
        let connection = tokio::spawn(async move {
            // How it ended is for the requests to say.
            let _ = connection.await;
        });
        Self { client, connection }
    }

    /// The head of an answer; what follows is read from it.
    pub async fn get(&mut self, server: &Server, path: &str) -> Response<Incoming> {
        self.ask(server, path, &[("accept", "text/event-stream")]).await
    }

    pub async fn ask(
        &mut self,
        server: &Server,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Response<Incoming> {
        let mut request = Request::get(format!("{}{path}", server.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }

    /// Submits the beginning of a document, and keeps the rest.
    pub async fn submit_half(&mut self, server: &Server) -> Response<Incoming> {
        let half = Ok::<_, std::convert::Infallible>(Bytes::from_static(b"{\"source\":"));
        let body = stream::iter([half]).chain(stream::pending());
        let request = Request::post(format!("{}/v1/jobs", server.url()))
            .header("content-type", "application/json")
            .body(Body::from_stream(body));
        self.send(request.expect("a request")).await
    }

    async fn send(&mut self, request: Request<Body>) -> Response<Incoming> {
        within(DEADLINE, "an answer", self.client.send_request(request)).await.expect("an answer")
    }

    /// Waits until the server has closed.
    pub async fn closed(self) {
        let _ = self.connection.await;
        drop(self.client);
    }
}
