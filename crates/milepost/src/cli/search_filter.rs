//! Filters on the command line. Enters: `language=en`, `page>=3`. Leaves: the
//! protocol's filter. Never: decides which fields there are.

use serde_json::{Map, Value, json};

use super::value::guess;

/// Between field and value, the longer ones first.
const SIGNS: [(&str, Sign); 5] = [
    (">=", Sign::Bound("gte")),
    ("<=", Sign::Bound("lte")),
    (">", Sign::Bound("gt")),
    ("<", Sign::Bound("lt")),
    ("=", Sign::Equal),
];

#[derive(Clone, Copy)]
enum Sign {
    Equal,
    Bound(&'static str),
}

/// One filter of all conditions: those with `=` on the same field take either value,
/// bounds hold together.
///
/// # Errors
/// What is wrong, for the person who wrote it.
pub fn read(conditions: &[String]) -> Result<Map<String, Value>, String> {
    let mut filter: Map<String, Value> = Map::new();
    for condition in conditions {
        let (field, sign, value) = split(condition)?;
        let test = filter.entry(field).or_insert_with(|| json!({}));
        let Some(test) = test.as_object_mut() else { continue };
        match sign {
            Sign::Equal => match test.entry("in").or_insert_with(|| json!([])) {
                Value::Array(values) => values.push(value),
                _ => continue,
            },
            Sign::Bound(word) => {
                if test.insert(word.to_owned(), value).is_some() {
                    return Err(format!("--filter `{condition}`: there is such a bound already."));
                }
            }
        }
        if test.contains_key("in") && test.len() > 1 {
            let why = "a field is either equal to something or within bounds";
            return Err(format!("--filter `{condition}`: {why}."));
        }
    }
    for test in filter.values_mut() {
        if let Some([one]) = test["in"].as_array().map(Vec::as_slice) {
            *test = json!({"eq": one});
        }
    }
    Ok(filter)
}

fn split(condition: &str) -> Result<(String, Sign, Value), String> {
    // The sign that comes first; at the same place the longer one.
    let signs = SIGNS.iter().enumerate();
    let found = signs.filter_map(|(order, (text, sign))| {
        condition.find(text).map(|at| ((at, order), *text, *sign))
    });
    let found = found.min_by_key(|(place, ..)| *place);
    let Some(((at, _), text, sign)) = found.filter(|((at, _), ..)| *at > 0) else {
        return Err(format!("--filter `{condition}` must be FIELD=VALUE, or with >=, <=, > or <."));
    };
    let (field, value) = (condition[..at].trim(), condition[at + text.len()..].trim());
    // Numbers only where there are any: titles and dates are texts, whatever they look
    // like.
    let value = match field {
        "page" => guess(value),
        _ if field.starts_with("metadata.") => guess(value),
        _ => Value::from(value),
    };
    Ok((field.to_owned(), sign, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(conditions: &[&str]) -> Result<Value, String> {
        let conditions: Vec<String> = conditions.iter().map(|c| (*c).to_owned()).collect();
        read(&conditions).map(Value::Object)
    }

    #[test]
    fn conditions_become_one_filter() {
        let conditions = ["language=en", "page>=3", "page<9", "metadata.year>1998", "title=2001"];
        assert_eq!(
            filter(&conditions).unwrap(),
            json!({
                "language": {"eq": "en"}, "page": {"gte": 3, "lt": 9},
                "metadata.year": {"gt": 1998}, "title": {"eq": "2001"},
            })
        );
        let either = filter(&["author=Ada", "author=Bob = C", "metadata.code=\"7\""]).unwrap();
        assert_eq!(
            either,
            json!({"author": {"in": ["Ada", "Bob = C"]}, "metadata.code": {"eq": "7"}})
        );
        assert_eq!(filter(&["date>=2020-01"]).unwrap(), json!({"date": {"gte": "2020-01"}}));
        assert_eq!(filter(&[]).unwrap(), json!({}));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        for wrong in [&["page"][..], &["=3"], &["page>1", "page>2"], &["page=1", "page>2"]] {
            assert!(filter(wrong).is_err(), "{wrong:?}");
        }
    }
}
