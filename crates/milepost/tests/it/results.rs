//! Results and lists as they are read: in parts, not twice, as the client likes
//! them, page by page.

use reqwest::header::{ACCEPT, IF_NONE_MATCH, IF_RANGE, RANGE};
use serde_json::json;

use crate::harness::{Server, expected, id_of};

#[tokio::test]
async fn a_result_is_read_in_parts_and_not_twice() {
    let server = Server::start();
    let api = server.api();
    let id = api.submit("report.pdf").await;
    api.completed(&id).await;
    let path = format!("/v1/jobs/{id}/result?format=markdown");
    let whole = expected("report.pdf");
    let length = whole.len();
    let reply = api.call(api.get(&path)).await.expect(200);
    assert_eq!(reply.header("accept-ranges"), "bytes");
    assert_eq!(reply.header("content-type"), "text/markdown; charset=utf-8");
    let etag = reply.header("etag").to_owned();

    for (range, part) in [
        ("bytes=0-99", &whole[..100]),
        ("bytes=100-", &whole[100..]),
        ("bytes=-50", &whole[length - 50..]),
        ("bytes=5000-999999", &whole[5000..]),
    ] {
        let reply = api.call(api.get(&path).header(RANGE, range)).await.expect(206);
        assert!(reply.body == part, "{range}");
        let said = reply.header("content-range");
        assert!(said.starts_with("bytes ") && said.ends_with(&format!("/{length}")), "{said}");
    }
    let behind = format!("bytes={length}-");
    let reply = api.call(api.get(&path).header(RANGE, behind)).await.expect(416);
    assert_eq!(reply.header("content-range"), format!("bytes */{length}"));

    let part = api.get(&path).header(RANGE, "bytes=0-9");
    assert_eq!(api.call(part.header(IF_RANGE, &etag)).await.expect(206).body, &whole[..10]);
    let part = api.get(&path).header(RANGE, "bytes=0-9");
    assert!(api.call(part.header(IF_RANGE, "\"old\"")).await.expect(200).body == whole);
    let reply = api.call(api.get(&path).header(IF_NONE_MATCH, &etag)).await.expect(304);
    assert!(reply.body.is_empty());
}

#[tokio::test]
async fn a_result_is_negotiated() {
    let server = Server::start();
    let api = server.api();
    let id = api.submit("report.pdf").await;
    api.completed(&id).await;
    for (accept, kind) in [
        ("*/*", "text/markdown; charset=utf-8"),
        ("application/json", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("text/plain;q=0.9, text/markdown;q=0.1", "text/plain"),
    ] {
        for path in [format!("/v1/jobs/{id}/result"), format!("/v1/jobs/{id}/pages/2")] {
            let reply = api.call(api.get(&path).header(ACCEPT, accept)).await.expect(200);
            let said = reply.header("content-type");
            assert!(said.starts_with(kind), "{accept}: {said}");
            assert!(
                said.starts_with("application/") || said.ends_with("; charset=utf-8"),
                "{said}"
            );
            assert!(reply.header("vary").to_ascii_lowercase().contains("accept"), "{accept}");
        }
    }
    for path in [format!("/v1/jobs/{id}/result"), format!("/v1/jobs/{id}/pages/2")] {
        let none = api.call(api.get(&path).header(ACCEPT, "image/png")).await;
        none.refused(406, "not_acceptable", None);
        let unknown = api.call(api.get(&format!("{path}?format=docx"))).await;
        unknown.refused(422, "invalid_field", Some("format"));
    }
}

#[tokio::test]
async fn lists_are_newest_first_filtered_and_paged() {
    let server = Server::start();
    let api = server.api();
    let mut ids = Vec::new();
    for number in 0..7 {
        let text = format!("# {number}");
        let body = json!({"source": {"text": text, "filename": format!("note-{number}.md")}});
        ids.push(id_of(&api.submit_json(&body).await.expect(202).json()));
    }
    for id in &ids {
        api.completed(id).await;
    }
    let failed = api.submit("unknown.bin").await;
    api.ended(&failed).await;
    ids.push(failed.clone());
    ids.reverse();
    let found = |path: &str| {
        let (api, path) = (api.clone(), path.to_owned());
        async move { api.list(&path).await.iter().map(id_of).collect::<Vec<_>>() }
    };
    assert_eq!(found("/v1/jobs").await, ids);
    assert_eq!(found("/v1/jobs?status=failed").await, [failed]);
    assert_eq!(found("/v1/jobs?status=completed,failed&pipeline=convert").await, ids);
    assert_eq!(found("/v1/jobs?q=note-3").await, [ids[4].clone()]);
    assert_eq!(found("/v1/jobs?status=queued").await, [""; 0]);

    let mut cursor = String::new();
    let mut seen = Vec::new();
    loop {
        let page = api.call(api.get(&format!("/v1/jobs?limit=3{cursor}"))).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(id_of));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ids);
}
