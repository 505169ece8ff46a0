//! The questions and the texts that answer them. Enters: the folder. Leaves: all of
//! it. Never: a question whose answer is not in its text.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

/// Where the set stands that comes with the project.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("retrieval")
}

/// A question, and what answers it.
#[derive(Clone, Debug)]
pub struct Question {
    /// How it asks; see `SOURCES.md`.
    pub kind: String,
    /// The name of the text that answers it.
    pub document: String,
    pub text: String,
    /// The words of the text that are the answer.
    pub quote: String,
}

pub struct Set {
    /// Markdown, by name.
    pub texts: BTreeMap<String, String>,
    pub questions: Vec<Question>,
}

impl Set {
    /// Reads and checks a set.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut texts = BTreeMap::new();
        for entry in fs::read_dir(folder.join("texts")).context("there is no folder `texts`")? {
            let path = entry?.path();
            let name = path.file_stem().context("a file without a name")?;
            texts.insert(name.to_string_lossy().into_owned(), fs::read_to_string(&path)?);
        }
        let lines = fs::read_to_string(folder.join("questions.tsv"))?;
        let questions = lines.lines().skip(1).map(question).collect::<anyhow::Result<Vec<_>>>()?;
        for question in &questions {
            let Some(text) = texts.get(&question.document) else {
                bail!("there is no text {}", question.document)
            };
            let found = text.matches(&question.quote).count();
            ensure!(found == 1, "found {found} times in its text: {}", question.quote);
            let everywhere: usize =
                texts.values().map(|text| text.matches(&question.quote).count()).sum();
            ensure!(everywhere == 1, "found in other texts too: {}", question.quote);
        }
        Ok(Self { texts, questions })
    }
}

fn question(line: &str) -> anyhow::Result<Question> {
    let mut fields = line.split('\t').map(str::to_owned);
    let mut next = || fields.next().filter(|field| !field.is_empty()).context(line.to_owned());
    Ok(Question { kind: next()?, document: next()?, text: next()?, quote: next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_is_answered_by_one_place_alone() {
        let set = Set::read(&folder()).unwrap();
        assert!(set.questions.len() >= 120);
        for kind in ["words", "paraphrase", "meaning", "names", "typos"] {
            assert!(set.questions.iter().any(|question| question.kind == kind), "{kind}");
        }
        for name in set.texts.keys() {
            assert!(set.questions.iter().any(|question| question.document == *name), "{name}");
        }
    }
}
