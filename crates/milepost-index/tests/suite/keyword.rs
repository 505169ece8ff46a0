//! Search by words.

use milepost_index::{Builder, Facts, Index, Query, Staged};

use super::tools::*;

pub async fn finds_words_in_all_their_forms<I: Index>(index: I) {
    filled(&index, &["Two connections failed.", "Der Straßenbau in Zürich", "nothing"]).await;
    assert_eq!(found(&index, "connected").await, ["d0"]);
    assert_eq!(found(&index, "CONNECTION").await, ["d0"]);
    assert_eq!(found(&index, "zurich").await, ["d1"]);
    assert_eq!(found(&index, "strassenbau").await, ["d1"]);
    assert_eq!(found(&index, "absent").await, [] as [&str; 0]);
}

pub async fn takes_any_text_for_a_query<I: Index>(index: I) {
    filled(&index, &["alpha AND beta NOT gamma", "body near title"]).await;
    for text in [
        "\"",
        "\"alpha",
        "alpha\" OR \"",
        "AND",
        "NOT",
        "NEAR(alpha beta)",
        "body:alpha",
        "alpha*",
        "^alpha",
        "-alpha",
        "(((",
        "alpha + beta",
        "{body title}: x",
        "'; DROP TABLE chunks; --",
        "\0",
        "\u{feff}",
        "🦀",
        "%_",
        "alpha\nbeta",
        "a\u{301}\u{301}\u{301}",
        "rank",
        "{",
        "",
    ] {
        index.search(&owner(), &name("papers"), &query(text)).await.unwrap();
    }
    assert_eq!(found(&index, "alpha NOT gamma").await, ["d0"]);
    assert_eq!(found(&index, "-alpha").await, ["d0"]);
    assert_eq!(found(&index, "body:title").await, ["d1"]);
    for text in ["", "?!", "🦀"] {
        assert_eq!(found(&index, text).await, [] as [&str; 0], "{text:?}");
    }
    let long = "alpha and other words ".repeat(5000);
    assert_eq!(found(&index, &long).await.first().map(String::as_str), Some("d0"));
}

pub async fn puts_all_words_and_phrases_ahead<I: Index>(index: I) {
    let filler = ["some other text about rivers"; 20];
    let mut texts = vec![
        "white white white white paper",
        "a whale is not a fish, and a lily is white",
        "the white whale swims far away",
    ];
    texts.extend(filler);
    filled(&index, &texts).await;
    let found = found(&index, "white whale").await;
    assert_eq!(found[..2], ["d2", "d1"], "{found:?}");
}

pub async fn finds_scripts_without_spaces<I: Index>(index: I) {
    filled(
        &index,
        &[
            "私は東京都に住んでいます。",
            "机器学习是人工智能的一个分支",
            "서울에서 한국어를 배웁니다",
            "ภาษาไทยไม่มีช่องว่างระหว่างคำ",
            "京都は古い都です",
        ],
    )
    .await;
    assert_eq!(found(&index, "東京都").await.first().unwrap(), "d0");
    assert_eq!(found(&index, "人工智能").await, ["d1"]);
    assert_eq!(found(&index, "支").await, ["d1"]);
    assert_eq!(found(&index, "机").await, ["d1"]);
    assert_eq!(found(&index, "한국어").await, ["d2"]);
    assert_eq!(found(&index, "ภาษาไทย").await, ["d3"]);
    assert_eq!(found(&index, "京都").await.len(), 2);
}

pub async fn finds_identifiers<I: Index>(index: I) {
    filled(&index, &["call foo_bar(1)", "class HTTP2Server", "std::fs::read_to_string"]).await;
    assert_eq!(found(&index, "foo_bar").await, ["d0"]);
    assert_eq!(found(&index, "bar").await, ["d0"]);
    assert_eq!(found(&index, "http2server").await, ["d1"]);
    assert_eq!(found(&index, "server").await, ["d1"]);
    assert_eq!(found(&index, "std::fs").await, ["d2"]);
}

pub async fn finds_titles_and_headings<I: Index>(index: I) {
    let builder = index.build(build(1, settings(0)), at(0)).await.unwrap();
    let facts = Facts { title: Some("On Cetaceans".into()), ..facts("a") };
    let mut headed = chunk(0, "They are large.");
    headed.headings = vec!["Biology".into(), "Breathing".into()];
    add(&builder, facts, vec![Staged { chunk: headed, vector: None }]).await;
    builder.finish(at(1)).await.unwrap();
    for text in ["cetacean", "breathing", "a.pdf"] {
        assert_eq!(found(&index, text).await, ["a"], "{text}");
    }
}

pub async fn lets_stop_words_not_drown<I: Index>(index: I) {
    let mut texts = vec!["the annual report of the union", "to be or not to be: the question"];
    texts.extend(["what is the one of the many and of the few that is in the and of the"; 30]);
    filled(&index, &texts).await;
    assert_eq!(found(&index, "what is the report of the union").await, ["d0"]);
    // Where there is nothing else, they are looked for.
    assert_eq!(found(&index, "to be or not to be").await.first().unwrap(), "d1");
}

pub async fn gives_no_more_than_k<I: Index>(index: I) {
    filled(&index, &["whale"; 20]).await;
    for k in [0, 1, 7] {
        assert_eq!(hits(&index, &Query { k, ..query("whale") }).await.len(), k);
    }
    assert_eq!(hits(&index, &Query { k: usize::MAX, ..query("whale") }).await.len(), 20);
    // Equals come in the same order each time.
    let once = found(&index, "whale").await;
    assert_eq!(once[..3], ["d0", "d1", "d2"]);
}

pub async fn marks_what_was_found<I: Index>(index: I) {
    filled(&index, &["<script>alert(1)</script> \"whales\" & sharks"]).await;
    let hits = hits(&index, &query("whale shark")).await;
    let hit = &hits[0];
    assert_eq!(
        hit.highlight,
        "&lt;script&gt;alert(1)&lt;/script&gt; &quot;<mark>whales</mark>&quot; &amp; \
         <mark>sharks</mark>"
    );
    assert_eq!((hit.keyword_rank, hit.vector_rank), (Some(1), None));
    assert_eq!(hit.collection, name("papers"));
    assert_eq!(hit.entry.facts.filename, "d0.pdf");
}
