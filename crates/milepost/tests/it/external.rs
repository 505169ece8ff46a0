//! Work that is done outside the server and reported to it.

use serde_json::{Value, json};

use crate::harness::{Api, Server, Socket, fixture, id_of, seq_of};

async fn submit(api: &Api, more: Value) -> String {
    let mut body = json!({"pipeline": "external"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    id_of(&api.submit_json(&body).await.expect(202).json())
}

async fn report(api: &Api, id: &str, what: &str, body: Value) -> (u16, Value) {
    let reply = api.call(api.post(&format!("/v1/jobs/{id}/{what}")).json(&body)).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn reports_move_a_job_from_its_first_word_to_its_result() {
    let server = Server::start();
    let api = server.api();
    let stages = json!([{"name": "reading", "weight": 1}, {"name": "writing", "weight": 3}]);
    let id = submit(&api, json!({"stages": stages, "metadata": {"mine": true}})).await;
    let job = api.job(&id).await;
    // Nobody is waited for, so there is no queue to stand in.
    assert_eq!((&job["status"], &job["queue"]), (&json!("queued"), &Value::Null));

    let mut socket = Socket::open(&server).await;
    socket.subscribe(&id, "all", 0).await;
    let first = json!({"stage": "reading", "done": 1, "total": 2, "unit": "chunk"});
    assert_eq!(
        report(&api, &id, "progress", first).await,
        (200, json!({"cancelled": false, "seq": 3}))
    );
    let job = api.job(&id).await;
    assert_eq!((&job["status"], &job["progress"]), (&json!("running"), &json!(12.5)));
    assert_eq!(job["message"], "Reading chunk 2 of 2");

    let agents = json!([
        {"name": "writer", "status": "running", "progress": 40, "message": "On chapter 2"},
        {"name": "critic", "status": "waiting"},
    ]);
    let second =
        json!({"stage": "writing", "done": 1, "total": 4, "message": "Drafting", "agents": agents});
    assert_eq!(report(&api, &id, "progress", second).await.0, 200);
    let job = api.job(&id).await;
    assert_eq!((&job["stage"], &job["message"]), (&json!("writing"), &json!("Drafting")));
    assert_eq!(job["progress"], 43.8);
    assert_eq!(
        job["agents"][0],
        json!({"name": "writer", "status": "running", "progress": 40.0, "message": "On chapter 2"})
    );
    assert_eq!(job["agents"][1]["progress"], Value::Null);

    let (status, over) = report(&api, &id, "progress", json!({"stage": "reading"})).await;
    assert_eq!((status, &over["field"]), (422, &json!("stage")));
    let (status, unknown) = report(&api, &id, "progress", json!({"stage": "resting"})).await;
    assert_eq!((status, &unknown["field"]), (422, &json!("stage")));

    let (status, job) = report(&api, &id, "complete", json!({"result": {"pages": [1, 2]}})).await;
    assert_eq!(
        (status, &job["status"], &job["progress"]),
        (200, &json!("completed"), &json!(100.0))
    );
    assert_eq!(job["result"]["formats"], json!(["json"]));
    let result = api.call(api.get(&format!("/v1/jobs/{id}/result"))).await.expect(200);
    assert_eq!(result.json(), json!({"pages": [1, 2]}));
    let (status, late) = report(&api, &id, "progress", json!({"done": 3})).await;
    assert_eq!((status, &late["code"]), (409, &json!("conflict")));

    // Whoever watched has seen each of it, in order.
    let last = seq_of(&job);
    let mut seen = Vec::new();
    while seen.last() != Some(&last) {
        seen.push(seq_of(&socket.snapshot().await));
    }
    assert_eq!(seen, (1..=last).collect::<Vec<_>>());
    let kinds: Vec<_> = api.events(&id).await.iter().map(|e| e["type"].clone()).collect();
    assert_eq!(
        json!(kinds),
        json!(["submitted", "started", "advanced", "stage", "advanced", "reported", "completed"])
    );
}

#[tokio::test]
async fn a_cancelled_job_tells_its_worker_and_takes_no_end() {
    let server = Server::start();
    let api = server.api();
    let id = submit(&api, json!({})).await;
    assert_eq!(report(&api, &id, "progress", json!({"done": 1, "total": 9})).await.0, 200);
    api.call(api.post(&format!("/v1/jobs/{id}/cancel"))).await.expect(200);
    let seq = seq_of(&api.job(&id).await);
    let told = report(&api, &id, "progress", json!({"done": 2})).await;
    assert_eq!(told, (200, json!({"cancelled": true, "seq": seq})));
    assert_eq!(report(&api, &id, "complete", json!({"result": "text"})).await.0, 409);
    assert_eq!(report(&api, &id, "fail", json!({"error": {"message": "no"}})).await.0, 409);
    let job = api.job(&id).await;
    assert_eq!((&job["status"], seq_of(&job)), (&json!("cancelled"), seq));
}

#[tokio::test]
async fn a_failed_job_says_why_and_can_be_tried_again() {
    let server = Server::start();
    let api = server.api();
    let id = submit(&api, json!({})).await;
    let error = json!({"code": "out_of_tea", "message": "The kettle broke.", "retryable": true});
    let (status, job) = report(&api, &id, "fail", json!({"error": error})).await;
    assert_eq!((status, &job["status"]), (200, &json!("failed")));
    assert_eq!(
        job["error"],
        json!({"code": "worker_failed", "message": "The kettle broke.", "retryable": true})
    );
    api.call(api.post(&format!("/v1/jobs/{id}/retry"))).await.expect(202);
    let (status, job) = report(&api, &id, "complete", json!({"result": "Tea."})).await;
    assert_eq!((status, &job["attempt"]), (200, &json!(2)));
    let result = api.call(api.get(&format!("/v1/jobs/{id}/result"))).await.expect(200);
    assert_eq!(result.body, b"Tea.");
}

#[tokio::test]
async fn work_outside_goes_on_through_a_restart_and_takes_no_slot() {
    let mut server = Server::with(&[("MILEPOST_WORKER_SLOTS", "1")]);
    let api = server.api();
    let queued = submit(&api, json!({})).await;
    let running = submit(&api, json!({})).await;
    assert_eq!(report(&api, &running, "progress", json!({"done": 1, "total": 4})).await.0, 200);
    // Neither holds up what the server does itself.
    let own = api.submit_text("# Own").await;
    api.completed(&own).await;
    server.kill9();
    server.restart();
    let api = server.api();
    let job = api.job(&running).await;
    assert_eq!((&job["status"], &job["attempt"]), (&json!("running"), &json!(1)));
    assert_eq!(api.job(&queued).await["status"], "queued");
    assert_eq!(report(&api, &running, "complete", json!({})).await.1["status"], "completed");
    let empty = api.call(api.get(&format!("/v1/jobs/{running}/result"))).await;
    assert_eq!(empty.status, 406, "completed without a result");
}

#[tokio::test]
async fn what_is_wrong_with_a_report_is_named() {
    let server = Server::start();
    let api = server.api();
    let id = submit(&api, json!({})).await;
    let own = api.submit_text("# Own").await;
    assert_eq!(report(&api, &own, "progress", json!({"done": 1})).await.0, 409);
    let nobody = "0199aaaa-0000-7000-8000-000000000000";
    assert_eq!(report(&api, nobody, "progress", json!({"done": 1})).await.0, 404);
    for (what, body, field) in [
        ("progress", json!({"done": 3, "total": 2}), "done"),
        ("progress", json!({"done": -1}), "done"),
        ("progress", json!({"step": 1}), "step"),
        ("progress", json!({"agents": [{"name": "", "status": "x"}]}), "agents[0].name"),
        (
            "progress",
            json!({"agents": [{"name": "a", "status": "x", "progress": 101}]}),
            "agents[0].progress",
        ),
        ("progress", json!({"message": "m".repeat(1001)}), "message"),
        ("fail", json!({"error": {}}), "error.message"),
    ] {
        let (status, problem) = report(&api, &id, what, body.clone()).await;
        assert_eq!((status, &problem["field"]), (422, &json!(field)), "{body}: {problem}");
    }
    assert_eq!(seq_of(&api.job(&id).await), 1, "a refused report changes nothing");
    for (body, field) in [
        (json!({"pipeline": "external", "stages": []}), "stages"),
        (
            json!({"pipeline": "external", "stages": [{"name": "a"}, {"name": "a"}]}),
            "stages[1].name",
        ),
        (
            json!({"pipeline": "external", "stages": [{"name": "a", "weight": 0}]}),
            "stages[0].weight",
        ),
        (json!({"pipeline": "external", "options": {"pages": "1"}}), "options"),
        (json!({"source": {"text": "x"}, "stages": [{"name": "a"}]}), "stages"),
    ] {
        let problem = api.submit_json(&body).await.expect(422).json();
        assert_eq!(problem["field"], field, "{body}");
    }
}

#[tokio::test]
async fn an_external_job_may_carry_a_document() {
    let server = Server::start();
    let api = server.api();
    let form = Api::form("letter.docx", fixture("letter.docx"));
    let form = form.text("pipeline", "external").text("stages", r#"[{"name":"reading"}]"#);
    let job = api.submit_form(form).await;
    assert_eq!((&job["status"], &job["stages"][0]["name"]), (&json!("queued"), &json!("reading")));
    let path = format!("/v1/documents/{}/content", job["document"]["id"].as_str().unwrap());
    let content = api.call(api.get(&path)).await.expect(200);
    assert_eq!(content.body, fixture("letter.docx"));
}

#[tokio::test]
async fn a_held_job_is_confirmed_without_a_document() {
    let server = Server::start();
    let api = server.api();
    let id = submit(&api, json!({"hold": true})).await;
    let reply = api.call(api.post(&format!("/v1/jobs/{id}/confirm"))).await;
    assert_eq!((reply.status, &reply.json()["status"]), (202, &json!("queued")));
    assert_eq!(report(&api, &id, "complete", json!({})).await.1["status"], "completed");
}
