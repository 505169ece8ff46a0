//! Sends the documents of a folder as one batch. Enters: files. Leaves: a job for
//! each, or why there is none. Never: sends more with one request than a server
//! takes; a folder that is larger goes in several, which join the same batch.

use std::collections::VecDeque;
use std::path::PathBuf;

use milepost_core::BatchId;
use reqwest::Method;
use serde_json::Value;

use super::client::Client;
use super::out;
use super::trouble::{Thing, Trouble};
use super::upload::{self, Fields};
use super::wire::Snapshot;

/// Files of one request, and bytes where these are more than one. Well below what
/// a server takes by default; one that takes less says so.
const MAX_FILES: usize = 100;
const MAX_BYTES: u64 = 64 << 20;

/// What became of a folder.
#[derive(Debug, Default)]
pub struct Sent {
    /// The batch, where there is a job.
    pub batch: Option<BatchId>,
    /// Each file that became a job.
    pub jobs: Vec<(PathBuf, Snapshot)>,
    /// Files that did not, and why.
    pub refused: Vec<(PathBuf, Trouble)>,
    /// Why the rest was not sent.
    pub stopped: Option<(Trouble, usize)>,
}

/// Sends `files`; each job is handed to `made` as soon as it is there.
pub async fn send(
    client: &Client,
    name: &str,
    files: Vec<PathBuf>,
    fields: &Fields,
    mut made: impl FnMut(&Snapshot) -> std::io::Result<()>,
) -> anyhow::Result<Sent> {
    let mut sent = Sent::default();
    let mut parts = parts(files, &mut sent.refused);
    while let Some(mut part) = parts.pop_front() {
        match send_part(client, name, &part, fields, sent.batch).await {
            Ok((batch, jobs)) => {
                sent.batch = batch;
                for (file, job) in part.into_iter().zip(jobs) {
                    made(&job)?;
                    sent.jobs.push((file, job));
                }
            }
            // Too much for one request: in halves, and at last without the one
            // file that is too large by itself.
            Err(Trouble::Refused(refusal)) if refusal.status == 413 && !refusal.limited => {
                let second = part.split_off(part.len() / 2);
                if part.is_empty() {
                    let file = second.into_iter().map(|f| (f, Trouble::Refused(refusal.clone())));
                    sent.refused.extend(file);
                } else {
                    parts.push_front(second);
                    parts.push_front(part);
                }
            }
            Err(trouble) => {
                let left = part.len() + parts.iter().map(Vec::len).sum::<usize>();
                sent.stopped = Some((trouble, left));
                break;
            }
        }
    }
    Ok(sent)
}

/// The files of each request, in order.
fn parts(files: Vec<PathBuf>, refused: &mut Vec<(PathBuf, Trouble)>) -> VecDeque<Vec<PathBuf>> {
    let mut parts: VecDeque<Vec<PathBuf>> = VecDeque::new();
    let mut bytes = 0;
    for file in files {
        // One that cannot be read must not hold up the others.
        let length = std::fs::File::open(&file).and_then(|file| file.metadata());
        let length = match length {
            Ok(found) => found.len(),
            Err(error) => {
                let why = format!("The file cannot be read: {error}.");
                refused.push((file, Trouble::Usage(why)));
                continue;
            }
        };
        match parts.back_mut() {
            Some(part) if part.len() < MAX_FILES && bytes + length <= MAX_BYTES => {
                part.push(file);
                bytes += length;
            }
            _ => {
                parts.push_back(vec![file]);
                bytes = length;
            }
        }
    }
    parts
}

async fn send_part(
    client: &Client,
    name: &str,
    files: &[PathBuf],
    fields: &Fields,
    batch: Option<BatchId>,
) -> Result<(Option<BatchId>, Vec<Snapshot>), Trouble> {
    let batch = batch.map_or_else(|| "new".to_owned(), |id| id.to_string());
    let body = upload::persist(name, async |key| {
        let request = client.request(Method::POST, &["jobs"]).query(&[("batch", &batch)]);
        let request = request.header("Idempotency-Key", key);
        let (request, bar) = upload::with_files(request, files, fields).await?;
        let answer = client.send(request, Thing::Path("batches")).await;
        bar.finish_and_clear();
        client.body(answer?).await
    })
    .await?;
    let jobs = jobs(&body).map_err(|error| client.foreign(&error))?;
    if jobs.len() != files.len() {
        return Err(client.foreign(&"it answers with other jobs than were sent"));
    }
    Ok((jobs[0].batch, jobs))
}

/// The jobs of an answer, which for one file is that of a job.
fn jobs(body: &str) -> Result<Vec<Snapshot>, serde_json::Error> {
    let mut value: Value = serde_json::from_str(body)?;
    match value.get_mut("jobs").map(Value::take) {
        Some(jobs) => {
            let jobs: Vec<Value> = serde_json::from_value(jobs)?;
            jobs.into_iter().map(upload::first_snapshot).collect()
        }
        None => Ok(vec![upload::first_snapshot(value)?]),
    }
}

/// Says what became of a folder besides its jobs.
pub fn tell(name: &str, sent: &Sent, flag: &str) {
    for (file, trouble) in &sent.refused {
        let error = anyhow::Error::from(trouble.clone()).context(file.display().to_string());
        out::error(&error);
    }
    if let Some((trouble, left)) = &sent.stopped {
        let what = format!("{name}: {left} of its files were not sent");
        out::error(&anyhow::Error::from(trouble.clone()).context(what));
    }
    if let Some(batch) = sent.batch {
        let jobs = match sent.jobs.len() {
            1 => "1 job".to_owned(),
            jobs => format!("{jobs} jobs"),
        };
        out::note(format_args!("{name}: {jobs}, watched by: milepost watch{flag} --batch {batch}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_cut_by_number_and_by_size() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: u64| {
            let path = folder.path().join(name);
            std::fs::File::create(&path).unwrap().set_len(bytes).unwrap();
            path
        };
        let small: Vec<_> = (0..150).map(|n| file(&n.to_string(), 10)).collect();
        let large =
            [file("a", MAX_BYTES * 3), file("b", MAX_BYTES - 1), file("c", 1), file("d", 1)];
        let mut refused = Vec::new();
        let missing = folder.path().join("missing");
        let files = small.into_iter().chain([missing.clone()]).chain(large).collect();
        let parts: Vec<_> = parts(files, &mut refused).iter().map(Vec::len).collect();
        assert_eq!(parts, [100, 50, 1, 2, 1]);
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].0, missing);
    }

    #[test]
    fn an_answer_of_one_and_of_many_is_read() {
        let job = r#"{"id":"01990000-0000-7000-8000-000000000001","seq":1,"status":"queued",
            "batch":"01990000-0000-7000-8000-000000000002","access":{"token":"secret"}}"#;
        let one = jobs(job).unwrap();
        let many = jobs(&format!(r#"{{"batch":{{}},"jobs":[{job},{job}]}}"#)).unwrap();
        assert_eq!((one.len(), many.len()), (1, 2));
        assert!(many.iter().all(|job| job.batch.is_some() && !job.json.contains("secret")));
    }
}
