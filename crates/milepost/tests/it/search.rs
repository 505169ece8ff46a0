//! Search over HTTP: what is found, what of it is shown, and what a wrong question is told.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::harness::{Api, Server, id_of};

async fn fill(api: &Api, collection: &str, sources: Value) {
    let body = json!({"pipeline": "ingest", "collection": collection, "sources": sources});
    let job = api.submit_json(&body).await.expect(202).json();
    api.completed(&id_of(&job)).await;
}

async fn birds(api: &Api) {
    fill(
        api,
        "birds",
        json!([
            {"text": "# Herons\n\nThe heron stands in the reeds.", "filename": "heron.md", "metadata": {"year": 2020, "kind": "wader"}},
            {"text": "# Bitterns\n\nThe bittern booms in the reeds.", "filename": "bittern.md", "metadata": {"year": 2021, "kind": "wader"}},
            {"text": "# Swifts\n\nThe swift sleeps in the air.", "filename": "swift.md", "metadata": {"year": 2022}},
        ]),
    )
    .await;
}

async fn search(api: &Api, body: Value) -> Value {
    api.call(api.post("/v1/collections/birds/search").json(&body)).await.expect(200).json()
}

fn names(found: &Value) -> Vec<&str> {
    let hits = found["hits"].as_array().unwrap();
    hits.iter().map(|hit| hit["document"]["filename"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_hit_says_where_it_comes_from() {
    let server = Server::start();
    let api = server.api();
    birds(&api).await;
    let found = search(&api, json!({"query": "heron reeds"})).await;
    assert_eq!((&found["mode"], &found["reranked"]), (&json!("keyword"), &json!(false)));
    assert!(found["took_ms"].as_f64().unwrap() >= 0.0);
    assert_eq!(names(&found), ["heron.md", "bittern.md"]);
    let hit = &found["hits"][0];
    assert_eq!(hit["collection"], "birds");
    assert_eq!(hit["headings"], json!(["Herons"]));
    assert_eq!(hit["metadata"], json!({"year": 2020, "kind": "wader"}));
    assert_eq!(hit["ranks"], json!({"keyword": 1, "vector": null}));
    assert_eq!((&hit["index"], &hit["pages"]), (&json!(0), &Value::Null));
    let text = hit["text"].as_str().unwrap();
    assert!(text.contains("The heron stands"), "{text}");
    let highlight = hit["highlight"].as_str().unwrap();
    assert!(highlight.contains("<mark>heron</mark>"), "{highlight}");
    // The document can be opened, and its entry is there.
    let document = hit["document"]["id"].as_str().unwrap();
    api.call(api.get(&format!("/v1/documents/{document}"))).await.expect(200);
    let entry = hit["document"]["entry"].as_str().unwrap();
    let entry = format!("/v1/collections/birds/documents/{entry}");
    api.call(api.get(&entry)).await.expect(200);
    assert!(search(&api, json!({"query": "penguin"})).await["hits"].as_array().unwrap().is_empty());
    assert_eq!(names(&search(&api, json!({"query": "reeds", "k": 1})).await).len(), 1);
}

#[tokio::test]
async fn what_a_document_says_is_shown_and_never_run() {
    let server = Server::start();
    let api = server.api();
    let text = "A heron <script>alert(1)</script> & <img src=x onerror=alert(2)> \"stands\".";
    fill(&api, "birds", json!([{"text": text, "filename": "<b>x.md", "metadata": {"a": "<i>"}}]))
        .await;
    let found = search(&api, json!({"query": "heron script img"})).await;
    let highlight = found["hits"][0]["highlight"].as_str().unwrap();
    assert!(highlight.contains("<mark>heron</mark>"), "{highlight}");
    let rest = highlight.replace("<mark>", "").replace("</mark>", "");
    assert!(!rest.contains(['<', '>']), "{highlight}");
    assert!(
        !rest
            .replace("&lt;", "")
            .replace("&gt;", "")
            .replace("&amp;", "")
            .replace("&quot;", "")
            .replace("&#39;", "")
            .contains('&'),
        "{highlight}"
    );
}

#[tokio::test]
async fn filters_leave_what_they_say() {
    let server = Server::start();
    let api = server.api();
    birds(&api).await;
    for (filter, mut expected) in [
        (json!({}), vec!["bittern.md", "heron.md", "swift.md"]),
        (json!({"filename": "swift.md"}), vec!["swift.md"]),
        (json!({"metadata.kind": "wader"}), vec!["bittern.md", "heron.md"]),
        (json!({"metadata.year": {"gte": 2021}}), vec!["bittern.md", "swift.md"]),
        (json!({"metadata.year": {"gt": 2020, "lt": 2022}}), vec!["bittern.md"]),
        (json!({"metadata.year": {"in": [2020, 2022]}}), vec!["heron.md", "swift.md"]),
        (json!({"metadata.year": {"eq": "2020"}}), vec![]),
        (json!({"heading": "Herons"}), vec!["heron.md"]),
        (json!({"metadata.kind": "wader", "metadata.year": 2021}), vec!["bittern.md"]),
    ] {
        let body = json!({"query": "the in", "filter": filter});
        let found = search(&api, body).await;
        let mut names = names(&found);
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_wrong_question_is_told_what_would_be_right() {
    let server = Server::start();
    let api = server.api();
    birds(&api).await;
    for (body, field, said) in [
        (json!({}), "query", ""),
        (json!({"query": ""}), "query", "1 character to 8"),
        (json!({"query": " \n"}), "query", "is empty"),
        (json!({"query": "x".repeat(100_000)}), "query", "1 character to 8"),
        (json!({"query": 5}), "query", ""),
        (json!({"query": "x", "k": 0}), "k", "from 1 to 100"),
        (json!({"query": "x", "k": 1_000_000}), "k", "from 1 to 100"),
        (json!({"query": "x", "k": -1}), "k", "from 1 to 100"),
        (json!({"query": "x", "k": 1.5}), "k", "from 1 to 100"),
        (json!({"query": "x", "k": "ten"}), "k", "from 1 to 100"),
        (json!({"query": "x", "mode": "magic"}), "mode", "`hybrid`"),
        (json!({"query": "x", "mode": "vector"}), "mode", "keyword"),
        (json!({"query": "x", "mode": "hybrid"}), "mode", "keyword"),
        (json!({"query": "x", "rerank": true}), "rerank", "index.reranker"),
        (json!({"query": "x", "filter": {"colour": "red"}}), "filter.colour", "filename"),
        (
            json!({"query": "x", "filter": {"metadata.colour": 1}}),
            "filter.metadata.colour",
            "metadata.year",
        ),
        (json!({"query": "x", "filter": {"language": {"like": "e"}}}), "filter.language", "`eq`"),
        (json!({"query": "x", "filter": []}), "filter", ""),
        (json!({"query": "x", "colour": 1}), "colour", "query"),
        (json!([]), "body", ""),
    ] {
        let reply = api.call(api.post("/v1/collections/birds/search").json(&body)).await;
        let problem = reply.refused(422, "invalid_field", Some(field));
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
    }
    for path in ["/v1/collections/none/search", "/v1/collections/%01/search"] {
        let reply = api.call(api.post(path).json(&json!({"query": "x"}))).await;
        reply.refused(404, "not_found", None);
    }
    let broken = api.post("/v1/collections/birds/search").body("{");
    api.call(broken).await.refused(400, "invalid_request", None);
    let long = json!({"query": "x", "filter": {"title": {"in": vec!["y".repeat(4000); 300]}}});
    let reply = api.call(api.post("/v1/collections/birds/search").json(&long)).await;
    reply.refused(413, "body_too_large", None);
    for (path, field) in [
        ("/v1/search", "q"),
        ("/v1/search?q=", "q"),
        ("/v1/search?q=x&k=0", "k"),
        ("/v1/search?q=x&k=many", "k"),
        ("/v1/search?q=x&mode=magic", "mode"),
        ("/v1/search?q=x&rerank=perhaps", "rerank"),
        ("/v1/search?q=x&collection=%01", "collection"),
    ] {
        api.call(api.get(path)).await.refused(422, "invalid_field", Some(field));
    }
    api.call(api.get("/v1/search?q=x&collection=none")).await.refused(404, "not_found", None);
    // Whatever somebody types is a question.
    for query in ["\"", "a AND", "NEAR(", "col:x", "*", "(((", "-- ; drop", "\u{0}x", "🦤"] {
        search(&api, json!({"query": query})).await;
    }
}

#[tokio::test]
async fn one_question_goes_to_all_of_ones_own() {
    let server = Server::with(&[("MILEPOST_INDEX_MAX_SEARCHED", "2")]);
    let api = server.api();
    birds(&api).await;
    api.call(api.put("/v1/collections/empty")).await.expect(201);
    fill(&api, "fish", json!([{"text": "A heron eats fish in the reeds.", "filename": "pike.md"}]))
        .await;
    let all = api.call(api.get("/v1/search?q=heron+reeds&k=10")).await.expect(200).json();
    let mut collections: Vec<_> = all["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["collection"].as_str().unwrap())
        .collect();
    // The best of each before the second of any.
    assert_eq!(collections.len(), 3);
    collections.truncate(2);
    collections.sort_unstable();
    assert_eq!((collections, &all["left_out"]), (vec!["birds", "fish"], &json!(0)));
    let one =
        api.call(api.get("/v1/search?q=heron&collection=fish&collection=fish")).await.expect(200);
    assert_eq!(names(&one.json()), ["pike.md"]);
    fill(&api, "zoo", json!([{"text": "A heron in a cage."}])).await;
    let some = api.call(api.get("/v1/search?q=heron")).await.expect(200).json();
    assert_eq!(some["left_out"], 1);
    let named = "/v1/search?q=heron&collection=zoo&collection=fish&collection=birds";
    api.call(api.get(named)).await.refused(422, "invalid_field", Some("collection"));
    let zoo = api.call(api.get("/v1/search?q=heron&collection=zoo")).await.expect(200).json();
    assert_eq!(zoo["hits"].as_array().unwrap().len(), 1);
    let info = api.call(api.get("/v1/info")).await.expect(200).json();
    assert_eq!((&info["embedders"], &info["embedder"]), (&json!([]), &Value::Null));
    let metrics = api.call(api.get("/metrics")).await.expect(200).text();
    let counted = "milepost_searches_total{mode=\"keyword\",outcome=\"found\"} ";
    assert!(metrics.contains(counted), "{metrics}");
}

/// A reranker that finds the last text the best, as long as it is not down.
struct Reranker {
    folder: TempDir,
    down: Arc<Mutex<bool>>,
}

impl Reranker {
    async fn start() -> (Self, String) {
        let down = Arc::new(Mutex::new(false));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let rerank = async |State(down): State<Arc<Mutex<bool>>>, Json(body): Json<Value>| {
            if *down.lock().unwrap() {
                return Err(axum::http::StatusCode::BAD_REQUEST);
            }
            let texts = body["documents"].as_array().unwrap().len();
            let results: Vec<_> = (0..texts)
                .map(|index| json!({"index": index, "relevance_score": index as f64 / 100.0}))
                .rev()
                .collect();
            Ok(Json(json!({"results": results})))
        };
        let app = Router::new().route("/rerank", post(rerank)).with_state(down.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("milepost.toml");
        let text = format!(
            "[index]\nreranker = \"last\"\n[rerankers.last]\nurl = \"http://{address}/rerank\"\n\
             model = \"m\"\n"
        );
        std::fs::write(&config, text).unwrap();
        (Self { folder, down }, config.to_str().unwrap().to_owned())
    }
}

#[tokio::test]
async fn a_reranker_has_the_last_word_as_long_as_it_speaks() {
    let (reranker, config) = Reranker::start().await;
    let server = Server::with(&[("MILEPOST_CONFIG", &config)]);
    let api = server.api();
    birds(&api).await;
    let plain = search(&api, json!({"query": "heron in the reeds"})).await;
    let plain: Vec<_> = names(&plain);
    let again = search(&api, json!({"query": "heron in the reeds", "rerank": true})).await;
    assert_eq!(again["reranked"], true);
    let mut turned = names(&again);
    turned.reverse();
    assert_eq!(turned, plain);
    let best = search(&api, json!({"query": "heron in the reeds", "rerank": true, "k": 1})).await;
    assert_eq!(names(&best), plain[plain.len() - 1..]);
    let all = api.call(api.get("/v1/search?q=reeds&rerank=true")).await.expect(200).json();
    assert_eq!(all["reranked"], true);
    // An answer without it is better than none, and says so.
    *reranker.down.lock().unwrap() = true;
    let without = search(&api, json!({"query": "heron in the reeds", "rerank": true})).await;
    assert_eq!((&without["reranked"], names(&without)), (&json!(false), plain));
    let info = api.call(api.get("/v1/info")).await.expect(200).json();
    assert_eq!((&info["rerankers"], &info["reranker"]), (&json!(["last"]), &json!("last")));
    drop(reranker.folder);
}

/// With the model that the tests bring: what has no word of the question is found by its
/// meaning.
#[tokio::test]
async fn meaning_is_found_beside_words() {
    let model = std::env::var("MILEPOST_TEST_MODEL").expect(
        "MILEPOST_TEST_MODEL names no folder; `export MILEPOST_TEST_MODEL=$(scripts/minilm)`",
    );
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("milepost.toml");
    let text = format!("[embedders.mini]\nkind = \"local\"\nfolder = \"{model}\"\n");
    std::fs::write(&config, text).unwrap();
    let server = Server::with(&[("MILEPOST_CONFIG", config.to_str().unwrap())]);
    let api = server.api();
    let put =
        |embedder: Value| api.put("/v1/collections/birds").json(&json!({"embedder": embedder}));
    let unknown =
        api.call(put(json!("maxi"))).await.refused(422, "invalid_field", Some("embedder"));
    assert!(unknown["detail"].as_str().unwrap().contains("`mini`"), "{unknown}");
    let made = api.call(put(json!("mini"))).await.expect(201).json();
    assert_eq!((&made["embedder"], &made["dimensions"]), (&json!("mini"), &json!(384)));
    birds(&api).await;
    api.call(put(Value::Null)).await.refused(409, "conflict", None);
    let question = "animal that rests while flying";
    let vector = search(&api, json!({"query": question, "mode": "vector", "k": 1})).await;
    assert_eq!(names(&vector), ["swift.md"]);
    assert_eq!(vector["hits"][0]["ranks"], json!({"keyword": null, "vector": 1}));
    let hybrid = search(&api, json!({"query": question})).await;
    assert_eq!((&hybrid["mode"], names(&hybrid)[0]), (&json!("hybrid"), "swift.md"));
    let words = search(&api, json!({"query": "booms", "mode": "keyword"})).await;
    assert_eq!((&words["mode"], names(&words)), (&json!("keyword"), vec!["bittern.md"]));
    // Beside one that has no vectors, each is searched by what it has.
    api.call(api.put("/v1/collections/words").json(&json!({"embedder": null}))).await.expect(201);
    fill(&api, "words", json!([{"text": "An animal of words.", "filename": "w.md"}])).await;
    let all = api.call(api.get("/v1/search?q=animal")).await.expect(200).json();
    assert_eq!(all["mode"], "hybrid");
    assert!(names(&all).contains(&"w.md"), "{all}");
    let near = api.call(api.get("/v1/search?q=animal&mode=vector")).await.expect(200).json();
    assert!(!names(&near).contains(&"w.md"), "{near}");
}
