//! A reranker, as it should be and otherwise.

use super::*;

async fn reranker(
    answer: impl Fn(usize, Value) -> Response + Clone + Send + Sync + 'static,
) -> (Fake, Reranker) {
    let fake = Fake::start(move |place, body| {
        let answer = answer(place, body);
        async move { answer }
    })
    .await;
    let url = format!("{}/rerank", fake.url);
    let config = RerankerConfig::new(url, Some(Key::new("k-secret-key")), "r");
    let opened = Rerankers::open(BTreeMap::from([("test".to_owned(), config)])).unwrap();
    assert_eq!(opened.names(), ["test"]);
    (fake, opened.get("test").unwrap())
}

#[tokio::test]
async fn the_best_come_first() {
    let (fake, reranker) = reranker(|_, _| {
        let results = json!([
            {"index": 0, "relevance_score": 0.1},
            {"index": 2, "relevance_score": 0.9, "document": {"text": "c"}},
            {"index": 1, "relevance_score": -3},
        ]);
        axum::Json(json!({"model": "r", "results": results})).into_response()
    })
    .await;
    let ranked = reranker.rerank("q", &texts(&["a", "b", "c"]), 2).await.unwrap();
    assert_eq!(ranked, [(2, 0.9), (0, 0.1)]);
    let seen = &fake.seen()[0];
    assert_eq!(seen.path, "/v1/rerank");
    assert_eq!(seen.authorization.as_deref(), Some("Bearer k-secret-key"));
    let expected = json!({"model": "r", "query": "q", "documents": ["a", "b", "c"], "top_n": 2,
        "return_documents": false});
    assert_eq!(seen.body, expected);
    assert!(reranker.rerank("q", &[], 5).await.unwrap().is_empty());
}

#[tokio::test]
async fn nonsense_is_unusable() {
    for results in [
        json!([]),
        json!([{"index": 2, "relevance_score": 1}]),
        json!([{"index": 0, "relevance_score": 1}, {"index": 0, "relevance_score": 1}]),
        json!([{"index": 0, "relevance_score": null}]),
        json!("x"),
    ] {
        let body = json!({"results": results});
        let (_, reranker) = reranker(move |_, _| axum::Json(body.clone()).into_response()).await;
        let error = reranker.rerank("q", &texts(&["a", "b"]), 2).await.unwrap_err();
        assert_eq!(error.kind, EmbedErrorKind::Unusable, "{error:?}");
    }
}

#[tokio::test]
async fn failures_are_told_apart() {
    let cases = [
        (503, 2, EmbedErrorKind::Unavailable),
        (429, 2, EmbedErrorKind::Limited),
        (401, 1, EmbedErrorKind::Refused),
        (400, 1, EmbedErrorKind::Refused),
    ];
    for (code, requests, kind) in cases {
        let (fake, reranker) = reranker(move |_, _| status(code, "k-secret-key")).await;
        let error = reranker.rerank("q", &texts(&["a"]), 1).await.unwrap_err();
        assert_eq!((error.kind, fake.seen().len()), (kind, requests), "{code}");
        assert!(error.message.starts_with("The reranker `test` "), "{}", error.message);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}
