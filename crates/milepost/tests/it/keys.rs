//! API keys: made on the machine and over the API, shown once, kept as a hash.

use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{Server, binary, eventually, exits, guarded, run};

fn keys(server: &Server, arguments: &[&str]) -> Output {
    run(binary().arg("keys").args(arguments).arg("--data-dir").arg(server.data()))
}

fn listed(server: &Server) -> Vec<Value> {
    let lines = exits(&keys(server, &["list", "--json"]), 0);
    lines.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[tokio::test]
async fn the_command_line_makes_lists_and_revokes_beside_a_running_server() {
    let server = guarded();
    let made =
        keys(&server, &["create", "importer", "--scopes", "submit,read", "--expires-in", "1d"]);
    let key = exits(&made, 0).trim().to_owned();
    assert!(key.starts_with("mp_") && key.len() == 67, "{key}");
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(said.contains("submit, read") && !said.contains(&key), "{said}");
    let importer = server.api_with(&key);
    let id = importer.submit_text("# One").await;
    importer.completed(&id).await;
    let cancel = importer.post(&format!("/v1/jobs/{id}/cancel"));
    importer.call(cancel).await.refused(403, "forbidden", None);
    importer.call(importer.get("/v1/keys")).await.refused(403, "forbidden", None);
    let used = || async { Some(listed(&server)).filter(|keys| !keys[0]["used_at"].is_null()) };
    let row = eventually("the last use", used).await.remove(0);
    assert_eq!(row["owner"], "importer");
    assert_eq!(row["scopes"], json!(["submit", "read"]));
    assert!(key.starts_with(row["start"].as_str().unwrap()), "{row}");
    let table = exits(&keys(&server, &["list"]), 0);
    assert!(table.contains("importer") && !table.contains(&key), "{table}");
    exits(&keys(&server, &["revoke", row["id"].as_str().unwrap()]), 0);
    let gone = || async {
        let reply = importer.call(importer.get("/v1/jobs")).await;
        Some(reply).filter(|reply| reply.status == 401)
    };
    let problem = eventually("the end of the key", gone).await.json();
    assert!(problem["detail"].as_str().unwrap().contains("revoked"), "{problem}");
    let nothing = keys(&server, &["revoke", "00000000-0000-7000-8000-000000000000"]);
    assert!(!nothing.status.success());
    let wrong = keys(&server, &["create", "x", "--scopes", "everything"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("read_all"), "{wrong:?}");
}

#[tokio::test]
async fn a_key_is_kept_nowhere() {
    let server = guarded();
    let key = exits(&keys(&server, &["create", "secretive"]), 0).trim().to_owned();
    let bot = server.api_with(&key);
    bot.call(bot.get("/v1/jobs")).await.expect(200);
    for path in [format!("/v1/jobs?token={key}"), format!("/v1/jobs?q={key}")] {
        let reply = server.api().call(server.api().get(&path)).await;
        let problem = reply.refused(400, "credential_in_url", None);
        assert!(!problem.to_string().contains(&key), "{problem}");
    }
    let wrong = server.api_with(&format!("{key}x"));
    wrong.call(wrong.get("/v1/jobs")).await.refused(401, "unauthenticated", None);
    for entry in std::fs::read_dir(server.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(key.len()).any(|window| window == key.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
    assert!(!server.log().contains(&key[3..]));
}

#[tokio::test]
async fn an_administrator_makes_keys_over_the_api() {
    let server = guarded();
    let root = server.api_of_admin();
    let make = |body: Value| root.call(root.post("/v1/keys").json(&body));
    let made = make(json!({"name": "bot", "owner": "ann", "scopes": ["read"], "expires_in": 60}));
    let made = made.await.expect(201).json();
    assert_eq!((&made["owner"], &made["scopes"]), (&json!("ann"), &json!(["read"])));
    let bot = server.api_with(made["key"].as_str().unwrap());
    server.api_of("ann").submit_text("# One").await;
    assert_eq!(bot.list("/v1/jobs").await.len(), 1);
    bot.submit_json(&json!({"source": {"text": "x"}})).await.refused(403, "forbidden", None);
    let all = root.list("/v1/keys").await;
    assert_eq!(all.len(), 1);
    assert!(all[0].get("key").is_none() && all[0]["name"] == "bot", "{all:?}");
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"name": "x".repeat(101)}), "name"),
        (json!({"name": "a", "owner": "a\nb"}), "owner"),
        (json!({"name": "a", "scopes": []}), "scopes"),
        (json!({"name": "a", "scopes": ["all"]}), "scopes"),
        (json!({"name": "a", "expires_in": 0}), "expires_in"),
        (json!({"name": "a", "colour": "red"}), "colour"),
    ] {
        make(body).await.refused(422, "invalid_field", Some(field));
    }
    // Whoever has the first key makes the others.
    let admin = exits(&keys(&server, &["create", "ops", "--scopes", "admin"]), 0);
    let ops = server.api_with(admin.trim());
    ops.call(ops.post("/v1/keys").json(&json!({"name": "more"}))).await.expect(201);
}

#[tokio::test]
async fn a_scope_allows_what_it_says_and_tells_no_more() {
    let server = guarded();
    let ann = server.api_of("ann");
    let key = |scope: &str| {
        let made = keys(&server, &["create", scope, "--owner", "ann", "--scopes", scope]);
        server.api_with(exits(&made, 0).trim())
    };
    let (submits, cancels, works) = (key("submit"), key("cancel"), key("work"));
    let new = || async {
        let made = json!({"pipeline": "external", "metadata": "private"});
        crate::harness::id_of(&ann.submit_json(&made).await.expect(202).json())
    };
    let job = new().await;
    // To share is to let read.
    let share = submits.post(&format!("/v1/jobs/{job}/share"));
    submits.call(share).await.refused(403, "forbidden", None);
    let form = crate::harness::Api::form("note.md", b"# Private".to_vec());
    let document = ann.call(ann.post("/v1/documents").multipart(form)).await.expect(201).json();
    let again = json!({"source": {"document": document["id"]}});
    submits.submit_json(&again).await.refused(403, "forbidden", None);
    // An order is obeyed, and answered with no more than how it went.
    let told = works.post(&format!("/v1/jobs/{job}/complete")).json(&json!({}));
    let told = works.call(told).await.expect(200).json();
    assert_eq!(told, json!({"id": job, "seq": 3, "status": "completed"}));
    let other = new().await;
    let told = cancels.call(cancels.post(&format!("/v1/jobs/{other}/cancel"))).await.expect(200);
    assert_eq!(told.json()["status"], "cancelled");
    assert!(!told.text().contains("private"));
    let many = ann.submit_json(&json!([{"pipeline": "external"}])).await.expect(202).json();
    let batch = many["batch"]["id"].as_str().unwrap();
    cancels.call(cancels.post(&format!("/v1/batches/{batch}/cancel"))).await.expect(200);
    cancels.call(cancels.get(&format!("/v1/batches/{batch}"))).await.refused(
        403,
        "forbidden",
        None,
    );
    // A dashboard needs no second scope.
    let reader = key("read_all");
    assert_eq!(reader.list("/v1/jobs?owner=ann").await.len(), 3);
    reader.call(reader.get("/metrics")).await.expect(200);
}

#[tokio::test]
async fn without_authentication_no_key_is_made_over_the_api() {
    let server = Server::start();
    let api = server.api();
    let make = api.post("/v1/keys").json(&json!({"name": "later", "scopes": ["admin"]}));
    api.call(make).await.refused(403, "forbidden", None);
}
