//! Filters as SQL. Enters: conditions. Leaves: a question for the numbers of the chunks
//! for which all of them hold. Never: a value inside the SQL; they are all bound.

use rusqlite::Connection;
use rusqlite::types::Value as Sql;
use serde_json::Value;

use super::Result;
use super::attributes;
use crate::error::IndexError;
use crate::query::{Condition, Filter, Test};

/// Fields that every collection has.
const BUILT_IN: [&str; 10] = [
    "document",
    "filename",
    "title",
    "author",
    "date",
    "language",
    "media_type",
    "page",
    "keyword",
    "heading",
];

/// A question for numbers of chunks, to be put into another in brackets.
pub(super) struct Chosen {
    /// With `?` for each parameter.
    pub sql: String,
    pub parameters: Vec<Sql>,
}

/// `filter` as a question; nothing where it lets everything pass.
pub(super) fn compile(connection: &Connection, filter: &Filter) -> Result<Option<Chosen>> {
    if filter.0.is_empty() {
        return Ok(None);
    }
    let mut parts = Parts::default();
    for condition in &filter.0 {
        check_field(connection, &condition.field)?;
        parts.push(" AND ");
        parts.condition(condition);
    }
    let sql = format!("SELECT c.number FROM chunks c WHERE 1{}", parts.sql);
    Ok(Some(Chosen { sql, parameters: parts.parameters }))
}

fn check_field(connection: &Connection, field: &str) -> Result<()> {
    let known = BUILT_IN.contains(&field)
        || (field.starts_with("metadata.") && attributes::is_known(connection, field)?);
    if known {
        return Ok(());
    }
    let mut known: Vec<String> = BUILT_IN.iter().map(|&field| field.to_owned()).collect();
    known.extend(attributes::metadata_fields(connection)?);
    Err(IndexError::UnknownField { field: field.to_owned(), known })
}

#[derive(Default)]
struct Parts {
    sql: String,
    parameters: Vec<Sql>,
}

impl Parts {
    fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn bind(&mut self, sql: &str, value: Sql) {
        self.push(sql);
        self.parameters.push(value);
    }

    fn condition(&mut self, Condition { field, test }: &Condition) {
        match field.as_str() {
            "page" => self.page(test),
            "language" => {
                let own = "coalesce(c.language, \
                           (SELECT language FROM entries WHERE number = c.entry))";
                self.texts(own, test);
            }
            "keyword" | "heading" => {
                self.push("EXISTS (SELECT 1 FROM json_each(c.");
                self.push(if field == "keyword" { "keywords" } else { "headings" });
                self.push(") WHERE ");
                self.texts("value", test);
                self.push(")");
            }
            _ => {
                self.bind(
                    "c.entry IN (SELECT entry FROM attributes WHERE field = ?",
                    Sql::Text(field.clone()),
                );
                self.push(" AND ");
                self.kinds(test);
                self.push(")");
            }
        }
    }

    /// A test of `kind` and `value`.
    fn kinds(&mut self, test: &Test) {
        match test {
            Test::Equal(wanted) => match attributes::value(wanted) {
                Some((kind, value)) => {
                    self.push(&format!("kind = '{kind}' AND "));
                    self.bind("value = ?", value);
                }
                None => self.push("0"),
            },
            Test::In(wanted) => {
                self.push("(0");
                for kind in ["null", "truth", "number", "text"] {
                    let of_kind: Vec<&Value> = wanted
                        .iter()
                        .filter(|value| attributes::value(value).is_some_and(|it| it.0 == kind))
                        .collect();
                    if of_kind.is_empty() {
                        continue;
                    }
                    self.push(&format!(" OR (kind = '{kind}' AND "));
                    self.one_of("value", &of_kind);
                    self.push(")");
                }
                self.push(")");
            }
            Test::Range { from, to } => {
                let bounds = [from, to].map(Option::as_ref);
                let kinds: Vec<_> = bounds
                    .iter()
                    .flatten()
                    .map(|(value, _)| attributes::value(value).map(|it| it.0))
                    .collect();
                match kinds.as_slice() {
                    [Some(kind), rest @ ..] if rest.iter().all(|it| *it == Some(kind)) => {
                        self.push(&format!("kind = '{kind}'"));
                        self.between("value", bounds);
                    }
                    _ => self.push("0"),
                }
            }
        }
    }

    /// A test of `expression`, which is a text.
    fn texts(&mut self, expression: &str, test: &Test) {
        match test {
            Test::Equal(Value::String(text)) => {
                self.bind(&format!("{expression} = ?"), Sql::Text(text.clone()));
            }
            Test::In(wanted) => {
                let texts: Vec<&Value> = wanted.iter().filter(|value| value.is_string()).collect();
                self.one_of(expression, &texts);
            }
            Test::Range { from, to } => {
                let bounds = [from, to].map(Option::as_ref);
                if bounds.iter().flatten().all(|(value, _)| value.is_string()) {
                    self.push("1");
                    self.between(expression, bounds);
                } else {
                    self.push("0");
                }
            }
            Test::Equal(_) => self.push("0"),
        }
    }

    /// One parameter however many values there are.
    fn one_of(&mut self, expression: &str, values: &[&Value]) {
        let json = serde_json::to_string(values).expect("values of JSON are JSON");
        self.bind(&format!("{expression} IN (SELECT value FROM json_each(?))"), Sql::Text(json));
    }

    fn between(&mut self, expression: &str, [from, to]: [Option<&(Value, bool)>; 2]) {
        for (bound, reach, beyond) in [(from, ">=", ">"), (to, "<=", "<")] {
            let Some((wanted, only)) = bound else { continue };
            let Some((_, value)) = attributes::value(wanted) else { continue };
            let operator = if *only { beyond } else { reach };
            self.bind(&format!(" AND {expression} {operator} ?"), value);
        }
    }

    /// A chunk's pages are all from its first to its last.
    fn page(&mut self, test: &Test) {
        let on = "? BETWEEN c.first_page AND c.last_page";
        let number = |value: &Value| match attributes::value(value) {
            Some(("number", number)) => Some(number),
            _ => None,
        };
        match test {
            Test::Equal(wanted) => match number(wanted).filter(is_whole) {
                Some(page) => self.bind(on, page),
                None => self.push("0"),
            },
            Test::In(wanted) => {
                let pages: Vec<&Value> = wanted
                    .iter()
                    .filter(|value| number(value).as_ref().is_some_and(is_whole))
                    .collect();
                let json = serde_json::to_string(&pages).expect("values of JSON are JSON");
                self.bind(
                    "EXISTS (SELECT 1 FROM json_each(?) \
                     WHERE value BETWEEN c.first_page AND c.last_page)",
                    Sql::Text(json),
                );
            }
            Test::Range { from, to } => {
                let bound = |bound: &Option<(Value, bool)>| {
                    bound.as_ref().map(|(value, only)| Some((value.as_f64()?, *only)))
                };
                let (Some(from), Some(to)) =
                    (bound(from).unwrap_or(Some((0.0, false))), bound(to).unwrap_or(Some(LAST)))
                else {
                    return self.push("0");
                };
                let first = if from.1 { from.0.floor() + 1.0 } else { from.0.ceil() };
                let last = if to.1 { to.0.ceil() - 1.0 } else { to.0.floor() };
                self.bind("max(c.first_page, ?)", Sql::Real(first));
                self.bind(" <= min(c.last_page, ?)", Sql::Real(last));
            }
        }
    }
}

/// Behind every page.
const LAST: (f64, bool) = (4e18, false);

fn is_whole(number: &Sql) -> bool {
    !matches!(number, Sql::Real(real) if real.fract() != 0.0)
}
