//! Conditions on what is found.

use milepost_core::DocumentId;
use milepost_index::{
    Builder, Condition, Distance, Facts, Filter, Index, IndexError, Mode, Query, Settings, Staged,
    Test,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::tools::*;

const DOCUMENT: Uuid = Uuid::from_u128(7);

/// Two documents: `a`, of one chunk on pages 3 to 5, and `b`, of one without pages.
async fn two<I: Index>(index: &I) {
    let builder = index.build(build(1, settings(0)), at(0)).await.unwrap();
    let metadata = json!({
        "year": 1851, "tags": ["sea", "whale"], "draft": false, "price": 2.5, "code": "1851",
        "by": {"house": "Harper", "at": [{"city": "New York"}]}, "nothing": null, "empty": {},
    });
    let Value::Object(metadata) = metadata else { unreachable!() };
    let a = Facts {
        title: Some("Moby Dick".into()),
        document: Some(DocumentId::new(DOCUMENT)),
        authors: vec!["Melville".into(), "Somebody".into()],
        date: Some("1851-10-18".into()),
        language: Some("en".into()),
        media_type: Some("application/pdf".into()),
        metadata,
        ..facts("a")
    };
    let mut first = chunk(0, "whale");
    first.pages = Some((3, 5));
    first.keywords = vec!["ship".into(), "sea".into()];
    first.headings = vec!["Part".into(), "Loomings".into()];
    add(&builder, a, vec![Staged { chunk: first, vector: None }]).await;
    let mut second = chunk(0, "whale");
    second.language = Some("fr".into());
    let b = Facts { language: Some("de".into()), ..facts("b") };
    add(&builder, b, vec![Staged { chunk: second, vector: None }]).await;
    builder.finish(at(1)).await.unwrap();
}

fn filter(field: &str, test: Test) -> Query {
    let filter = Filter(vec![Condition { field: field.into(), test }]);
    Query { filter, ..query("whale") }
}

async fn holds<I: Index>(index: &I, field: &str, test: Test) -> Vec<String> {
    let mut keys = keys(index, &filter(field, test)).await;
    keys.sort();
    keys
}

fn range(from: Option<(Value, bool)>, to: Option<(Value, bool)>) -> Test {
    Test::Range { from, to }
}

pub async fn by_every_field<I: Index>(index: I) {
    two(&index).await;
    for (field, value) in [
        ("document", json!(DOCUMENT.to_string())),
        ("filename", json!("a.pdf")),
        ("title", json!("Moby Dick")),
        ("author", json!("Somebody")),
        ("date", json!("1851-10-18")),
        ("language", json!("en")),
        ("media_type", json!("application/pdf")),
        ("page", json!(4)),
        ("keyword", json!("sea")),
        ("heading", json!("Loomings")),
    ] {
        assert_eq!(holds(&index, field, Test::Equal(value.clone())).await, ["a"], "{field}");
        let several = Test::In(vec![json!("other"), json!(null), json!([]), value]);
        assert_eq!(holds(&index, field, several).await, ["a"], "{field}");
        let none: [&str; 0] = [];
        assert_eq!(holds(&index, field, Test::In(vec![])).await, none, "{field}");
        assert_eq!(holds(&index, field, Test::Equal(json!(true))).await, none, "{field}");
        assert_eq!(holds(&index, field, Test::Equal(json!({}))).await, none, "{field}");
    }
    // A chunk's own language comes before its document's.
    assert_eq!(holds(&index, "language", Test::Equal(json!("fr"))).await, ["b"]);
    assert_eq!(holds(&index, "language", Test::Equal(json!("de"))).await, [] as [&str; 0]);
}

pub async fn by_kinds_and_ranges<I: Index>(index: I) {
    two(&index).await;
    let none: [&str; 0] = [];
    let year = "metadata.year";
    assert_eq!(holds(&index, year, Test::Equal(json!(1851))).await, ["a"]);
    assert_eq!(holds(&index, year, Test::Equal(json!(1851.0))).await, ["a"]);
    assert_eq!(holds(&index, year, Test::Equal(json!("1851"))).await, none);
    assert_eq!(holds(&index, "metadata.code", Test::Equal(json!(1851))).await, none);
    assert_eq!(holds(&index, "metadata.draft", Test::Equal(json!(0))).await, none);
    assert_eq!(holds(&index, "metadata.draft", Test::Equal(json!(false))).await, ["a"]);
    assert_eq!(holds(&index, "metadata.nothing", Test::Equal(json!(null))).await, ["a"]);

    let bound = |value: Value, only| Some((value, only));
    for (from, to, expected) in [
        (bound(json!(1851), false), None, true),
        (bound(json!(1851), true), None, false),
        (None, bound(json!(1851), false), true),
        (None, bound(json!(1851), true), false),
        (bound(json!(1850.5), true), bound(json!(1851.5), true), true),
        (bound(json!("0"), false), None, false),
        (bound(json!(0), false), bound(json!("9"), false), false),
        (bound(json!(null), false), bound(json!(9000), false), false),
    ] {
        let found = holds(&index, year, range(from.clone(), to.clone())).await;
        assert_eq!(found.len(), usize::from(expected), "{from:?} {to:?}");
    }
    let since = |day: &str| range(bound(json!(day), false), None);
    assert_eq!(holds(&index, "date", since("1851")).await, ["a"]);
    assert_eq!(holds(&index, "date", since("1852")).await, none);
    assert_eq!(holds(&index, "heading", since("M")).await, ["a"]);
    for (from, to, expected) in [
        (bound(json!(5), false), None, true),
        (bound(json!(5), true), None, false),
        (None, bound(json!(3), false), true),
        (None, bound(json!(3), true), false),
        (bound(json!(3.5), false), bound(json!(3.9), false), false),
        (bound(json!(3), true), bound(json!(5), true), true),
        (bound(json!("3"), true), None, false),
        (bound(json!(9), false), bound(json!(1), false), false),
    ] {
        let found = holds(&index, "page", range(from.clone(), to.clone())).await;
        assert_eq!(found.len(), usize::from(expected), "{from:?} {to:?}");
    }
}

pub async fn by_metadata<I: Index>(index: I) {
    two(&index).await;
    for (field, value) in [
        ("metadata.tags", json!("whale")),
        ("metadata.price", json!(2.5)),
        ("metadata.by.house", json!("Harper")),
        ("metadata.by.at.city", json!("New York")),
    ] {
        assert_eq!(holds(&index, field, Test::Equal(value)).await, ["a"], "{field}");
    }
    // All conditions hold at once.
    let both = Filter(vec![
        Condition { field: "metadata.tags".into(), test: Test::Equal(json!("sea")) },
        Condition { field: "metadata.tags".into(), test: Test::Equal(json!("whale")) },
        Condition { field: "page".into(), test: Test::Equal(json!(9)) },
    ]);
    assert_eq!(keys(&index, &Query { filter: both, ..query("whale") }).await, [] as [&str; 0]);
}

pub async fn leave_k_where_there_are_k<I: Index>(index: I) {
    let wanted = Settings { distance: Distance::Cosine, ..settings(2) };
    let builder = index.build(build(1, wanted), at(0)).await.unwrap();
    // Those that the filter lets pass are the worst of all without it.
    for place in 0..300_u32 {
        let rare = place >= 280;
        let text = if rare { "whale and a lot of other words" } else { "whale whale" };
        let vector = if rare { vec![-1.0, place as f32] } else { vec![1.0, 0.0] };
        let staged = Staged { chunk: chunk(0, text), vector: Some(vector) };
        let mut facts = facts(&format!("d{place}"));
        facts.metadata.insert("rare".into(), json!(rare));
        add(&builder, facts, vec![staged]).await;
    }
    builder.finish(at(1)).await.unwrap();
    for mode in [Mode::Keyword, Mode::Vector, Mode::Hybrid] {
        let query = Query {
            mode,
            vector: Some(vec![1.0, 0.0]),
            ..filter("metadata.rare", Test::Equal(json!(true)))
        };
        let hits = hits(&index, &query).await;
        assert_eq!(hits.len(), 10, "{mode:?}");
        assert!(hits.iter().all(|hit| hit.entry.facts.metadata["rare"] == true), "{mode:?}");
    }
}

pub async fn name_the_fields_that_are_known<I: Index>(index: I) {
    two(&index).await;
    for field in ["colour", "metadata.colour", "metadata", "metadata.", "key", "metadata.empty"] {
        let query = filter(field, Test::Equal(json!("x")));
        let refused = index.search(&owner(), &name("papers"), &query).await.unwrap_err();
        let IndexError::UnknownField { field: named, known } = &refused else {
            panic!("{refused:?}");
        };
        assert_eq!(named, field);
        assert!(known.contains(&"page".into()) && known.contains(&"metadata.by.house".into()));
        assert!(!known.contains(&field.to_owned()));
    }
    // A field is known as long as a document has it.
    let entries = index.entries(&owner(), &name("papers"), None, 1).await.unwrap();
    index.remove(&owner(), &name("papers"), entries[0].id, at(2)).await.unwrap();
    let query = filter("metadata.year", Test::Equal(json!(1851)));
    let refused = index.search(&owner(), &name("papers"), &query).await;
    assert!(matches!(refused, Err(IndexError::UnknownField { .. })), "{refused:?}");
}
