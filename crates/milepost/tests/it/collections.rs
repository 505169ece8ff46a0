//! Collections over HTTP: made, changed, listed, emptied, deleted; each owner has their own.

use serde_json::{Value, json};

use crate::harness::{Api, Server, guarded, id_of, token_with_role};

/// Puts texts into a collection, each under its name, and waits until they can be found.
async fn fill(api: &Api, collection: &str, texts: &[(&str, &str)]) -> Value {
    let sources: Vec<_> =
        texts.iter().map(|(name, text)| json!({"text": text, "filename": name})).collect();
    let body = json!({"pipeline": "ingest", "collection": collection, "sources": sources});
    let job = api.submit_json(&body).await.expect(202).json();
    api.completed(&id_of(&job)).await
}

async fn entries(api: &Api, collection: &str) -> Vec<Value> {
    api.list(&format!("/v1/collections/{collection}/documents")).await
}

#[tokio::test]
async fn a_collection_is_made_changed_and_deleted() {
    let server = Server::start();
    let api = server.api();
    let put = async |body: Value| api.call(api.put("/v1/collections/papers").json(&body)).await;
    let made = put(json!({"chunker": {"kind": "markdown", "max": 500}})).await.expect(201);
    assert_eq!(made.header("location"), "/v1/collections/papers");
    let made = made.json();
    assert_eq!(
        made["chunker"],
        json!({"kind": "markdown", "max": 500, "unit": "characters", "overlap": 50})
    );
    assert_eq!((&made["embedder"], &made["distance"]), (&Value::Null, &json!("cosine")));
    assert_eq!((&made["documents"], &made["chunks"]), (&json!(0), &json!(0)));
    // What is left out stays.
    let changed = put(json!({"distance": "dot"})).await.expect(200).json();
    assert_eq!((&changed["distance"], &changed["chunker"]), (&json!("dot"), &made["chunker"]));
    fill(&api, "papers", &[("a.md", "# Herons\n\nThey stand."), ("b.md", "Bitterns boom.")]).await;
    let filled = api.call(api.get("/v1/collections/papers")).await.expect(200).json();
    assert_eq!((&filled["documents"], &filled["chunks"]), (&json!(2), &json!(2)));
    assert!(filled["bytes"].as_u64().unwrap() > 0);
    // Of one with documents, only how others are cut.
    put(json!({"distance": "l2"})).await.refused(409, "conflict", None);
    put(json!({"chunker": {}, "distance": "dot"})).await.expect(200);
    assert_eq!(api.list("/v1/collections").await.len(), 1);
    api.call(api.delete("/v1/collections/papers")).await.expect(204);
    api.call(api.delete("/v1/collections/papers")).await.refused(404, "not_found", None);
    api.call(api.get("/v1/collections/papers")).await.refused(404, "not_found", None);
    // The documents themselves stay.
    assert_eq!(api.list("/v1/documents").await.len(), 2);
}

#[tokio::test]
async fn documents_are_listed_replaced_and_removed() {
    let server = Server::start();
    let api = server.api();
    fill(&api, "birds", &[("a.md", "# Herons\n\nThey stand."), ("b.md", "Bitterns boom.")]).await;
    let all = entries(&api, "birds").await;
    let names: Vec<_> = all.iter().map(|entry| entry["filename"].as_str().unwrap()).collect();
    assert_eq!(names, ["a.md", "b.md"]);
    let place = format!("/v1/collections/birds/documents/{}", id_of(&all[0]));
    let one = api.call(api.get(&place)).await.expect(200).json();
    assert_eq!(one, all[0]);
    assert_eq!((&one["key"], &one["chunks"]), (&json!("a.md"), &json!(1)));
    assert!(one["document"].is_string() && one["bytes"].as_u64().unwrap() > 10, "{one}");

    // Under whatever name it comes, it takes the place.
    let source = json!({"text": "Storks clatter.", "filename": "new.md"});
    let job = api.call(api.put(&place).json(&json!({"source": source}))).await.expect(202);
    assert!(job.header("location").starts_with("/v1/jobs/"));
    let job = job.json();
    assert_eq!((&job["pipeline"], &job["collection"]), (&json!("ingest"), &json!("birds")));
    api.completed(&id_of(&job)).await;
    let all = entries(&api, "birds").await;
    let keys: Vec<_> = all.iter().map(|entry| entry["key"].as_str().unwrap()).collect();
    assert_eq!(all.len(), 2);
    assert!(keys.contains(&"a.md") && keys.contains(&"b.md"), "{keys:?}");
    let found = async |word: &str| {
        let search = api.post("/v1/collections/birds/search").json(&json!({"query": word}));
        api.call(search).await.expect(200).json()["hits"].as_array().unwrap().len()
    };
    assert_eq!((found("storks").await, found("herons").await), (1, 0));

    // The version that was replaced is not there any more.
    api.call(api.get(&place)).await.refused(404, "not_found", None);
    let stork = all.iter().find(|entry| entry["key"] == "a.md").unwrap();
    let place = format!("/v1/collections/birds/documents/{}", id_of(stork));
    for (body, field) in [
        (json!({"source": source, "collection": "other"}), "collection"),
        (json!({"source": source, "pipeline": "convert"}), "pipeline"),
        (json!({"source": {"text": "x", "key": "other"}}), "source.key"),
        (json!({"sources": [source, source]}), "sources"),
        (json!({"source": source, "options": {"force_recreate": true}}), "options.force_recreate"),
        (json!([{"source": source}, {"source": source}]), "body"),
        (json!({}), "source"),
    ] {
        let reply = api.call(api.put(&place).json(&body)).await;
        reply.refused(422, "invalid_field", Some(field));
    }
    api.call(api.delete(&place)).await.expect(204);
    api.call(api.delete(&place)).await.refused(404, "not_found", None);
    assert_eq!(found("storks").await, 0);
    assert_eq!(entries(&api, "birds").await.len(), 1);
}

#[tokio::test]
async fn lists_go_on_where_they_stopped() {
    let server = Server::start();
    let api = server.api();
    for name in ["b", "a", "c", "Ä b/c?"] {
        let path = format!("/v1/collections/{}", name.replace('/', "%2F").replace('?', "%3F"));
        let made = api.call(api.put(&path)).await.expect(201);
        assert_eq!(made.json()["name"], name);
        api.call(api.get(made.header("location"))).await.expect(200);
    }
    let first = api.call(api.get("/v1/collections?limit=2")).await.expect(200).json();
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["next"], "b");
    let second = api.call(api.get("/v1/collections?limit=2&cursor=b")).await.expect(200).json();
    assert_eq!(names(&second), ["c", "Ä b/c?"]);
    fill(&api, "a", &[("1", "one"), ("2", "two"), ("3", "three")]).await;
    let documents = "/v1/collections/a/documents";
    let first = api.call(api.get(&format!("{documents}?limit=2"))).await.expect(200).json();
    let next = first["next"].as_str().unwrap();
    let more = format!("{documents}?limit=2&cursor={next}");
    let second = api.call(api.get(&more)).await.expect(200).json();
    assert_eq!((second["items"].as_array().unwrap().len(), &second["next"]), (1, &Value::Null));
    for (path, field) in [
        ("/v1/collections?limit=0", "limit"),
        ("/v1/collections?limit=201", "limit"),
        ("/v1/collections?cursor=%01", "cursor"),
        ("/v1/collections/a/documents?limit=x", "limit"),
        ("/v1/collections/a/documents?cursor=x", "cursor"),
    ] {
        api.call(api.get(path)).await.refused(422, "invalid_field", Some(field));
    }
}

#[tokio::test]
async fn a_wrong_setting_is_named() {
    let server = Server::with(&[("MILEPOST_INDEX_MAX_COLLECTIONS", "2")]);
    let api = server.api();
    let long = format!("/v1/collections/{}", "x".repeat(201));
    for path in [long.as_str(), "/v1/collections/%20x", "/v1/collections/a%0Ab"] {
        api.call(api.put(path)).await.refused(422, "invalid_field", Some("name"));
        api.call(api.get(path)).await.refused(404, "not_found", None);
        api.call(api.delete(path)).await.refused(404, "not_found", None);
    }
    for (body, field, said) in [
        (json!({"embedder": "mini"}), "embedder", "this server has none"),
        (json!({"embedder": 5}), "embedder", ""),
        (json!({"distance": "far"}), "distance", "cosine"),
        (json!({"chunker": {"kind": "blind"}}), "chunker.kind", "hierarchical"),
        (json!({"chunker": {"max": 5}}), "chunker.max", "from 100 to 20000"),
        (json!({"chunker": {"max": 100, "overlap": 90}}), "chunker.overlap", "from 0 to 49"),
        (json!({"chunker": {"tokenizer": "embedder"}}), "chunker.tokenizer", "tokens"),
        (json!({"chunker": []}), "chunker", ""),
        (json!({"colour": "red"}), "colour", "chunker"),
        (json!([]), "body", ""),
    ] {
        let reply = api.call(api.put("/v1/collections/x").json(&body)).await;
        let problem = reply.refused(422, "invalid_field", Some(field));
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
    }
    let large = json!({"chunker": {"kind": "x".repeat(20_000)}});
    api.call(api.put("/v1/collections/x").json(&large)).await.refused(413, "body_too_large", None);
    assert!(api.list("/v1/collections").await.is_empty());
    for name in ["a", "b"] {
        api.call(api.put(&format!("/v1/collections/{name}"))).await.expect(201);
    }
    let full = api.call(api.put("/v1/collections/c")).await.refused(409, "conflict", None);
    assert!(full["detail"].as_str().unwrap().contains('2'), "{full}");
}

#[tokio::test]
async fn owners_have_collections_of_the_same_name() {
    let server = guarded();
    let (ann, ben) = (server.api_of("ann"), server.api_of("ben"));
    fill(&ann, "notes", &[("a.md", "Ann saw a heron.")]).await;
    fill(&ben, "notes", &[("b.md", "Ben saw a heron.")]).await;
    let of_ann = entries(&ann, "notes").await;
    let of_ben = entries(&ben, "notes").await;
    assert_eq!((of_ann.len(), of_ben.len()), (1, 1));
    for api in [&ann, &ben] {
        for search in [
            api.post("/v1/collections/notes/search").json(&json!({"query": "heron"})),
            api.get("/v1/search?q=heron"),
        ] {
            let found = api.call(search).await.expect(200).json();
            let hits = found["hits"].as_array().unwrap();
            assert_eq!(hits.len(), 1, "{found}");
        }
    }
    // The other's document is as one that is not there.
    let nothing = "00000000-0000-7000-8000-000000000000";
    for id in [id_of(&of_ann[0]).as_str(), nothing] {
        let place = format!("/v1/collections/notes/documents/{id}");
        for request in [ben.get(&place), ben.delete(&place)] {
            let problem = ben.call(request).await.refused(404, "not_found", None);
            assert_eq!(problem["detail"], "There is no such document.");
        }
        let body = json!({"source": {"text": "mine now"}});
        ben.call(ben.put(&place).json(&body)).await.refused(404, "not_found", None);
    }
    ben.call(ben.delete("/v1/collections/notes")).await.expect(204);
    assert_eq!(entries(&ann, "notes").await.len(), 1);
    assert!(ben.list("/v1/collections").await.is_empty());
    // Who may read everything has collections of their own, too, and may not write.
    let rita = server.api_with(&token_with_role("rita", "reader"));
    rita.call(rita.get("/v1/collections/notes")).await.refused(404, "not_found", None);
    rita.call(rita.put("/v1/collections/notes")).await.refused(403, "forbidden", None);
    let log = std::fs::read_to_string(server.data().join("audit.jsonl")).unwrap();
    let gone = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|entry| {
        entry["action"] == "DELETE /v1/collections/{name}" && entry["owner"] == "ben"
    });
    assert_eq!(gone.unwrap()["targets"], json!(["notes"]));
}
