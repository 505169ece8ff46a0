//! An endpoint that does as it should, sooner or later.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;

#[tokio::test]
async fn each_text_gets_its_vector() {
    let fake = Fake::start(|_, body| async move { good(&body) }).await;
    let embedder = fake.embedder(|config| {
        if let EmbedderConfig::OpenAi { document_prefix, query_prefix, .. } = config {
            *document_prefix = "passage: ".to_owned();
            *query_prefix = "query: ".to_owned();
        }
    });
    let vectors = embedder.documents(&texts(&["one", "three"])).await.unwrap();
    assert_eq!(vectors, [vector("passage: one"), vector("passage: three")]);
    assert_eq!(embedder.query("what?").await.unwrap(), vector("query: what?"));

    let seen = fake.seen();
    assert_eq!(seen[0].path, "/v1/embeddings");
    assert_eq!(seen[0].authorization.as_deref(), Some("Bearer k-secret-key"));
    let input = ["passage: one", "passage: three"];
    assert_eq!(seen[0].body, json!({"model": "m", "input": input, "encoding_format": "float"}));
    assert!(embedder.documents(&[]).await.unwrap().is_empty());
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn an_endpoint_is_asked_once_for_its_dimensions() {
    let fake = Fake::start(|_, body| async move { good(&body) }).await;
    let embedder = fake.embedder(|_| ());
    for _ in 0..2 {
        let id = embedder.id().await.unwrap();
        let expected = EmbedderId { name: "test".into(), model: "m".into(), dimensions: 3 };
        assert_eq!(id, expected);
    }
    assert_eq!(fake.seen().len(), 1);
    assert_eq!((embedder.batch(), embedder.concurrency()), (64, 4));
    assert!(!embedder.is_local() && embedder.tokenizer().is_none());
}

#[tokio::test]
async fn what_is_known_is_asked_for_and_not_found_out() {
    let fake = Fake::start(|_, body| async move { good(&body) }).await;
    let embedder = fake.embedder(|config| {
        if let EmbedderConfig::OpenAi { dimensions, document_prefix, .. } = config {
            *dimensions = Some(3);
            *document_prefix = "passage: ".to_owned();
        }
    });
    let id = embedder.id().await.unwrap();
    assert_eq!((id.dimensions, fake.seen().len()), (3, 0));
    // Vectors of texts with something before them are not those without.
    assert_eq!(id.model, r#"m after "passage: ""#);
    embedder.query("x").await.unwrap();
    assert_eq!(fake.seen()[0].body["dimensions"], 3);
}

#[tokio::test]
async fn many_texts_come_in_batches_and_not_all_at_once() {
    static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let go = Arc::new(Semaphore::new(0));
    let wait = Arc::clone(&go);
    let fake = Fake::start(move |_, body| {
        let wait = Arc::clone(&wait);
        async move {
            let now = UNDER_WAY.fetch_add(1, Ordering::SeqCst) + 1;
            MOST.fetch_max(now, Ordering::SeqCst);
            wait.acquire().await.unwrap().forget();
            UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
            good(&body)
        }
    })
    .await;
    let embedder = fake.embedder(|config| {
        if let EmbedderConfig::OpenAi { batch, concurrency, .. } = config {
            (*batch, *concurrency) = (2, 2);
        }
    });
    let all: Vec<String> = (0..9).map(|count| "x".repeat(count + 1)).collect();
    let task = tokio::spawn({
        let (embedder, all) = (embedder.clone(), all.clone());
        async move { embedder.documents(&all).await.unwrap() }
    });
    while UNDER_WAY.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    go.add_permits(5);
    let vectors = task.await.unwrap();
    let expected: Vec<_> = all.iter().map(|text| vector(text).to_vec()).collect();
    assert_eq!(vectors, expected);
    assert_eq!(fake.seen().len(), 5);
    assert_eq!(MOST.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let fake = Fake::start(|place, body| async move {
        match place {
            0 => status(500, "oh"),
            1 => status(429, [("retry-after", "1")]),
            _ => good(&body),
        }
    })
    .await;
    let vectors = fake.embedder(|_| ()).documents(&texts(&["x"])).await.unwrap();
    assert_eq!(vectors, [vector("x")]);
    let seen = fake.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen[2].at - seen[1].at >= milliseconds(1000), "it came back too early");
    assert!(seen[1].at - seen[0].at >= milliseconds(250), "it came back too early");
}

#[tokio::test]
async fn a_text_that_is_too_long_is_cut_and_keeps_no_other_out() {
    let fake = Fake::start(|_, body| async move {
        let texts = body["input"].as_array().unwrap();
        if texts.iter().any(|text| text.as_str().unwrap().chars().count() > 100) {
            let message = "This model's maximum context length is 100 tokens.";
            return status(400, axum::Json(json!({"error": {"message": message}})));
        }
        good(&body)
    })
    .await;
    let long = "ä".repeat(1000);
    let all = texts(&["a", "b", &long, "c", "d"]);
    let vectors = fake.embedder(|_| ()).documents(&all).await.unwrap();
    assert_eq!(vectors[0], vector("a"));
    assert_eq!(vectors[4], vector("d"));
    // Cut in half four times.
    assert_eq!(vectors[2], vector(&"ä".repeat(62)));
    assert!(fake.seen().len() < 12);
}

#[tokio::test]
async fn nobody_is_sent_an_empty_text() {
    let fake = Fake::start(|_, body| async move { good(&body) }).await;
    fake.embedder(|_| ()).documents(&texts(&["", " \n"])).await.unwrap();
    assert_eq!(fake.seen()[0].texts(), [".", "."]);
}
