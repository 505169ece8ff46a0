//! Looks at the whole while it goes on. Enters: the server's lists. Leaves: a
//! fault for each job that is missing in them. Never: changes anything.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::Site;

/// Reads lists of all kinds, and walks all jobs now and then.
pub async fn run(site: &Site) -> anyhow::Result<()> {
    for round in 0u64.. {
        let then = Instant::now();
        let filter = fastrand::choice([
            "status=queued,running",
            "status=completed",
            "pipeline=external",
            "q=report",
            "limit=200",
        ]);
        site.get(&format!("/v1/jobs?{}", filter.unwrap_or_default())).await?;
        for path in ["/v1/stats", "/v1/documents?limit=20", "/readyz"] {
            site.get(path).await?;
        }
        if round % 5 == 0 {
            let expected = site.ledger.expected(then);
            let there: HashSet<String> = all_jobs(site).await?.into_iter().collect();
            for job in expected {
                // It may have been deleted while we walked.
                if !there.contains(&job) && site.ledger.must_be_there(&job) {
                    site.ledger.fault(format!("{job} is lost: it is in no list"));
                }
            }
            site.ledger.forget();
            site.ledger.count("walks through all jobs");
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    Ok(())
}

/// The ids of all jobs that the server lists.
pub async fn all_jobs(site: &Site) -> anyhow::Result<Vec<String>> {
    let mut jobs = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = site.get(&format!("/v1/jobs?limit=200{cursor}")).await?;
        let items = page["items"].as_array().context("no items")?;
        jobs.extend(items.iter().filter_map(|job| job["id"].as_str().map(str::to_owned)));
        match &page["next"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return Ok(jobs),
        }
    }
}

/// Of so many submissions one may leave an object to the daily sweep for what
/// nothing names: what was being written when its job was cancelled.
const PER_LEFT_OBJECT: u64 = 100;

/// Nothing is left behind: no connection, no job, no document, and next to no
/// object.
pub async fn nothing_left(site: &Site, data: &std::path::Path) -> anyhow::Result<()> {
    let jobs = all_jobs(site).await?;
    ensure!(jobs.is_empty(), "{} jobs outlived their retention", jobs.len());
    let documents = site.get("/v1/documents").await?;
    let documents = documents["items"].as_array().context("no items")?;
    ensure!(documents.is_empty(), "{} documents outlived their retention", documents.len());
    let (objects, bytes) = super::samples::folder(&data.join("objects"));
    println!("\n{objects} objects of {bytes} bytes are left to the daily sweep");
    let submitted = site.ledger.counts().get("submitted").copied().unwrap_or(0);
    ensure!(objects <= 1 + submitted / PER_LEFT_OBJECT, "{objects} objects are left behind");
    let stats = site.get("/v1/stats").await?;
    ensure!(stats["connections"] == 0, "connections are left: {}", stats["connections"]);
    Ok(())
}
