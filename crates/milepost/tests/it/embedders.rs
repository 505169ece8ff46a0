//! An embedder that is down, slow, refuses or talks nonsense: the job waits, goes on behind
//! what it had, or fails with the right message, and a search never finds a half.

use serde_json::{Value, json};

use crate::harness::{Api, DEADLINE, Embeddings, KEY, Mood, Server, id_of, run, within};

/// The endpoint alone is tried again, by the job and not by the embedder.
const AT_ONCE: &str = "retries = 0\nbatch = 4";

/// The word that stands in one section alone.
fn word(name: &str, section: usize) -> String {
    let letter = |count: usize| char::from(b'a' + u8::try_from(count % 26).unwrap());
    format!("{name}{}{}x", letter(section / 26), letter(section))
}

/// A text of so many sections, each with a word of its own.
fn text(name: &str, sections: usize) -> Value {
    let section = |at| {
        let word = word(name, at);
        format!("## Part {at}\n\nThe {word} stands beside the road, and nobody asks why.\n\n")
    };
    let content: String = (0..sections).map(section).collect();
    json!({"text": content, "filename": format!("{name}.md")})
}

fn body(sources: Value) -> Value {
    json!({
        "pipeline": "ingest", "collection": "words", "sources": sources,
        "options": {"chunker": {"kind": "hybrid", "max": 100, "overlap": 0}},
    })
}

async fn submitted(api: &Api, sources: Value) -> String {
    id_of(&api.submit_json(&body(sources)).await.expect(202).json())
}

async fn search(api: &Api, body: Value) -> crate::harness::Reply {
    api.call(api.post("/v1/collections/words/search").json(&body)).await
}

async fn found(api: &Api, mode: &str, query: &str) -> Vec<Value> {
    let reply = search(api, json!({"query": query, "mode": mode})).await.expect(200).json();
    reply["hits"].as_array().expect("hits").clone()
}

async fn retry(api: &Api, id: &str) {
    api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
}

/// The job's failure, which is the embedder's.
fn error(job: &Value) -> (&str, bool) {
    assert_eq!(job["status"], "failed", "{job}");
    let error = &job["error"];
    assert_eq!(error["code"], "embedder_unavailable", "{job}");
    (error["message"].as_str().expect("a message"), error["retryable"].as_bool().expect("a bool"))
}

#[tokio::test]
async fn documents_are_found_by_what_they_mean() {
    let embeddings = Embeddings::start().await;
    let server = embeddings.server("", &[]);
    let api = server.api();
    let id = submitted(&api, json!([text("heron", 3), text("tower", 3)])).await;
    api.completed(&id).await;
    let hits = found(&api, "vector", &word("heron", 1)).await;
    assert!(hits[0]["text"].as_str().unwrap().contains(&word("heron", 1)), "{hits:?}");
    assert_eq!(
        (&hits[0]["ranks"]["vector"], &hits[0]["ranks"]["keyword"]),
        (&json!(1), &json!(null))
    );
    let answer = search(&api, json!({"query": word("tower", 2)})).await.expect(200).json();
    assert_eq!(answer["mode"], "hybrid", "{answer}");
    assert!(answer["hits"][0]["text"].as_str().unwrap().contains(&word("tower", 2)), "{answer}");
    let collection = api.call(api.get("/v1/collections/words")).await.expect(200).json();
    assert_eq!((&collection["embedder"], &collection["dimensions"]), (&json!("far"), &json!(64)));
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let embeddings = Embeddings::start().await;
    let server = embeddings.server("", &[]);
    let api = server.api();
    let id = submitted(&api, json!([text("heron", 10)])).await;
    api.completed(&id).await;
    let before = embeddings.texts();
    assert_eq!(before.values().sum::<usize>(), before.len());

    let mut changed = text("heron", 10);
    let content =
        changed["text"].as_str().unwrap().replace(&format!("The {}", word("heron", 7)), "The owl");
    changed["text"] = content.into();
    api.completed(&submitted(&api, json!([changed])).await).await;
    let more = embeddings.texts().into_iter().filter(|(text, _)| !before.contains_key(text));
    let more: Vec<_> = more.collect();
    assert_eq!(more.len(), 1, "{more:?}");
    assert!(more[0].0.contains("owl"), "{more:?}");
    assert_eq!(embeddings.made(), before.len() + 1);
    assert!(found(&api, "keyword", &word("heron", 7)).await.is_empty());
    assert_eq!(found(&api, "keyword", "owl").await.len(), 1);
}

#[tokio::test]
async fn a_job_waits_for_an_embedder_that_is_down() {
    let embeddings = Embeddings::start().await;
    embeddings.is(Mood::Says(503));
    let server = embeddings.server(AT_ONCE, &[("MILEPOST_QUEUE_RETRIES", "20")]);
    let api = server.api();
    let id = submitted(&api, json!([text("heron", 3)])).await;
    let job = api.until(&id, "another attempt", |job| job["attempt"] == 2).await;
    assert_ne!(job["status"], "failed", "{job}");
    let events = api.events(&id).await;
    let requeued = events.iter().find(|event| event["type"] == "requeued").expect("it waits");
    assert_eq!(requeued["failure"]["code"], "embedder_unavailable", "{requeued}");
    embeddings.is(Mood::Good);
    let job = api.completed(&id).await;
    assert_eq!(job["documents"], json!({"total": 1, "done": 1}));
    // Neither read nor cut again.
    let events = api.events(&id).await;
    for stage in ["extracting", "chunking"] {
        let begun =
            events.iter().filter(|event| event["type"] == "stage" && event["stage"] == stage);
        assert_eq!(begun.count(), 1, "{stage}");
    }
}

#[tokio::test]
async fn what_was_made_before_it_went_down_is_kept() {
    let embeddings = Embeddings::start().await;
    embeddings.fails_after(22);
    let server = embeddings.server(AT_ONCE, &[("MILEPOST_QUEUE_RETRIES", "20")]);
    let api = server.api();
    let id = submitted(&api, json!([text("heron", 8), text("tower", 40)])).await;
    api.until(&id, "another attempt", |job| job["attempt"] == 2).await;
    // The first document is whole, and of the second nothing can be found.
    assert_eq!(found(&api, "keyword", &word("heron", 3)).await.len(), 1);
    assert!(found(&api, "keyword", &word("tower", 0)).await.is_empty());
    let documents = api.list("/v1/collections/words/documents").await;
    assert_eq!(documents.len(), 1, "{documents:?}");
    embeddings.is(Mood::Good);
    api.completed(&id).await;
    let texts = embeddings.texts();
    let documents = texts.iter().filter(|(text, _)| text.contains("Part"));
    let twice: Vec<_> = documents.clone().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(documents.count(), 48);
    for at in 0..40 {
        assert_eq!(found(&api, "keyword", &word("tower", at)).await.len(), 1, "{at}");
    }
}

#[tokio::test]
async fn a_job_fails_when_its_retries_are_used_up_and_goes_on_when_it_is_told_to() {
    let embeddings = Embeddings::start().await;
    embeddings.is(Mood::Says(503));
    let server = embeddings.server(AT_ONCE, &[("MILEPOST_QUEUE_RETRIES", "1")]);
    let api = server.api();
    let id = submitted(&api, json!([text("heron", 3)])).await;
    let job = api.ended(&id).await;
    let expected = "The embedder `far` does not answer at present; try again later.";
    assert_eq!(error(&job), (expected, true));
    assert_eq!((&job["attempt"], &job["stage"]), (&json!(2), &json!("indexing")), "{job}");
    // Nobody knows yet how long its vectors are.
    api.call(api.get("/v1/collections/words")).await.refused(404, "not_found", None);
    embeddings.is(Mood::Good);
    retry(&api, &id).await;
    api.completed(&id).await;
    assert_eq!(found(&api, "vector", &word("heron", 1)).await.len(), 3);
}

#[tokio::test]
async fn what_does_not_pass_ends_the_job_at_once() {
    let embeddings = Embeddings::start().await;
    let server = embeddings.server(AT_ONCE, &[]);
    let api = server.api();
    api.completed(&submitted(&api, json!([text("heron", 2)])).await).await;
    for (mood, expected) in [
        (Mood::Says(401), "the operator has to check its key"),
        (Mood::Says(404), "the operator has to check its `url` and `model`"),
        (Mood::Other(8), "vectors of 8 dimensions instead of 64"),
        (Mood::Garbage, "not a list of vectors as JSON"),
        (Mood::Endless, "an answer of more than"),
    ] {
        embeddings.is(mood);
        let id = submitted(&api, json!([text("tower", 5)])).await;
        let job = api.ended(&id).await;
        let (message, retryable) = error(&job);
        assert!(message.contains(expected) && !retryable, "{mood:?}: {message}");
        assert!(!message.contains("sk-embed") && !message.contains("127.0.0.1"), "{message}");
        assert_eq!(job["attempt"], 1, "{job}");
        assert!(found(&api, "keyword", &word("tower", 1)).await.is_empty(), "{mood:?}");
    }
    // With the document that was there all goes on.
    assert_eq!(found(&api, "keyword", &word("heron", 1)).await.len(), 1);
}

#[tokio::test]
async fn the_embedder_itself_waits_for_what_passes_soon() {
    let embeddings = Embeddings::start().await;
    let server = embeddings.server("batch = 4", &[]);
    let api = server.api();
    for (mood, name) in [(Mood::Busy(1), "heron"), (Mood::Shaky, "tower")] {
        embeddings.is(mood);
        let before = embeddings.requests();
        let id = submitted(&api, json!([text(name, 6)])).await;
        let job = api.completed(&id).await;
        assert_eq!(job["attempt"], 1, "{job}");
        assert!(embeddings.requests() > before + 2, "{mood:?}");
    }
    assert!(embeddings.texts().values().all(|count| *count == 1));
}

#[tokio::test]
async fn an_embedder_that_is_silent_holds_up_neither_a_cancellation_nor_a_shutdown() {
    let embeddings = Embeddings::start().await;
    let mut server = embeddings.server("dimensions = 64", &[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    embeddings.is(Mood::Silent);
    let id = submitted(&api, json!([text("heron", 3)])).await;
    let asked = |count| {
        let embeddings = &embeddings;
        async move {
            while embeddings.requests() < count {
                tokio::task::yield_now().await;
            }
        }
    };
    within(DEADLINE, "a call", asked(1)).await;
    // The converter is free meanwhile.
    let other = api.submit_text("Some text.").await;
    api.completed(&other).await;
    let job = api.call(api.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200).json();
    assert_eq!(job["status"], "cancelled");
    let id = submitted(&api, json!([text("tower", 3)])).await;
    within(DEADLINE, "another call", asked(2)).await;
    server.terminate();
    assert!(server.exit_status().success());
    embeddings.is(Mood::Good);
    server.restart();
    server.api().completed(&id).await;
}

#[tokio::test]
async fn a_search_while_it_is_down_says_what_works() {
    let embeddings = Embeddings::start().await;
    let server = embeddings.server(AT_ONCE, &[]);
    let api = server.api();
    api.completed(&submitted(&api, json!([text("heron", 3)])).await).await;
    for mood in [Mood::Says(503), Mood::Says(401), Mood::Other(8)] {
        embeddings.is(mood);
        for wanted in ["vector", "hybrid"] {
            let reply = search(&api, json!({"query": word("heron", 1), "mode": wanted})).await;
            let problem = reply.refused(503, "unavailable", None);
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("keyword"), "{mood:?}: {detail}");
            assert!(!detail.contains("sk-embed") && !detail.contains("127.0.0.1"), "{detail}");
        }
        assert_eq!(found(&api, "keyword", &word("heron", 1)).await.len(), 1);
    }
}

#[tokio::test]
async fn another_embedder_is_refused_with_the_one_that_is_wanted() {
    let embeddings = Embeddings::start().await;
    let more =
        "[embedders.near]\nkind = \"openai\"\nurl = \"http://127.0.0.1:9/v1\"\nmodel = \"m\"";
    let server = embeddings.server(more, &[]);
    let api = server.api();
    api.completed(&submitted(&api, json!([text("heron", 3)])).await).await;
    let mut other = body(json!([text("tower", 3)]));
    other["options"]["embedder"] = "near".into();
    let problem = api.submit_json(&other).await.expect(409).json();
    assert_eq!(problem["code"], "conflict", "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("`far`"), "{problem}");
    other["options"]["embedder"] = "none".into();
    let problem = api.submit_json(&other).await.expect(422).json();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("far") && detail.contains("near"), "{problem}");
}

#[tokio::test]
async fn the_key_is_shown_nowhere() {
    let embeddings = Embeddings::start().await;
    let server = embeddings.server(AT_ONCE, &[("MILEPOST_LOG_LEVEL", "trace")]);
    let api = server.api();
    let mut shown = Vec::new();
    for mood in [Mood::Says(401), Mood::Says(400), Mood::Says(500), Mood::Good] {
        embeddings.is(mood);
        let id = submitted(&api, json!([text("heron", 3)])).await;
        if matches!(mood, Mood::Says(500)) {
            api.until(&id, "another attempt", |job| job["attempt"] == 2).await;
            api.call(api.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200);
        }
        shown.push(api.ended(&id).await.to_string());
        shown.push(serde_json::to_string(&api.events(&id).await).unwrap());
    }
    embeddings.is(Mood::Says(401));
    shown.push(search(&api, json!({"query": word("heron", 1)})).await.text());
    shown.push(api.call(api.get("/metrics")).await.text());
    shown.push(api.call(api.get("/v1/info")).await.text());
    let config = embeddings.config("");
    let output = run(crate::harness::binary().args(["config", "--config", &config]));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(printed.contains("far"), "{printed}");
    shown.push(printed);
    shown.push(server.log());
    for text in shown {
        assert!(!text.contains(KEY), "{text}");
    }
}

#[tokio::test]
async fn a_model_that_runs_here_makes_the_vectors() {
    let named = std::env::var("MILEPOST_TEST_MODEL").unwrap_or_else(|_| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/minilm");
        let output = run(std::process::Command::new(script).arg("--where"));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    });
    let is_there = std::path::Path::new(&named).is_dir();
    assert!(is_there, "This test needs a model: run `scripts/minilm`, which gets it.");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("milepost.toml");
    let lines = format!(
        "[index]\nembedder = \"mini\"\n[embedders.mini]\nkind = \"local\"\nfolder = {named:?}"
    );
    std::fs::write(&config, lines).unwrap();
    let server = Server::with(&[("MILEPOST_CONFIG", config.to_str().unwrap())]);
    let api = server.api();
    let mut body = body(json!([
        {"text": "The accused was set free on bail before the trial began.", "filename": "law.md"},
        {"text": "Let the dough rise for an hour, then bake it until it is brown.", "filename": "bread.md"},
    ]));
    body["options"]["chunker"] = json!({"unit": "tokens", "tokenizer": "embedder", "max": 200});
    let id = id_of(&api.submit_json(&body).await.expect(202).json());
    api.completed(&id).await;
    let hits = found(&api, "vector", "How do I make a loaf?").await;
    assert_eq!(hits[0]["document"]["filename"], "bread.md", "{hits:?}");
    let collection = api.call(api.get("/v1/collections/words")).await.expect(200).json();
    assert_eq!((&collection["embedder"], &collection["dimensions"]), (&json!("mini"), &json!(384)));
}
