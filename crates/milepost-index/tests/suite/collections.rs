//! Collections come, change and go, for one owner at a time.

use milepost_core::OwnerId;
use milepost_index::{Build, Builder, Distance, Index, IndexError, Settings};

use super::tools::*;

pub async fn are_put_listed_and_deleted<I: Index>(index: I) {
    let (one, new) = index.put(&owner(), &name("one"), settings(0), at(1)).await.unwrap();
    assert!(new && one.documents == 0 && one.chunks == 0 && one.bytes > 0);
    assert_eq!((one.created_at, one.updated_at), (at(1), at(1)));
    index.put(&owner(), &name("zwei"), settings(3), at(2)).await.unwrap();
    index.put(&owner(), &name("数字"), settings(0), at(3)).await.unwrap();

    let names = |found: Vec<milepost_index::Collection>| -> Vec<String> {
        found.into_iter().map(|it| it.name.to_string()).collect()
    };
    let all = index.list(&owner(), None, 10).await.unwrap();
    assert_eq!(names(all), ["one", "zwei", "数字"]);
    let behind = index.list(&owner(), Some(&name("one")), 1).await.unwrap();
    assert_eq!(names(behind), ["zwei"]);

    // The same again is no change; another embedder is, while it is empty.
    let (same, new) = index.put(&owner(), &name("one"), settings(0), at(5)).await.unwrap();
    assert!(!new && same.updated_at == at(1));
    let (other, new) = index.put(&owner(), &name("one"), settings(3), at(6)).await.unwrap();
    assert!(!new && other.settings == settings(3) && other.updated_at == at(6));
    assert_eq!(index.get(&owner(), &name("one")).await.unwrap(), Some(other));

    assert!(index.delete(&owner(), &name("one")).await.unwrap());
    assert!(!index.delete(&owner(), &name("one")).await.unwrap());
    assert_eq!(index.get(&owner(), &name("one")).await.unwrap(), None);
    let gone = index.search(&owner(), &name("one"), &query("x")).await;
    assert!(matches!(gone, Err(IndexError::NoCollection(_))), "{gone:?}");
    let gone = index.entries(&owner(), &name("one"), None, 5).await;
    assert!(matches!(gone, Err(IndexError::NoCollection(_))), "{gone:?}");
}

pub async fn keep_their_embedder_once_filled<I: Index>(index: I) {
    filled(&index, &["text"]).await;
    let papers = name("papers");
    let refused = index.put(&owner(), &papers, settings(3), at(30)).await;
    assert!(matches!(refused, Err(IndexError::Fixed(_))), "{refused:?}");
    let other = Settings { distance: Distance::L2, ..settings(0) };
    let refused = index.put(&owner(), &papers, other, at(30)).await;
    assert!(matches!(refused, Err(IndexError::Fixed(_))), "{refused:?}");

    let other = Settings { chunker: serde_json::json!({"kind": "markdown"}), ..settings(0) };
    let (changed, new) = index.put(&owner(), &papers, other.clone(), at(30)).await.unwrap();
    assert!(!new && changed.settings == other && changed.documents == 1);
}

pub async fn are_bounded_for_each_owner<I: Index>(index: I) {
    // Any number will do that is allowed; what is tested is that the rest is refused.
    let mut made = 0;
    let refused = loop {
        let put = index.put(&owner(), &name(&format!("c{made}")), settings(0), at(1)).await;
        match put {
            Ok(_) if made < 1_500 => made += 1,
            other => break other,
        }
    };
    assert!(matches!(refused, Err(IndexError::TooMany { most }) if most == made), "{refused:?}");
    let another = build(7, settings(0));
    assert!(matches!(index.build(another, at(1)).await, Err(IndexError::TooMany { .. })));
    let somebody = OwnerId::new("somebody");
    index.put(&somebody, &name("c"), settings(0), at(1)).await.unwrap();
    index.delete(&owner(), &name("c0")).await.unwrap();
    index.put(&owner(), &name("c0"), settings(0), at(1)).await.unwrap();
}

pub async fn owners_are_apart<I: Index>(index: I) {
    let (anna, bert) = (OwnerId::new("anna"), OwnerId::new("bert"));
    let papers = name("papers");
    let mut entries = Vec::new();
    for (token, who, text) in [(1, &anna, "secret of anna"), (2, &bert, "secret of bert")] {
        let build = Build { owner: who.clone(), ..build(token, settings(0)) };
        let builder = index.build(build, at(0)).await.unwrap();
        entries.push(add(&builder, facts("diary"), plain(&[text])).await);
        builder.finish(at(1)).await.unwrap();
    }
    let found = index.search(&anna, &papers, &query("secret bert")).await.unwrap();
    let texts: Vec<&str> = found.hits.iter().map(|hit| hit.chunk.text.as_str()).collect();
    assert_eq!(texts, ["secret of anna"]);

    let theirs = entries[1].id;
    assert_eq!(index.entry(&anna, &papers, theirs).await.unwrap(), None);
    assert!(!index.remove(&anna, &papers, theirs, at(2)).await.unwrap());
    assert!(index.entry(&bert, &papers, theirs).await.unwrap().is_some());
    assert_eq!(index.entries(&anna, &papers, None, 9).await.unwrap(), [entries[0].clone()]);

    let nobody = OwnerId::new("nobody");
    assert_eq!(index.list(&nobody, None, 9).await.unwrap(), []);
    assert!(!index.delete(&nobody, &papers).await.unwrap());
    let refused = index.search(&nobody, &papers, &query("secret")).await;
    assert!(matches!(refused, Err(IndexError::NoCollection(_))), "{refused:?}");
    assert!(index.delete(&anna, &papers).await.unwrap());
    assert_eq!(index.entries(&bert, &papers, None, 9).await.unwrap().len(), 1);
}
