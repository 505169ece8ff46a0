//! Every route of the server times every kind of caller. The routes come from the
//! server's own description, and from a table of those that other systems describe, with
//! the rule by which each is decided: a new route that the matrix does not know how to
//! call fails it.

use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::{
    Api, Reply, Server, Things, guarded, id_of, signed, signed_with, token_of, token_with_role,
};

/// What a caller is to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    /// Nobody knows who it is.
    Unknown,
    /// It is known, and may not do that.
    Forbidden,
    /// There is no such thing for it.
    Hidden,
    /// Whatever else the handler says.
    Handled,
}

/// Kinds of callers, and what they may do.
const CALLERS: [&str; 10] = [
    "nobody",
    "expired token",
    "wrong signature",
    "wrong key",
    "other owner",
    "job token",
    "reader",
    "owner",
    "key of the owner",
    "administrator",
];

/// An id of nothing.
const NOTHING: &str = "00000000-0000-7000-8000-000000000000";

/// A key that nobody needs.
async fn spare_key(root: &Api) -> String {
    let key = root.post("/v1/keys").json(&json!({"name": "spare"}));
    id_of(&root.call(key).await.expect(201).json())
}

/// The path with ids of things, and whether it is about a job.
fn concrete(route: &str, things: &Things, key: &str, there: bool) -> (String, bool) {
    let (id, job) = match route {
        _ if route.starts_with("/v1/jobs/{id}") => (things.job.as_str(), true),
        "/v1/stream" => (things.job.as_str(), true),
        _ if route.starts_with("/v1/documents/{id}") => (things.document.as_str(), false),
        _ if route.starts_with("/v1/batches/{id}") => (things.batch.as_str(), false),
        _ if route.starts_with("/v1/keys/{id}") => (key, false),
        // Of others' there are none, so any will do.
        "/v1/push/subscriptions/{id}" => (key, false),
        _ if route.contains("{conversion}") || route.contains("{upload}") => {
            (things.job.as_str(), true)
        }
        _ if route.starts_with("/api/v1/") && route.contains("jobs/{id}") => {
            (things.job.as_str(), true)
        }
        _ if route.starts_with("/api/") && route.contains("{document}") => {
            (things.document.as_str(), false)
        }
        "/api/sse/conversion-progress" => (things.document.as_str(), false),
        // Of others' there are none of any name.
        _ if route.starts_with("/v1/collections/{name}") => ("note.md", false),
        _ if route.contains("{name}") => ("note.md", false),
        _ if route.contains("{*file}") => ("jobs", false),
        _ if !route.contains('{') => ("", false),
        _ => panic!("the matrix does not know what {route} is about"),
    };
    let id = if there { id } else { NOTHING };
    let names = ["id", "conversion", "upload", "job", "document", "name"];
    let path = names
        .iter()
        .fold(route.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), id))
        .replace("{page}", "1")
        .replace("{*file}", id);
    assert!(!path.contains('{'), "the matrix does not know what to put into {route}");
    let path = match route {
        "/v1/stream" => format!("{path}?job={id}"),
        "/api/sse/conversion-progress" => format!("{path}?documentId={id}"),
        _ => path,
    };
    (path, job)
}

/// What a call needs to be decided and not refused before.
fn body(route: &str) -> Option<Value> {
    match route.rsplit('/').next() {
        Some("progress" | "complete") => Some(json!({})),
        Some("fail") => Some(json!({"error": {"message": "no"}})),
        _ => None,
    }
}

fn may(caller: &str, scope: &str) -> bool {
    match caller {
        "other owner" | "owner" | "key of the owner" => {
            ["submit", "read", "cancel", "work"].contains(&scope)
        }
        "reader" => ["read", "read_all"].contains(&scope),
        "administrator" => true,
        _ => false,
    }
}

fn expected(rule: &str, caller: &str, about_a_job: bool) -> Met {
    let known = !matches!(caller, "nobody" | "expired token" | "wrong signature" | "wrong key");
    let (kind, scope) = rule.split_once(':').unwrap_or((rule, ""));
    match kind {
        // Sockets have a matrix of their own.
        "open" | "socket" => Met::Handled,
        _ if !known => Met::Unknown,
        "known" if caller == "job token" => Met::Forbidden,
        "known" => Met::Handled,
        "needs" if may(caller, scope) => Met::Handled,
        "needs" => Met::Forbidden,
        "of" => match caller {
            "other owner" => Met::Hidden,
            "job token" if !about_a_job => Met::Hidden,
            "job token" if scope == "read" => Met::Handled,
            "job token" => Met::Forbidden,
            _ if may(caller, scope) => Met::Handled,
            _ => Met::Forbidden,
        },
        _ => panic!("the matrix does not know the rule {rule}"),
    }
}

/// The head of the answer, and its body where it is a refusal: others may be streams.
async fn head(request: RequestBuilder) -> Reply {
    let response = request.send().await.expect("the server answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = if status >= 400 { response.bytes().await.unwrap().to_vec() } else { Vec::new() };
    Reply { status, headers, body }
}

/// What a refusal says, in whatever form, without the id that was asked for.
fn said(reply: &Reply, things: &Things) -> String {
    let text = reply.text();
    let json = serde_json::from_str::<Value>(&text).unwrap_or_default();
    let named = ["detail", "error", "msg"].iter().find_map(|name| json.get(name));
    let ids = [&things.job, &things.document, &things.batch, NOTHING];
    ids.into_iter().fold(named.map_or(text, Value::to_string), |said, id| said.replace(id, "ID"))
}

/// The routes that other systems describe: method, path, rule.
fn others() -> Vec<(&'static str, &'static str, &'static str)> {
    let rows = include_str!("routes.txt").lines().map(|line| {
        let mut words = line.split(' ');
        let mut next = || words.next().expect("three words");
        (next(), next(), next())
    });
    rows.collect()
}

#[tokio::test]
async fn every_route_meets_every_caller_as_its_rule_says() {
    let server = guarded();
    let ann = server.api_of("ann");
    let root = server.api_of_admin();
    let key = root.post("/v1/keys").json(&json!({"name": "script", "owner": "ann"}));
    let key = root.call(key).await.expect(201).json()["key"].as_str().unwrap().to_owned();
    let credentials: BTreeMap<&str, String> = [
        ("expired token", signed(json!({"sub": "ann"}), -3600)),
        ("wrong signature", signed_with(&"y".repeat(40), json!({"sub": "ann"}), 3000)),
        ("wrong key", format!("mp_{}", "0".repeat(64))),
        ("other owner", token_of("ben")),
        ("reader", token_with_role("rita", "reader")),
        ("owner", token_of("ann")),
        ("key of the owner", key),
        ("administrator", token_with_role("root", "administrator")),
    ]
    .into();
    let description = server.api().call(server.api().get("/openapi.json")).await.json();
    let (mut wrong, mut met_so_far) = (Vec::new(), BTreeMap::<String, usize>::new());
    let mut routes = others();
    for (route, calls) in description["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            let rule = call["x-milepost-rule"].as_str().unwrap_or_else(|| panic!("{route}"));
            routes.push((method, route, rule));
        }
    }
    // It is refused before it is opened; `document_access` has its callers.
    routes.retain(|(_, route, _)| *route != "/api/websocket/conversion-progress");
    for (method, route, rule) in routes {
        for caller in CALLERS {
            let (things, spare) = (Things::made_by(&ann).await, spare_key(&root).await);
            let api = match caller {
                "nobody" => server.api(),
                "job token" => server.api_with(&things.job_token),
                _ => server.api_with(&credentials[caller]),
            };
            let ask = |there| {
                let (path, _) = concrete(route, &things, &spare, there);
                let method: Method = method.to_uppercase().parse().unwrap();
                let request = api.request(method, &path);
                head(match body(route) {
                    Some(body) => request.json(&body),
                    None => request,
                })
            };
            let (_, about_a_job) = concrete(route, &things, &spare, true);
            let reply = ask(true).await;
            let met = match reply.status {
                401 => Met::Unknown,
                // One protocol says so of a token that cannot be one.
                422 if reply.text().starts_with(r#"{"msg":"#) => Met::Unknown,
                403 => Met::Forbidden,
                // Of one's own things by name there are none.
                404 if rule.starts_with("needs") => Met::Handled,
                // Not to be told from what is not there.
                404 if said(&reply, &things) == said(&ask(false).await, &things) => Met::Hidden,
                _ => Met::Handled,
            };
            let wanted = expected(rule, caller, about_a_job);
            *met_so_far.entry(format!("{met:?}")).or_default() += 1;
            if met != wanted {
                let method = method.to_uppercase();
                wrong.push(format!(
                    "{method} {route} ({rule}) as {caller}: {wanted:?} was due, but {} {}",
                    reply.status,
                    reply.text(),
                ));
            }
            // What is not there yet says so.
            let fine = reply.status < 500 || reply.status == 501;
            assert!(fine, "{route} as {caller}: {}", reply.text());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(met_so_far.len(), 4, "{met_so_far:?}");
}

/// A route about one thing answers to a stranger as if there were no such thing, to
/// the last byte but for the id of the request.
#[tokio::test]
async fn what_is_hidden_cannot_be_told_from_what_is_not_there() {
    let server: Server = guarded();
    let (ann, ben) = (server.api_of("ann"), server.api_of("ben"));
    let (things, spare) = (Things::made_by(&ann).await, String::new());
    for route in ["/v1/jobs/{id}", "/v1/jobs/{id}/result", "/v1/documents/{id}", "/v1/batches/{id}"]
    {
        let ask = |there| ben.call(ben.get(&concrete(route, &things, &spare, there).0));
        let (hidden, absent) = (ask(true).await, ask(false).await);
        let body = |reply: &Reply| {
            let mut body = reply.json();
            body.as_object_mut().unwrap().remove("request_id").expect("an id");
            body
        };
        assert_eq!((hidden.status, body(&hidden)), (404, body(&absent)), "{route}");
        let names = |reply: &Reply| reply.headers.keys().map(|k| k.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&hidden), names(&absent), "{route}");
    }
    assert!(ben.list("/v1/jobs").await.is_empty());
    assert!(ben.list("/v1/documents").await.is_empty());
    assert_eq!(ann.list("/v1/jobs").await.len(), 2);
    let rita = server.api_with(&token_with_role("rita", "reader"));
    assert_eq!(rita.list("/v1/jobs?owner=*").await.len(), 2);
    assert_eq!(rita.list("/v1/jobs?owner=ann").await.len(), 2);
    assert!(rita.list("/v1/jobs").await.is_empty());
    ben.call(ben.get("/v1/jobs?owner=ann")).await.refused(403, "forbidden", None);
}
