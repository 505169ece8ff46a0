//! The pipelines `sentences` and `ingest`: their stages, what they make, and what
//! becomes of documents that they cannot read.

use serde_json::{Value, json};

use crate::harness::{
    Api, Client, Form, Server, exits, expected, fixture, fixtures, id_of, pdf_of, pdf_with,
};

const TEXTS: &str = "application/vnd.milepost.texts+json";

/// A French document of three pages; a sentence runs from the first to the second.
fn french() -> Vec<u8> {
    let pages = [
        &[
            "M. Dupont habite sur la rive gauche, à deux pas du fossé.",
            "« Il pleut », dit-il. Le Dr Martin attend av. Foch depuis une",
            "heure, et regarde par la fenêtre la pluie qui",
        ][..],
        &["tombe sur la ville. — Bonsoir ! Quelle heure est-il ?", "Cela coûte 3,50 euros."],
        &["Fin de l'histoire."],
    ];
    pdf_with(pages.map(|lines| lines.iter().map(|line| (*line).to_owned()).collect()))
}

fn form(name: &str, bytes: Vec<u8>, pipeline: &'static str) -> Form {
    Api::form(name, bytes).text("pipeline", pipeline)
}

/// The states of a job that has ended, one for each event.
async fn states(api: &Api, id: &str) -> Vec<Value> {
    let stream = api.stream(&format!("/v1/jobs/{id}/events?mode=all"), None).await;
    stream.snapshots().await.into_iter().map(|event| event.data).collect()
}

/// Each stage with the progress at which it was entered.
fn entered(states: &[Value]) -> Vec<(String, f64)> {
    let mut entered: Vec<(String, f64)> = Vec::new();
    for state in states {
        let Some(stage) = state["stage"].as_str() else { continue };
        if entered.last().is_none_or(|(last, _)| last != stage) {
            entered.push((stage.to_owned(), state["progress"].as_f64().unwrap()));
        }
    }
    entered
}

#[tokio::test]
async fn a_french_document_becomes_its_sentences() {
    let server = Server::start();
    let api = server.api();
    let id = id_of(&api.submit_form(form("rive.pdf", french(), "sentences")).await);
    let job = api.completed(&id).await;
    assert_eq!(job["document"]["pages"], 3);
    assert_eq!(job["result"]["formats"], json!(["json", "text"]));

    let sentences = [
        "M. Dupont habite sur la rive gauche, à deux pas du fossé.",
        "\"Il pleut\", dit-il.",
        "Le Dr Martin attend av. Foch depuis une heure, et regarde par la fenêtre la pluie qui \
         tombe sur la ville.",
        "— Bonsoir !",
        "Quelle heure est-il ?",
        "Cela coûte 3,50 euros.",
        "Fin de l'histoire.",
    ];
    let text = String::from_utf8(api.result(&id, "text").await).unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), sentences);
    let result: Value = serde_json::from_slice(&api.result(&id, "json").await).unwrap();
    assert_eq!(result["language"], "fr");
    let all = result["sentences"].as_array().unwrap();
    assert_eq!(all[1], json!({"normalized": sentences[1], "original": "« Il pleut », dit-il."}));
    let chunks = result["chunks"].as_array().unwrap();
    assert_eq!(chunks.len(), 3);
    let of_chunks: Vec<_> =
        chunks.iter().flat_map(|c| c["sentences"].as_array().unwrap()).collect();
    assert_eq!(of_chunks, all.iter().collect::<Vec<_>>());
    // What runs on belongs to the chunk in which it begins.
    assert_eq!(chunks[0]["sentences"][2]["normalized"], sentences[2]);
    let last = json!({
        "chunk_id": 2, "status": "success", "tokens": 3, "error": null,
        "sentences": [{"normalized": sentences[6], "original": sentences[6]}],
    });
    assert_eq!(chunks[2], last);
    let pages = api.list(&format!("/v1/jobs/{id}/pages")).await;
    assert!(pages.is_empty());
    let other = api.get(&format!("/v1/jobs/{id}/result?format=markdown"));
    api.call(other).await.refused(406, "not_acceptable", None);
}

#[tokio::test]
async fn the_stages_begin_where_clients_expect_them() {
    let server = Server::start();
    let api = server.api();
    let id = id_of(&api.submit_form(form("rive.pdf", french(), "sentences")).await);
    api.completed(&id).await;
    let states = states(&api, &id).await;
    let expected = [
        ("starting", 0.0),
        ("analyzing", 5.0),
        ("splitting", 10.0),
        ("processing", 15.0),
        ("merging", 75.0),
    ]
    .map(|(stage, progress)| (stage.to_owned(), progress));
    assert_eq!(entered(&states), expected);
    assert_eq!(states.last().unwrap()["progress"], 100.0);
    // Both know how many chunks there are, and each chunk is told.
    let of = |stage: &str| -> Vec<_> {
        let here = states.iter().filter(|state| state["stage"] == stage);
        let index = if stage == "splitting" { 2 } else { 3 };
        here.map(|state| state["stages"][index].clone()).collect()
    };
    assert_eq!(
        (&of("splitting")[0]["unit"], &of("splitting")[0]["total"]),
        (&json!("chunk"), &json!(3))
    );
    let done: Vec<_> = of("processing").iter().map(|stage| stage["done"].clone()).collect();
    assert_eq!(done, [0, 1, 2, 3]);
}

#[tokio::test]
async fn chunks_have_as_many_pages_as_is_asked() {
    let server = Server::start();
    let api = server.api();
    let form = form("road.pdf", pdf_of(7), "sentences");
    let form = form.text("options", r#"{"pages": "1-5", "chunk_pages": 2}"#);
    let id = id_of(&api.submit_form(form).await);
    let job = api.completed(&id).await;
    assert_eq!(job["stages"][3]["total"], 3);
    let result: Value = serde_json::from_slice(&api.result(&id, "json").await).unwrap();
    assert_eq!(result["language"], "en");
    let last = &result["chunks"][2]["sentences"];
    assert!(last[0]["original"].as_str().unwrap().starts_with("Page 5, line 1:"), "{last}");
}

#[tokio::test]
async fn any_document_has_sentences() {
    let server = Server::start();
    let api = server.api();
    let id =
        id_of(&api.submit_form(form("letter.docx", fixture("letter.docx"), "sentences")).await);
    api.completed(&id).await;
    let text = String::from_utf8(api.result(&id, "text").await).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.contains(&"The road keeps 43 stones, of which 35 stand upright."), "{text}");
    assert!(lines.contains(&"one stone is missing") && lines.contains(&"2. clean"), "{text}");
    // A long text has several chunks.
    let text = "It rains again. The road is long, and nobody walks on it.\n\n".repeat(500);
    let source = json!({"text": text, "filename": "rain.txt"});
    let body = json!({"pipeline": "sentences", "source": source});
    let id = id_of(&api.submit_json(&body).await.expect(202).json());
    let job = api.completed(&id).await;
    assert!(job["stages"][3]["total"].as_u64() > Some(2), "{job}");
    let text = String::from_utf8(api.result(&id, "text").await).unwrap();
    assert_eq!(text.lines().count(), 1000);
}

#[tokio::test]
async fn a_cancel_stops_the_work_between_chunks() {
    let server = Server::start();
    let api = server.api();
    let form = form("road.pdf", pdf_of(1500), "sentences").text("options", r#"{"chunk_pages": 1}"#);
    let id = id_of(&api.submit_form(form).await);
    api.until(&id, "some chunks", |job| job["stages"][3]["done"].as_u64() >= Some(5)).await;
    server.freeze().await;
    let job = api.call(api.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200).json();
    assert_eq!((&job["status"], &job["stage"]), (&json!("cancelled"), &json!("processing")));
    assert!(job["progress"].as_f64() < Some(75.0));
    server.thaw();
    // Another attempt begins again from nothing.
    let retried = api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202).json();
    assert_eq!((&retried["progress"], &retried["stages"][3]["done"]), (&json!(0.0), &Value::Null));
    api.call(api.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200);
}

#[tokio::test]
async fn what_cannot_be_read_says_so() {
    let server = Server::start();
    let api = server.api();
    for (name, code) in [
        ("truncated.pdf", "document_damaged"),
        ("scanned.pdf", "ocr_unavailable"),
        ("encrypted.pdf", "document_encrypted"),
        ("unknown.bin", "document_unsupported"),
    ] {
        for pipeline in ["sentences", "ingest"] {
            let id = id_of(&api.submit_form(form(name, fixture(name), pipeline)).await);
            let job = api.ended(&id).await;
            assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!(code)));
        }
    }
    // A password opens it.
    let form = form("encrypted.pdf", fixture("encrypted.pdf"), "sentences");
    let form = form.text("options", r#"{"password": "milepost"}"#);
    let job = api.completed(&id_of(&api.submit_form(form).await)).await;
    assert!(!job.to_string().contains("password"));
}

#[tokio::test]
async fn a_held_job_gets_its_document_later() {
    let server = Server::start();
    let api = server.api();
    let body = json!({"pipeline": "sentences", "hold": true});
    let held = api.submit_json(&body).await.expect(202).json();
    let id = id_of(&held);
    assert_eq!((&held["status"], &held["pipeline"]), (&json!("awaiting"), &json!("sentences")));
    let confirm = || api.post(&format!("/v1/jobs/{id}/confirm"));
    let wrong = Api::form("rive.pdf", french()).text("options", r#"{"chunker": {"max": 500}}"#);
    let wrong = api.call(confirm().multipart(wrong)).await;
    wrong.refused(422, "invalid_field", Some("options.chunker"));
    api.call(confirm().multipart(Api::form("rive.pdf", french()))).await.expect(202);
    api.completed(&id).await;
}

#[tokio::test]
async fn a_document_is_cut_into_chunks() {
    let server = Server::start();
    let api = server.api();
    let form = form("notes.md", fixture("notes.md"), "ingest");
    let id = id_of(
        &api.submit_form(
            form.text("options", r#"{"chunker": {"kind": "markdown", "max": 200, "overlap": 0}}"#),
        )
        .await,
    );
    let job = api.completed(&id).await;
    assert_eq!(job["result"]["formats"], json!(["chunks"]));
    let result = api.call(api.get(&format!("/v1/jobs/{id}/result"))).await.expect(200);
    assert_eq!(result.header("content-type"), "application/json");
    let made: Value = serde_json::from_slice(&api.result(&id, "chunks").await).unwrap();
    assert_eq!(made, result.json());
    let chunks = made["chunks"].as_array().unwrap();
    assert!(chunks.len() > 1 && made["documents"] == 1);
    let dense = |text: &str| text.split_whitespace().collect::<String>();
    let all: String = chunks.iter().map(|chunk| chunk["text"].as_str().unwrap()).collect();
    assert_eq!(dense(&all), dense(&String::from_utf8(expected("notes.md")).unwrap()));
    for (index, chunk) in chunks.iter().enumerate() {
        assert_eq!((&chunk["id"], &chunk["index"]), (&json!(format!("0-{index}")), &json!(index)));
        assert_eq!((&chunk["source"], &chunk["metadata"]), (&json!("notes.md"), &Value::Null));
        assert!(chunk["characters"].as_u64() <= Some(200));
    }
}

#[tokio::test]
async fn several_texts_are_one_job() {
    let server = Server::start();
    let api = server.api();
    let text = "The stone stands on the left bank, two paces from the ditch. ".repeat(30);
    let texts = json!({"documents": [
        {"content": text, "source": "stones.md", "metadata": {"year": 1920}},
        {"content": ""},
        {"content": "La borne se dresse sur la rive gauche, à deux pas du fossé."},
    ]});
    let part = reqwest::multipart::Part::bytes(texts.to_string().into_bytes());
    let part = part.file_name("texts").mime_str(TEXTS).unwrap();
    let form = Form::new().text("pipeline", "ingest").part("file", part);
    let id = id_of(&api.submit_form(form).await);
    let job = api.completed(&id).await;
    assert_eq!(job["document"]["media_type"], TEXTS);

    let made: Value = serde_json::from_slice(&api.result(&id, "chunks").await).unwrap();
    let chunks = made["chunks"].as_array().unwrap();
    assert_eq!((chunks.len(), &made["documents"]), (3, &json!(3)));
    assert_eq!((&chunks[1]["id"], &chunks[1]["metadata"]["year"]), (&json!("0-1"), &json!(1920)));
    assert_eq!((&chunks[2]["id"], &chunks[2]["source"]), (&json!("2-0"), &json!("unknown")));
    assert_eq!([&chunks[0]["language"], &chunks[2]["language"]], ["en", "fr"]);

    let states = states(&api, &id).await;
    let stages: Vec<_> = entered(&states).into_iter().map(|(stage, _)| stage).collect();
    assert_eq!(stages, ["extracting", "chunking", "enriching", "indexing"]);
    let counts = |index: usize| -> Vec<_> {
        let stage = |state: &Value| state["stages"][index].clone();
        let here = states.iter().filter(|state| stage(state)["status"] == "running");
        here.map(|state| (stage(state)["done"].as_u64(), stage(state)["total"].as_u64())).collect()
    };
    let rising = [(Some(0), Some(3)), (Some(1), Some(3)), (Some(2), Some(3)), (Some(3), Some(3))];
    assert_eq!(counts(2), rising);
    assert_eq!([counts(3)[0], counts(3)[counts(3).len() - 1]], [rising[0], rising[3]]);
    assert_eq!(counts(1).last(), Some(&(Some(3), Some(3))));
}

#[tokio::test]
async fn texts_may_be_none_and_must_be_texts() {
    let server = Server::start();
    let api = server.api();
    let submit = async |text: &str| {
        let source = json!({"text": text, "filename": "documents.texts.json"});
        let body = json!({"pipeline": "ingest", "source": source});
        api.ended(&id_of(&api.submit_json(&body).await.expect(202).json())).await
    };
    let none = submit(r#"{"documents": []}"#).await;
    assert_eq!(none["status"], "completed");
    let made: Value = serde_json::from_slice(&api.result(&id_of(&none), "chunks").await).unwrap();
    assert_eq!(made, json!({"chunks": [], "documents": 0, "sources": []}));
    for wrong in [r#"{"documents": [{"text": "x"}]}"#, "[]", "no"] {
        assert_eq!(submit(wrong).await["error"]["code"], "document_damaged", "{wrong}");
    }
}

#[tokio::test]
async fn options_are_those_of_the_pipeline() {
    let server = Server::start();
    let api = server.api();
    for (pipeline, options, field) in [
        ("sentences", json!({"formats": ["text"]}), "options.formats"),
        ("sentences", json!({"chunk_pages": 0}), "options.chunk_pages"),
        ("ingest", json!({"chunker": {"max": 99}}), "options.chunker.max"),
        ("ingest", json!({"embedder": "none"}), "options.embedder"),
        ("convert", json!({"chunker": {}}), "options.chunker"),
    ] {
        let source = json!({"text": "It rains."});
        let body = json!({"pipeline": pipeline, "options": options, "source": source});
        api.submit_json(&body).await.refused(422, "invalid_field", Some(field));
    }
}

#[tokio::test]
async fn the_command_line_names_a_pipeline() {
    let server = Server::start();
    let letter = fixtures().join("letter.docx");
    let letter = letter.to_str().unwrap();
    let command = ["submit", "--pipeline", "sentences", "--wait", letter];
    let id = exits(&Client(&server).run(&command), 0);
    assert_eq!(server.api().job(id.trim()).await["pipeline"], "sentences");
    let result = ["result", id.trim(), "--format", "text"];
    let text = exits(&Client(&server).run(&result), 0);
    assert!(text.lines().any(|line| line == "one stone is missing"), "{text}");
}
