//! PDF, one page after the other.
//!
//! Enters: a PDF's bytes. Leaves: each page's Markdown as soon as it is read,
//! and what docling's model makes of it in the other formats. It never renders
//! a page, never decodes an image, and one page's failure never ends the rest.

mod file;
mod tidy;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use docling::{DoclingDocument, Node};
use pdf_oxide::converters::ConversionOptions;

use crate::convert::{Document, Output, Step, select};
use crate::detect::damaged;
use crate::error::{Error, ErrorKind};
use crate::extract::Facts;
use crate::format::{Format, OutputFormat};
use crate::options::{Limits, Options};
use crate::page::Page;
use crate::render::{Renderer, parse_markdown, stem};
use file::File;

/// How many finished pages are read again before the first new one.
const WARM_UP_PAGES: usize = 8;

pub(crate) fn convert(
    document: Document,
    options: &Options,
    limits: &Limits,
    finished: Vec<Page>,
    facts: Option<&mut Facts>,
    on_step: &mut dyn FnMut(Step),
) -> Result<Output, Error> {
    let Document { filename, bytes } = document;
    let name = stem(&filename);
    let pdf = File::open(bytes, options.password.as_deref())?;
    let total = pdf.page_count()?;
    if let Some(facts) = facts {
        *facts = pdf.facts();
    }
    let selected = select(total, options, limits)?;
    on_step(Step::Detected { format: Format::Pdf, pages: total, selected: selected.clone() });

    let mut renderer =
        Renderer::new(&filename, Format::Pdf, options.wanted(), limits.max_output_bytes);
    let mut finished: BTreeMap<u32, Page> =
        finished.into_iter().map(|page| (page.number, page)).collect();
    // Only the Markdown is kept until the end; the rest of a page is the
    // caller's as soon as it is ready.
    let mut markdowns: Vec<(u32, String)> = Vec::with_capacity(selected.len());
    let mut failed_pages: Vec<u32> = Vec::new();
    let mut cause = String::new();
    let mut skipped: Vec<u32> = Vec::new();
    for &number in &selected {
        let (markdown, error) = match finished.remove(&number) {
            Some(page) => {
                renderer.count_page(&page)?;
                skipped.push(number);
                (page.markdown, page.error)
            }
            None => {
                warm_up(&pdf, &std::mem::take(&mut skipped));
                let page = convert_page(&pdf, number, name, &mut renderer, &mut cause)?;
                let kept = (page.markdown.clone(), page.error.clone());
                on_step(Step::Page(page));
                kept
            }
        };
        if error.is_some() {
            failed_pages.push(number);
        }
        markdowns.push((number, markdown));
    }
    if failed_pages.len() == selected.len() {
        return Err(all_failed(&failed_pages).because(cause));
    }
    if markdowns.iter().all(|(number, page)| page.is_empty() || failed_pages.contains(number)) {
        refuse_without_text(&pdf, &selected)?;
    }

    on_step(Step::Assembling);
    let whole = if renderer.wants_only_markdown() {
        DoclingDocument::new(name)
    } else {
        assemble(&pdf, name, &markdowns)?
    };
    drop(pdf);
    let rendered = renderer.whole(&whole, Some(join(&markdowns)))?;
    Ok(Output { format: Format::Pdf, rendered, failed_pages })
}

/// Reads the last of the pages that an earlier attempt finished once more, for
/// nothing: which glyphs a page's fonts give can depend on the fonts read just
/// before, and a resumed run must read as an unbroken one does.
fn warm_up(pdf: &File, finished: &[u32]) {
    for &number in &finished[finished.len().saturating_sub(WARM_UP_PAGES)..] {
        let _ = catch_unwind(AssertUnwindSafe(|| {
            pdf.page_markdown(number, &conversion_options()).is_ok()
        }));
    }
}

/// Reads one page and renders it. A failure or a bug on it is that page's alone,
/// with its cause for the log: the reader's caches are behind locks that
/// recover, so the other pages may go on using them.
fn convert_page(
    pdf: &File,
    number: u32,
    name: &str,
    renderer: &mut Renderer,
    cause: &mut String,
) -> Result<Page, Error> {
    let read = catch_unwind(AssertUnwindSafe(|| {
        let markdown = pdf.page_markdown(number, &conversion_options())?;
        let markdown = tidy::tidy(&markdown);
        let rendered = render_page(pdf, number, name, &markdown, renderer);
        Ok::<_, pdf_oxide::Error>((markdown, rendered))
    }));
    let (markdown, rendered, error) = match read {
        Ok(Ok((markdown, rendered))) => (markdown, rendered?, None),
        failed => {
            *cause = match failed {
                Ok(Err(error)) => error.to_string(),
                _ => "panicked".to_owned(),
            };
            let markdown = format!("<!-- page {number} could not be converted -->");
            let rendered = render_page(pdf, number, name, &markdown, renderer)?;
            let error = format!("Page {number} could not be converted: its content is damaged.");
            (markdown, rendered, Some(error))
        }
    };
    renderer.count(&markdown)?;
    Ok(Page { number, markdown, rendered, error })
}

fn render_page(
    pdf: &File,
    number: u32,
    name: &str,
    markdown: &str,
    renderer: &mut Renderer,
) -> Result<BTreeMap<OutputFormat, String>, Error> {
    if renderer.wants_only_markdown() {
        return Ok(BTreeMap::new());
    }
    let mut document = DoclingDocument::new(name);
    append_page(&mut document, pdf, number, markdown)?;
    renderer.page(&document)
}

fn conversion_options() -> ConversionOptions {
    ConversionOptions {
        include_images: false,
        embed_images: false,
        expand_ligatures: true,
        ..ConversionOptions::default()
    }
}

/// The pages as one Markdown text, in page order.
fn join(pages: &[(u32, String)]) -> String {
    let mut whole = String::with_capacity(pages.iter().map(|(_, page)| page.len() + 2).sum());
    for (_, page) in pages.iter().filter(|(_, page)| !page.is_empty()) {
        if !whole.is_empty() {
            whole.push_str("\n\n");
        }
        whole.push_str(page);
    }
    if !whole.is_empty() {
        whole.push('\n');
    }
    whole
}

/// The pages as one model. Each is parsed by itself, so that whatever a page
/// leaves open (a fence, a list) ends with it.
fn assemble(pdf: &File, name: &str, pages: &[(u32, String)]) -> Result<DoclingDocument, Error> {
    let mut whole = DoclingDocument::new(name);
    for (number, markdown) in pages {
        append_page(&mut whole, pdf, *number, markdown)?;
    }
    Ok(whole)
}

/// Adds a page to a model, with the number and the size of the page for each of
/// its items.
fn append_page(
    whole: &mut DoclingDocument,
    pdf: &File,
    number: u32,
    markdown: &str,
) -> Result<(), Error> {
    let (width, height) = pdf.page_size(number);
    whole.nodes.push(Node::PageInfo { page_no: number as usize, width, height });
    let page = parse_markdown(&whole.name, markdown)?;
    whole.nodes.extend(page.nodes);
    whole.strict_markdown = page.strict_markdown;
    let (Some(mut tree), size) = (page.tree, (f64::from(width), f64::from(height))) else {
        return Ok(());
    };
    crate::provenance::stamp(&mut tree, number, size);
    whole.tree.get_or_insert_default().append(tree);
    Ok(())
}

fn all_failed(numbers: &[u32]) -> Error {
    let shown: Vec<String> = numbers.iter().take(10).map(u32::to_string).collect();
    let more = if numbers.len() > shown.len() {
        format!(" and {} more", numbers.len() - shown.len())
    } else {
        String::new()
    };
    let (noun, verb) = if numbers.len() == 1 { ("page", "was") } else { ("pages", "were") };
    Error::new(
        ErrorKind::PageFailed,
        format!(
            "No page could be converted; {noun} {}{more} {verb} tried. The PDF is damaged; send \
             it again from a good copy.",
            shown.join(", ")
        ),
    )
}

/// A scan has images and no text; a file that was cut off has lost its text.
/// A blank document has neither, and is fine.
fn refuse_without_text(pdf: &File, selected: &[u32]) -> Result<(), Error> {
    if selected.iter().any(|&number| pdf.has_images(number)) {
        return Err(Error::new(
            ErrorKind::OcrUnavailable,
            "The PDF has no text layer, only images of its pages, and this server has no OCR \
             engine; send a PDF with text.",
        ));
    }
    if pdf.is_cut_off() {
        return Err(damaged(Format::Pdf, "no end-of-file marker and no text"));
    }
    Ok(())
}
