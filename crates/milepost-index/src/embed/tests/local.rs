//! A real model: all-MiniLM-L6-v2.

use super::*;

/// The first numbers of vectors that transformers 4.44.2 makes with Flax in 32 bits,
/// pooled and normalised as the folder says.
const REFERENCES: [(&str, [f32; 6]); 4] = [
    (
        "The court allowed the appeal and sent the case back for a new trial.",
        [-0.024034, 0.055034, 0.031995, -0.039185, 0.026833, -0.002522],
    ),
    (
        "Photosynthesis turns light into chemical energy.",
        [-0.008496, 0.045148, -0.050681, 0.10215, 0.011066, -0.007399],
    ),
    ("", [-0.118838, 0.048299, -0.002548, -0.011011, 0.051951, 0.010292]),
    (
        "naïve café – Größe, 東京 and emoji 🎉",
        [0.048425, 0.015924, 0.096342, -0.026114, -0.004403, -0.007672],
    ),
];
/// "word0 word1 …", of which the first 256 tokens count.
const LONG: [f32; 6] = [0.003043, -0.070427, -0.05078, -0.023928, 0.018303, 0.005142];

fn embedder() -> Embedder {
    open(EmbedderConfig::local(minilm())).unwrap()
}

fn near(got: &[f32], expected: &[f32]) -> bool {
    got.iter().zip(expected).all(|(got, wanted)| (got - wanted).abs() < 2e-5)
}

fn long(words: usize) -> String {
    (0..words).map(|count| format!("word{count}")).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn vectors_are_those_of_the_original() {
    let embedder = embedder();
    let mut all: Vec<String> = REFERENCES.iter().map(|(text, _)| (*text).to_owned()).collect();
    all.push(long(400));
    all.push(long(4000));
    let vectors = embedder.documents(&all).await.unwrap();
    for ((text, expected), vector) in REFERENCES.iter().zip(&vectors) {
        assert_eq!(vector.len(), 384);
        assert!(near(vector, expected), "{text}: {:?}", &vector[..6]);
        let length: f32 = vector.iter().map(|number| number * number).sum();
        assert!((length - 1.0).abs() < 1e-5);
        // What it was filled up with does not count.
        assert!(near(&embedder.query(text).await.unwrap(), vector), "{text}");
    }
    assert!(near(&vectors[4], &LONG), "{:?}", &vectors[4][..6]);
    assert!(near(&vectors[5], &vectors[4]));
}

#[tokio::test]
async fn a_model_is_known_by_its_weights() {
    let embedder = embedder();
    let id = embedder.id().await.unwrap();
    let expected = EmbedderId {
        name: "test".to_owned(),
        model: "all-MiniLM-L6-v2-53aa51172d14".to_owned(),
        dimensions: 384,
    };
    assert_eq!(id, expected);
    assert_eq!(embedder.max_tokens(), Some(256));
}

#[tokio::test]
async fn no_text_is_too_odd() {
    let embedder = embedder();
    let odd = [
        "a".repeat(1 << 20),
        " ".repeat(1 << 20),
        "\u{301}".repeat(1 << 18),
        "🎉".repeat(1 << 18),
        "\0\u{feff}\u{202e}\u{fffd}".repeat(1000),
        "[CLS] [SEP] [PAD] [MASK] [UNK]".to_owned(),
        "東".repeat(1 << 18),
        "-".repeat(1 << 18),
    ];
    let vectors = embedder.documents(&odd).await.unwrap();
    for vector in vectors {
        assert!(vector.len() == 384 && vector.iter().all(|number| number.is_finite()));
    }
}

#[tokio::test]
async fn what_means_the_same_is_near() {
    let embedder = embedder();
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let documents = texts(&[
        "The defendant was released from prison on bail.",
        "Bake the dough at 200 degrees for half an hour.",
    ]);
    let documents = embedder.documents(&documents).await.unwrap();
    let query = embedder.query("setting an accused person free before the trial").await.unwrap();
    assert!(near(&query, &documents[0]) > near(&query, &documents[1]) + 0.2);
}

#[tokio::test]
async fn who_goes_away_holds_nobody_up() {
    let embedder = embedder();
    embedder.query("so that it is loaded").await.unwrap();
    let many = vec![long(400); 2000];
    let task = tokio::spawn({
        let embedder = embedder.clone();
        async move { embedder.documents(&many).await }
    });
    // Ahead of documents that would take minutes; and behind them, once nobody wants them.
    embedder.query("ahead").await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    embedder.documents(&texts(&["behind"])).await.unwrap();
}
