//! Where credentials are presented, by whom pages may be sent, and what nobody is told.

use reqwest::header::{COOKIE, ORIGIN};
use serde_json::json;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self};

use crate::harness::{
    Server, Socket, binary, exits, guarded, guarded_with, id_of, run, signed, token_of,
};

fn cookie(owner: &str) -> String {
    format!("theme=dark; milepost_session={}", token_of(owner))
}

#[tokio::test]
async fn without_a_credential_there_is_an_answer_that_says_so() {
    let server = guarded();
    let api = server.api();
    let reply = api.call(api.get("/v1/jobs")).await;
    assert_eq!(reply.header("www-authenticate"), "Bearer");
    let problem = reply.refused(401, "unauthenticated", None);
    assert!(problem["detail"].as_str().unwrap().contains("Authorization: Bearer"), "{problem}");
    for path in ["/healthz", "/readyz", "/openapi.json", "/docs/"] {
        api.call(api.get(path)).await.expect(200);
    }
    api.call(api.get("/metrics")).await.refused(401, "unauthenticated", None);
    // Any name does, since nothing is told to whoever has no credential.
    let named = server.api_of("ann");
    named.call(named.get("/v1/jobs").header("host", "docs.example")).await.expect(200);
}

#[tokio::test]
async fn a_url_takes_what_ends_soon() {
    let server = guarded();
    let api = server.api();
    let brief = token_of("ann");
    api.call(api.get(&format!("/v1/jobs?token={brief}"))).await.expect(200);
    let long = signed(json!({"sub": "ann"}), 7200);
    for query in [format!("token={long}"), format!("access_token={brief}"), format!("jwt={brief}")]
    {
        let reply = api.call(api.get(&format!("/v1/jobs?{query}"))).await;
        reply.refused(400, "credential_in_url", None);
    }
    // Nor does it beside another one, or where nobody asks for one.
    let ann = server.api_of("ann");
    let beside = ann.get(&format!("/v1/jobs?token={long}"));
    ann.call(beside).await.refused(400, "credential_in_url", None);
    ann.call(ann.get(&format!("/v1/jobs?token={brief}"))).await.expect(200);
    let key = "mp_0123456789abcdef0123456789abcdef";
    let open = api.get(&format!("/healthz?token={key}"));
    api.call(open).await.refused(400, "credential_in_url", None);
    let request = format!("ws://{}/v1/ws?token={long}", server.address());
    match tokio_tungstenite::connect_async(request).await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 400),
        other => panic!("{other:?}"),
    }
    let mut socket = Socket::open_at(&server, &format!("?token={brief}")).await;
    socket.send(&json!({"type": "ping"})).await;
    assert_eq!(socket.message().await["type"], "pong");
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing_from_another_site() {
    let server = guarded_with(&[("MILEPOST_ORIGINS", "https://app.example")]);
    let api = server.api();
    let post = || {
        let body = json!({"pipeline": "external"});
        api.post("/v1/jobs").header(COOKIE, cookie("ann")).json(&body)
    };
    let made = api.call(post()).await.expect(202).json();
    let get = |origin: &str| {
        let path = format!("/v1/jobs/{}", id_of(&made));
        api.get(&path).header(COOKIE, cookie("ann")).header(ORIGIN, origin)
    };
    for origin in [server.url(), "https://app.example"] {
        api.call(post().header(ORIGIN, origin)).await.expect(202);
        api.call(get(origin)).await.expect(200);
    }
    // A page can read why it is refused, and ask whether it may send a credential.
    let unknown = api.get("/v1/jobs").header(ORIGIN, "https://app.example");
    let unknown = api.call(unknown).await.expect(401);
    assert_eq!(unknown.header("access-control-allow-origin"), "https://app.example");
    let ask = api.request(reqwest::Method::OPTIONS, "/v1/jobs");
    let ask = ask.header(ORIGIN, "https://app.example");
    let ask = ask.header("access-control-request-method", "POST");
    let allowed = api.call(ask.header("access-control-request-headers", "authorization")).await;
    assert!(allowed.status < 300, "{}", allowed.text());
    assert!(allowed.header("access-control-allow-headers").contains("authorization"));
    for origin in ["https://evil.example", "null", "https://app.example.evil"] {
        api.call(post().header(ORIGIN, origin)).await.refused(403, "forbidden", None);
        api.call(get(origin)).await.refused(403, "forbidden", None);
        let mut request = format!("ws://{}/v1/ws", server.address()).into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        request.headers_mut().insert("cookie", cookie("ann").parse().unwrap());
        match tokio_tungstenite::connect_async(request).await {
            Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 403),
            other => panic!("{origin}: {other:?}"),
        }
    }
    // A form of another site, from a browser that sends no `Origin` with it.
    for site in ["cross-site", "same-site"] {
        let reply = api.call(post().header("sec-fetch-site", site)).await;
        reply.refused(403, "forbidden", None);
    }
    api.call(post().header("sec-fetch-site", "same-origin")).await.expect(202);
    // A header is nothing that a browser sends unasked.
    let ann = server.api_of("ann");
    let by_header = ann.post("/v1/jobs").json(&json!({"pipeline": "external"}));
    ann.call(by_header.header("sec-fetch-site", "cross-site")).await.expect(202);
    assert_eq!(ann.list("/v1/jobs").await.len(), 5);
}

#[tokio::test]
async fn every_answer_has_the_headers_of_a_careful_server() {
    let server = guarded();
    let (api, ann) = (server.api(), server.api_of("ann"));
    let id = ann.submit_text("# One").await;
    ann.completed(&id).await;
    for request in [
        api.get("/v1/jobs"),
        api.get("/healthz"),
        api.get("/nowhere"),
        ann.get("/v1/jobs"),
        ann.get(&format!("/v1/jobs/{id}/result?format=html")),
        api.get("/docs/"),
    ] {
        let reply = api.call(request).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert_eq!(reply.header("x-frame-options"), "DENY");
        assert!(reply.header("content-security-policy").contains("default-src"));
        assert_eq!(reply.header("x-request-id").len(), 36);
        if reply.status >= 400 {
            assert_eq!(reply.json()["request_id"], reply.header("x-request-id"));
        }
    }
}

#[test]
fn a_secret_is_not_printed() {
    let secret = "correct horse battery staple, and some more";
    let mut command = binary();
    command.arg("config").env("MILEPOST_JWT_SECRET", secret);
    command.env("MILEPOST_TOKENS_SECRET", secret).env("MILEPOST_COOKIE_NEXTAUTH_SECRET", secret);
    let printed = exits(&run(&mut command), 0);
    assert!(!printed.contains(secret), "{printed}");
    let hidden = printed.lines().filter(|line| line.ends_with("\"(hidden)\"")).count();
    assert_eq!(hidden, 3, "{printed}");
    // What was printed is not taken for a secret.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("milepost.toml");
    std::fs::write(&file, &printed).unwrap();
    let output = run(binary().arg("config").arg("--config").arg(&file));
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("not printed"), "{said}");
}

#[test]
fn modes_that_cannot_know_anybody_do_not_start() {
    let folder = tempfile::tempdir().unwrap();
    for (settings, word) in [
        (vec![("MILEPOST_AUTH", "jwt")], "jwt"),
        (vec![("MILEPOST_AUTH", "cookie")], "cookie"),
        (vec![("MILEPOST_AUTH", "none,jwt")], "MILEPOST_AUTH"),
        (vec![("MILEPOST_AUTH", "jwt"), ("MILEPOST_JWT_SECRET", "short")], "jwt.secret"),
        (vec![("MILEPOST_TOKENS_SECRET", "short")], "tokens.secret"),
        (vec![("MILEPOST_AUTH", "jwt"), ("MILEPOST_JWT_KEY_FILES", "/none.pem")], "/none.pem"),
    ] {
        let mut command = binary();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path());
        let output = run(command.envs(settings.iter().copied()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(word), "{settings:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

/// With authentication a server may listen anywhere.
#[tokio::test]
async fn a_server_with_authentication_may_be_open_to_the_network() {
    let server: Server = guarded_with(&[]);
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary();
    command.args(["serve", "--listen", "0.0.0.0:1", "--data-dir"]).arg(folder.path());
    command.env("MILEPOST_AUTH", "api-keys");
    // The port may not be ours to have; the address is not what is refused.
    command.env("MILEPOST_TLS_CERT", "/none.pem").env("MILEPOST_TLS_KEY", "/none.pem");
    let said = String::from_utf8_lossy(&run(&mut command).stderr).into_owned();
    assert!(!said.contains("refusing to listen"), "{said}");
    drop(server);
}
