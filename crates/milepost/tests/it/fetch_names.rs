//! What a fetched document is called, and what kind it is.

use serde_json::json;

use crate::fetch::{LOOPBACK, ON, submit_url};
use crate::harness::{Server, Web, expected, fixture, id_of};

#[tokio::test]
async fn a_document_is_called_what_its_server_calls_it() {
    let server = Server::with(&[ON, LOOPBACK]);
    let (api, web) = (server.api(), Web::start());
    for (path, header, name) in [
        ("/download?id=7", "attachment; filename=\"my notes.md\"", "my notes.md"),
        ("/x.md", "attachment; filename=EUR.md; filename*=UTF-8''%e2%82%ac.md", "€.md"),
        ("/x.md", "attachment; filename=\"../../etc/passwd\"", "passwd"),
        ("/x.md", "inline", "x.md"),
        ("/na%C3%AFve%20one.md", "", "naïve one.md"),
        ("/a/b%2F..%2Fc.md", "", "c.md"),
        ("/", "", "document"),
        ("", "attachment; filename=\"..\"", "document"),
    ] {
        let id = submit_url(&api, &web.url(path)).await;
        let head = match header {
            "" => "200 OK".to_owned(),
            header => format!("200 OK\r\nContent-Disposition: {header}"),
        };
        web.answer(&head, b"# One\n").await;
        assert_eq!(api.completed(&id).await["document"]["filename"], name, "{path} {header}");
    }
    let body = json!({"source": {"url": web.url("/raw"), "filename": "a/mine.md"}});
    let id = id_of(&api.submit_json(&body).await.expect(202).json());
    web.answer("200 OK\r\nContent-Disposition: attachment; filename=theirs.md", b"# One\n").await;
    assert_eq!(api.completed(&id).await["document"]["filename"], "mine.md");
}

#[tokio::test]
async fn the_content_decides_what_a_document_is() {
    let server = Server::with(&[ON, LOOPBACK]);
    let (api, web) = (server.api(), Web::start());
    server.freeze().await;
    let id = submit_url(&api, &web.url("/get")).await;
    let head = "200 OK\r\nContent-Type: Text/HTML; charset=utf-8";
    web.answer(head, &fixture("letter.docx")).await;
    let declared = api.until(&id, "its document", |job| job["document"].is_object()).await;
    assert_eq!(declared["document"]["media_type"], "text/html");
    server.thaw();
    let found = api.completed(&id).await["document"]["media_type"].clone();
    assert_ne!(found, "text/html");
    assert_eq!(api.result(&id, "markdown").await, expected("letter.docx"));
}
