//! The protocol `conversion`, as its clients use it.

use serde_json::{Value, json};

use crate::harness::{Api, Form, Reply, Server, Socket, Transcript, fixture, guarded, id_of};

async fn upload(api: &Api, name: &str, bytes: Vec<u8>) -> Reply {
    api.call(api.post("/upload").multipart(Api::form(name, bytes))).await
}

async fn convert(api: &Api, fields: &[(&'static str, &str)]) -> Reply {
    let form = fields
        .iter()
        .fold(Form::new(), |form, (name, value)| form.text(*name, (*value).to_owned()));
    api.call(api.post("/convert").multipart(form)).await
}

/// The last message of a conversion, and how many came before.
async fn end(server: &Server, id: &str) -> Value {
    let mut socket = Socket::at(server, &format!("/ws/conversion/{id}")).await;
    loop {
        let message = socket.message().await;
        if ["completed", "error"].contains(&message["status"].as_str().unwrap()) {
            return message;
        }
    }
}

#[tokio::test]
async fn a_file_goes_all_the_way() {
    let server = Server::start();
    let api = server.api();
    let mut said = Transcript::of(&server);
    for path in ["/config", "/", "/health", "/documents"] {
        said.answer(&format!("GET {path}"), &api.call(api.get(path)).await);
    }
    let note = b"# Title\n\nSome \"quoted\" text\twith a tab.\n".to_vec();
    said.answer("POST /upload my.note.v2.md", &upload(&api, "my.note.v2.md", note).await);
    said.answer("GET /documents", &api.call(api.get("/documents")).await);
    let file = ("filename", "my.note.v2.md");
    let prompts =
        ["prompt_layout_all_en", "prompt_layout_only_en", "prompt_ocr", "prompt_grounding_ocr"];
    for prompt in prompts {
        let reply = convert(&api, &[file, ("prompt_mode", prompt)]).await;
        said.answer(&format!("POST /convert {prompt}"), &reply);
        let id = reply.expect(200).json()["conversion_id"].as_str().unwrap().to_owned();
        said.line("socket <-", end(&server, &id).await);
        let status = api.call(api.get(&format!("/conversion-status/{id}"))).await;
        said.answer("GET /conversion-status/{id}", &status);
    }
    // With the whole name, without the extension, and as far as the first dot.
    for name in ["my.note.v2.md", "my.note.v2", "my"] {
        let reply = api.call(api.get(&format!("/markdown/{name}"))).await;
        said.answer(&format!("GET /markdown/{name}"), &reply);
    }
    said.answer("GET /markdown-files", &api.call(api.get("/markdown-files/my.note.v2.md")).await);
    said.answer("GET /documents", &api.call(api.get("/documents")).await);
    let gone = api.call(api.delete("/documents/my.note.v2.md")).await;
    said.answer("DELETE /documents/my.note.v2.md", &gone);
    said.answer("GET /markdown/my", &api.call(api.get("/markdown/my")).await);
    said.answer("GET /documents", &api.call(api.get("/documents")).await);
    said.check("conversion");
}

#[tokio::test]
async fn what_is_wrong_is_a_detail() {
    let server = Server::with(&[("MILEPOST_LIMITS_BODY", "4KB")]);
    let api = server.api();
    let mut said = Transcript::of(&server);
    let nothing = api.call(api.post("/upload").multipart(Form::new().text("x", "y"))).await;
    said.answer("POST /upload without a file", &nothing);
    said.answer("POST /upload ../a.md", &upload(&api, "../a.md", b"x".to_vec()).await);
    said.answer("POST /upload of 5 kB", &upload(&api, "a.md", vec![b'x'; 5000]).await);
    said.answer("POST /upload of nothing", &api.call(api.post("/upload")).await);
    said.answer("POST /convert without a name", &convert(&api, &[("x", "y")]).await);
    said.answer("POST /convert of no name", &convert(&api, &[("filename", "")]).await);
    for name in ["../a.md", "a/b.md", "a\\b.md"] {
        said.answer(&format!("POST /convert {name}"), &convert(&api, &[("filename", name)]).await);
    }
    said.answer("POST /convert nothing.md", &convert(&api, &[("filename", "nothing.md")]).await);
    let prompt = convert(&api, &[("filename", "a.md"), ("prompt_mode", "x")]).await;
    said.answer("POST /convert with another prompt", &prompt);
    for path in
        ["/conversion-status/none", "/markdown/none", "/markdown/a%2Fb", "/markdown-files/none"]
    {
        said.answer(&format!("GET {path}"), &api.call(api.get(path)).await);
    }
    said.answer("DELETE /documents/none", &api.call(api.delete("/documents/none")).await);
    said.answer(
        "PUT /documents",
        &api.call(api.request("PUT".parse().unwrap(), "/documents")).await,
    );
    // A document that cannot be read is the conversion's error, not the request's.
    upload(&api, "bad.pdf", b"%PDF-1.4 no".to_vec()).await.expect(200);
    let id = convert(&api, &[("filename", "bad.pdf")]).await.expect(200).json();
    let id = id["conversion_id"].as_str().unwrap().to_owned();
    said.line("socket <-", end(&server, &id).await);
    said.check("conversion_errors");
}

#[tokio::test]
async fn a_file_is_converted_once_at_a_time() {
    // Nothing is converted before the test has asked twice.
    let server = Server::start();
    let api = server.api();
    let (name, pdf) = ("book.pdf", crate::harness::pdf_of(200));
    upload(&api, name, pdf).await.expect(200);
    let first = convert(&api, &[("filename", name)]).await.expect(200).json();
    let again = convert(&api, &[("filename", name)]).await;
    assert_eq!(again.status, 409);
    assert_eq!(again.json(), json!({"detail": "Conversion already in progress for: book.pdf"}));
    let delete = api.call(api.delete("/documents/book.pdf")).await;
    assert_eq!(delete.status, 409, "{}", delete.text());
    let id = first["conversion_id"].as_str().unwrap();
    // Several watch the same conversion.
    let ends = futures_util::future::join_all((0..5).map(|_| end(&server, id))).await;
    assert!(ends.iter().all(|end| *end == ends[0] && end["status"] == "completed"), "{ends:?}");
    convert(&api, &[("filename", name)]).await.expect(200);
}

#[tokio::test]
async fn everybody_has_their_own_files() {
    let server = guarded();
    let (ann, ben) = (server.api_of("ann"), server.api_of("ben"));
    let report = fixture("report.pdf");
    upload(&ann, "report.pdf", report).await.expect(200);
    let id = convert(&ann, &[("filename", "report.pdf")]).await.expect(200).json();
    let id = id["conversion_id"].as_str().unwrap().to_owned();
    assert_eq!(ben.call(ben.get("/documents")).await.json()["total"], 0);
    assert_eq!(convert(&ben, &[("filename", "report.pdf")]).await.status, 404);
    let hidden = ben.call(ben.get(&format!("/conversion-status/{id}"))).await;
    assert_eq!(
        (hidden.status, hidden.json()),
        (404, json!({"detail": format!("Conversion not found: {id}")}))
    );
    let nobody = server.api();
    let refused = nobody.call(nobody.get("/documents")).await;
    assert_eq!(refused.status, 401);
    assert!(refused.json()["detail"].is_string(), "{}", refused.text());
}

#[tokio::test]
async fn all_files_of_a_name_are_removed_or_none() {
    let server = Server::start();
    let api = server.api();
    let first = upload(&api, "a.md", b"# One".to_vec()).await.expect(200).json();
    let document = first["file_path"].as_str().unwrap().split('/').nth(3).unwrap().to_owned();
    // A job of another kind waits over the older of two.
    let held = json!({"source": {"document": document}, "hold": true, "pipeline": "sentences"});
    let job = id_of(&api.submit_json(&held).await.expect(202).json());
    upload(&api, "a.md", b"# Two".to_vec()).await.expect(200);
    let refused = api.call(api.delete("/documents/a.md")).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(api.list("/v1/documents").await.len(), 2);
    api.call(api.post(&format!("/v1/jobs/{job}/cancel"))).await.expect(200);
    api.call(api.delete("/documents/a.md")).await.expect(200);
    assert!(api.list("/v1/documents").await.is_empty());
}
