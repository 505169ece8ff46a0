//! One job's life, as its owner lives it: submitted, worked on, watched,
//! cancelled or not, retried or not, read, deleted or left to the retention.
//! Enters: documents. Leaves: what the ledger keeps. Never: two lives that are
//! alike.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::Site;
use super::watch::{self, State};

/// A job that has not ended after this has been forgotten by somebody.
const PATIENCE: Duration = Duration::from_secs(240);

/// Whether something happens that happens in so many of a hundred cases.
fn chance(percent: u8) -> bool {
    fastrand::u8(..100) < percent
}

async fn pause(most: u64) {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(..most))).await;
}

/// Lives one job's life.
pub async fn live(site: &Site) -> anyhow::Result<()> {
    let external = chance(35);
    let job = if external { submit_external(site).await } else { submit_document(site).await };
    let job = job.context("a submission")?;
    let mut after = 0;
    let end = loop {
        let end = attempt(site, &job, external, after).await?;
        site.ledger.ended(&job);
        site.ledger.count(match end.status.as_str() {
            "completed" => "completed",
            "failed" => "failed",
            _ => "cancelled",
        });
        if end.status != "completed" && after == 0 && chance(50) {
            site.ledger.again(&job);
            site.post(&format!("/v1/jobs/{job}/retry"), None, &[202]).await?;
            after = end.seq;
            continue;
        }
        break end;
    };
    read(site, &job, external, &end).await?;
    if chance(30) {
        all_streams_show(site, &end).await?;
        site.ledger.deleted(&job);
        let path = format!("{}/v1/jobs/{job}", site.url);
        let status = site.client.delete(&path).send().await?.status();
        ensure!(status == 204 || !site.ledger.must_be_there(&job), "a delete got {status}");
        let status = site.client.get(&path).send().await?.status();
        ensure!(status == 404, "a deleted job answers {status}");
    } else {
        all_streams_show(site, &end).await?;
    }
    Ok(())
}

/// From its start to an end: work, watchers and perhaps a cancel at once.
async fn attempt(site: &Site, job: &str, external: bool, after: u64) -> anyhow::Result<State> {
    let watchers = fastrand::usize(1..=3);
    let watched = (0..watchers).map(|_| watch::until_end(site, job, after));
    let work = async { if external { work(site, job).await } else { Ok(()) } };
    let cancel = async {
        if chance(15) || (external && chance(20)) {
            pause(400).await;
            let path = format!("/v1/jobs/{job}/cancel");
            site.post(&path, None, &[200, 409]).await?;
        }
        anyhow::Ok(())
    };
    let watched = futures_util::future::try_join_all(watched);
    let all = async { tokio::try_join!(watched, work, cancel) };
    let Ok(ends) = tokio::time::timeout(PATIENCE, all).await else {
        let now = site.get(&format!("/v1/jobs/{job}")).await?;
        bail!("the end of {job} did not come; the server says {}", State::of(&now)?.status);
    };
    let (ends, (), ()) = ends?;
    ensure!(ends.iter().all(|end| *end == ends[0]), "{job} has several ends: {ends:?}");
    Ok(ends[0].clone())
}

/// A client that is not ours works on the job.
async fn work(site: &Site, job: &str) -> anyhow::Result<()> {
    let total = fastrand::u64(1..60);
    for done in 0..=total {
        let report = json!({"done": done, "total": total, "unit": "chunk"});
        let path = format!("/v1/jobs/{job}/progress");
        let Some(answer) = site.post(&path, Some(report), &[200, 409]).await? else {
            return Ok(());
        };
        if answer["cancelled"] == true {
            return Ok(());
        }
        pause(60).await;
    }
    if chance(15) {
        let error = json!({"error": {"code": "worker_failed", "message": "It gave up."}});
        site.post(&format!("/v1/jobs/{job}/fail"), Some(error), &[200, 409]).await?;
    } else {
        // Now and then one that is kept as an object.
        let size = if chance(10) { 100_000 } else { 20 };
        let result = json!({"result": {"text": "x".repeat(size)}});
        site.post(&format!("/v1/jobs/{job}/complete"), Some(result), &[200, 409]).await?;
    }
    Ok(())
}

/// Reads what became of it.
async fn read(site: &Site, job: &str, external: bool, end: &State) -> anyhow::Result<()> {
    let format = if external { "json" } else { "markdown" };
    let expected = match end.status.as_str() {
        "completed" => 200,
        _ => 409,
    };
    for (path, expected) in [
        (format!("/v1/jobs/{job}/result?format={format}"), expected),
        (format!("/v1/jobs/{job}/pages"), 200),
        (format!("/v1/jobs/{job}/events?limit=200"), 200),
    ] {
        let answer = site.client.get(format!("{}{path}", site.url)).send().await?;
        let status = answer.status();
        answer.bytes().await?;
        let late = status == 404 && !site.ledger.must_be_there(job);
        ensure!(status == expected || late, "{path} of a {} job: {status}", end.status);
    }
    Ok(())
}

/// Every stream of all jobs shows the end, though it comes and goes.
async fn all_streams_show(site: &Site, end: &State) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let unshown = site.ledger.unshown(&end.job, end.seq);
        if unshown.is_empty() {
            return Ok(());
        }
        if !site.ledger.must_be_there(&end.job) {
            site.ledger.count("ends that the retention overtook");
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "streams {unshown:?} missed the end of {}", end.job);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn submit_external(site: &Site) -> anyhow::Result<String> {
    let body = json!({"pipeline": "external", "metadata": {"made": "by the soak"}});
    submitted(site, site.client.post(format!("{}/v1/jobs", site.url)).json(&body)).await
}

async fn submit_document(site: &Site) -> anyhow::Result<String> {
    let path = fastrand::choice(&site.documents).context("no documents")?;
    let jobs = format!("{}/v1/jobs", site.url);
    match fastrand::u8(..10) {
        0 => {
            let source = json!({"text": "# A title\n\nA line.\n", "filename": "notes.md"});
            submitted(site, site.client.post(jobs).json(&json!({"source": source}))).await
        }
        1 => {
            let documents = format!("{}/v1/documents", site.url);
            let answer = site.client.post(documents).multipart(form(path).await?).send().await?;
            ensure!(answer.status() == 201, "a document got {}", answer.status());
            let document: Value = answer.json().await?;
            let source = json!({"document": document["id"]});
            submitted(site, site.client.post(jobs).json(&json!({"source": source}))).await
        }
        2 => {
            let hold = site.client.post(&jobs).json(&json!({"hold": true}));
            let job = submitted(site, hold).await?;
            pause(300).await;
            let confirm = site.client.post(format!("{jobs}/{job}/confirm"));
            let status = confirm.multipart(form(path).await?).send().await?.status();
            ensure!(status.is_success(), "a confirmation got {status}");
            Ok(job)
        }
        3 => {
            let key = format!("{:x}", fastrand::u128(..));
            let again = || async {
                let request = site.client.post(&jobs).header("idempotency-key", &key);
                anyhow::Ok(request.multipart(form(path).await?))
            };
            let job = submitted(site, again().await?).await?;
            let same: Value = again().await?.send().await?.json().await?;
            ensure!(same["id"] == job, "one key made two jobs");
            Ok(job)
        }
        4 => {
            let request = site.client.post(jobs).header("prefer", "wait=1");
            submitted(site, request.multipart(form(path).await?)).await
        }
        _ => submitted(site, site.client.post(jobs).multipart(form(path).await?)).await,
    }
}

async fn form(path: &PathBuf) -> anyhow::Result<Form> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = tokio::fs::read(path).await?;
    Ok(Form::new().part("file", Part::bytes(bytes).file_name(name)))
}

async fn submitted(site: &Site, request: reqwest::RequestBuilder) -> anyhow::Result<String> {
    let answer = request.send().await?;
    let status = answer.status();
    let job: Value = answer.json().await?;
    ensure!(matches!(status.as_u16(), 200 | 202), "answered {status}: {job}");
    let id = job["id"].as_str().context("no id")?.to_owned();
    site.ledger.submitted(&id);
    Ok(id)
}
