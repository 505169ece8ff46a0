//! Signing in on a page: a cookie stands for a credential, for as long as that holds.

use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::{Value, json};

use crate::harness::{
    Api, Reply, Server, Socket, Things, eventually, guarded, guarded_with, id_of, signed, token_of,
};

/// Signs in; what the browser sends from then on.
async fn signed_in(server: &Server, credential: &str) -> String {
    let reply = log_in(&server.api(), credential).await.expect(200);
    cookie_of(&reply)
}

async fn log_in(api: &Api, credential: &str) -> Reply {
    api.call(api.post("/v1/session").json(&json!({"token": credential}))).await
}

fn cookie_of(reply: &Reply) -> String {
    reply.header(SET_COOKIE.as_str()).split(';').next().unwrap().to_owned()
}

/// A key of ann's: its id, and itself.
async fn key(server: &Server) -> (String, String) {
    let root = server.api_of_admin();
    let wish = json!({"name": "page", "owner": "ann", "scopes": ["read", "submit"]});
    let made = root.call(root.post("/v1/keys").json(&wish)).await.expect(201).json();
    (id_of(&made), made["key"].as_str().unwrap().to_owned())
}

async fn session(api: &Api, cookie: &str) -> Reply {
    api.call(api.get("/v1/session").header(COOKIE, cookie)).await
}

#[tokio::test]
async fn a_key_is_exchanged_for_a_cookie_that_no_script_reads() {
    let server = guarded();
    let (api, (_, key)) = (server.api(), key(&server).await);
    let reply = log_in(&api, &key).await.expect(200);
    let who = reply.json();
    assert_eq!((&who["owner"], &who["scopes"]), (&json!("ann"), &json!(["submit", "read"])));
    assert!(who["expires_at"].is_string(), "no session lasts for ever: {who}");
    let set = reply.header("set-cookie");
    for part in ["milepost_login=", "HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=25"] {
        assert!(set.contains(part), "{part} is not in {set}");
    }
    assert!(!set.contains("Secure") && !set.contains(&key), "{set}");
    let cookie = cookie_of(&reply);
    assert_eq!(session(&api, &cookie).await.expect(200).json(), who);
    // It is as good as the key: for calls, sockets and streams, and for no more.
    let submit = api.post("/v1/jobs").json(&json!({"pipeline": "external"}));
    let job = id_of(&api.call(submit.header(COOKIE, &cookie)).await.expect(202).json());
    let cancel = api.post(&format!("/v1/jobs/{job}/cancel")).header(COOKIE, &cookie);
    api.call(cancel).await.refused(403, "forbidden", None);
    let mut socket = Socket::try_with(&server, "/v1/ws", &[("cookie", &cookie)]).await.unwrap();
    socket.send(&json!({"type": "subscribe", "jobs": [job]})).await;
    assert_eq!(socket.message_of("subscribed").await["jobs"], json!([job]));
    // Signing out ends it on the server, too.
    let out = api.call(api.delete("/v1/session").header(COOKIE, &cookie)).await.expect(204);
    assert!(
        out.header("set-cookie").starts_with("milepost_login=; "),
        "{}",
        out.header("set-cookie")
    );
    session(&api, &cookie).await.refused(401, "unauthenticated", None);
    socket.send(&json!({"type": "subscribe", "mine": true})).await;
    assert_eq!(socket.close_code().await, 4401);
    api.call(api.delete("/v1/session").header(COOKIE, &cookie)).await.expect(204);
}

#[tokio::test]
async fn a_session_ends_with_its_credential() {
    let server = guarded();
    let (api, (id, key)) = (server.api(), key(&server).await);
    let of_key = signed_in(&server, &key).await;
    session(&api, &of_key).await.expect(200);
    let root = server.api_of_admin();
    root.call(root.delete(&format!("/v1/keys/{id}"))).await.expect(204);
    session(&api, &of_key).await.refused(401, "unauthenticated", None);

    let brief = signed(json!({"sub": "ann"}), 2);
    let reply = log_in(&api, &brief).await.expect(200);
    let of_token = cookie_of(&reply);
    session(&api, &of_token).await.expect(200);
    eventually("the end of the token", || async {
        (session(&api, &of_token).await.status == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_does_not_hold_signs_nobody_in() {
    let server = guarded_with(&[("MILEPOST_LIMITS_FAILED_LOGINS", "3/min")]);
    let api = server.api();
    let job = Things::made_by(&server.api_of("ann")).await;
    for wrong in
        [format!("mp_{}", "0".repeat(64)), signed(json!({"sub": "ann"}), -60), job.job_token]
    {
        let reply = log_in(&api, &wrong).await;
        assert!(reply.headers.get("set-cookie").is_none());
        reply.refused(401, "unauthenticated", None);
    }
    log_in(&api, "one guess more").await.refused(429, "rate_limited", None);
    let strange = api.post("/v1/session").json(&json!({"token": "x", "owner": "ann"}));
    api.call(strange).await.refused(422, "invalid_field", Some("owner"));
    api.call(api.get("/v1/session")).await.refused(401, "unauthenticated", None);
}

#[tokio::test]
async fn pages_of_others_sign_nobody_in_or_out() {
    let server = guarded();
    let api = server.api();
    let token = token_of("ann");
    let cookie = signed_in(&server, &token).await;
    let with = |request: reqwest::RequestBuilder| request.header("sec-fetch-site", "cross-site");
    let login = api.post("/v1/session").json(&json!({"token": token}));
    api.call(with(login)).await.refused(403, "forbidden", None);
    let logout = api.delete("/v1/session").header(COOKIE, &cookie);
    api.call(with(logout)).await.refused(403, "forbidden", None);
    let order = api.post("/v1/jobs").json(&json!({"pipeline": "external"}));
    api.call(with(order.header(COOKIE, &cookie))).await.refused(403, "forbidden", None);
    session(&api, &cookie).await.expect(200);
    // Two that contradict each other are nobody's.
    let two = format!("{cookie}; milepost_login=other");
    session(&api, &two).await.refused(401, "unauthenticated", None);
}

#[tokio::test]
async fn over_tls_the_cookie_is_bound_to_this_host() {
    let server = guarded();
    let api = server.api();
    let own = format!("https://{}", server.address());
    let login = api.post("/v1/session").json(&json!({"token": token_of("ann")}));
    let reply = api.call(login.header("origin", &own)).await.expect(200);
    let set = reply.header("set-cookie");
    assert!(set.starts_with("__Host-milepost_login=") && set.contains("; Secure"), "{set}");
    let cookie = cookie_of(&reply);
    session(&api, &cookie).await.expect(200);
    // What another host of the domain may set does not count beside it.
    session(&api, &format!("milepost_login=other; {cookie}")).await.expect(200);
    // Both names are gone with it.
    let logout = api.delete("/v1/session").header("origin", &own).header(COOKIE, &cookie);
    let reply = api.call(logout).await.expect(204);
    let cleared: Vec<_> = reply.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cleared.len(), 2, "{cleared:?}");
}

#[tokio::test]
async fn over_tls_no_other_name_is_taken() {
    let server = guarded_with(&[("MILEPOST_PROXIES", "127.0.0.1")]);
    let api = server.api();
    let cookie = signed_in(&server, &token_of("ann")).await;
    assert!(cookie.starts_with("milepost_login="), "{cookie}");
    session(&api, &cookie).await.expect(200);
    let encrypted = api.get("/v1/session").header("x-forwarded-proto", "https");
    let refused = api.call(encrypted.header(COOKIE, &cookie)).await;
    refused.refused(401, "unauthenticated", None);
}

#[tokio::test]
async fn signing_in_and_out_is_kept_in_the_audit_log() {
    let server = guarded();
    let (api, (id, key)) = (server.api(), key(&server).await);
    let cookie = signed_in(&server, &key).await;
    api.call(api.delete("/v1/session").header(COOKIE, &cookie)).await.expect(204);
    let kept = eventually("both entries", || async {
        let text = std::fs::read_to_string(server.data().join("audit.jsonl")).ok()?;
        assert!(!text.contains(&key) && !text.contains(cookie.split_once('=').unwrap().1));
        let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let ours = |entry: &Value| entry["action"].as_str().unwrap().ends_with(" /v1/session");
        let kept: Vec<_> = entries.filter(ours).collect();
        (kept.len() == 2).then_some(kept)
    })
    .await;
    for (entry, method) in kept.iter().zip(["POST", "DELETE"]) {
        assert_eq!(entry["action"], format!("{method} /v1/session"));
        assert_eq!((&entry["owner"], &entry["key"]), (&json!("ann"), &json!(id)));
        assert_eq!(entry["credential"], "session");
    }
}

#[tokio::test]
async fn without_authentication_everybody_is_signed_in() {
    let server = Server::start();
    let api = server.api();
    let who = api.call(api.get("/v1/session")).await.expect(200).json();
    assert_eq!((&who["owner"], &who["expires_at"]), (&json!("local"), &Value::Null));
    let reply = log_in(&api, "whatever").await.expect(200);
    assert!(reply.headers.get("set-cookie").is_none());
    assert_eq!(reply.json(), who);
}

#[tokio::test]
async fn a_page_knows_what_the_server_takes_before_anybody_signs_in() {
    let server = guarded();
    let info = server.api().call(server.api().get("/v1/info")).await.expect(200).json();
    assert_eq!(info["name"], "milepost");
    assert_eq!(info["authentication"], json!(["api-keys", "jwt", "cookie"]));
    assert_eq!(info["formats"], json!(["markdown", "json", "html", "text"]));
    assert_eq!(info["pipelines"][0], "convert");
    assert_eq!(info["fetch_by_url"], false);
    assert!(info["limits"]["body"].as_u64() > Some(0), "{info}");
    let open = Server::with(&[("MILEPOST_FETCH_ENABLED", "true")]);
    let info = open.api().call(open.api().get("/v1/info")).await.expect(200).json();
    assert_eq!((&info["authentication"], &info["fetch_by_url"]), (&json!([]), &json!(true)));
}
