//! Which options a pipeline takes. Enters: a pipeline and options. Leaves: the
//! option that is out of place, or out of its bounds, and why.

use std::borrow::Cow;

use milepost_convert::{Chunker, Options, OutputFormat};
use milepost_core::Pipeline;

/// An option that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misplaced {
    /// Its name, as `options.formats`.
    pub field: Cow<'static, str>,
    /// What is wrong, and what to do.
    pub detail: String,
}

/// Whether `pipeline` takes these options.
///
/// # Errors
/// The first that it does not take.
pub fn check_options(pipeline: Pipeline, options: &Options) -> Result<(), Misplaced> {
    let only = |field: &'static str, owner: Pipeline| {
        let detail = format!("Only the pipeline `{owner}` takes it.");
        Err(Misplaced { field: field.into(), detail })
    };
    let bounded = |field: &'static str,
                   value: Option<u32>,
                   range: std::ops::RangeInclusive<u32>| match value {
        Some(value) if !range.contains(&value) => {
            let (least, most) = (range.start(), range.end());
            let detail = format!("It is a whole number from {least} to {most}.");
            Err(Misplaced { field: Cow::Borrowed(field), detail })
        }
        _ => Ok(()),
    };
    if options.chunk_pages.is_some() && pipeline != Pipeline::Sentences {
        return only("options.chunk_pages", Pipeline::Sentences);
    }
    for (field, given) in [
        ("options.chunker", options.chunker.is_some()),
        ("options.embedder", options.embedder.is_some()),
        ("options.force_recreate", options.force_recreate),
    ] {
        if given && pipeline != Pipeline::Ingest {
            return only(field, Pipeline::Ingest);
        }
    }
    if options.wanted() != OutputFormat::ALL && pipeline != Pipeline::Convert {
        return only("options.formats", Pipeline::Convert);
    }
    bounded("options.chunk_pages", options.chunk_pages, Options::CHUNK_PAGES)?;
    match &options.chunker {
        Some(chunker) => check_chunker("options.chunker", chunker),
        None => Ok(()),
    }
}

/// Whether the values of a chunker, which a message calls `place`, go together.
fn check_chunker(place: &str, chunker: &Chunker) -> Result<(), Misplaced> {
    chunker
        .check()
        .map_err(|(field, detail)| Misplaced { field: format!("{place}.{field}").into(), detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pipeline_takes_its_own_options() {
        let wrong = |pipeline, json: &str| {
            let options: Options = serde_json::from_str(json).unwrap();
            check_options(pipeline, &options).err().map(|misplaced| misplaced.field)
        };
        use Pipeline::{Convert, Ingest, Sentences};
        for (pipeline, json) in [
            (Convert, r#"{"formats":["text"],"pages":"1"}"#),
            (Sentences, r#"{"chunk_pages":3,"pages":"1-3","password":"x"}"#),
            (Ingest, r#"{"chunker":{"max":500},"embedder":"mini","force_recreate":true}"#),
        ] {
            assert_eq!(wrong(pipeline, json), None, "{json}");
        }
        for (pipeline, json, field) in [
            (Convert, r#"{"chunk_pages":3}"#, "options.chunk_pages"),
            (Ingest, r#"{"chunk_pages":3}"#, "options.chunk_pages"),
            (Sentences, r#"{"chunker":{}}"#, "options.chunker"),
            (Convert, r#"{"embedder":"mini"}"#, "options.embedder"),
            (Convert, r#"{"force_recreate":true}"#, "options.force_recreate"),
            (Sentences, r#"{"chunk_pages":0}"#, "options.chunk_pages"),
            (Ingest, r#"{"chunker":{"max":1}}"#, "options.chunker.max"),
            (Ingest, r#"{"formats":["text"]}"#, "options.formats"),
        ] {
            assert_eq!(wrong(pipeline, json).as_deref(), Some(field), "{json}");
        }
    }
}
