//! Texts in chunks that can be searched.
//!
//! Enters: a document, or several texts in one (JSON). Leaves: marks through the
//! callback, then the chunks as JSON, each with where it comes from. A chunk is
//! a part of its text, cut where the Markdown allows it. It never asks what the
//! chunks are for.

mod chunker;
mod cut;
mod outline;
mod texts;

use serde::Serialize;
use serde_json::value::RawValue;
use text_splitter::MarkdownSplitter;

use crate::convert::{Document, Step, convert};
use crate::error::{Error, ErrorKind};
use crate::format::OutputFormat;
use crate::language;
use crate::mark::{Counted, Found, Mark, Pace, Phase};
use crate::options::{Limits, Options};
pub use chunker::{Chunker, ChunkerKind, SizeUnit, Tokenizer};
pub use cut::{chunk, embedded_text};
use outline::Outline;
use texts::parse;
pub use texts::{TEXTS, is_texts, text_fits};
pub(crate) use texts::{Text, parse as parse_texts};

/// The most characters of a chunk, where nobody asks for another length.
const CHUNK_CHARS: u32 = 1_000;
/// Marks of small steps, about.
const MARKS: u64 = 100;
/// Longer texts are cut in blocks of this size first, at blank lines: what the
/// splitter takes grows with the square of it.
const BLOCK_BYTES: usize = 64 * 1024;

/// A part of a text, before anything is known of it.
struct Part {
    text: usize,
    index: usize,
    start: usize,
    end: usize,
}

/// A chunk as it is kept.
#[derive(Serialize)]
struct Chunk<'a> {
    id: String,
    source: &'a str,
    /// From 0, in its text.
    index: usize,
    text: &'a str,
    language: Option<&'static str>,
    /// The headings that it stands under, the outermost first.
    headings: Vec<&'a str>,
    characters: usize,
    /// Words, at white space.
    words: usize,
    metadata: Option<&'a RawValue>,
}

/// Cuts a document, or the texts in it, into chunks; JSON.
///
/// # Errors
///
/// As [`convert`]; `Damaged` where texts were promised and are not there.
pub fn chunks(
    document: Document,
    media_type: &str,
    options: &Options,
    limits: &Limits,
    on_mark: &mut dyn FnMut(Mark),
) -> Result<String, Error> {
    let texts = if is_texts(media_type, &document.filename) {
        several(&document.bytes, on_mark)?
    } else {
        one(document, options, limits, on_mark)?
    };
    let parts = cut(&texts, options.chunk_chars.unwrap_or(CHUNK_CHARS), on_mark);
    let chunks = enrich(&texts, &parts, on_mark);
    write(&chunks, texts.len(), limits, on_mark)
}

/// The texts of a document that has several.
fn several(bytes: &[u8], on_mark: &mut dyn FnMut(Mark)) -> Result<Vec<Text>, Error> {
    let mut documents = parse(bytes)?;
    let total = documents.len() as u64;
    on_mark(begins(Phase::Extracting, Counted::Document, Some(total), None));
    let mut pace = Pace::new(MARKS, Some(total));
    for (done, text) in (1..).zip(&mut documents) {
        if text.content.contains('\r') {
            text.content = text.content.replace("\r\n", "\n").replace('\r', "\n");
        }
        pace.mark(done).map(&mut *on_mark);
    }
    Ok(documents)
}

/// The text of any other document.
fn one(
    document: Document,
    options: &Options,
    limits: &Limits,
    on_mark: &mut dyn FnMut(Mark),
) -> Result<Vec<Text>, Error> {
    let source = document.filename.clone();
    let read = Options { formats: vec![OutputFormat::Markdown], ..options.clone() };
    let mut pace = Pace::new(MARKS, None);
    let mut done = 0;
    let mut placeholders = Vec::new();
    let mut output = convert(document, &read, limits, Vec::new(), &mut |step| match step {
        Step::Detected { format, pages, selected } => {
            let total = Some(selected.len() as u64);
            pace = Pace::new(MARKS, total);
            let found = Some(Found { format, pages });
            on_mark(begins(Phase::Extracting, Counted::Page, total, found));
        }
        Step::Page(page) => {
            done += 1;
            on_mark(Mark::Read { page: page.number });
            placeholders.extend(page.error.map(|_| page.markdown));
            pace.mark(done).map(&mut *on_mark);
        }
        Step::Assembling => {}
    })?;
    let mut content = output.rendered.remove(&OutputFormat::Markdown).unwrap_or_default();
    // What could not be read is not to be found.
    for placeholder in placeholders {
        content = content.replacen(&placeholder, "", 1);
    }
    Ok(vec![Text { content, source, metadata: None }])
}

/// Where the chunks of all texts are.
fn cut(texts: &[Text], characters: u32, on_mark: &mut dyn FnMut(Mark)) -> Vec<Part> {
    on_mark(begins(Phase::Chunking, Counted::Chunk, None, None));
    let splitter = MarkdownSplitter::new(characters.max(1) as usize);
    let mut pace = Pace::new(MARKS, None);
    let mut parts = Vec::new();
    for (text, Text { content, .. }) in texts.iter().enumerate() {
        let mut index = 0;
        for (offset, block) in blocks(content) {
            for (at, chunk) in splitter.chunk_indices(block) {
                if chunk.trim().is_empty() {
                    continue;
                }
                let start = offset + at;
                parts.push(Part { text, index, start, end: start + chunk.len() });
                index += 1;
                pace.mark(parts.len() as u64).map(&mut *on_mark);
            }
        }
    }
    let done = parts.len() as u64;
    on_mark(Mark::Done { done, total: Some(done) });
    parts
}

/// A text in blocks that the splitter takes at a time, each with its offset.
fn blocks(text: &str) -> Vec<(usize, &str)> {
    let mut blocks = Vec::new();
    let mut start = 0;
    while text.len() - start > BLOCK_BYTES {
        let rest = &text[start..];
        let most = rest.floor_char_boundary(BLOCK_BYTES);
        let end = ["\n\n", "\n", " "]
            .iter()
            .find_map(|gap| rest[..most].rfind(gap).filter(|at| *at > 0).map(|at| at + gap.len()));
        let end = end.unwrap_or(most);
        blocks.push((start, &rest[..end]));
        start += end;
    }
    blocks.push((start, &text[start..]));
    blocks
}

/// What can be said of each chunk.
fn enrich<'a>(texts: &'a [Text], parts: &[Part], on_mark: &mut dyn FnMut(Mark)) -> Vec<Chunk<'a>> {
    let total = parts.len() as u64;
    on_mark(begins(Phase::Enriching, Counted::Chunk, Some(total), None));
    let mut pace = Pace::new(MARKS, Some(total));
    let mut chunks = Vec::with_capacity(parts.len());
    for parts in parts.chunk_by(|a, b| a.text == b.text) {
        let Some(Text { content, source, metadata }) =
            parts.first().and_then(|part| texts.get(part.text))
        else {
            continue;
        };
        let whole = language::of(content);
        let mut outline = Outline::new(content);
        for part in parts {
            let text = &content[part.start..part.end];
            chunks.push(Chunk {
                id: format!("{}-{}", part.text, part.index),
                source,
                index: part.index,
                text,
                language: language::surely(text).or(whole),
                headings: outline.at(part.start),
                characters: text.chars().count(),
                words: language::words(text),
                metadata: metadata.as_deref(),
            });
            pace.mark(chunks.len() as u64).map(&mut *on_mark);
        }
    }
    chunks
}

/// The chunks as they are kept.
fn write(
    chunks: &[Chunk<'_>],
    documents: usize,
    limits: &Limits,
    on_mark: &mut dyn FnMut(Mark),
) -> Result<String, Error> {
    let total = chunks.len() as u64;
    on_mark(begins(Phase::Indexing, Counted::Chunk, Some(total), None));
    let mut pace = Pace::new(MARKS, Some(total));
    let mut json = "{\"chunks\":[".to_owned();
    for (done, chunk) in (1..).zip(chunks) {
        if done > 1 {
            json.push(',');
        }
        json += &serde_json::to_string(chunk).map_err(|error| too_large(limits).because(error))?;
        if json.len() as u64 > limits.max_output_bytes {
            return Err(too_large(limits));
        }
        pace.mark(done).map(&mut *on_mark);
    }
    json += &format!("],\"documents\":{documents}}}");
    Ok(json)
}

fn too_large(limits: &Limits) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!(
            "The chunks are larger than the {} MB that this server allows; send the texts in \
             several documents.",
            limits.max_output_bytes.div_ceil(1024 * 1024)
        ),
    )
}

fn begins(phase: Phase, counted: Counted, total: Option<u64>, found: Option<Found>) -> Mark {
    Mark::Begins { phase, counted, total, found }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(name: &str, media_type: &str, bytes: &str, options: &Options) -> (Value, Vec<Mark>) {
        let document = Document { filename: name.to_owned(), bytes: bytes.as_bytes().to_vec() };
        let mut marks = Vec::new();
        let mut keep = |mark| marks.push(mark);
        let made = chunks(document, media_type, options, &Limits::default(), &mut keep).unwrap();
        (serde_json::from_str(&made).unwrap(), marks)
    }

    #[test]
    fn several_texts_come_in_one_document() {
        let texts = json!({"documents": [
            {"content": "# A\n\nThe stone stands on the left bank.", "source": "a",
             "metadata": {"year": 1920}},
            {"content": " \r\n"},
            {"content": "La borne se dresse sur la rive gauche, à deux pas du fossé.", "source": "c", "metadata": null},
        ]});
        let (made, marks) = of("x.json", TEXTS, &texts.to_string(), &Options::default());
        assert_eq!(made["documents"], 3);
        let first = json!({
            "id": "0-0", "source": "a", "index": 0, "language": "en", "headings": ["A"],
            "text": "# A\n\nThe stone stands on the left bank.", "characters": 39, "words": 8,
            "metadata": {"year": 1920},
        });
        assert_eq!(made["chunks"][0], first);
        assert_eq!(made["chunks"][1]["id"], "2-0");
        assert_eq!(
            (&made["chunks"][1]["language"], &made["chunks"][2]),
            (&json!("fr"), &Value::Null)
        );
        let phases: Vec<_> = marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Begins { phase, total, .. } => Some((*phase, *total)),
                _ => None,
            })
            .collect();
        let expected = [
            (Phase::Extracting, Some(3)),
            (Phase::Chunking, None),
            (Phase::Enriching, Some(2)),
            (Phase::Indexing, Some(2)),
        ];
        assert_eq!(phases, expected);
    }

    #[test]
    fn texts_are_known_by_type_or_by_name() {
        assert!(is_texts("Application/vnd.milepost.TEXTS+json; charset=utf-8", "x"));
        assert!(is_texts("application/json", "Documents.texts.json"));
        assert!(!is_texts("application/json", "texts.json"));
    }

    #[test]
    fn nothing_to_chunk_is_no_error() {
        let (made, _) = of("a.texts.json", "", r#"{"documents":[]}"#, &Options::default());
        assert_eq!(made, json!({"chunks": [], "documents": 0}));
    }

    #[test]
    fn what_is_no_list_of_texts_is_refused() {
        for bytes in ["", "{}", "[]", r#"{"documents":[{}]}"#, r#"{"documents":[{"content":1}]}"#] {
            let document = Document { filename: String::new(), bytes: bytes.into() };
            let limits = Limits::default();
            let error = chunks(document, TEXTS, &Options::default(), &limits, &mut |_| {});
            assert_eq!(error.unwrap_err().kind, ErrorKind::Damaged, "{bytes}");
        }
    }

    #[test]
    fn chunks_are_bounded_and_lose_nothing() {
        let section =
            |n: usize| format!("## Section {n}\n\n{}\n\n", "Some words stand here. ".repeat(30));
        let long: String = "# Whole\n\n"
            .chars()
            .chain((0..400).flat_map(|n| section(n).chars().collect::<Vec<_>>()))
            .collect();
        assert!(long.len() > BLOCK_BYTES);
        let options = Options { chunk_chars: Some(300), ..Options::default() };
        let (made, _) = of("a.md", "text/markdown", &long, &options);
        let chunks = made["chunks"].as_array().unwrap();
        assert!(chunks.iter().all(|c| c["characters"].as_u64().unwrap() <= 300));
        let dense = |text: &str| text.split_whitespace().collect::<String>();
        let all: String = chunks.iter().map(|c| c["text"].as_str().unwrap()).collect();
        assert_eq!(dense(&all), dense(&long));
        assert_eq!(chunks.last().unwrap()["headings"], json!(["Whole", "Section 399"]));
    }
}
