//! A document as the texts that can be cut.
//!
//! Enters: a document, or several texts in one (JSON), and the pages that are known
//! of it already. Leaves: steps through the callback, then one line of JSON: each
//! text in parts, one for a page, and what is known of it as a whole. It never
//! cuts a text, and leaves out what could not be read.

mod facts;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::chunks::{Given, is_texts, parse_texts};
use crate::convert::{Document, Step, convert_telling};
use crate::error::{Error, ErrorKind};
use crate::format::{Format, OutputFormat};
use crate::language;
use crate::options::{Limits, Options};
use crate::page::Page;
pub(crate) use facts::{Facts, front_matter};

/// All texts of one document.
#[derive(Serialize, Deserialize, Default)]
pub(crate) struct Extract {
    pub(crate) texts: Vec<Text>,
}

/// One text, and what is known of it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Text {
    /// The document's file name, or where a text says it is from.
    pub(crate) source: String,
    /// What makes it the same text, where it is not its source alone.
    #[serde(default)]
    pub(crate) key: Option<String>,
    #[serde(flatten)]
    pub(crate) facts: Facts,
    /// Of most of it.
    #[serde(default)]
    pub(crate) language: Option<String>,
    #[serde(default)]
    pub(crate) media_type: Option<String>,
    /// Pages of the whole document, where it has pages.
    #[serde(default)]
    pub(crate) pages: Option<u32>,
    #[serde(default)]
    pub(crate) metadata: Option<Box<RawValue>>,
    pub(crate) parts: Vec<Part>,
}

/// What stands on one page, or the whole of a text without pages.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) page: Option<u32>,
    pub(crate) markdown: String,
}

/// Reads a document, or the texts in it, as what [`chunk`](crate::chunk) takes.
/// `finished` are pages of an earlier conversion of the same document; they are not
/// read again. Several texts in one document are told as so many pages.
///
/// # Errors
///
/// As [`convert`](crate::convert); `Damaged` where texts were promised and are not
/// there.
pub fn extract(
    document: Document,
    media_type: &str,
    options: &Options,
    limits: &Limits,
    finished: Vec<Page>,
    on_step: &mut dyn FnMut(Step),
) -> Result<String, Error> {
    let texts = if is_texts(media_type, &document.filename) {
        several(&document.bytes, on_step)?
    } else {
        vec![one(document, options, limits, finished, on_step)?]
    };
    let json = serde_json::to_string(&Extract { texts })
        .map_err(|error| too_large(limits).because(error))?;
    if json.len() as u64 > limits.max_output_bytes {
        return Err(too_large(limits));
    }
    Ok(json)
}

/// The texts of a document that has several.
fn several(bytes: &[u8], on_step: &mut dyn FnMut(Step)) -> Result<Vec<Text>, Error> {
    let texts = parse_texts(bytes)?;
    let pages = u32::try_from(texts.len()).unwrap_or(u32::MAX);
    on_step(Step::Detected { format: Format::Text, pages, selected: (1..=pages).collect() });
    let text = |text: Given| {
        let markdown = with_line_feeds(text.content);
        let hash = Sha256::digest(&markdown);
        let hash: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Text {
            key: Some(format!("{}#{hash}", text.source)),
            source: text.source,
            facts: Facts::default().or_from(Format::Markdown, &markdown),
            language: language::of(&markdown).map(str::to_owned),
            media_type: Some(Format::Text.media_type().to_owned()),
            pages: None,
            metadata: text.metadata,
            parts: vec![Part { page: None, markdown }],
        }
    };
    Ok(texts.into_iter().map(text).collect())
}

/// The text of any other document.
fn one(
    document: Document,
    options: &Options,
    limits: &Limits,
    finished: Vec<Page>,
    on_step: &mut dyn FnMut(Step),
) -> Result<Text, Error> {
    let source = document.filename.clone();
    let read = Options { formats: vec![OutputFormat::Markdown], ..options.clone() };
    let mut pages: BTreeMap<u32, (String, bool)> = finished
        .iter()
        .map(|page| (page.number, (page.markdown.clone(), page.error.is_none())))
        .collect();
    let (mut facts, mut total, mut chosen) = (Facts::default(), 0, Vec::new());
    let output =
        convert_telling(document, &read, limits, finished, Some(&mut facts), &mut |step| {
            match &step {
                Step::Detected { pages, selected, .. } => {
                    (total, chosen) = (*pages, selected.clone())
                }
                Step::Page(page) => {
                    pages.insert(page.number, (page.markdown.clone(), page.error.is_none()));
                }
                Step::Assembling => {}
            }
            on_step(step);
        })?;
    let paged = output.format.paged();
    // What could not be read is not to be found.
    let parts: Vec<Part> = chosen
        .into_iter()
        .filter_map(|number| Some((number, pages.remove(&number).filter(|(_, read)| *read)?.0)))
        .map(|(number, markdown)| Part {
            page: paged.then_some(number),
            markdown: with_line_feeds(markdown),
        })
        .filter(|part| !part.markdown.trim().is_empty())
        .collect();
    let first = parts.first().map_or("", |part| &part.markdown);
    Ok(Text {
        source,
        key: None,
        facts: facts.or_from(output.format, first),
        language: language::of_parts(parts.iter().map(|part| part.markdown.as_str()))
            .map(str::to_owned),
        media_type: Some(output.format.media_type().to_owned()),
        pages: paged.then_some(total),
        metadata: None,
        parts,
    })
}

fn with_line_feeds(text: String) -> String {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text }
}

fn too_large(limits: &Limits) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!(
            "The document's text is larger than the {} MB that this server allows; select fewer \
             pages with options.pages, or send it in several documents.",
            limits.max_output_bytes.div_ceil(1024 * 1024)
        ),
    )
}
