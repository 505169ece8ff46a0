//! Stored documents, jobs over them, and results as content: ranges,
//! validators, negotiation.

use reqwest::header::{ACCEPT, IF_NONE_MATCH, IF_RANGE, RANGE};
use serde_json::{Value, json};

use crate::harness::{Api, Server, expected, fixture, id_of};

async fn store(api: &Api, name: &str) -> Value {
    let form = Api::form(name, fixture(name));
    let reply = api.call(api.post("/v1/documents").multipart(form)).await.expect(201);
    let document = reply.json();
    assert_eq!(reply.header("location"), format!("/v1/documents/{}", id_of(&document)));
    document
}

#[tokio::test]
async fn a_document_is_stored_listed_read_and_removed() {
    let server = Server::start();
    let api = server.api();
    let document = store(&api, "report.pdf").await;
    let id = id_of(&document);
    let bytes = fixture("report.pdf");
    assert_eq!(document["filename"], "report.pdf");
    assert_eq!(document["bytes"], bytes.len());
    assert_eq!((&document["pages"], &document["latest_job"]), (&Value::Null, &Value::Null));
    assert!(api.list("/v1/jobs").await.is_empty(), "nothing works on it");

    let path = format!("/v1/documents/{id}");
    assert_eq!(api.call(api.get(&path)).await.expect(200).json(), document);
    let content = api.call(api.get(&format!("{path}/content"))).await.expect(200);
    assert!(content.body == bytes);
    assert!(content.header("content-disposition").starts_with("attachment"));
    assert_eq!(content.header("x-content-type-options"), "nosniff");
    assert!(content.header("content-security-policy").contains("sandbox"));

    let second = store(&api, "letter.docx").await;
    let listed = api.list("/v1/documents").await;
    assert_eq!(listed, [second, document]);
    api.call(api.delete(&path)).await.expect(204);
    for path in [path.clone(), format!("{path}/content")] {
        api.call(api.get(&path)).await.refused(404, "not_found", None);
    }
    api.call(api.delete(&path)).await.refused(404, "not_found", None);
    assert_eq!(api.list("/v1/documents").await.len(), 1);
}

#[tokio::test]
async fn a_job_over_a_stored_document_shows_in_it_and_outlives_it() {
    let server = Server::start();
    let api = server.api();
    let document = id_of(&store(&api, "report.pdf").await);
    let body = json!({"source": {"document": document}, "pipeline": "convert"});
    let id = id_of(&api.submit_json(&body).await.expect(202).json());
    api.completed(&id).await;
    let path = format!("/v1/documents/{document}");
    let shown = api.call(api.get(&path)).await.expect(200).json();
    assert_eq!(shown["latest_job"]["id"], id);
    assert_eq!(shown["latest_job"]["status"], "completed");
    assert_eq!((&shown["media_type"], &shown["pages"]), (&json!("application/pdf"), &json!(12)));
    let over = api.list(&format!("/v1/jobs?document={document}")).await;
    assert_eq!(over.iter().map(id_of).collect::<String>(), id);

    api.call(api.delete(&path)).await.expect(204);
    assert_eq!(api.result(&id, "markdown").await, expected("report.pdf"));
    let retry = api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await;
    retry.refused(409, "conflict", None);
    let gone = api.submit_json(&body).await;
    gone.refused(422, "invalid_field", Some("source.document"));
}

#[tokio::test]
async fn a_document_that_a_job_needs_is_not_removed() {
    let server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    server.freeze().await;
    let id = api.submit("letter.docx").await;
    let document = id_of(&api.job(&id).await["document"]);
    let path = format!("/v1/documents/{document}");
    api.call(api.delete(&path)).await.refused(409, "conflict", None);
    server.thaw();
    api.completed(&id).await;
    api.call(api.delete(&path)).await.expect(204);
}

#[tokio::test]
async fn text_is_a_document_too() {
    let server = Server::start();
    let api = server.api();
    let text = String::from_utf8(fixture("counts.csv")).unwrap();
    let body = json!({"source": {"text": text, "filename": "counts.csv"}, "metadata": [1]});
    let job = api.submit_json(&body).await.expect(202).json();
    let job = api.completed(&id_of(&job)).await;
    assert_eq!(
        (&job["document"]["filename"], &job["metadata"]),
        (&json!("counts.csv"), &json!([1]))
    );
    assert_eq!(api.result(&id_of(&job), "markdown").await, expected("counts.csv"));
    let id = api.submit_text("# A heading\n\nAnd é, 語.\n").await;
    api.completed(&id).await;
    let made = String::from_utf8(api.result(&id, "markdown").await).unwrap();
    assert!(made.contains("# A heading") && made.contains("And é, 語."), "{made}");
}

#[tokio::test]
async fn a_name_is_kept_as_a_name() {
    let server = Server::start();
    let api = server.api();
    for (sent, kept) in [
        ("../../etc/passwd.md", "passwd.md"),
        ("C:\\docs\\note.md", "note.md"),
        ("Übergröße 語 \u{1F4C4}.md", "Übergröße 語 \u{1F4C4}.md"),
        ("a \"quoted\" name.md", "a \"quoted\" name.md"),
    ] {
        let body = json!({"source": {"text": "# Hi", "filename": sent}});
        let job = api.submit_json(&body).await.expect(202).json();
        assert_eq!(job["document"]["filename"], kept);
        api.completed(&id_of(&job)).await;
        let path = format!("/v1/documents/{}/content", id_of(&job["document"]));
        let content = api.call(api.get(&path)).await.expect(200);
        assert_eq!(content.body, b"# Hi");
        assert!(content.header("content-disposition").is_ascii());
    }
}

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
