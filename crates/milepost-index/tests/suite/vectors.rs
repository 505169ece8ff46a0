//! Search by meaning, and by both.

use milepost_index::{Builder, Distance, Index, IndexError, Mode, Query, Settings, Staged};

use super::tools::*;

async fn with<I: Index>(index: &I, distance: Distance, all: &[(&str, [f32; 2])]) {
    let wanted = Settings { distance, ..settings(2) };
    let builder = index.build(build(1, wanted), at(0)).await.unwrap();
    for (place, (text, vector)) in all.iter().enumerate() {
        let staged = Staged { chunk: chunk(0, text), vector: Some(vector.to_vec()) };
        add(&builder, facts(&format!("d{place}")), vec![staged]).await;
    }
    builder.finish(at(1)).await.unwrap();
}

fn near(text: &str, mode: Mode, vector: [f32; 2]) -> Query {
    Query { mode, vector: Some(vector.to_vec()), ..query(text) }
}

pub async fn finds_the_nearest<I: Index>(index: I) {
    with(&index, Distance::Cosine, &[("a", [0.0, 5.0]), ("b", [3.0, 3.0]), ("c", [0.2, 0.0])])
        .await;
    let hits = hits(&index, &near("", Mode::Vector, [2.0, 0.0])).await;
    let found: Vec<(&str, f64)> =
        hits.iter().map(|hit| (hit.entry.facts.key.as_str(), hit.score)).collect();
    assert_eq!(found.iter().map(|hit| hit.0).collect::<Vec<_>>(), ["d2", "d1", "d0"]);
    for ((_, score), wanted) in found.iter().zip([1.0, 0.5_f64.sqrt(), 0.0]) {
        assert!((score - wanted).abs() < 1e-6, "{found:?}");
    }
    assert_eq!((hits[1].keyword_rank, hits[1].vector_rank), (None, Some(2)));
    assert_eq!(hits[1].highlight, "b");
}

pub async fn compares_as_the_collection_says<I: Index>(index: I) {
    let all = [("a", [1.0, 0.0]), ("b", [9.0, 9.0]), ("c", [2.0, 0.5])];
    for (distance, expected) in [
        (Distance::Cosine, ["d0", "d2", "d1"]),
        (Distance::Dot, ["d1", "d2", "d0"]),
        (Distance::L2, ["d2", "d0", "d1"]),
    ] {
        with(&index, distance, &all).await;
        let query = near("", Mode::Vector, [2.0, 0.0]);
        assert_eq!(keys(&index, &query).await, expected, "{distance:?}");
        let scores: Vec<f64> = hits(&index, &query).await.iter().map(|hit| hit.score).collect();
        assert!(scores.is_sorted_by(|one, next| one >= next), "{distance:?}: {scores:?}");
        index.delete(&owner(), &name("papers")).await.unwrap();
    }
}

pub async fn fuses_both_by_rank<I: Index>(index: I) {
    with(
        &index,
        Distance::Cosine,
        &[
            ("whale whale whale", [-1.0, 0.0]),
            ("a whale and more text", [0.9, 0.1]),
            ("nothing", [1.0, 0.0]),
            ("nothing at all", [0.0, 1.0]),
        ],
    )
    .await;
    let query = near("whale", Mode::Hybrid, [1.0, 0.0]);
    let hits = hits(&index, &query).await;
    // Second in both is better than first in one.
    assert_eq!(hits[0].entry.facts.key, "d1");
    assert_eq!((hits[0].keyword_rank, hits[0].vector_rank), (Some(2), Some(2)));
    assert_eq!(hits.len(), 4);
    assert_eq!(hits[3].keyword_rank, None);
    assert!(hits.is_sorted_by(|one, next| one.score >= next.score));
    assert!(hits[0].highlight.contains("<mark>whale</mark>"));
}

pub async fn needs_an_embedder<I: Index>(index: I) {
    filled(&index, &["whale"]).await;
    for mode in [Mode::Vector, Mode::Hybrid] {
        let query = near("whale", mode, [1.0, 0.0]);
        let refused = index.search(&owner(), &name("papers"), &query).await;
        assert!(matches!(refused, Err(IndexError::NoEmbedder(_))), "{refused:?}");
    }
    index.delete(&owner(), &name("papers")).await.unwrap();
    with(&index, Distance::Cosine, &[("a", [1.0, 0.0])]).await;
    let query = Query { mode: Mode::Vector, vector: Some(vec![1.0; 3]), ..query("a") };
    let refused = index.search(&owner(), &name("papers"), &query).await;
    assert!(matches!(refused, Err(IndexError::WrongDimensions { .. })), "{refused:?}");
    let query = Query { mode: Mode::Hybrid, vector: None, ..query };
    let refused = index.search(&owner(), &name("papers"), &query).await;
    assert!(matches!(refused, Err(IndexError::WrongDimensions { .. })), "{refused:?}");
}
