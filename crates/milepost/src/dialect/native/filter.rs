//! The filter of a search. Enters: JSON. Leaves: conditions, as many as may be. Never:
//! knows which fields there are; the index does.

use milepost_index::{Condition, Filter, Test};
use serde_json::{Map, Value};

use crate::http::problem::Problem;

/// Conditions of one filter.
const MAX_CONDITIONS: usize = 32;
/// Values of one `in`.
const MAX_VALUES: usize = 1000;
/// A field's name, in bytes.
const MAX_FIELD: usize = 256;
/// A text to compare with, in bytes.
const MAX_TEXT: usize = 4096;

/// What a filter says.
///
/// # Errors
/// `invalid_field`, with what is allowed.
pub fn read(filter: Map<String, Value>) -> Result<Filter, Problem> {
    if filter.len() > MAX_CONDITIONS {
        let detail = format!("A filter has {MAX_CONDITIONS} conditions at most.");
        return Err(Problem::field("filter", detail));
    }
    let mut conditions = Vec::with_capacity(filter.len());
    for (field, test) in filter {
        if field.is_empty() || field.len() > MAX_FIELD {
            let detail = format!("A field's name has 1 to {MAX_FIELD} bytes.");
            return Err(Problem::field("filter", detail));
        }
        let test = read_test(&format!("filter.{field}"), test)?;
        conditions.push(Condition { field, test });
    }
    Ok(Filter(conditions))
}

fn read_test(place: &str, test: Value) -> Result<Test, Problem> {
    let Value::Object(words) = test else { return Ok(Test::Equal(value(place, test)?)) };
    let (mut equal, mut any, mut from, mut to) = (None, None, None, None);
    for (word, given) in words {
        let at = format!("{place}.{word}");
        match word.as_str() {
            "eq" => equal = Some(value(&at, given)?),
            "in" => any = Some(values(&at, given)?),
            "gt" | "gte" if from.is_none() => from = Some((bound(&at, given)?, word == "gt")),
            "lt" | "lte" if to.is_none() => to = Some((bound(&at, given)?, word == "lt")),
            "gt" | "gte" | "lt" | "lte" => {
                return Err(Problem::field(at, "A range has one bound at each end."));
            }
            _ => {
                let detail = format!(
                    "There is no test `{}`; there are `eq`, `in`, `gt`, `gte`, `lt` and `lte`.",
                    word.chars().take(50).collect::<String>()
                );
                return Err(Problem::field(place, detail));
            }
        }
    }
    match (equal, any, from, to) {
        (Some(value), None, None, None) => Ok(Test::Equal(value)),
        (None, Some(values), None, None) => Ok(Test::In(values)),
        (None, None, None, None) => Err(Problem::field(
            place,
            "Say what it must be: a value, or an object with `eq`, `in`, `gt`, `gte`, `lt` or `lte`.",
        )),
        (None, None, from, to) => {
            let kinds = from.iter().chain(&to).map(|(value, _)| value.is_number());
            if kinds.clone().any(|number| number) && kinds.clone().any(|number| !number) {
                let detail = "Both bounds of a range are numbers, or both are texts.";
                return Err(Problem::field(place, detail));
            }
            Ok(Test::Range { from, to })
        }
        _ => Err(Problem::field(place, "Give one of `eq`, `in`, and a range.")),
    }
}

fn values(place: &str, given: Value) -> Result<Vec<Value>, Problem> {
    let wrong = || {
        let detail = format!("`in` takes a list of 1 to {MAX_VALUES} values.");
        Problem::field(place, detail)
    };
    let Value::Array(values) = given else { return Err(wrong()) };
    if values.is_empty() || values.len() > MAX_VALUES {
        return Err(wrong());
    }
    values.into_iter().map(|given| value(place, given)).collect()
}

fn value(place: &str, given: Value) -> Result<Value, Problem> {
    let fits = match &given {
        Value::String(text) => text.len() <= MAX_TEXT,
        Value::Number(_) | Value::Bool(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    if fits {
        return Ok(given);
    }
    let detail = format!("A value is a text of {MAX_TEXT} bytes at most, a number, true or false.");
    Err(Problem::field(place, detail))
}

fn bound(place: &str, given: Value) -> Result<Value, Problem> {
    match given {
        Value::Bool(_) => Err(Problem::field(place, "A bound is a text or a number.")),
        given => value(place, given),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(filter: Value) -> Result<Filter, Problem> {
        let Value::Object(filter) = filter else { panic!("{filter}") };
        read(filter)
    }

    #[test]
    fn every_test_has_its_word() {
        for (test, meant) in [
            (json!("en"), Test::Equal(json!("en"))),
            (json!({"eq": 3}), Test::Equal(json!(3))),
            (json!({"in": ["en", "de"]}), Test::In(vec![json!("en"), json!("de")])),
            (json!({"gt": 3}), Test::Range { from: Some((json!(3), true)), to: None }),
            (
                json!({"gte": "2020", "lt": "2021"}),
                Test::Range { from: Some((json!("2020"), false)), to: Some((json!("2021"), true)) },
            ),
        ] {
            let filter = of(json!({"x": test})).unwrap();
            assert_eq!(filter, Filter(vec![Condition { field: "x".to_owned(), test: meant }]));
        }
        assert_eq!(of(json!({})).unwrap(), Filter::default());
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let many: Map<_, _> = (0..33).map(|n| (format!("f{n}"), json!(1))).collect();
        assert_eq!(read(many).unwrap_err().field.as_deref(), Some("filter"));
        for (test, field) in [
            (json!(null), "filter.x"),
            (json!([1]), "filter.x"),
            (json!({}), "filter.x"),
            (json!({"like": 1}), "filter.x"),
            (json!({"eq": {}}), "filter.x.eq"),
            (json!({"eq": 1, "in": [1]}), "filter.x"),
            (json!({"eq": 1, "gt": 1}), "filter.x"),
            (json!({"in": []}), "filter.x.in"),
            (json!({"in": 3}), "filter.x.in"),
            (json!({"in": [[]]}), "filter.x.in"),
            (json!({"in": vec![1; 1001]}), "filter.x.in"),
            (json!({"gt": true}), "filter.x.gt"),
            (json!({"gt": 1, "gte": 1}), "filter.x.gte"),
            (json!({"gt": 1, "lt": "b"}), "filter.x"),
            (json!("x".repeat(5000)), "filter.x"),
        ] {
            let problem = of(json!({"x": test})).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some(field), "{test}");
        }
        assert!(of(json!({"": 1})).is_err() && of(json!({"x".repeat(300): 1})).is_err());
    }
}
