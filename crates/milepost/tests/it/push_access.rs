//! Whose a browser is that is told of jobs' ends, and which services may be called.

use serde_json::{Value, json};

use crate::harness::{Browser, SUBSCRIPTIONS, Server, Web, guarded_with, id_of, token_of};

#[tokio::test]
async fn only_services_that_the_operator_permits_are_called() {
    let (server, web) = (Server::start(), Web::start());
    let (api, browser) = (server.api(), Browser::new("/s3cr3t"));
    let mut body = browser.subscription(&web);
    for endpoint in [
        web.url("/s3cr3t"),
        "https://169.254.169.254/s3cr3t".to_owned(),
        "https://push.example/s3cr3t".to_owned(),
        "http://fcm.googleapis.com/s3cr3t".to_owned(),
        "file:///s3cr3t".to_owned(),
    ] {
        body["endpoint"] = json!(endpoint);
        let reply = api.call(api.post(SUBSCRIPTIONS).json(&body)).await;
        let problem = reply.refused(422, "invalid_field", Some("endpoint"));
        assert!(!problem.to_string().contains("s3cr3t"), "{problem}");
    }
    body["endpoint"] = json!("https://fcm.googleapis.com/fcm/send/s3cr3t");
    let made = api.call(api.post(SUBSCRIPTIONS).json(&body)).await.expect(201).json();
    assert_eq!(made["service"], "fcm.googleapis.com");
    for (field, value) in [
        ("keys.p256dh", json!({"p256dh": "AAAA", "auth": body["keys"]["auth"]})),
        ("keys.auth", json!({"p256dh": body["keys"]["p256dh"], "auth": "AAAA"})),
        ("keys.auth", json!({"p256dh": body["keys"]["p256dh"]})),
    ] {
        let mut body = body.clone();
        body["keys"] = value;
        let reply = api.call(api.post(SUBSCRIPTIONS).json(&body)).await;
        reply.refused(422, "invalid_field", Some(field));
    }
    assert!(!web.was_called());
}

#[tokio::test]
async fn where_it_is_off_there_is_none() {
    let server = Server::with(&[("MILEPOST_PUSH_ENABLED", "false")]);
    let (api, web) = (server.api(), Web::start());
    let info = api.call(api.get("/v1/info")).await.expect(200).json();
    assert_eq!(info["push"], Value::Null);
    let body = Browser::new("/1").subscription(&web);
    let path = format!("{SUBSCRIPTIONS}/00000000-0000-7000-8000-000000000000");
    for request in [api.post(SUBSCRIPTIONS).json(&body), api.get(SUBSCRIPTIONS), api.delete(&path)]
    {
        let problem = api.call(request).await.refused(404, "not_found", None);
        assert!(problem["detail"].as_str().unwrap().contains("push.enabled"), "{problem}");
    }
}

#[tokio::test]
async fn a_browser_is_whoever_s_uses_it_and_ends_with_their_key() {
    let service = Web::start();
    let host = format!("127.0.0.1:{}", service.port());
    let server = guarded_with(&[("MILEPOST_PUSH_HOSTS", &host)]);
    let (ann, ben, root) = (server.api_of("ann"), server.api_of("ben"), server.api_of_admin());
    let fail = async |api: &crate::harness::Api| {
        let made = api.submit_json(&json!({"pipeline": "external"})).await.expect(202).json();
        let id = id_of(&made);
        let error = json!({"error": {"message": "no"}});
        api.call(api.post(&format!("/v1/jobs/{id}/fail")).json(&error)).await.expect(200);
        id
    };
    let (browser, shared) = (Browser::new("/of-ann"), Browser::new("/shared"));
    let id = browser.subscribe(&ann, &service).await;
    shared.subscribe(&ann, &service).await;
    // What is somebody else's is not there.
    assert!(ben.list(SUBSCRIPTIONS).await.is_empty());
    for stranger in [&ben, &root] {
        let path = format!("{SUBSCRIPTIONS}/{id}");
        stranger.call(stranger.delete(&path)).await.refused(404, "not_found", None);
    }
    server.api().call(server.api().get(SUBSCRIPTIONS)).await.refused(401, "unauthenticated", None);
    fail(&ben).await;
    // Ben signs in where Ann did: from now on the browser tells of his jobs alone.
    shared.subscribe(&ben, &service).await;
    assert_eq!(ann.list(SUBSCRIPTIONS).await.len(), 1);
    let (of_ann, of_ben) = (fail(&ann).await, fail(&ben).await);
    let mut told = Vec::new();
    for _ in 0..2 {
        let mut visit = service.visit().await;
        visit.body().await;
        told.push(visit.target().to_owned());
        visit.answer("201 Created", b"").await;
    }
    told.sort();
    assert_eq!(told, ["/of-ann", "/shared"], "{of_ann} {of_ben}");

    let key = root.post("/v1/keys").json(&json!({"name": "script", "owner": "cal"}));
    let key: Value = root.call(key).await.expect(201).json();
    let cal = server.api_with(key["key"].as_str().unwrap());
    let of_cal = Browser::new("/of-cal");
    of_cal.subscribe(&cal, &service).await;
    let lost = fail(&cal).await;
    let message = of_cal.told(&service, "201 Created").await.message;
    assert_eq!(message["job"]["id"], lost);
    root.call(root.delete(&format!("/v1/keys/{}", id_of(&key)))).await.expect(204);
    let cal = server.api_of("cal");
    assert!(cal.list(SUBSCRIPTIONS).await.is_empty());
    fail(&cal).await;
    // The next one that is told is another owner's.
    fail(&ann).await;
    let mut visit = service.visit().await;
    visit.body().await;
    assert_eq!(visit.target(), "/of-ann");
    visit.answer("201 Created", b"").await;
}

#[tokio::test]
async fn an_owner_s_oldest_browser_makes_room() {
    let service = Web::start();
    let host = format!("127.0.0.1:{}", service.port());
    let server = Server::with(&[("MILEPOST_PUSH_HOSTS", &host)]);
    let api = server.api();
    let browsers: Vec<_> = (0..21).map(|n| Browser::new(&format!("/{n}"))).collect();
    let mut ids = Vec::new();
    for browser in &browsers[..20] {
        ids.push(browser.subscribe(&api, &service).await);
    }
    // The first is renewed, so it is the second that goes.
    let body = browsers[0].subscription(&service);
    api.call(api.post(SUBSCRIPTIONS).json(&body)).await.expect(200);
    ids.push(browsers[20].subscribe(&api, &service).await);
    ids.remove(1);
    ids.reverse();
    let listed: Vec<_> = api.list(SUBSCRIPTIONS).await.iter().map(id_of).collect();
    assert_eq!(listed, ids);
}

#[tokio::test]
async fn who_signs_out_is_told_nothing_more() {
    let service = Web::start();
    let host = format!("127.0.0.1:{}", service.port());
    let server = guarded_with(&[("MILEPOST_PUSH_HOSTS", &host)]);
    let (ann, api) = (server.api_of("ann"), server.api());
    let token = json!({"token": token_of("ann")});
    let signed_in = api.call(api.post("/v1/session").json(&token)).await.expect(200);
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    let body = Browser::new("/page").subscription(&service);
    let subscribe = api.post(SUBSCRIPTIONS).header("cookie", &cookie).json(&body);
    api.call(subscribe).await.expect(201);
    assert_eq!(ann.list(SUBSCRIPTIONS).await.len(), 1);
    api.call(api.delete("/v1/session").header("cookie", &cookie)).await.expect(204);
    assert!(ann.list(SUBSCRIPTIONS).await.is_empty());
    // The same browser, for somebody who is still there.
    let again = ann.call(ann.post(SUBSCRIPTIONS).json(&body)).await;
    assert!([200, 201].contains(&again.status), "{}", again.text());
    assert_eq!(ann.list(SUBSCRIPTIONS).await.len(), 1);
}
