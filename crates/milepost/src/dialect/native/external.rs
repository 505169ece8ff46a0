//! Progress of work that is done outside this server: a Celery task, an agent, a
//! shell script. Enters: small JSON reports. Leaves: whether to go on.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use milepost_core::{Agent, Failure, FailureCode, JobId, Plan, Scope, Status, Unit};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::jobs::answer;
use crate::dialect::room;
use crate::http::Services;
use crate::http::extract::{self, By, Id};
use crate::http::problem::Problem;
use crate::report::Report;
use crate::store::TextRow;

const MAX_STAGES: usize = 100;
const MAX_WEIGHT: u32 = 1_000_000;
/// Bounds a stage's, a unit's and an agent's name, and an agent's status.
const MAX_NAME_BYTES: usize = 100;
const MAX_MESSAGE_BYTES: usize = 1000;
const MAX_AGENTS: usize = 100;
/// Clients in JavaScript count no further.
const MAX_UNITS: u64 = (1 << 53) - 1;
/// A report is no longer, its agents included.
const MAX_REPORT_BYTES: u64 = 256 * 1024;

/// A stage as a submission names it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StageFields {
    name: String,
    /// Relative cost, 1 by default.
    weight: Option<u32>,
}

/// Progress.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The stage under way; later ones only.
    #[schema(example = "reading")]
    stage: Option<String>,
    /// Units done in this stage.
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    done: Option<u64>,
    /// Units in all.
    #[schema(maximum = 9_007_199_254_740_991_u64)]
    total: Option<u64>,
    /// What is counted, in the singular.
    #[schema(example = "chunk")]
    unit: Option<String>,
    /// For a person; without it the message is made from stage and units.
    message: Option<String>,
    /// The parties that work on it, always all of them.
    agents: Option<Vec<AgentFields>>,
}

/// One party that works on a job.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AgentFields {
    name: String,
    #[schema(example = "running")]
    status: String,
    /// Percent.
    progress: Option<f64>,
    message: Option<String>,
}

/// The answer to a report.
#[derive(Serialize, ToSchema)]
pub struct Reported {
    /// Whether the owner stopped the job: stop working.
    cancelled: bool,
    /// The job's seq.
    seq: u64,
}

/// The end of the work.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Completion {
    /// Any JSON; a string is kept as text.
    #[schema(value_type = Option<Value>)]
    result: Option<Box<RawValue>>,
}

/// The end of the work without a result.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FailureReport {
    error: ErrorFields,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ErrorFields {
    /// Kept only where it is one of the codes of jobs; else `worker_failed`.
    code: Option<String>,
    /// For a person.
    message: String,
    /// Whether another attempt may go better.
    #[serde(default)]
    retryable: bool,
}

/// Reports progress of a job of the pipeline `external`. The first report makes
/// it `running`.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/progress", operation_id = "report_progress", tag = "workers",
    params(("id" = String, Path, description = "The job")),
    request_body = Progress,
    responses(
        (status = 200, description = "Recorded, or the job is cancelled", body = Reported),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has ended, or is not `external`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn progress(
    State(services): State<Services>,
    By(caller): By,
    Id(job): Id<JobId>,
    request: Request,
) -> Result<Response, Problem> {
    let body: Progress = extract::json(request, MAX_REPORT_BYTES).await?;
    let snapshot = services.reports.progress(&caller, job, body.check()?).await?;
    let cancelled = snapshot.status == Status::Cancelled;
    Ok(axum::Json(Reported { cancelled, seq: snapshot.seq.0 }).into_response())
}

/// Completes a job of the pipeline `external`.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/complete", operation_id = "complete_job", tag = "workers",
    params(("id" = String, Path, description = "The job")),
    request_body = Completion,
    responses(
        (status = 200, description = "It is completed", body = super::message::Job<'_>),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has ended, or is not `external`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The result is too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn complete(
    State(services): State<Services>,
    By(caller): By,
    Id(job): Id<JobId>,
    request: Request,
) -> Result<Response, Problem> {
    // A result may be large: nobody's is taken in who may not bring it.
    let owner = services.query.job_for(&caller, Scope::Work, job).await?.owner;
    let _upload = room::upload(&services, &owner, request.headers()).await?;
    let limit = services.config.limits.json_body.as_u64();
    let body: Completion = extract::json(request, limit).await?;
    // Not as a tree, which may take a hundred times what its text does.
    let result = match body.result.as_deref().map(RawValue::get) {
        None | Some("null") => None,
        Some(text) if text.starts_with('"') => {
            Some(("text", extract::parse_json(text.as_bytes(), "result")?))
        }
        Some(value) => Some(("json", value.to_owned())),
    };
    let row = match result {
        None => None,
        Some((format, text)) => {
            let content = services.submitter.store_bytes(text.into()).await?;
            Some(TextRow { page: 0, format: format.to_owned(), content })
        }
    };
    let content = row.as_ref().map(|row| row.content.clone());
    let completed = services.reports.complete(&caller, job, row).await;
    if let (Err(_), Some(content)) = (&completed, content) {
        services.submitter.discard(&content).await;
    }
    Ok(answer(&services, &caller, StatusCode::OK, &*completed?).await)
}

/// Fails a job of the pipeline `external`. Its owner may retry it.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/fail", operation_id = "fail_job", tag = "workers",
    params(("id" = String, Path, description = "The job")),
    request_body = FailureReport,
    responses(
        (status = 200, description = "It has failed", body = super::message::Job<'_>),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has ended, or is not `external`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn fail(
    State(services): State<Services>,
    By(caller): By,
    Id(job): Id<JobId>,
    request: Request,
) -> Result<Response, Problem> {
    let FailureReport { error } = extract::json(request, MAX_REPORT_BYTES).await?;
    let known = error.code.and_then(|code| serde_json::from_value(Value::String(code)).ok());
    let failure = Failure {
        code: known.unwrap_or(FailureCode::WorkerFailed),
        message: bounded("error.message", error.message, MAX_MESSAGE_BYTES)?,
        retryable: error.retryable,
    };
    let snapshot = services.reports.fail(&caller, job, failure).await?;
    Ok(answer(&services, &caller, StatusCode::OK, &snapshot).await)
}

/// The stages of a submission as a plan.
///
/// # Errors
/// `invalid_field`.
pub fn plan(stages: Vec<StageFields>) -> Result<Plan, Problem> {
    if stages.is_empty() || stages.len() > MAX_STAGES {
        return Err(Problem::field("stages", format!("Name 1 to {MAX_STAGES} stages.")));
    }
    let mut plan = Vec::with_capacity(stages.len());
    for (index, stage) in stages.into_iter().enumerate() {
        let name = named(&format!("stages[{index}].name"), stage.name)?;
        let weight = stage.weight.unwrap_or(1);
        if !(1..=MAX_WEIGHT).contains(&weight) {
            let field = format!("stages[{index}].weight");
            return Err(Problem::field(field, format!("A weight is from 1 to {MAX_WEIGHT}.")));
        }
        if plan.iter().any(|(earlier, _)| *earlier == name) {
            let field = format!("stages[{index}].name");
            return Err(Problem::field(field, "A stage's name is used once."));
        }
        plan.push((name, weight));
    }
    Ok(Plan::new(plan.iter().map(|(name, weight)| (name.as_str(), *weight))))
}

impl Progress {
    fn check(self) -> Result<Report, Problem> {
        for (field, units) in [("done", self.done), ("total", self.total)] {
            if units.is_some_and(|units| units > MAX_UNITS) {
                return Err(Problem::field(field, format!("There are {MAX_UNITS} units at most.")));
            }
        }
        if let (Some(done), Some(total)) = (self.done, self.total)
            && done > total
        {
            return Err(Problem::field("done", "No more units are done than there are in all."));
        }
        let agents = self.agents.map(|agents| {
            if agents.len() > MAX_AGENTS {
                return Err(Problem::field("agents", format!("There are {MAX_AGENTS} at most.")));
            }
            agents.into_iter().enumerate().map(|(index, agent)| agent.check(index)).collect()
        });
        Ok(Report {
            stage: self.stage,
            done: self.done,
            total: self.total,
            unit: self.unit.map(|unit| named("unit", unit)).transpose()?.map(Unit::new),
            message: self.message.map(|m| bounded("message", m, MAX_MESSAGE_BYTES)).transpose()?,
            agents: agents.transpose()?,
        })
    }
}

impl AgentFields {
    fn check(self, index: usize) -> Result<Agent, Problem> {
        let field = |name: &str| format!("agents[{index}].{name}");
        if self.progress.is_some_and(|percent| !(0.0..=100.0).contains(&percent)) {
            return Err(Problem::field(field("progress"), "A progress is from 0 to 100."));
        }
        let message = self.message.map(|m| bounded(&field("message"), m, MAX_MESSAGE_BYTES));
        Ok(Agent {
            name: named(&field("name"), self.name)?,
            status: named(&field("status"), self.status)?,
            progress: self.progress,
            message: message.transpose()?,
        })
    }
}

fn named(field: &str, name: String) -> Result<String, Problem> {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(Problem::field(field, "Give it a name, without control characters."));
    }
    bounded(field, name, MAX_NAME_BYTES)
}

fn bounded(field: &str, text: String, limit: usize) -> Result<String, Problem> {
    if text.len() > limit {
        return Err(Problem::field(field, format!("This takes {limit} bytes at most.")));
    }
    Ok(text)
}
