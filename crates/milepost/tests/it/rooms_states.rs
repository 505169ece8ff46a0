//! What rooms say of jobs, state by state.

use serde_json::{Value, json};

use crate::harness::{Api, Rooms, Server, Transcript, fixture, id_of};

/// Without what depends on how fast the test is.
fn timeless(mut job: Value) -> Value {
    if job["processing_time_seconds"].is_u64() {
        job["processing_time_seconds"] = json!("<seconds>");
    }
    job
}

async fn joined(server: &Server, job: &str) -> Rooms {
    let mut client = Rooms::local(server).await;
    client.emit("join_job", json!({"job_id": job})).await;
    assert_eq!(client.event().await, ("joined_room".into(), json!({"job_id": job})));
    client
}

async fn report(api: &Api, job: &str, what: &str, body: Value) {
    api.call(api.post(&format!("/v1/jobs/{job}/{what}")).json(&body)).await.expect(200);
}

#[tokio::test]
async fn each_state_is_a_whole_job() {
    let server = Server::start();
    let api = server.api();
    let mut said = Transcript::of(&server);
    for end in ["complete", "fail", "cancel"] {
        let stages = json!([{"name": "reading"}, {"name": "chunking"}]);
        let body = json!({"pipeline": "external", "stages": stages});
        let job = id_of(&api.submit_json(&body).await.expect(202).json());
        said.line("==", format!("a job that will {end}"));
        let mut client = joined(&server, &job).await;
        said.line("<-", client.job(|_| true).await);
        let half = json!({
            "stage": "reading", "done": 1, "total": 4, "unit": "page", "message": "Reading on",
        });
        report(&api, &job, "progress", half).await;
        said.line("<-", client.job(|job| job["current_step"] == "Reading on").await);
        // Who comes in the middle, alone.
        let mut late = joined(&server, &job).await;
        said.line("late <-", late.job(|_| true).await);
        let body = match end {
            "complete" => json!({"result": {"pages": 4}}),
            "fail" => json!({"error": {"message": "The paper is blank.", "retryable": false}}),
            _ => json!({}),
        };
        if end == "cancel" {
            late.emit("cancel_job", json!({"job_id": job})).await;
        } else {
            report(&api, &job, end, body).await;
        }
        let terminal =
            |job: &Value| job["completed_at"] != json!(null) || job["is_cancelled"] == true;
        let last = client.job(terminal).await;
        assert_eq!(late.job(terminal).await, last, "one for all");
        said.line("<-", timeless(last.clone()));
        let mut after = joined(&server, &job).await;
        assert_eq!(after.job(|_| true).await, last, "the end, to whoever comes late");
    }
    said.check("rooms_states");
}

#[tokio::test]
async fn a_pdf_becomes_sentences_in_chunks() {
    let server = Server::start();
    let api = server.api();
    let mut said = Transcript::of(&server);
    let confirm = json!({
        "estimated_credits": 3, "model_preference": "speed",
        "processing_settings": {"original_filename": "report.pdf", "estimated_tokens": 700},
    });
    let confirm = api.post("/api/v1/credits/jobs/confirm").json(&confirm);
    let job = api.call(confirm).await.expect(201).json()["job_id"].as_str().unwrap().to_owned();
    let mut client = joined(&server, &job).await;
    said.line("<-", client.job(|_| true).await);
    let part = reqwest::multipart::Part::bytes(fixture("report.pdf")).file_name("report.pdf");
    let form = reqwest::multipart::Form::new().part("pdf_file", part).text("job_id", job.clone());
    let begin = api.post("/api/v1/process-pdf-async").multipart(form);
    said.answer("POST /api/v1/process-pdf-async", &api.call(begin).await);
    let mut steps: Vec<Value> = Vec::new();
    let end = loop {
        let now = client.job(|_| true).await;
        if now["status"] == "completed" {
            break now;
        }
        if now["status"] == "processing" && steps.last() != Some(&now["current_step"]) {
            steps.push(now["current_step"].clone());
        }
    };
    // Boundaries are never passed over; what is between them may be.
    steps.retain(|step| !step.as_str().unwrap().starts_with("Processing chunks ("));
    said.line("steps", json!(steps));
    said.line("<-", timeless(end.clone()));
    assert_eq!(api.call(api.get(&format!("/api/v1/jobs/{job}"))).await.json(), end);
    said.check("rooms_sentences");
}
