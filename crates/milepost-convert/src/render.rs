//! One document model, many formats.
//!
//! Enters: docling's model of a page or of the whole, or a page's Markdown.
//! Leaves: text in the formats that were asked for, counted against the limit.
//! It never embeds an image, never fetches one, and never writes HTML that does
//! more than show.

mod safe_html;

use std::collections::BTreeMap;

use docling::backend::{DeclarativeBackend, MarkdownBackend};
use docling::{DoclingDocument, DocumentConverter, ImagePolicy, InputFormat, SourceDocument};

use crate::error::{Error, ErrorKind};
use crate::format::{Format, OutputFormat};
use crate::page::Page;

/// Renders for one conversion.
pub(crate) struct Renderer {
    /// What the document is called in the JSON.
    filename: String,
    format: Format,
    wanted: Vec<OutputFormat>,
    limit: u64,
    left: u64,
}

impl Renderer {
    pub(crate) fn new(
        filename: &str,
        format: Format,
        wanted: Vec<OutputFormat>,
        limit: u64,
    ) -> Self {
        Self { filename: filename.to_owned(), format, wanted, limit, left: limit }
    }

    pub(crate) fn wants_only_markdown(&self) -> bool {
        self.wanted == [OutputFormat::Markdown]
    }

    /// Counts a result against the limit.
    pub(crate) fn count(&mut self, text: &str) -> Result<(), Error> {
        self.left = self.left.checked_sub(text.len() as u64).ok_or_else(|| {
            Error::new(
                ErrorKind::TooLarge,
                format!(
                    "The document's results are larger than the {} MB that this server allows; \
                     select fewer pages with options.pages or fewer formats with options.formats.",
                    self.limit.div_ceil(1024 * 1024)
                ),
            )
        })?;
        Ok(())
    }

    /// Counts a page that an earlier attempt finished.
    pub(crate) fn count_page(&mut self, page: &Page) -> Result<(), Error> {
        self.count(&page.markdown)?;
        page.rendered.values().try_for_each(|text| self.count(text))
    }

    /// A page in the formats that were asked for, Markdown aside.
    pub(crate) fn page(
        &mut self,
        document: &DoclingDocument,
    ) -> Result<BTreeMap<OutputFormat, String>, Error> {
        self.render(document, None, false)
    }

    /// The whole in the formats that were asked for. `markdown` is the whole as
    /// Markdown where it exists already.
    pub(crate) fn whole(
        &mut self,
        document: &DoclingDocument,
        markdown: Option<String>,
    ) -> Result<BTreeMap<OutputFormat, String>, Error> {
        self.render(document, markdown, true)
    }

    /// The whole of a document whose only page this is.
    pub(crate) fn whole_of(
        &mut self,
        page: &Page,
    ) -> Result<BTreeMap<OutputFormat, String>, Error> {
        let mut rendered = page.rendered.clone();
        if self.wanted.contains(&OutputFormat::Markdown) {
            rendered.insert(OutputFormat::Markdown, page.markdown.clone());
        }
        rendered.values().try_for_each(|text| self.count(text))?;
        Ok(rendered)
    }

    fn render(
        &mut self,
        document: &DoclingDocument,
        mut markdown: Option<String>,
        whole: bool,
    ) -> Result<BTreeMap<OutputFormat, String>, Error> {
        let mut rendered = BTreeMap::new();
        for format in self.wanted.clone() {
            let text = match format {
                OutputFormat::Markdown if !whole => continue,
                OutputFormat::Markdown => {
                    markdown.take().unwrap_or_else(|| document.export_to_markdown())
                }
                OutputFormat::Json => self.json(document),
                OutputFormat::Html => safe_html::make_safe(&document.export_to_html()),
                OutputFormat::Text => document.export_to_text(),
            };
            self.count(&text)?;
            rendered.insert(format, text);
        }
        Ok(rendered)
    }

    /// The model's JSON, with the origin that the model has no field for.
    fn json(&self, document: &DoclingDocument) -> String {
        let json = document.export_to_json();
        // A quote inside a string is escaped, so the first bare one that opens
        // `origin` is the key. Editing the text spares a tree of the whole.
        let (Some(start), Some(end)) = (json.find("\"origin\":"), json.find("\"furniture\":"))
        else {
            return json;
        };
        let hash = fnv1a(self.filename.as_bytes());
        let origin = serde_json::json!({
            "mimetype": self.format.media_type(),
            "binary_hash": hash,
            "filename": self.filename,
        });
        format!("{}\"origin\":{origin},{}", &json[..start], &json[end..])
    }
}

/// A file's name without its extension: what docling calls a document.
pub(crate) fn stem(filename: &str) -> &str {
    match filename.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => filename,
    }
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The model of a Markdown text. References to images stay references.
pub(crate) fn parse_markdown(name: &str, markdown: &str) -> Result<DoclingDocument, Error> {
    let source = SourceDocument::from_bytes(name, InputFormat::Md, markdown.as_bytes().to_vec());
    let mut document = MarkdownBackend { strict: true, images: ImagePolicy::default() }
        .convert(&source)
        .map_err(|error| {
            Error::new(ErrorKind::Damaged, "The document's text cannot be read as Markdown.")
                .because(error)
        })?;
    DocumentConverter::new().strict(true).finish_document(&mut document);
    Ok(document)
}
