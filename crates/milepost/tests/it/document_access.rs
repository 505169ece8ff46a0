//! Who may do what in the protocol `document`, and how it refuses.

#[expect(dead_code, reason = "sessions are a part of them")]
#[path = "../../src/access/verify/samples.rs"]
mod samples;

use reqwest::Method;
use reqwest::header::COOKIE;
use serde_json::json;

use crate::harness::{Server, Socket, Transcript, Work, guarded, guarded_with, token_of};

/// Every route that is about a document.
fn routes(document: &str) -> Vec<(Method, String)> {
    let one = format!("/api/documents/{document}");
    vec![
        (Method::GET, format!("/api/sse/conversion-progress?documentId={document}")),
        (Method::GET, format!("{one}/conversion-status")),
        (Method::POST, format!("{one}/conversion-status")),
        (Method::POST, format!("{one}/convert")),
        (Method::GET, one.clone()),
        (Method::DELETE, one),
    ]
}

#[tokio::test]
async fn what_is_not_allowed_is_said_in_its_own_words() {
    let server = guarded();
    let (ann, ben, nobody) = (server.api_of("ann"), server.api_of("ben"), server.api());
    let work = Work::on(&ann, "Book").await;
    work.begin().await;
    let mut told = Transcript::of(&server);
    let nothing = "00000000-0000-7000-8000-000000000000";
    for (who, api) in [("nobody", &nobody), ("another", &ben)] {
        for id in [&work.document, nothing, "no-id"] {
            for (method, path) in routes(id) {
                let request = api.request(method.clone(), &path).json(&json!({"action": "start"}));
                let reply = api.call(request).await;
                told.answer(&format!("{who} {method} {path}"), &reply);
            }
        }
    }
    for (method, path) in [
        (Method::GET, "/api/documents"),
        (Method::POST, "/api/documents"),
        (Method::POST, "/api/documents/upload"),
        (Method::GET, "/api/websocket/stats"),
        (Method::GET, "/api/sse/conversion-progress"),
        (Method::GET, "/api/websocket/conversion-progress?documentId=x"),
    ] {
        let reply = nobody.call(nobody.request(method.clone(), path)).await;
        told.answer(&format!("nobody {method} {path}"), &reply);
    }
    for path in [
        "/api/sse/conversion-progress",
        "/api/sse/conversion-progress?documentId=",
        "/api/websocket/conversion-progress",
        "/api/websocket/conversion-progress?documentId=x",
    ] {
        told.answer(&format!("ann GET {path}"), &ann.call(ann.get(path)).await);
    }
    let put = ann.request(Method::PUT, "/api/documents");
    told.answer("ann PUT /api/documents", &ann.call(put).await);
    told.check("document_access");
    assert_eq!(ben.call(ben.get("/api/documents")).await.json()["totalCount"], 0);
}

#[tokio::test]
async fn a_socket_is_refused_before_it_is_opened() {
    let server = guarded();
    let (ann, ben) = (server.api_of("ann"), server.api_of("ben"));
    let (work, other) = (Work::on(&ann, "Book").await, Work::on(&ben, "Other").await);
    let path = work.socket();
    let bare = "/api/websocket/conversion-progress";
    let token = |owner: &str| format!("token={}", token_of(owner));
    let refused = async |path: &str| Socket::try_at(&server, path).await.err();
    assert_eq!(refused(&path).await, Some(401));
    assert_eq!(refused(&format!("{path}&token=nonsense")).await, Some(401));
    assert_eq!(refused(&format!("{bare}?{}", token("ann"))).await, Some(400));
    assert_eq!(refused(&format!("{bare}?documentId=x&{}", token("ann"))).await, Some(404));
    assert_eq!(refused(&format!("{path}&{}", token("ben"))).await, Some(404));
    let mut socket = Socket::at(&server, &format!("{path}&{}", token("ann"))).await;
    assert_eq!(socket.message().await["documentId"], *work.document);
    // What one may not see is as if it was not there.
    let mut answers = Vec::new();
    for document in [other.document.as_str(), "00000000-0000-7000-8000-000000000000"] {
        socket.send(&json!({"type": "subscribe", "documentId": document})).await;
        let mut message = socket.message().await;
        assert_eq!(message["documentId"].take(), document);
        message["timestamp"].take();
        answers.push(message);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0]["error"]["message"], "Document not found or access denied");
    // And neither are others' sockets.
    let mut others = Socket::at(&server, &format!("{}&{}", other.socket(), token("ben"))).await;
    others.message().await;
    let stats = async |api: &crate::harness::Api| {
        api.call(api.get("/api/websocket/stats")).await.expect(200).json()
    };
    let own = stats(&ann).await;
    assert_eq!(own["connectionsByDocument"], json!({&*work.document: 1}), "{own}");
    assert_eq!(own["totalConnections"], 1);
    let all = stats(&server.api_of_admin()).await;
    assert_eq!((&all["totalConnections"], &all["documentSubscriptions"]), (&json!(2), &json!(2)));
    // Whoever may read everything may watch it.
    let root = server.api_of_admin();
    let mut stream = root.stream(&work.stream(), None).await;
    assert_eq!(stream.next().await.unwrap().data["type"], "connected");
}

#[tokio::test]
async fn a_session_of_the_page_opens_both() {
    let server = guarded_with(&[("MILEPOST_COOKIE_NEXTAUTH_SECRET", samples::SECRET)]);
    // Whoever has this session.
    let (ada, ann) = (server.api_of("ada"), server.api_of("ann"));
    let (work, other) = (Work::on(&ada, "Book").await, Work::on(&ann, "Other").await);
    let bare = samples::BARE_SESSION;
    let cookie = format!("theme=dark; next-auth.session-token={bare}");
    let parts: Vec<_> = samples::LONG_SESSION.as_bytes().chunks(3933).collect();
    let part = |at: usize| String::from_utf8(parts[at].to_vec()).unwrap();
    let name = "__Secure-next-auth.session-token";
    let parted = format!("{name}.0={}; {name}.1={}; {name}.2={}", part(0), part(1), part(2));
    for cookie in [&cookie, &parted] {
        let api = server.api();
        let request = api.get(&work.stream()).header(COOKIE, cookie);
        let mut stream = crate::harness::Events::open(request.send().await.unwrap());
        assert_eq!(stream.status, 200);
        assert_eq!(stream.next().await.unwrap().data["type"], "connected");
        let head = [("cookie", cookie.as_str())];
        let mut socket = Socket::try_with(&server, &work.socket(), &head).await.unwrap();
        assert_eq!(socket.message().await["type"], "connected");
        let status = api.get(&work.status()).header(COOKIE, cookie);
        assert_eq!(api.call(status).await.expect(200).json()["status"], "not_started");
    }
    // Nobody else's page may open it, and nobody else's document is opened.
    let foreign = [("cookie", cookie.as_str()), ("origin", "https://evil.example")];
    assert_eq!(Socket::try_with(&server, &work.socket(), &foreign).await.err(), Some(403));
    let head = [("cookie", cookie.as_str())];
    assert_eq!(Socket::try_with(&server, &other.socket(), &head).await.err(), Some(404));
}

#[tokio::test]
async fn what_is_switched_off_is_not_there() {
    let server = Server::with(&[("WEBSOCKET_ENABLED", "false")]);
    let api = server.api();
    let work = Work::on(&api, "Book").await;
    assert_eq!(Socket::try_at(&server, &work.socket()).await.err(), Some(503));
    let mut stream = api.stream(&work.stream(), None).await;
    assert_eq!(stream.next().await.unwrap().data["type"], "connected");
    let server = Server::with(&[("MILEPOST_DIALECTS_DOCUMENT", "false")]);
    let api = server.api();
    for path in ["/api/documents", "/api/websocket/stats"] {
        api.call(api.get(path)).await.refused(404, "not_found", None);
    }
}
