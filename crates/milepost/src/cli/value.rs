//! Values on the command line. Enters: text such as `year=1998`. Leaves: a name and a
//! JSON value. Never: makes a number of what only begins like one.

use serde_json::Value;

/// `KEY=VALUE`.
///
/// # Errors
/// Where it is none, for the person who wrote it.
pub fn pair(text: &str) -> Result<(String, Value), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), guess(value))),
        _ => Err("must be KEY=VALUE".to_owned()),
    }
}

/// A number, `true`, `false`, or a text in quotation marks as in JSON; else the text as
/// it stands.
pub fn guess(text: &str) -> Value {
    let trimmed = text.trim();
    match serde_json::from_str(trimmed) {
        Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::String(_))) => value,
        _ => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_looks_like_a_number_is_one_unless_it_is_quoted() {
        for (text, value) in [
            ("1998", json!(1998)),
            ("-1.5", json!(-1.5)),
            ("true", json!(true)),
            ("\"1998\"", json!("1998")),
            ("1998-05", json!("1998-05")),
            ("007", json!("007")),
            ("null", json!("null")),
            ("[1]", json!("[1]")),
            (" a b ", json!(" a b ")),
            ("", json!("")),
        ] {
            assert_eq!(guess(text), value, "{text}");
        }
        assert_eq!(pair("a=b=c"), Ok(("a".to_owned(), json!("b=c"))));
        assert!(pair("=1").is_err() && pair("a").is_err());
    }
}
