//! The HTTP API, as a program would call it.

use std::time::Instant;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap};
use reqwest::multipart::Part;
use reqwest::{Client, ClientBuilder, RequestBuilder};
use serde_json::{Value, json};

use super::{DEADLINE, Events, documents::fixture, eventually};

/// A form, under its shorter name.
pub type Form = reqwest::multipart::Form;

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Api {
    base: String,
    http: Client,
}

fn client() -> ClientBuilder {
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(DEADLINE * 2)
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Api {
    pub fn new(base: &str) -> Self {
        Self::by(base, client().build().expect("a client can be made"))
    }

    /// The same server, with a credential at each request.
    pub fn with_token(self, token: &str) -> Self {
        let mut headers = HeaderMap::new();
        let value = format!("Bearer {token}").parse().expect("a header");
        headers.insert(AUTHORIZATION, value);
        Self { http: client().default_headers(headers).build().expect("a client"), ..self }
    }

    /// By way of a client that the test has prepared.
    pub fn by(base: &str, http: Client) -> Self {
        Self { base: base.to_owned(), http }
    }

    /// Any request, without a body where it could have one.
    pub fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.base))
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.base))
    }

    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.http.delete(format!("{}{path}", self.base))
    }

    pub fn put(&self, path: &str) -> RequestBuilder {
        self.http.put(format!("{}{path}", self.base))
    }

    /// Sends a request and reads the whole answer.
    pub async fn call(&self, request: RequestBuilder) -> Reply {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("the answer is whole").to_vec();
        Reply { status, headers, body }
    }

    /// A form with one file.
    pub fn form(name: &str, bytes: Vec<u8>) -> Form {
        Form::new().part("file", Part::bytes(bytes).file_name(name.to_owned()))
    }

    /// A form with several files.
    pub fn files(files: impl IntoIterator<Item = (impl Into<String>, Vec<u8>)>) -> Form {
        files.into_iter().fold(Form::new(), |form, (name, bytes)| {
            form.part("file", Part::bytes(bytes).file_name(name.into()))
        })
    }

    /// Submits a form with several files and returns the batch's id, and its jobs'
    /// in order.
    pub async fn submit_files(&self, form: Form) -> (String, Vec<String>) {
        let made = self.submit_form(form).await;
        let jobs = made["jobs"].as_array().expect("jobs").iter().map(id_of).collect();
        (id_of(&made["batch"]), jobs)
    }

    /// A batch as it is now.
    pub async fn batch(&self, id: &str) -> Value {
        self.call(self.get(&format!("/v1/batches/{id}"))).await.expect(200).json()
    }

    /// Submits a form and returns the snapshot. What a test submits twice is to be
    /// converted twice, unless it says otherwise.
    pub async fn submit_form(&self, form: Form) -> Value {
        let form = form.text("force", "true");
        self.call(self.post("/v1/jobs").multipart(form)).await.expect(202).json()
    }

    /// Submits a document of the fixtures and returns the job's id.
    pub async fn submit(&self, name: &str) -> String {
        id_of(&self.submit_form(Self::form(name, fixture(name))).await)
    }

    /// Submits a document that the test made.
    pub async fn submit_bytes(&self, name: &str, bytes: Vec<u8>) -> String {
        id_of(&self.submit_form(Self::form(name, bytes)).await)
    }

    /// Submits as JSON.
    pub async fn submit_json(&self, body: &Value) -> Reply {
        self.call(self.post("/v1/jobs").json(body)).await
    }

    /// Submits some text to convert, which takes no time.
    pub async fn submit_text(&self, text: &str) -> String {
        let body = json!({"source": {"text": text, "filename": "note.md"}, "force": true});
        id_of(&self.submit_json(&body).await.expect(202).json())
    }

    /// The job as it is now.
    pub async fn job(&self, id: &str) -> Value {
        self.call(self.get(&format!("/v1/jobs/{id}"))).await.expect(200).json()
    }

    /// The job once `wanted` is true of it.
    pub async fn until(&self, id: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let what = format!("{id}: {what}");
        let wanted = &wanted;
        eventually(&what, || async move { Some(self.job(id).await).filter(wanted) }).await
    }

    /// The job at its end, by long-polling.
    pub async fn ended(&self, id: &str) -> Value {
        let (began, mut after) = (Instant::now(), 0);
        loop {
            let path = format!("/v1/jobs/{id}?after={after}&wait=20");
            let reply = self.call(self.get(&path)).await;
            if reply.status != 304 {
                let job = reply.expect(200).json();
                if is_terminal(&job) {
                    return job;
                }
                after = seq_of(&job);
            }
            assert!(began.elapsed() < DEADLINE * 2, "{id} does not end");
        }
    }

    /// The job, completed.
    pub async fn completed(&self, id: &str) -> Value {
        completed(self.ended(id).await)
    }

    /// The whole log.
    pub async fn events(&self, id: &str) -> Vec<Value> {
        self.list(&format!("/v1/jobs/{id}/events")).await
    }

    /// The numbers of the converted pages.
    pub async fn pages(&self, id: &str) -> Vec<u64> {
        let items = self.list(&format!("/v1/jobs/{id}/pages")).await;
        items.iter().map(|item| item["page"].as_u64().expect("a number")).collect()
    }

    /// The whole result in a format.
    pub async fn result(&self, id: &str, format: &str) -> Vec<u8> {
        let path = format!("/v1/jobs/{id}/result?format={format}");
        self.call(self.get(&path)).await.expect(200).body
    }

    /// The whole result in every format, for comparing.
    pub async fn results(&self, id: &str) -> Vec<(&'static str, Vec<u8>)> {
        let mut all = Vec::new();
        for format in ["markdown", "json", "html", "text"] {
            all.push((format, self.result(id, format).await));
        }
        all
    }

    /// Every item of a list, page by page.
    pub async fn list(&self, path: &str) -> Vec<Value> {
        let join = if path.contains('?') { '&' } else { '?' };
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("{path}{join}limit=200{cursor}");
            let page = self.call(self.get(&path)).await.expect(200).json();
            items.extend(page["items"].as_array().expect("a list has items").clone());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Opens a live stream.
    pub async fn stream(&self, path: &str, last_id: Option<&str>) -> Events {
        let mut request = self.get(path).header(ACCEPT, "text/event-stream");
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        Events::open(request.send().await.expect("the server answers"))
    }
}

impl Reply {
    /// Itself, if it has that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Checks a refusal: status, code, the field at fault.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str, field: Option<&str>) -> Value {
        let reply = self.expect(status);
        assert_eq!(reply.header("content-type"), "application/problem+json");
        let problem = reply.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["field"].as_str(), field, "{problem}");
        assert!(!problem["detail"].as_str().expect("a detail").is_empty(), "{problem}");
        problem
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's text, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// The id of a snapshot, a document, and whatever else has one.
#[track_caller]
pub fn id_of(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id: {value}")).to_owned()
}

#[track_caller]
pub fn seq_of(job: &Value) -> u64 {
    job["seq"].as_u64().unwrap_or_else(|| panic!("no seq: {job}"))
}

pub fn is_terminal(job: &Value) -> bool {
    matches!(job["status"].as_str(), Some("completed" | "failed" | "cancelled"))
}

/// The job, which must have completed.
#[track_caller]
pub fn completed(job: Value) -> Value {
    assert_eq!(job["status"], "completed", "{job}");
    job
}
