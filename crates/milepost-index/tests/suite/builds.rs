//! Builds stage, publish, end, and are given up.

use milepost_index::{
    Build, Builder, Chunk, Facts, Index, IndexError, Mode, Query, Settings, Staged,
};
use uuid::Uuid;

use super::tools::*;

fn with_vector(chunk: Chunk, vector: &[f32]) -> Staged {
    Staged { chunk, vector: Some(vector.to_vec()) }
}

pub async fn publish_whole_documents<I: Index>(index: I) {
    let builder = index.build(build(1, settings(0)), at(0)).await.unwrap();
    assert_eq!(builder.settings(), &settings(0));
    builder.stage("a", plain(&["first whale", "second whale"])).await.unwrap();
    assert_eq!(found(&index, "whale").await, [] as [&str; 0]);
    assert_eq!(builder.staged("a").await.unwrap(), [0, 1].into());
    assert_eq!(builder.staged("b").await.unwrap(), [].into());

    // A part that is missing keeps all of it back.
    let refused = builder.publish(facts("a"), 3, at(1)).await;
    assert!(matches!(refused, Err(IndexError::Unavailable(_))), "{refused:?}");
    assert_eq!(found(&index, "whale").await, [] as [&str; 0]);

    let facts = Facts { title: Some("Whales".into()), pages: Some(3), ..facts("a") };
    let entry = builder.publish(facts.clone(), 2, at(2)).await.unwrap();
    assert_eq!((entry.chunks, entry.bytes, entry.indexed_at), (2, 23, at(2)));
    assert_eq!(entry.facts, facts);
    assert_eq!(found(&index, "whale").await.len(), 2);
    // The same again changes nothing.
    assert_eq!(builder.publish(facts, 2, at(3)).await.unwrap(), entry);
    assert_eq!(builder.staged("a").await.unwrap(), [0, 1].into());

    let collection = builder.finish(at(4)).await.unwrap();
    assert_eq!((collection.documents, collection.chunks), (1, 2));
    assert_eq!(builder.finish(at(5)).await.unwrap(), collection);
    assert!(index.tokens().await.unwrap().is_empty());
}

pub async fn replace_the_document_with_the_same_key<I: Index>(index: I) {
    filled(&index, &["an old whale", "another one"]).await;
    let builder = index.build(build(2, settings(0)), at(30)).await.unwrap();
    let entry = add(&builder, facts("d0"), plain(&["a new shark", "and more"])).await;
    let collection = builder.finish(at(31)).await.unwrap();
    assert_eq!((collection.documents, collection.chunks), (2, 3));
    assert_eq!(found(&index, "whale").await, [] as [&str; 0]);
    assert_eq!(found(&index, "shark").await, ["d0"]);
    let entries = index.entries(&owner(), &name("papers"), None, 10).await.unwrap();
    assert_eq!(entries.len(), 2);
    // Replaced, it is the youngest; and there is a page behind each.
    assert_eq!(entries[1], entry);
    let behind = index.entries(&owner(), &name("papers"), Some(entries[0].id), 10).await.unwrap();
    assert_eq!(behind, [entry]);
}

pub async fn go_on_where_they_stopped<I: Index>(index: I) {
    let builder = index.build(build(1, settings(0)), at(0)).await.unwrap();
    add(&builder, facts("a"), plain(&["whale one", "whale two"])).await;
    builder.stage("b", plain(&["whale three"])).await.unwrap();
    drop(builder);
    assert_eq!(index.tokens().await.unwrap(), [Uuid::from_u128(1)]);

    let builder = index.build(build(1, settings(0)), at(1)).await.unwrap();
    // What is published counts as staged: there is nothing to do for it.
    assert_eq!(builder.staged("a").await.unwrap(), [0, 1].into());
    assert_eq!(builder.staged("b").await.unwrap(), [0].into());
    builder.publish(facts("a"), 2, at(2)).await.unwrap();
    let mut rest = plain(&["whale three", "whale four"]);
    builder.stage("b", vec![rest.remove(1)]).await.unwrap();
    builder.publish(facts("b"), 2, at(2)).await.unwrap();
    // One more chunk of a document that this build has published.
    let mut more = plain(&["", "", "whale five"]);
    builder.stage("a", vec![more.remove(2)]).await.unwrap();
    builder.publish(facts("a"), 3, at(3)).await.unwrap();
    let collection = builder.finish(at(4)).await.unwrap();
    assert_eq!((collection.documents, collection.chunks), (2, 5));
    assert_eq!(found(&index, "whale").await.len(), 5);

    // After its end, too.
    let builder = index.build(build(1, settings(0)), at(5)).await.unwrap();
    assert_eq!(builder.staged("a").await.unwrap(), [0, 1, 2].into());
    builder.publish(facts("a"), 3, at(6)).await.unwrap();
    assert_eq!(builder.finish(at(6)).await.unwrap().chunks, 5);
}

pub async fn make_a_collection_anew_beside_the_present_one<I: Index>(index: I) {
    filled(&index, &["an old whale"]).await;
    let anew = || Build { recreate: true, ..build(2, settings(2)) };
    let builder = index.build(anew(), at(30)).await.unwrap();
    assert_eq!(builder.settings(), &settings(2));
    assert_eq!(builder.staged("d0").await.unwrap(), [].into());
    let new = || vec![with_vector(chunk(0, "a new shark"), &[1.0, 0.0])];
    add(&builder, facts("d0"), new()).await;
    assert_eq!(found(&index, "whale shark").await, ["d0"]);
    assert_eq!(found(&index, "shark").await, [] as [&str; 0]);
    let present = index.get(&owner(), &name("papers")).await.unwrap().unwrap();
    assert_eq!(present.settings, settings(0));
    drop(builder);

    let builder = index.build(anew(), at(31)).await.unwrap();
    assert_eq!(builder.staged("d0").await.unwrap(), [0].into());
    add(&builder, facts("d1"), vec![with_vector(chunk(0, "a ray"), &[0.0, 1.0])]).await;
    let collection = builder.finish(at(32)).await.unwrap();
    assert_eq!((collection.documents, &collection.settings), (2, &settings(2)));
    assert_eq!(collection.created_at, present.created_at);
    assert_eq!(found(&index, "whale").await, [] as [&str; 0]);
    assert_eq!(found(&index, "shark").await, ["d0"]);
    assert_eq!(builder.finish(at(33)).await.unwrap(), collection);

    // Going on after its end is not making it anew once more.
    let builder = index.build(anew(), at(34)).await.unwrap();
    assert_eq!(builder.staged("d1").await.unwrap(), [0].into());
    assert_eq!(builder.finish(at(35)).await.unwrap().documents, 2);
    assert!(index.tokens().await.unwrap().is_empty());
}

pub async fn the_later_of_two_that_make_anew_wins<I: Index>(index: I) {
    let anew = |token| Build { recreate: true, ..build(token, settings(0)) };
    let first = index.build(anew(1), at(0)).await.unwrap();
    let second = index.build(anew(2), at(1)).await.unwrap();
    add(&first, facts("first"), plain(&["whale"])).await;
    add(&second, facts("second"), plain(&["whale"])).await;
    second.finish(at(2)).await.unwrap();
    let refused = first.finish(at(3)).await;
    assert!(matches!(refused, Err(IndexError::Replaced(_))), "{refused:?}");
    assert_eq!(found(&index, "whale").await, ["second"]);
    index.abandon(Uuid::from_u128(1)).await.unwrap();
    assert!(index.tokens().await.unwrap().is_empty());

    // In the order in which they began, the later takes the place of the earlier.
    let third = index.build(anew(3), at(4)).await.unwrap();
    add(&third, facts("third"), plain(&["whale"])).await;
    third.finish(at(5)).await.unwrap();
    assert_eq!(found(&index, "whale").await, ["third"]);
}

pub async fn are_refused_with_another_embedder<I: Index>(index: I) {
    index.put(&owner(), &name("papers"), settings(2), at(0)).await.unwrap();
    let refused = index.build(build(1, settings(3)), at(1)).await.err().unwrap();
    assert!(matches!(refused, IndexError::OtherEmbedder { .. }), "{refused:?}");
    assert!(refused.to_string().contains("`mini` (mini-1, 2 dimensions)"), "{refused}");
    // None that is named is that of the collection.
    let builder = index.build(build(1, settings(0)), at(1)).await.unwrap();
    assert_eq!(builder.settings(), &settings(2));

    index.put(&owner(), &name("words"), settings(0), at(0)).await.unwrap();
    let refused =
        index.build(Build { collection: name("words"), ..build(2, settings(2)) }, at(1)).await;
    assert!(matches!(refused, Err(IndexError::NoEmbedder(_))));

    // One that changes under a build ends the build.
    index.put(&owner(), &name("papers"), settings(3), at(2)).await.unwrap();
    let staged = builder.stage("a", vec![with_vector(chunk(0, "x"), &[1.0, 0.0])]).await;
    assert!(matches!(staged, Err(IndexError::OtherEmbedder { .. })), "{staged:?}");
}

pub async fn notice_that_their_collection_is_gone<I: Index>(index: I) {
    filled(&index, &["whale"]).await;
    let plain_build = index.build(build(2, settings(0)), at(1)).await.unwrap();
    plain_build.stage("a", plain(&["shark"])).await.unwrap();
    let anew = Build { recreate: true, ..build(3, settings(0)) };
    let making = index.build(anew.clone(), at(1)).await.unwrap();
    making.stage("a", plain(&["shark"])).await.unwrap();

    making.publish(facts("a"), 1, at(2)).await.unwrap();
    making.finish(at(3)).await.unwrap();
    let refused = plain_build.publish(facts("a"), 1, at(4)).await;
    assert!(matches!(refused, Err(IndexError::Replaced(_))), "{refused:?}");
    // Begun again, it goes on with what it has staged.
    let plain_build = index.build(build(2, settings(0)), at(5)).await.unwrap();
    assert_eq!(plain_build.staged("a").await.unwrap(), [0].into());
    plain_build.publish(facts("a"), 1, at(6)).await.unwrap();
    assert_eq!(found(&index, "shark").await, ["a"]);

    let making = index.build(Build { token: Uuid::from_u128(4), ..anew }, at(7)).await.unwrap();
    index.delete(&owner(), &name("papers")).await.unwrap();
    for builder in [&plain_build, &making] {
        let refused = builder.stage("b", plain(&["ray"])).await;
        assert!(matches!(refused, Err(IndexError::Replaced(_))), "{refused:?}");
        let refused = builder.publish(facts("a"), 1, at(8)).await;
        assert!(matches!(refused, Err(IndexError::Replaced(_))), "{refused:?}");
        let refused = builder.finish(at(8)).await;
        assert!(matches!(refused, Err(IndexError::Replaced(_))), "{refused:?}");
    }
    assert!(index.tokens().await.unwrap().is_empty());
    assert_eq!(index.list(&owner(), None, 9).await.unwrap(), []);
}

pub async fn give_up_what_they_staged<I: Index>(index: I) {
    filled(&index, &["whale"]).await;
    let builder = index.build(build(2, settings(0)), at(1)).await.unwrap();
    add(&builder, facts("a"), plain(&["visible shark"])).await;
    builder.stage("b", plain(&["staged shark"])).await.unwrap();
    index.abandon(Uuid::from_u128(2)).await.unwrap();
    index.abandon(Uuid::from_u128(2)).await.unwrap();
    assert!(index.tokens().await.unwrap().is_empty());
    assert_eq!(found(&index, "shark").await, ["a"]);
    let refused = builder.stage("b", plain(&["x"])).await;
    assert!(matches!(refused, Err(IndexError::Replaced(_))), "{refused:?}");

    let builder = index.build(build(2, settings(0)), at(2)).await.unwrap();
    assert_eq!(builder.staged("b").await.unwrap(), [].into());
    let anew = Build { recreate: true, ..build(3, settings(0)) };
    let making = index.build(anew, at(3)).await.unwrap();
    add(&making, facts("c"), plain(&["shark"])).await;
    index.abandon(Uuid::from_u128(3)).await.unwrap();
    assert!(matches!(making.finish(at(4)).await, Err(IndexError::Replaced(_))));
    assert_eq!(found(&index, "shark").await, ["a"]);
}

pub async fn know_the_vectors_of_unchanged_chunks<I: Index>(index: I) {
    let vectors = |pairs: &[(&str, f32)]| -> std::collections::HashMap<String, Vec<f32>> {
        pairs.iter().map(|(text, x)| (format!("hash of {text}"), vec![*x, 1.0])).collect()
    };
    let hashes: Vec<String> = ["a", "b", "c", "d"].map(|text| format!("hash of {text}")).into();
    let builder = index.build(build(1, settings(2)), at(0)).await.unwrap();
    let document = vec![with_vector(chunk(0, "a"), &[1.0, 1.0])];
    add(&builder, facts("a"), document).await;
    builder.stage("b", vec![with_vector(chunk(0, "b"), &[2.0, 1.0])]).await.unwrap();
    let known = builder.vectors(&hashes).await.unwrap();
    assert_eq!(known, vectors(&[("a", 1.0), ("b", 2.0)]));
    builder.finish(at(1)).await.unwrap();

    // One that makes it anew knows those of the present one, where the embedder is the same.
    let anew = Build { recreate: true, ..build(2, settings(2)) };
    let builder = index.build(anew, at(2)).await.unwrap();
    let document = vec![with_vector(chunk(0, "c"), &[3.0, 1.0])];
    add(&builder, facts("c"), document).await;
    let known = builder.vectors(&hashes).await.unwrap();
    assert_eq!(known, vectors(&[("a", 1.0), ("c", 3.0)]));

    let mut other = settings(2);
    other.embedder.as_mut().unwrap().model = "another".into();
    let anew = Build { recreate: true, ..build(3, other) };
    let builder = index.build(anew, at(3)).await.unwrap();
    assert_eq!(builder.vectors(&hashes).await.unwrap(), vectors(&[]));
}

pub async fn refuse_vectors_that_cannot_be_compared<I: Index>(index: I) {
    let builder = index.build(build(1, settings(2)), at(0)).await.unwrap();
    let stage = async |vector: Option<Vec<f32>>| {
        builder.stage("a", vec![Staged { chunk: chunk(0, "x"), vector }]).await.unwrap_err()
    };
    for (vector, length) in [(None, 0), (Some(vec![1.0]), 1), (Some(vec![1.0; 3]), 3)] {
        let refused = stage(vector).await;
        assert!(
            matches!(refused, IndexError::WrongDimensions { got, wants: 2, .. } if got == length),
            "{refused:?}"
        );
    }
    for vector in [[f32::NAN, 1.0], [1.0, f32::INFINITY], [0.0, -0.0]] {
        let refused = stage(Some(vector.to_vec())).await;
        assert!(matches!(refused, IndexError::BadVector { .. }), "{refused:?}");
        let query =
            Query { mode: Mode::Vector, vector: Some(vector.to_vec()), ..query("anything") };
        let refused = index.search(&owner(), &name("papers"), &query).await.unwrap_err();
        assert!(matches!(refused, IndexError::BadVector { .. }), "{refused:?}");
    }
    assert_eq!(builder.staged("a").await.unwrap(), [].into());

    let words = Build { collection: name("words"), ..build(2, settings(0)) };
    let builder = index.build(words, at(0)).await.unwrap();
    let refused = builder.stage("a", vec![with_vector(chunk(0, "x"), &[1.0])]).await;
    assert!(matches!(refused, Err(IndexError::NoEmbedder(_))), "{refused:?}");
}

pub async fn take_a_document_without_chunks<I: Index>(index: I) {
    let builder = index.build(build(1, settings(0)), at(0)).await.unwrap();
    let entry = builder.publish(facts("empty"), 0, at(1)).await.unwrap();
    assert_eq!(builder.publish(facts("empty"), 0, at(2)).await.unwrap(), entry);
    let collection = builder.finish(at(3)).await.unwrap();
    assert_eq!((collection.documents, collection.chunks), (1, 0));
}

pub async fn remove_documents<I: Index>(index: I) {
    let chunker = serde_json::json!({});
    let wanted = Settings { chunker, ..settings(2) };
    let builder = index.build(build(1, wanted), at(0)).await.unwrap();
    let first = vec![with_vector(chunk(0, "whale"), &[1.0, 0.0])];
    let first = add(&builder, facts("a"), first).await;
    add(&builder, facts("b"), vec![with_vector(chunk(0, "whale too"), &[1.0, 0.1])]).await;
    builder.finish(at(1)).await.unwrap();
    let papers = name("papers");
    assert!(index.remove(&owner(), &papers, first.id, at(50)).await.unwrap());
    assert!(!index.remove(&owner(), &papers, first.id, at(51)).await.unwrap());
    assert_eq!(index.entry(&owner(), &papers, first.id).await.unwrap(), None);
    for mode in [Mode::Keyword, Mode::Vector, Mode::Hybrid] {
        let query = Query { mode, vector: Some(vec![1.0, 0.0]), ..query("whale") };
        assert_eq!(keys(&index, &query).await, ["b"], "{mode:?}");
    }
    let collection = index.get(&owner(), &papers).await.unwrap().unwrap();
    assert_eq!((collection.documents, collection.chunks), (1, 1));
    assert_eq!(collection.updated_at, at(50));
}

pub async fn take_a_long_document<I: Index>(index: I) {
    let builder = index.build(build(1, settings(2)), at(0)).await.unwrap();
    let count = 2_300;
    let turned = |place: u32| {
        let angle = 1.5 * place as f32 / count as f32;
        [angle.cos(), angle.sin()]
    };
    for places in (0..count).collect::<Vec<u32>>().chunks(500) {
        let staged = places
            .iter()
            .map(|&place| with_vector(chunk(place, &format!("whale {place}")), &turned(place)));
        builder.stage("long", staged.collect()).await.unwrap();
    }
    builder.publish(facts("long"), count, at(1)).await.unwrap();
    builder.finish(at(2)).await.unwrap();
    let by_words = hits(&index, &query("whale 1700")).await;
    assert_eq!(by_words[0].chunk.index, 1_700);
    let vector = Some(turned(1_700).to_vec());
    let by_meaning = hits(&index, &Query { mode: Mode::Vector, vector, ..query("") }).await;
    assert!(by_meaning.iter().any(|hit| hit.chunk.index == 1_700));
}
