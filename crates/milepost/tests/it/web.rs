//! The web app comes with the server: its page, its files, and how browsers keep them.

use reqwest::Method;

use crate::harness::{Server, guarded};

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

#[tokio::test]
async fn people_get_the_app_and_programs_what_they_got() {
    let server = Server::start();
    let api = server.api();
    let page = api.call(api.get("/").header("accept", HTML)).await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let vary: Vec<_> = page.headers.get_all("vary").iter().collect();
    assert!(vary.iter().any(|value| *value == "accept"), "{vary:?}");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let program = api.call(api.get("/").header("accept", "application/json")).await.expect(200);
    assert_eq!(program.json()["message"], "Milepost");
    // Views of the app are known to its page.
    for path in ["/app", "/app/", "/app/jobs/01a2", "/app/monitor"] {
        assert_eq!(api.call(api.get(path)).await.expect(200).body, page.body, "{path}");
    }
    // An old file is no page.
    api.call(api.get("/app/assets/old-0000.js")).await.expect(404);
}

#[tokio::test]
async fn browsers_keep_the_page_and_ask_whether_it_is_the_same() {
    let server = Server::start();
    let api = server.api();
    let plain = api.call(api.get("/app/")).await.expect(200);
    assert!(plain.headers.get("content-encoding").is_none());
    assert_eq!(plain.header("cache-control"), "no-cache");
    let packed = api.call(api.get("/app/").header("accept-encoding", "br, gzip")).await.expect(200);
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() < plain.body.len());
    assert_ne!(packed.header("etag"), plain.header("etag"));
    let refused = api.get("/app/").header("accept-encoding", "gzip;q=0");
    assert_eq!(api.call(refused).await.expect(200).body, plain.body);
    let tag = plain.header("etag").to_owned();
    let again = api.call(api.get("/app/").header("if-none-match", &tag)).await.expect(304);
    assert_eq!((again.header("etag"), again.body.len()), (tag.as_str(), 0));
    let head = api.call(api.request(Method::HEAD, "/app/")).await.expect(200);
    assert_eq!(head.header("content-length"), plain.body.len().to_string());
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn whoever_is_to_sign_in_has_a_page_to_do_so() {
    let server = guarded();
    let api = server.api();
    api.call(api.get("/").header("accept", HTML)).await.expect(200);
    api.call(api.get("/app/jobs/01a2")).await.expect(200);
    let strange = api.get("/app/").header("origin", "https://evil.example");
    let refused = api.call(strange).await.expect(403);
    assert!(refused.header("content-type").starts_with("text/plain"));
}

#[tokio::test]
async fn the_app_can_be_off() {
    let server = Server::with(&[("MILEPOST_WEB_ENABLED", "false")]);
    let api = server.api();
    let front = api.call(api.get("/").header("accept", HTML)).await;
    assert!(matches!(front.status, 301..=308), "{}", front.status);
    for path in ["/app", "/app/jobs", "/sw.js"] {
        api.call(api.get(path)).await.expect(404);
    }
}
