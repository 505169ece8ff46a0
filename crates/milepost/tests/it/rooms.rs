//! The protocol `rooms`, as its clients use it.

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::harness::{
    Api, DEADLINE, Reply, Rooms, Server, Transcript, fixture, guarded, id_of, signed, signed_with,
    token_of, within,
};

async fn confirm(api: &Api, path: &str, body: &Value) -> Reply {
    api.call(api.post(path).json(body)).await
}

fn wish() -> Value {
    json!({"estimated_credits": 2, "model_preference": "balanced"})
}

async fn confirmed(api: &Api) -> String {
    let reply = confirm(api, "/api/v1/jobs/confirm", &wish()).await.expect(201).json();
    reply["job_id"].as_str().unwrap().to_owned()
}

fn pdf(job: Option<&str>, name: &str) -> Form {
    let part = Part::bytes(fixture("report.pdf")).file_name(name.to_owned());
    let form = Form::new().part("pdf_file", part);
    match job {
        Some(job) => form.text("job_id", job.to_owned()),
        None => form,
    }
}

async fn process(api: &Api, path: &str, form: Form) -> Reply {
    api.call(api.post(path).multipart(form)).await
}

#[tokio::test]
async fn jobs_are_confirmed_processed_listed_and_cancelled() {
    let server = Server::start();
    let api = server.api();
    let mut said = Transcript::of(&server);
    for path in ["/api/v1/jobs/confirm", "/api/v1/credits/jobs/confirm"] {
        said.answer(&format!("POST {path}"), &confirm(&api, path, &wish()).await);
    }
    let path = "/api/v1/jobs/confirm";
    for body in [
        json!({"estimated_credits": 0, "model_preference": "speed"}),
        json!({"estimated_credits": 1}),
        json!({"estimated_credits": 1, "model_preference": "best"}),
        json!({"estimated_credits": 1, "model_preference": "speed", "processing_settings": 1}),
        json!([]),
    ] {
        said.answer(&format!("POST {path} {body}"), &confirm(&api, path, &body).await);
    }
    let broken = api.post(path).header("content-type", "application/json").body("{");
    said.answer(&format!("POST {path} {{"), &api.call(broken).await);
    let later = "/api/v1/process-pdf-async";
    let nothing = Form::new().text("job_id", "5");
    said.answer(&format!("POST {later} no file"), &process(&api, later, nothing).await);
    said.answer(&format!("POST {later} no job"), &process(&api, later, pdf(None, "a.pdf")).await);
    let other = process(&api, later, pdf(Some("5"), "a.pdf")).await;
    said.answer(&format!("POST {later} another job"), &other);
    for name in ["a.txt", "pdf"] {
        let wrong = process(&api, later, pdf(Some("5"), name)).await;
        said.answer(&format!("POST {later} {name}"), &wrong);
    }
    let job = confirmed(&api).await;
    let answer = process(&api, "/api/v1/process-pdf", pdf(Some(&job), "a.pdf")).await;
    said.answer("POST /api/v1/process-pdf with a job", &answer);
    let again = process(&api, later, pdf(Some(&job), "a.pdf")).await;
    // It may have begun by now.
    assert_eq!(again.status, 400);
    assert!(again.text().contains(" status, cannot process"), "{}", again.text());
    let whole = process(&api, "/api/v1/process-pdf", pdf(None, "b.pdf")).await;
    said.answer("POST /api/v1/process-pdf without a job", &whole);
    let job = confirmed(&api).await;
    let cancel = format!("/api/v1/jobs/{job}/cancel");
    for _ in 0..2 {
        said.answer(&format!("POST {cancel}"), &api.call(api.post(&cancel)).await);
    }
    for path in ["/api/v1/jobs", "/api/v1/credits/jobs"] {
        let path = format!("{path}/{job}");
        said.answer(&format!("GET {path}"), &api.call(api.get(&path)).await);
    }
    said.answer("GET /api/v1/jobs/5", &api.call(api.get("/api/v1/jobs/5")).await);
    said.answer("POST /api/v1/jobs/5/cancel", &api.call(api.post("/api/v1/jobs/5/cancel")).await);
    said.answer("PUT /api/v1/jobs", &api.call(api.put("/api/v1/jobs")).await);
    let list = "/api/v1/credits/jobs?status=cancelled&limit=5";
    said.answer(&format!("GET {list}"), &api.call(api.get(list)).await);
    let none = "/api/v1/jobs?status=nothing";
    said.answer(&format!("GET {none}"), &api.call(api.get(none)).await);
    said.check("rooms");
}

#[tokio::test]
async fn refusals_are_as_clients_know_them() {
    let server = guarded();
    let mut said = Transcript::of(&server);
    let anna = server.api_of("anna");
    let job = confirmed(&anna).await;
    let path = format!("/api/v1/jobs/{job}");
    let expired = signed(json!({"sub": "anna"}), -60);
    let foreign = signed_with("another secret, long enough as well", json!({"sub": "anna"}), 60);
    for (who, api) in [
        ("nobody", server.api()),
        ("expired", server.api_with(&expired)),
        ("no token", server.api_with("nonsense")),
        ("another's signature", server.api_with(&foreign)),
        ("bert", server.api_of("bert")),
    ] {
        said.line("==", who);
        said.answer("GET the job", &api.call(api.get(&path)).await);
        said.answer("POST cancel", &api.call(api.post(&format!("{path}/cancel"))).await);
        let form = pdf(Some(&job), "a.pdf");
        said.answer("POST its PDF", &process(&api, "/api/v1/process-pdf-async", form).await);
    }
    said.check("rooms_refusals");
}

#[tokio::test]
async fn events_are_answered_and_nonsense_hurts_nobody() {
    let server = Server::start();
    let job = confirmed(&server.api()).await;
    let mut said = Transcript::of(&server);
    let (mut client, opened) = Rooms::open(&server, "").await;
    said.line("<-", opened);
    let mut witness = Rooms::local(&server).await;
    witness.emit("join_job", json!({"job_id": job})).await;
    assert_eq!(witness.event().await.0, "joined_room");
    assert_eq!(witness.event().await.0, "job_progress");
    let talk = [
        ("40".to_owned(), 1),
        (format!(r#"42["join_job",{{"job_id":"{job}"}}]"#), 2),
        (format!(r#"421["join_job",{{"job_id":"{job}","token":"whatever"}}]"#), 3),
        (r#"42["join_job",{"job_id":5}]"#.to_owned(), 1),
        (r#"422["join_job",{"job_id":"5"}]"#.to_owned(), 2),
        (r#"42["join_job",{}]"#.to_owned(), 1),
        (r#"42["join_job"]"#.to_owned(), 1),
        (r#"42["join_job",null]"#.to_owned(), 1),
        (r#"42["join_job",[[[]]]]"#.to_owned(), 1),
        (r#"42["join_job",{"job_id":{"$ne":1}}]"#.to_owned(), 1),
        (r#"42["nonsense",1,2]"#.to_owned(), 0),
        (r#"42["leave_job",{}]"#.to_owned(), 1),
        (r#"423["leave_job",{"job_id":5}]"#.to_owned(), 2),
        (r#"424["cancel_job",{"job_id":5}]"#.to_owned(), 2),
        (format!(r#"425["leave_job",{{"job_id":"{job}"}}]"#), 2),
        (format!(r#"426["cancel_job",{{"job_id":"{job}"}}]"#), 1),
        (format!(r#"427["cancel_job",{{"job_id":"{job}"}}]"#), 2),
    ];
    for (packet, answers) in talk {
        client.send(&packet).await;
        said.line("->", packet);
        for _ in 0..answers {
            said.line("<-", client.packet().await.unwrap());
        }
    }
    let last = witness.job(|_| true).await;
    assert_eq!(last["status"], "cancelled");
    // What is no packet ends its sender's connection, and nobody else's.
    client.send("4nonsense").await;
    assert_eq!(client.packet().await, Some("1".to_owned()));
    assert_eq!(client.packet().await, None);
    witness.emit("leave_job", json!({"job_id": job})).await;
    assert_eq!(witness.event().await.0, "left_room");
    said.check("rooms_events");
}

#[tokio::test]
async fn whoever_connects_says_who_they_are() {
    let server = guarded();
    let mut said = Transcript::of(&server);
    let anna = confirmed(&server.api_of("anna")).await;
    let expired = signed(json!({"sub": "anna"}), -60);
    let good = token_of("anna");
    let auth = |token: &str| json!({"token": token}).to_string();
    for (who, query, auth) in [
        ("nobody", String::new(), String::new()),
        ("an empty token", String::new(), auth("")),
        ("no token", String::new(), auth("nonsense")),
        ("a number", String::new(), r#"{"token":5}"#.to_owned()),
        ("an expired token", String::new(), auth(&expired)),
        ("an expired token in the query", format!("&token={expired}"), String::new()),
        ("a token", String::new(), auth(&good)),
        ("a token in the query", format!("&token={good}"), String::new()),
        ("one that counts before another", format!("&token={expired}"), auth(&good)),
    ] {
        said.line("==", who);
        let (_client, answer) = Rooms::connect(&server, &query, &auth).await;
        said.line("<-", answer);
    }
    said.line("==", "bert asks for a job of anna's");
    let (mut bert, _) = Rooms::connect(&server, "", &auth(&token_of("bert"))).await;
    for token in [json!(null), json!("nonsense"), json!(expired), json!(good)] {
        bert.emit("join_job", json!({"job_id": anna, "token": token})).await;
        said.line("<-", bert.packet().await.unwrap());
    }
    said.line("<-", bert.packet().await.unwrap());
    said.check("rooms_who");
}

#[tokio::test]
async fn a_credential_that_ends_ends_its_connection() {
    let server = guarded();
    let api = server.api_of("anna");
    let job = confirmed(&api).await;
    let short = json!({"token": signed(json!({"sub": "anna"}), 2)}).to_string();
    let (mut client, _) = Rooms::connect(&server, "", &short).await;
    client.emit("join_job", json!({"job_id": job})).await;
    assert_eq!(client.event().await.0, "joined_room");
    assert_eq!(client.event().await.0, "job_progress");
    let expired = ("error".to_owned(), json!({"message": "token_expired"}));
    assert_eq!(within(DEADLINE, "the end of a token", client.event()).await, expired);
    assert_eq!(client.packet().await.as_deref(), Some("41"));

    // A key that is revoked joins nothing more.
    let root = server.api_of_admin();
    let key = root.post("/v1/keys").json(&json!({"name": "page", "owner": "anna"}));
    let key = root.call(key).await.expect(201).json();
    let auth = json!({"token": key["key"]}).to_string();
    let (mut client, answer) = Rooms::connect(&server, "", &auth).await;
    assert!(answer.starts_with("40"), "{answer}");
    root.call(root.delete(&format!("/v1/keys/{}", id_of(&key)))).await.expect(204);
    client.emit("join_job", json!({"job_id": job})).await;
    assert_eq!(client.event().await, ("error".to_owned(), json!({"message": "invalid_token"})));
}

#[tokio::test]
async fn a_page_can_ask_before_it_confirms() {
    let server = Server::start();
    let api = server.api();
    let ask = async |name: &str, bytes: Vec<u8>| {
        let part = Part::bytes(bytes).file_name(name.to_owned());
        let form = Form::new().part("pdf_file", part).text("model_preference", "speed");
        process(&api, "/api/v1/estimate-pdf", form).await
    };
    let told = ask("book.pdf", crate::harness::pdf_of(30)).await.expect(200).json();
    assert_eq!(told["page_count"], 30);
    assert_eq!(told["model_preference"], "speed");
    assert!(told["estimated_credits"].as_u64() >= Some(1), "{told}");
    for path in ["/api/v1/credits/me", "/api/v1/me/credits"] {
        let credits = api.call(api.get(path)).await.expect(200).json();
        assert!(credits["balance"].as_u64() >= told["estimated_credits"].as_u64(), "{credits}");
    }
    let mut said = Transcript::of(&server);
    said.answer("POST a damaged one", &ask("bad.pdf", b"%PDF-1.4 no".to_vec()).await);
    said.answer("POST another kind", &ask("a.docx", b"x".to_vec()).await);
    said.answer(
        "POST nothing",
        &process(&api, "/api/v1/estimate-pdf", Form::new().text("a", "b")).await,
    );
    said.check("rooms_estimate");
    // Nothing of it is kept.
    assert!(api.list("/v1/jobs").await.is_empty());
    assert!(api.list("/v1/documents").await.is_empty());
}

#[tokio::test]
async fn a_token_of_a_join_that_ends_costs_that_room_alone() {
    let server = guarded();
    let (ann, ben) = (server.api_of("ann"), server.api_of("ben"));
    let external = json!({"pipeline": "external"});
    let hers = ann.submit_json(&external).await.expect(202).json();
    let his = id_of(&ben.submit_json(&external).await.expect(202).json());
    let token = token_of("ben");
    let (mut client, _) = Rooms::connect(&server, "", &json!({"token": token}).to_string()).await;
    client.emit("join_job", json!({"job_id": his})).await;
    assert_eq!(client.event().await.0, "joined_room");
    assert_eq!(client.event().await.0, "job_progress");
    let shared = json!({"job_id": hers["id"], "token": hers["access"]["token"]});
    client.emit("join_job", shared).await;
    assert_eq!(client.event().await.0, "joined_room");
    assert_eq!(client.event().await.0, "job_progress");
    let share = format!("/v1/jobs/{}/share", id_of(&hers));
    ann.call(ann.delete(&share)).await.expect(204);
    assert_eq!(client.event().await, ("error".to_owned(), json!({"message": "invalid_token"})));
    ben.call(ben.post(&format!("/v1/jobs/{his}/cancel"))).await.expect(200);
    assert_eq!(client.job(|_| true).await["status"], "cancelled");
}
