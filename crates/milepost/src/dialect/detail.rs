//! How two of the older systems say a refusal: `{"detail": …}`, and for a field that is
//! wrong a list of where and why. Enters: problems. Leaves: bodies.

use serde_json::json;

use crate::http::form::{Asked, Body};
use crate::http::problem::{Code, Problem};

/// A field that is needed did not come.
pub const MISSING: &str = "Field required";

/// The body of a refusal.
pub fn form(problem: &Problem, _: &Asked) -> Body {
    if problem.code != Code::InvalidField {
        return Body::json(&json!({"detail": problem.detail}));
    }
    let path = problem.field.as_deref().unwrap_or_default();
    let place = path.split(['.', '[']).map(|part| part.trim_end_matches(']'));
    let named = place.filter(|part| !part.is_empty() && *part != "body");
    let loc: Vec<_> = std::iter::once(json!("body"))
        .chain(named.map(|part| part.parse::<u64>().map_or(json!(part), |index| json!(index))))
        .collect();
    let missing = problem.detail == MISSING || problem.detail.starts_with("missing field");
    let (kind, message) =
        if missing { ("missing", MISSING) } else { ("value_error", problem.detail.as_str()) };
    Body::json(&json!({"detail": [{"loc": loc, "msg": message, "type": kind}]}))
}

/// The field did not come.
pub fn missing(field: &str) -> Problem {
    Problem::field(field, MISSING)
}
