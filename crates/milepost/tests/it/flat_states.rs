//! What the protocols with a socket for each job say of the same jobs, state by state.

use serde_json::{Value, json};

use crate::harness::{
    Api, DEADLINE, Form, Heard, Rooms, Server, Socket, Transcript, guarded, id_of, pdf_of,
    token_of, within,
};

/// The sockets, each with the words for a job that runs, and for its ends.
const SOCKETS: [(&str, &str); 3] = [
    ("conversion", "/ws/conversion/{}"),
    ("upload", "/ws/{}"),
    ("agents", "/api/v1/conversions/{}/ws"),
];

fn path(template: &str, job: &str) -> String {
    template.replace("{}", job)
}

/// The next message that holds, others passed over.
async fn until(socket: &mut Socket, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    within(DEADLINE, what, async {
        loop {
            let message = socket.message().await;
            if holds(&message) {
                return message;
            }
        }
    })
    .await
}

/// Without the estimate, which depends on how fast the test is.
fn timeless(mut message: Value) -> Value {
    if let Some(estimate) = message.get_mut("estimated_time_remaining") {
        assert!(estimate.is_u64(), "{estimate}");
        *estimate = json!("<estimate>");
    }
    message
}

/// A job whose work is reported by the test.
async fn job(api: &Api) -> String {
    let stages =
        json!([{"name": "reading"}, {"name": "chunking"}, {"name": "indexing", "weight": 2}]);
    let body = json!({"pipeline": "external", "stages": stages});
    id_of(&api.submit_json(&body).await.expect(202).json())
}

async fn report(api: &Api, job: &str, report: Value) {
    api.call(api.post(&format!("/v1/jobs/{job}/progress")).json(&report)).await.expect(200);
}

fn percent(message: &Value) -> f64 {
    let field = message.get("progress").or_else(|| message.get("progress_percent"));
    field.and_then(Value::as_f64).expect("a number")
}

#[tokio::test]
async fn each_state_is_said_in_each_format() {
    let server = Server::start();
    let api = server.api();
    for (name, template) in SOCKETS {
        let mut said = Transcript::of(&server);
        let ends = ["complete", "fail", "cancel"];
        for end in ends {
            let job = job(&api).await;
            said.line("==", format!("a job that will {end}"));
            let mut socket = Socket::at(&server, &path(template, &job)).await;
            said.line("<-", socket.message().await);
            let layout = json!({"name": "layout", "status": "running", "progress": 40});
            let writer = json!({"name": "writer", "status": "waiting", "message": "not yet"});
            report(&api, &job, json!({
                "stage": "reading", "done": 1, "total": 4, "unit": "page", "message": "Reading on",
                "agents": [layout, writer],
            })).await;
            // The last of what one report brings.
            let settled = |m: &Value| match name {
                "conversion" => m["message"] == "Reading on",
                "upload" => percent(m) > 6.0,
                _ => m.get("current_agent").is_some(),
            };
            said.line("<-", timeless(until(&mut socket, "a stage", settled).await));
            report(&api, &job, json!({
                "stage": "chunking", "done": 5, "total": 20, "unit": "chunk", "message": "Cutting",
            })).await;
            // 25 % and a quarter of the second quarter.
            let settled = |m: &Value| percent(m).round() as u32 == 31;
            said.line("<-", timeless(until(&mut socket, "the next stage", settled).await));
            // Who comes in the middle.
            let mut late = Socket::at(&server, &path(template, &job)).await;
            loop {
                let message = late.message().await;
                let present = settled(&message);
                said.line("late <-", timeless(message));
                if present {
                    break;
                }
            }
            let body = match end {
                "complete" => json!({"result": {"pages": 4}}),
                "fail" => json!({"error": {"message": "The paper is blank.", "retryable": false}}),
                _ => json!({}),
            };
            api.call(api.post(&format!("/v1/jobs/{job}/{end}")).json(&body)).await.expect(200);
            let terminal = |m: &Value| {
                ["completed", "error", "failed", "cancelled"]
                    .contains(&m["status"].as_str().unwrap())
            };
            for (who, socket) in [("<-", &mut socket), ("late <-", &mut late)] {
                let last = until(socket, "the end", terminal).await;
                if who == "<-" {
                    said.line(who, last);
                }
            }
            // Who comes after the end is told of it alone.
            let mut after = Socket::at(&server, &path(template, &job)).await;
            said.line("after <-", after.message().await);
            if name == "upload" {
                assert_eq!(socket.hear().await, Heard::Closed(1000));
                assert_eq!(after.hear().await, Heard::Closed(1000));
            }
        }
        said.check(&format!("states_{name}"));
    }
}

#[tokio::test]
async fn one_job_is_the_same_job_in_every_format() {
    let server = Server::start();
    let api = server.api();
    let job = job(&api).await;
    let mut sockets = Vec::new();
    for (_, template) in SOCKETS {
        sockets.push(Socket::at(&server, &path(template, &job)).await);
    }
    let mut native = Socket::open(&server).await;
    native.subscribe(&job, "latest", 0).await;
    report(&api, &job, json!({"stage": "chunking", "done": 1, "total": 4, "unit": "chunk"})).await;
    let expected = loop {
        let snapshot = native.snapshot().await;
        if snapshot["stage"] == "chunking" && snapshot["progress"].as_f64() > Some(25.0) {
            break snapshot["progress"].as_f64().unwrap();
        }
    };
    for socket in &mut sockets {
        let near = |message: &Value| (percent(message) - expected).abs() < 0.6;
        until(socket, "the same progress", near).await;
    }
}

#[tokio::test]
async fn what_cannot_be_watched_is_closed_with_a_code() {
    let server = guarded();
    let ann = server.api_of("ann");
    let job = job(&ann).await;
    for (_, template) in SOCKETS {
        let code = async |job: &str, token: Option<&str>| {
            let query = token.map_or(String::new(), |token| format!("?token={token}"));
            let socket = Socket::at(&server, &format!("{}{query}", path(template, job))).await;
            { socket }.close_code().await
        };
        assert_eq!(code(&job, None).await, 4401);
        assert_eq!(code(&job, Some("nonsense")).await, 4401);
        assert_eq!(code(&job, Some(&token_of("ben"))).await, 4404);
        assert_eq!(code("no-id", Some(&token_of("ann"))).await, 4404);
        let query = format!("?token={}", token_of("ann"));
        let mut own = Socket::at(&server, &format!("{}{query}", path(template, &job))).await;
        assert!(own.message().await["status"].is_string());
    }
}

#[tokio::test]
async fn what_a_client_says_is_heard_where_the_system_listened() {
    use tokio_tungstenite::tungstenite::Message;
    let server = Server::start();
    let api = server.api();
    let job = job(&api).await;
    let mut conversion = Socket::at(&server, &path(SOCKETS[0].1, &job)).await;
    let mut upload = Socket::at(&server, &path(SOCKETS[1].1, &job)).await;
    let mut agents = Socket::at(&server, &path(SOCKETS[2].1, &job)).await;
    for socket in [&mut conversion, &mut upload, &mut agents] {
        socket.message().await;
        for nonsense in ["{", "", "{\"type\":7}", "hello"] {
            socket.send_raw(Message::text(nonsense)).await;
        }
    }
    agents.send(&json!({"type": "ping"})).await;
    let pong = agents.message().await;
    assert_eq!(pong["type"], "pong");
    assert!(pong["data"]["timestamp"].is_string(), "{pong}");
    upload.send_raw(Message::text("close")).await;
    assert_eq!(upload.hear().await, Heard::Closed(1000));
    // Nothing of that disturbed anybody.
    report(&api, &job, json!({"stage": "chunking"})).await;
    let runs = |message: &Value| message["status"] == "processing" && percent(message) >= 25.0;
    until(&mut conversion, "the stage", runs).await;
    until(&mut agents, "the stage", runs).await;
}

/// Made through one protocol, watched through all the others until its end.
#[tokio::test]
async fn a_conversion_is_a_room_a_document_and_an_event_stream_at_once() {
    let server = Server::start();
    let api = server.api();
    let form = Api::form("book.pdf", pdf_of(150));
    let stored = api.call(api.post("/upload").multipart(form)).await.expect(200).json();
    let document = stored["file_path"].as_str().unwrap().split('/').nth(3).unwrap().to_owned();
    let form = Form::new().text("filename", "book.pdf");
    let began = api.call(api.post("/convert").multipart(form)).await.expect(200).json();
    let job = began["conversion_id"].as_str().unwrap().to_owned();

    let mut room = Rooms::local(&server).await;
    room.emit("join_job", json!({"job_id": job})).await;
    let progress = format!("/api/sse/conversion-progress?documentId={document}");
    let mut of_document = api.stream(&progress, None).await;
    let mut native = api.stream(&format!("/v1/jobs/{job}/events"), None).await;
    let mut sockets = Vec::new();
    for (_, template) in SOCKETS {
        sockets.push(Socket::at(&server, &path(template, &job)).await);
    }

    // Each may leave out what is in between, and ends where the others do.
    let mut seen = Vec::new();
    while let Some(event) = native.next().await {
        if event.name == "snapshot" {
            seen.push(percent(&event.data));
        }
    }
    let rises = |said: &[f64]| said.windows(2).all(|two| two[0] <= two[1]);
    assert!(rises(&seen) && seen.last() == Some(&100.0), "native: {seen:?}");
    for (socket, (name, _)) in sockets.iter_mut().zip(SOCKETS) {
        let mut said = Vec::new();
        loop {
            let message = socket.message().await;
            said.push(percent(&message));
            if message["status"] == "completed" {
                break;
            }
        }
        assert!(rises(&said) && said.last() == Some(&100.0), "{name}: {said:?}");
    }
    assert_eq!(room.event().await.0, "joined_room");
    let mut said = Vec::new();
    room.job(|job| {
        said.push(job["progress_percent"].as_f64().unwrap());
        job["status"] == "completed"
    })
    .await;
    assert!(rises(&said) && said.last() == Some(&100.0), "rooms: {said:?}");
    let mut said = Vec::new();
    loop {
        let event = of_document.next().await.expect("it goes on").data;
        match event["type"].as_str().unwrap() {
            "progress" => said.push(event["progress"]["progress"].as_f64().unwrap()),
            "complete" => break,
            _ => {}
        }
    }
    assert!(rises(&said) && said.last() == Some(&100.0), "document: {said:?}");
}
