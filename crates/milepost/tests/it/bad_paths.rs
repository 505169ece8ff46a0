//! Paths and methods that lead nowhere.

use crate::harness::Server;

const NOBODY: &str = "0199aaaa-0000-7000-8000-000000000000";

#[tokio::test]
async fn what_is_not_there_is_a_404() {
    let server = Server::start();
    let api = server.api();
    for id in [NOBODY, "nonsense", "1", "%00", "..%2f..", &"x".repeat(3000)] {
        for path in ["", "/events", "/pages", "/pages/1", "/result"] {
            let request = api.get(&format!("/v1/jobs/{id}{path}"));
            api.call(request).await.refused(404, "not_found", None);
        }
        for order in ["cancel", "retry", "confirm"] {
            let request = api.post(&format!("/v1/jobs/{id}/{order}"));
            api.call(request).await.refused(404, "not_found", None);
        }
        let path = format!("/v1/documents/{id}");
        for request in [
            api.get(&path),
            api.get(&format!("{path}/content")),
            api.delete(&path),
            api.delete(&format!("/v1/jobs/{id}")),
            api.get(&format!("/v1/jobs/{id}?after=0&wait=1")),
        ] {
            api.call(request).await.refused(404, "not_found", None);
        }
    }
    for path in ["/v1", "/v1/nothing", "/v2/jobs", "/v1/jobs/"] {
        api.call(api.get(path)).await.refused(404, "not_found", None);
    }
    let id = api.submit_text("# One").await;
    api.completed(&id).await;
    for page in ["0", "2", "-1", "x", "99999999999999999999"] {
        let request = api.get(&format!("/v1/jobs/{id}/pages/{page}"));
        api.call(request).await.refused(404, "not_found", None);
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = Server::start();
    let api = server.api();
    for (path, allowed) in [
        ("/v1/jobs", &["GET", "POST"][..]),
        ("/v1/documents", &["GET", "POST"]),
        (&format!("/v1/jobs/{NOBODY}/cancel"), &["POST"]),
        ("/v1/stats", &["GET"]),
    ] {
        let reply = api.call(api.put(path)).await;
        let allow = reply.header("allow").to_owned();
        reply.refused(405, "method_not_allowed", None);
        for method in allowed {
            assert!(allow.contains(method), "{path}: {allow:?}");
        }
    }
}
