//! An endpoint that is down, refuses, or talks nonsense.

use super::*;

async fn error_of(
    answer: impl Fn(Value) -> Response + Clone + Send + Sync + 'static,
) -> EmbedError {
    let fake = Fake::start(move |_, body| {
        let answer = answer(body);
        async move { answer }
    })
    .await;
    let embedder = fake.embedder(|config| {
        if let EmbedderConfig::OpenAi { retries, .. } = config {
            *retries = 0;
        }
    });
    let error = embedder.documents(&texts(&["one", "two"])).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("secret-key") && !shown.contains("127.0.0.1"), "{shown}");
    assert!(error.message.starts_with("The embedder `test` "), "{}", error.message);
    error
}

#[tokio::test]
async fn what_is_down_is_unavailable() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", gone.local_addr().unwrap());
    drop(gone);
    let fake = Fake { url, seen: Arc::default() };
    let embedder = fake.embedder(|config| {
        if let EmbedderConfig::OpenAi { retries, .. } = config {
            *retries = 1;
        }
    });
    let error = embedder.documents(&texts(&["x"])).await.unwrap_err();
    assert_eq!(error.kind, EmbedErrorKind::Unavailable);
    assert!(error.is_temporary());
    assert!(!format!("{error:?}").contains("/v1"), "{error:?}");
    let error = embedder.id().await.unwrap_err();
    assert_eq!(error.message, "The embedder `test` does not answer at present; try again later.");
}

#[tokio::test]
async fn what_is_too_slow_is_unavailable() {
    let fake = Fake::start(|_, _| std::future::pending::<Response>()).await;
    let embedder = fake.embedder(|config| {
        if let EmbedderConfig::OpenAi { timeout, retries, .. } = config {
            (*timeout, *retries) = (milliseconds(50), 1);
        }
    });
    let error = embedder.documents(&texts(&["x"])).await.unwrap_err();
    assert_eq!(error.kind, EmbedErrorKind::Unavailable);
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn who_wants_to_be_left_alone_for_long_is() {
    let fake = Fake::start(|_, _| async { status(429, [("retry-after", "3600")]) }).await;
    let error = fake.embedder(|_| ()).documents(&texts(&["x"])).await.unwrap_err();
    assert_eq!(error.kind, EmbedErrorKind::Limited);
    assert_eq!(error.retry_after, Some(Duration::from_secs(3600)));
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn a_query_gives_up_early() {
    let fake = Fake::start(|_, _| async { status(503, "") }).await;
    let error = fake.embedder(|_| ()).query("x").await.unwrap_err();
    assert_eq!(error.kind, EmbedErrorKind::Unavailable);
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn money_is_not_waited_for() {
    let body =
        json!({"error": {"message": "You exceeded your quota.", "code": "insufficient_quota"}});
    let fake = Fake::start(move |_, _| {
        let answer = status(429, axum::Json(body.clone()));
        async move { answer }
    })
    .await;
    let error = fake.embedder(|_| ()).documents(&texts(&["x"])).await.unwrap_err();
    assert_eq!((error.kind, fake.seen().len()), (EmbedErrorKind::Limited, 1));
    assert!(error.message.contains("You exceeded your quota."), "{}", error.message);
}

#[tokio::test]
async fn a_refusal_is_told_without_the_key() {
    let said =
        |text: &'static str| move |_| status(401, axum::Json(json!({"error": {"message": text}})));
    let error = error_of(said("Incorrect API key provided: k-secret-key.")).await;
    assert_eq!(error.kind, EmbedErrorKind::Refused);
    assert_eq!(
        error.message,
        "The embedder `test` refuses with 401 (“Incorrect API key provided: (hidden)”): the \
         operator has to check its key."
    );
    let error = error_of(|_| status(404, "No such model")).await;
    assert!(error.message.contains("(“No such model”): the operator has to check its `url`"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let fake = Fake::start(|_, _| async { status(307, [("location", "/elsewhere")]) }).await;
    let error = fake.embedder(|_| ()).documents(&texts(&["x"])).await.unwrap_err();
    assert_eq!((error.kind, fake.seen().len()), (EmbedErrorKind::Refused, 1));
}

#[tokio::test]
async fn a_text_that_is_refused_for_itself_is_found() {
    let fake = Fake::start(|_, body| async move {
        match body["input"].to_string().contains("odd") {
            true => status(400, axum::Json(json!({"error": {"message": "Content filter."}}))),
            false => good(&body),
        }
    })
    .await;
    let mut all = vec!["fine".to_owned(); 63];
    all.push("odd".to_owned());
    let error = fake.embedder(|_| ()).documents(&all).await.unwrap_err();
    assert_eq!(error.kind, EmbedErrorKind::Refused);
    assert!(error.message.contains("400 (“Content filter.”), and a text of 3 characters"));
    // Each half is tried, and of what is refused each half again.
    assert_eq!(fake.seen().len(), 13);
}

#[tokio::test]
async fn what_is_always_refused_is_not_tried_for_each_text() {
    let fake = Fake::start(|_, _| async { status(400, "`dimensions` is not supported") }).await;
    let error = fake.embedder(|_| ()).documents(&vec!["x".to_owned(); 64]).await.unwrap_err();
    assert_eq!((error.kind, fake.seen().len()), (EmbedErrorKind::Refused, 7));
}

#[tokio::test]
async fn nonsense_is_unusable() {
    let item = |index: usize, vector: Value| json!({"index": index, "embedding": vector});
    let two = |first: Value, second: Value| json!({"data": [first, second]}).to_string();
    let (zero, one) = (item(0, json!([1.0, 2.0])), item(1, json!([1.0, 2.0])));
    let cases = [
        "<html>".to_owned(),
        json!({"data": []}).to_string(),
        json!({"data": [zero]}).to_string(),
        two(zero.clone(), zero.clone()),
        two(zero.clone(), item(2, json!([1.0, 2.0]))),
        two(zero.clone(), item(1, json!([]))),
        two(zero.clone(), item(1, json!([null, 1.0]))),
        two(zero.clone(), item(1, json!(["NaN", 1.0]))),
        two(zero.clone(), item(1, json!([1e39, 1.0]))),
        two(item(0, json!(vec![1.0; 8193])), item(1, json!(vec![1.0; 8193]))),
        two(zero.clone(), one).replace("2.0", "NaN"),
    ];
    for body in cases {
        let shown: String = body.chars().take(80).collect();
        let error = error_of(move |_| body.clone().into_response()).await;
        assert_eq!(error.kind, EmbedErrorKind::Unusable, "{shown}");
        assert!(!error.is_temporary());
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let body = format!("{{\"data\": [{}", " ".repeat(2 << 20));
    let error = error_of(move |_| body.clone().into_response()).await;
    assert_eq!(error.kind, EmbedErrorKind::Unusable);
    assert!(error.cause.contains("more than"), "{}", error.cause);
}

#[tokio::test]
async fn vectors_of_another_length_are_refused() {
    let two = json!([{"index": 0, "embedding": [1.0, 2.0]}, {"index": 1, "embedding": [1.0]}]);
    let body = json!({"data": two}).to_string();
    let error = error_of(move |_| body.clone().into_response()).await;
    assert_eq!(error.kind, EmbedErrorKind::WrongDimensions);

    let fake = Fake::start(|_, body| async move { good(&body) }).await;
    let embedder = fake.embedder(|config| {
        if let EmbedderConfig::OpenAi { dimensions, .. } = config {
            *dimensions = Some(4);
        }
    });
    let error = embedder.query("x").await.unwrap_err();
    assert_eq!(error.kind, EmbedErrorKind::WrongDimensions);
    assert!(error.message.contains("vectors of 3 dimensions instead of 4"), "{}", error.message);
}

#[test]
fn settings_out_of_range_are_told() {
    let config = || EmbedderConfig::open_ai("https://h/v1", Some(Key::new("k-secret-key")), "m");
    assert!(!format!("{:?}", config()).contains("secret"));
    let refused = |change: fn(&mut EmbedderConfig)| {
        let mut config = config();
        change(&mut config);
        open(config).err().map(|error| error.message)
    };
    let message = refused(|config| {
        if let EmbedderConfig::OpenAi { batch, .. } = config {
            *batch = 0;
        }
    });
    let expected = "`test` cannot be used: its `batch` must be from 1 to 2048, not 0.";
    assert_eq!(message.as_deref(), Some(expected));
    let message = refused(|config| {
        if let EmbedderConfig::OpenAi { timeout, .. } = config {
            *timeout = Duration::ZERO;
        }
    });
    assert!(message.unwrap().contains("`timeout`"));
    let message = refused(|config| {
        if let EmbedderConfig::OpenAi { key, .. } = config {
            *key = Some(Key::new("k-secret\n"));
        }
    });
    assert!(message.is_some_and(|message| !message.contains("secret")));
}
