//! Search by words. Enters: any text of a person. Leaves: numbers of chunks with their
//! scores. Never: an operator that was not meant, or a query that grows with the text.
//!
//! The words of the query are joined by OR and ranked by BM25. Words that follow each
//! other in the query count once more where they do so in the chunk; a chunk that has all
//! of them counts half as much again. Words that say nothing ("the") are left out where
//! there are others.

use std::collections::BTreeSet;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::Result;
use super::filter::Chosen;
use crate::words::{Kind, Word, is_stop_word, parts, words};

/// Of a longer query, only the beginning is looked at, in bytes.
const LONGEST_QUERY: usize = 16 * 1024;
/// And of more words, only the first.
const MOST_TERMS: usize = 64;
/// Words between two that still belong together: `state of the union`.
const MOST_BETWEEN: usize = 3;
/// What a word counts in the text, in headings, in title or name, as part of an
/// identifier.
const WEIGHTS: &str = "1.0, 1.5, 1.0, 0.5";
/// How much more a chunk counts that has all the words.
const ALL_WORDS: f64 = 1.5;

/// What is looked for.
#[derive(Debug, Default)]
pub(super) struct Plan {
    terms: Vec<Term>,
    /// Words in a row.
    phrases: Vec<Vec<String>>,
    /// Parts of identifiers, which need not be there.
    parts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    form: String,
    /// Only the beginning of one: a single letter of a script that is cut into pairs.
    begins: bool,
}

impl Plan {
    /// What `text` asks for.
    pub(super) fn of(text: &str) -> Self {
        let found = words(&text[..text.floor_char_boundary(LONGEST_QUERY)]);
        let says_something = |word: &Word| !is_stop_word(&word.form);
        let all = !found.iter().any(says_something);
        let mut plan = Self::default();
        // The one before, if any, and the words that say nothing since then.
        let mut before: Option<Vec<String>> = None;
        for (at, word) in found.iter().enumerate() {
            if plan.terms.len() >= MOST_TERMS {
                break;
            }
            let overlaps = at > 0 && found[at - 1].end > word.start;
            if word.kind == Kind::Last && overlaps {
                // Its pair is there already.
                before = None;
                continue;
            }
            if !all && !says_something(word) {
                if let Some(row) = &mut before {
                    row.push(word.form.clone());
                }
                continue;
            }
            plan.term(word);
            if let Some(mut row) = before.take()
                && row.len() <= 1 + MOST_BETWEEN
            {
                row.push(word.form.clone());
                if word.kind != Kind::Last && !plan.phrases.contains(&row) {
                    plan.phrases.push(row);
                }
            }
            before = Some(vec![word.form.clone()]);
            if word.kind == Kind::Whole {
                plan.parts.extend(parts(&text[word.start..word.end]));
            }
        }
        plan.parts.truncate(MOST_TERMS);
        plan
    }

    fn term(&mut self, word: &Word) {
        let term = Term { form: word.form.clone(), begins: word.kind == Kind::Last };
        if !self.terms.contains(&term) {
            self.terms.push(term);
        }
    }

    /// Whether a word of a text is one that is looked for.
    pub(super) fn wants(&self, word: &Word) -> bool {
        self.terms.iter().any(|term| match term.begins {
            true => word.form.starts_with(&term.form),
            false => word.form == term.form,
        })
    }

    /// Whether a part of an identifier is looked for.
    pub(super) fn wants_part(&self, form: &str) -> bool {
        self.terms.iter().any(|term| term.form == form) || self.parts.iter().any(|it| it == form)
    }

    fn any(&self) -> String {
        let terms = self.terms.iter().map(Term::matcher);
        let phrases = self.phrases.iter().map(|row| format!("\"{}\"", row.join(" ")));
        let parts = self.parts.iter().map(|form| format!("\"{form}\""));
        terms.chain(phrases).chain(parts).collect::<Vec<_>>().join(" OR ")
    }

    fn all(&self) -> String {
        self.terms.iter().map(Term::matcher).collect::<Vec<_>>().join(" AND ")
    }
}

impl Term {
    /// A form holds letters, digits and marks, so nothing in it ends the quotation.
    fn matcher(&self) -> String {
        format!("\"{}\"{}", self.form, if self.begins { " *" } else { "" })
    }
}

/// The `most` chunks among the chosen that match best, the best first.
pub(super) fn best(
    connection: &Connection,
    plan: &Plan,
    chosen: Option<&Chosen>,
    most: usize,
) -> Result<Vec<(i64, f64)>> {
    if plan.terms.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql =
        format!("SELECT rowid, bm25(words, {WEIGHTS}) AS score FROM words WHERE words MATCH ?");
    let mut parameters = vec![Sql::Text(plan.any())];
    if let Some(chosen) = chosen {
        // The plus keeps the numbers out of the hands of the index, which would search
        // once for each.
        sql.push_str(&format!(" AND +rowid IN ({})", chosen.sql));
        parameters.extend(chosen.parameters.iter().cloned());
    }
    sql.push_str(" ORDER BY score, rowid LIMIT ?");
    parameters.push(Sql::Integer(i64::try_from(most).unwrap_or(i64::MAX)));
    let mut found: Vec<(i64, f64)> = connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(parameters), |row| Ok((row.get(0)?, -row.get::<_, f64>(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    if plan.terms.len() > 1 {
        let complete = having_all(connection, plan, &found)?;
        for (number, score) in &mut found {
            if complete.contains(number) {
                *score *= ALL_WORDS;
            }
        }
        found.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    }
    Ok(found)
}

/// Which of those that were found have all the words.
fn having_all(connection: &Connection, plan: &Plan, found: &[(i64, f64)]) -> Result<BTreeSet<i64>> {
    let numbers: Vec<i64> = found.iter().map(|(number, _)| *number).collect();
    let json = serde_json::Value::from(numbers).to_string();
    let mut statement = connection.prepare_cached(
        "SELECT rowid FROM words WHERE words MATCH ? \
         AND +rowid IN (SELECT value FROM json_each(?))",
    )?;
    let rows = statement.query_map([plan.all(), json], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
