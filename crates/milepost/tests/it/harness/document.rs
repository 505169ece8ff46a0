//! A document of the protocol `document`, and work on it that the test reports.

use serde_json::{Value, json};

use super::{Api, Form, id_of};

/// A document, and what is done with it.
pub struct Work<'a> {
    api: &'a Api,
    pub document: String,
}

impl<'a> Work<'a> {
    /// A new document.
    pub async fn on(api: &'a Api, title: &str) -> Self {
        let part = reqwest::multipart::Part::bytes(title.as_bytes().to_vec());
        let part = part.file_name(format!("{title}.md"));
        let form = Form::new().text("title", title.to_owned()).part("file", part);
        let made = api.call(api.post("/api/documents/upload").multipart(form)).await.expect(201);
        Self { api, document: id_of(&made.json()["document"]) }
    }

    /// Begins a job, and returns it.
    pub async fn begin(&self) -> String {
        let stages = json!([{"name": "initializing"}, {"name": "pages"}, {"name": "finalizing"}]);
        let source = json!({"document": self.document});
        let body = json!({"pipeline": "external", "stages": stages, "source": source});
        id_of(&self.api.submit_json(&body).await.expect(202).json())
    }

    /// Reports of it.
    pub async fn report(&self, job: &str, what: &str, report: Value) {
        let path = format!("/v1/jobs/{job}/{what}");
        self.api.call(self.api.post(&path).json(&report)).await.expect(200);
    }

    /// Some pages are done.
    pub async fn pages(&self, job: &str, done: u64, total: u64) {
        let report = json!({"stage": "pages", "done": done, "total": total, "unit": "page"});
        self.report(job, "progress", report).await;
    }

    /// It is done.
    pub async fn complete(&self, job: &str) {
        self.report(job, "complete", json!({})).await;
    }

    /// It has failed.
    pub async fn fail(&self, job: &str, retryable: bool) {
        let error = json!({"message": "The paper is blank.", "retryable": retryable});
        self.report(job, "fail", json!({"error": error})).await;
    }

    /// Where its events are.
    pub fn stream(&self) -> String {
        format!("/api/sse/conversion-progress?documentId={}", self.document)
    }

    /// Where its socket is.
    pub fn socket(&self) -> String {
        format!("/api/websocket/conversion-progress?documentId={}", self.document)
    }

    /// Where its conversion is asked for.
    pub fn status(&self) -> String {
        format!("/api/documents/{}/conversion-status", self.document)
    }
}
