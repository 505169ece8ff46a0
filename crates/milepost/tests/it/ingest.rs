//! The pipeline `ingest`: a document goes into a collection, with counters that move, and takes
//! the place of the one that was there under its name.

use serde_json::{Value, json};

use crate::harness::{Api, Form, Server, Shelf, fixture, id_of, pdf_of};

const TEXTS: &str = "application/vnd.milepost.texts+json";

fn form(name: &str, bytes: Vec<u8>, collection: &str) -> Form {
    let form = Api::form(name, bytes).text("pipeline", "ingest");
    form.text("collection", collection.to_owned())
}

/// Several texts as one document.
fn texts(texts: &Value) -> Form {
    let bytes = json!({"documents": texts}).to_string().into_bytes();
    let part = reqwest::multipart::Part::bytes(bytes);
    let part = part.file_name("some.texts.json").mime_str(TEXTS).unwrap();
    Form::new().text("pipeline", "ingest").part("file", part)
}

async fn ingested(api: &Api, form: Form) -> Value {
    api.completed(&id_of(&api.submit_form(form).await)).await
}

fn keys(found: &[(String, u32)]) -> Vec<&str> {
    found.iter().map(|(key, _)| key.as_str()).collect()
}

#[tokio::test]
async fn a_document_can_be_found_in_its_collection() {
    let mut server = Server::start();
    let api = server.api();
    let metadata = r#"{"shelf": "left"}"#;
    let form = form("letter.docx", fixture("letter.docx"), "mail").text("metadata", metadata);
    let job = ingested(&api, form).await;
    assert_eq!(
        (&job["collection"], &job["documents"]),
        (&json!("mail"), &json!({"total": 1, "done": 1}))
    );
    assert_eq!(job["result"]["formats"], json!(["chunks"]));
    let id = id_of(&job);
    // What was read is there as of any conversion.
    assert!(!api.pages(&id).await.is_empty());
    let chunks: Value = serde_json::from_slice(&api.result(&id, "chunks").await).unwrap();
    assert_eq!(chunks["sources"].as_array().unwrap().len(), 1);
    for (filter, count) in [("mail", 1), ("other", 0)] {
        assert_eq!(api.list(&format!("/v1/jobs?collection={filter}")).await.len(), count);
    }
    let document = job["document"]["id"].as_str().unwrap().to_owned();
    let shelf = Shelf::of(&mut server);
    let entries = shelf.entries("mail").await;
    let [entry] = entries.as_slice() else { panic!("{entries:?}") };
    let facts = &entry.facts;
    assert_eq!((facts.key.as_str(), facts.filename.as_str()), ("letter.docx", "letter.docx"));
    assert_eq!(facts.document.map(|id| id.to_string()), Some(document));
    assert_eq!(facts.metadata["shelf"], "left");
    assert_eq!(entry.chunks, chunks["chunks"].as_array().unwrap().len() as u64);
    assert_eq!(keys(&shelf.found("mail", "upright").await), ["letter.docx"]);
    assert!(!shelf.is_building(&id).await);
}

#[tokio::test]
async fn a_document_of_the_same_name_takes_its_place() {
    let mut server = Server::start();
    let api = server.api();
    for text in ["# One\n\nThe first heron.", "# Two\n\nThe second bittern."] {
        ingested(&api, form("bird.md", text.into(), "birds")).await;
    }
    ingested(&api, form("other.md", "The third heron.".into(), "birds")).await;
    let shelf = Shelf::of(&mut server);
    assert_eq!(shelf.entries("birds").await.len(), 2);
    assert_eq!(keys(&shelf.found("birds", "heron").await), ["other.md"]);
    assert_eq!(keys(&shelf.found("birds", "bittern").await), ["bird.md"]);
}

#[tokio::test]
async fn the_same_text_twice_adds_nothing() {
    let mut server = Server::start();
    let api = server.api();
    let both = json!([
        {"content": "A heron stands in the reeds.", "source": "a", "metadata": {"year": 1920}},
        {"content": "A bittern booms.", "source": "b"},
    ]);
    for _ in 0..2 {
        let job = ingested(&api, texts(&both)).await;
        assert_eq!(job["collection"], "default");
        let stages: Vec<_> = job["stages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stage| (&stage["unit"], &stage["done"]))
            .collect();
        assert_eq!(stages[0], (&json!("document"), &json!(2)));
    }
    let shelf = Shelf::of(&mut server);
    let entries = shelf.entries("default").await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    assert_eq!(
        (entries[0].facts.filename.as_str(), &entries[0].facts.metadata["year"]),
        ("a", &json!(1920))
    );
    assert!(entries[0].facts.key.starts_with("a#"), "{:?}", entries[0].facts);
}

#[tokio::test]
async fn pages_that_were_converted_are_not_read_again() {
    let server = Server::start();
    let api = server.api();
    let document = pdf_of(40);
    let converted = api.submit_bytes("road.pdf", document.clone()).await;
    api.completed(&converted).await;
    // Those of a conversion, and then those of an ingestion.
    for collection in ["first", "second"] {
        let form = Api::form("road.pdf", document.clone()).text("pipeline", "ingest");
        let form = form.text("collection", collection);
        let made = api.call(api.post("/v1/jobs").multipart(form)).await.expect(202).json();
        let id = id_of(&made);
        api.completed(&id).await;
        assert_eq!(api.pages(&id).await, (1..=40).collect::<Vec<_>>());
        let events = api.events(&id).await;
        let begun = events.iter().find(|event| event["stage"] == "extracting").unwrap();
        let pages: Vec<_> = events.iter().filter(|event| event["type"] == "page").collect();
        // They came with the word that the work begins, all at once.
        assert_eq!(pages.len(), 40);
        assert!(pages.iter().all(|page| page["at"] == begun["at"]), "{events:?}");
        for lender in [&converted, &id] {
            let text = api.get(&format!("/v1/jobs/{lender}/pages/7?format=markdown"));
            assert!(api.call(text).await.expect(200).text().contains("Page 7, line 1"));
        }
        let whole: Value = serde_json::from_slice(&api.result(&id, "chunks").await).unwrap();
        let all: Vec<_> = whole["chunks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|chunk| chunk["text"].as_str().unwrap())
            .collect();
        assert!(all.iter().any(|text| text.contains("Page 40, line 30")), "{whole}");
    }
    // Whoever wants it made anew gets that.
    let id = id_of(&api.submit_form(form("road.pdf", document, "third")).await);
    api.completed(&id).await;
    let events = api.events(&id).await;
    let begun = events.iter().find(|event| event["stage"] == "extracting").unwrap();
    assert!(events.iter().any(|event| event["type"] == "page" && event["at"] != begun["at"]));
}

/// The states of a job that has ended, one for each event.
async fn states(api: &Api, id: &str) -> Vec<Value> {
    let stream = api.stream(&format!("/v1/jobs/{id}/events?mode=all"), None).await;
    stream.snapshots().await.into_iter().map(|event| event.data).collect()
}

#[tokio::test]
async fn every_stage_of_a_long_document_is_seen_with_counters_that_move() {
    let server = Server::start();
    let api = server.api();
    let id = id_of(&api.submit_form(form("road.pdf", pdf_of(200), "roads")).await);
    api.completed(&id).await;
    let states = states(&api, &id).await;
    let mut seen: Vec<&str> = Vec::new();
    for state in &states {
        let word = state["stage"].as_str().unwrap_or(state["status"].as_str().unwrap());
        if seen.last() != Some(&word) {
            seen.push(word);
        }
    }
    let stages = ["extracting", "chunking", "enriching", "indexing"];
    assert_eq!(seen, ["queued", stages[0], stages[1], stages[2], stages[3], "completed"]);
    let mut progress = 0.0;
    for state in &states {
        let now = state["progress"].as_f64().unwrap();
        assert!(now >= progress, "{state}");
        progress = now;
    }
    for (place, (stage, unit)) in stages.iter().zip(["page", "chunk", "chunk", "chunk"]).enumerate()
    {
        let here = states.iter().filter(|state| state["stage"] == *stage);
        let counts: Vec<_> = here.map(|state| state["stages"][place].clone()).collect();
        let done: Vec<_> = counts.iter().filter_map(|stage| stage["done"].as_u64()).collect();
        assert!(done.is_sorted(), "{stage}: {done:?}");
        let different: std::collections::BTreeSet<_> = done.iter().collect();
        assert!(different.len() >= 10, "{stage}: {done:?}");
        let last = counts.last().unwrap();
        assert_eq!((&last["unit"], &last["done"]), (&json!(unit), &last["total"]), "{stage}");
    }
    let message =
        states.iter().find(|state| state["stage"] == "indexing" && state["stages"][3]["done"] != 0);
    let message = message.unwrap()["message"].as_str().unwrap();
    assert!(message.starts_with("Indexing chunk ") && message.contains(" of "), "{message}");
}
