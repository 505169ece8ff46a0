//! Everything but PDF: formats whose structure can be read directly.
//!
//! Enters: a document of a known format. Leaves: its slides or sheets as pages,
//! or the one page that it is, made by docling. It never resolves what the
//! document refers to: no image is loaded, no file included, no link followed.

mod split;

use docling::{
    ConversionError, DoclingDocument, DocumentConverter, EncryptionError, ImageSources,
    InputFormat, SourceDocument,
};

use crate::convert::{Document, Output, Step, select};
use crate::detect::{check_archive, check_table, damaged, is_encrypted_package};
use crate::error::{Error, ErrorKind};
use crate::extract::Facts;
use crate::format::Format;
use crate::options::{Limits, Options};
use crate::page::Page;
use crate::render::{Renderer, parse_markdown, stem};
use split::Pages;

pub(crate) fn convert(
    format: Format,
    document: Document,
    options: &Options,
    limits: &Limits,
    finished: Vec<Page>,
    facts: Option<&mut Facts>,
    on_step: &mut dyn FnMut(Step),
) -> Result<Output, Error> {
    if document.bytes.starts_with(b"PK") {
        check_archive(&document.bytes, limits.max_unpacked_bytes)?;
    } else if format == Format::Csv {
        check_table(&document.bytes)?;
    }
    let filename = document.filename.clone();
    let Read { format, document, markdown } =
        read(format, document, options.password.as_deref(), facts)?;
    let pages = Pages::of(document);
    let selected = select(pages.total(), options, limits)?;
    on_step(Step::Detected { format, pages: pages.total(), selected: selected.clone() });

    let mut renderer = Renderer::new(&filename, format, options.wanted(), limits.max_output_bytes);
    let mut rendered = None;
    for &number in &selected {
        if let Some(page) = finished.iter().find(|page| page.number == number) {
            renderer.count_page(page)?;
            continue;
        }
        let page = pages.page(number);
        let page = Page {
            number,
            markdown: markdown.clone().unwrap_or_else(|| page.export_to_markdown()),
            rendered: renderer.page(&page)?,
            error: None,
        };
        renderer.count(&page.markdown)?;
        if pages.undivided() {
            rendered = Some(renderer.whole_of(&page)?);
        }
        on_step(Step::Page(page));
    }
    on_step(Step::Assembling);
    let rendered = match rendered {
        Some(rendered) => rendered,
        None => renderer.whole(&pages.whole(&selected), markdown)?,
    };
    Ok(Output { format, rendered, failed_pages: Vec::new() })
}

/// A document that has been read.
struct Read {
    format: Format,
    document: DoclingDocument,
    /// The document's own Markdown, where it is Markdown.
    markdown: Option<String>,
}

fn read(
    format: Format,
    document: Document,
    password: Option<&str>,
    facts: Option<&mut Facts>,
) -> Result<Read, Error> {
    let Document { filename, bytes } = document;
    if format == Format::Markdown {
        return read_markdown(&filename, bytes);
    }
    if is_encrypted_package(&bytes) {
        return read_encrypted(format, &filename, bytes, password);
    }
    let document = parse(format, &filename, bytes, password, facts)?;
    Ok(Read { format, document, markdown: None })
}

/// A Markdown file is its own Markdown: no round trip may change it.
fn read_markdown(filename: &str, bytes: Vec<u8>) -> Result<Read, Error> {
    let source = SourceDocument::from_bytes(filename, InputFormat::Md, bytes);
    let text = source.text().map_err(|error| damaged(Format::Markdown, error))?.into_owned();
    drop(source);
    Ok(Read {
        format: Format::Markdown,
        document: parse_markdown(stem(filename), &text)?,
        markdown: Some(text),
    })
}

/// What an encrypted package holds shows only once it is open, so each kind is
/// tried, the one that the name promises first.
fn read_encrypted(
    promised: Format,
    filename: &str,
    bytes: Vec<u8>,
    password: Option<&str>,
) -> Result<Read, Error> {
    let mut failure = None;
    let others =
        [Format::Docx, Format::Xlsx, Format::Pptx].into_iter().filter(|&format| format != promised);
    for format in std::iter::once(promised).chain(others) {
        match parse(format, filename, bytes.clone(), password, None) {
            Ok(document) => {
                return Ok(Read { format, document, markdown: None });
            }
            Err(error) if error.kind == ErrorKind::Encrypted => return Err(error),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.unwrap_or_else(|| damaged(promised, "an encrypted package of no kind")))
}

fn parse(
    format: Format,
    filename: &str,
    bytes: Vec<u8>,
    password: Option<&str>,
    facts: Option<&mut Facts>,
) -> Result<DoclingDocument, Error> {
    let mut source = SourceDocument::from_bytes(filename, input_format(format), bytes);
    source.name = stem(filename).to_owned();
    let converter = DocumentConverter::new()
        .strict(true)
        // Padding makes every cell of a column as wide as its widest.
        .compact_tables(true)
        .image_sources(ImageSources::None)
        .keep_picture_images(false)
        .password(password.map(str::to_owned));
    if let Some(facts) = facts {
        *facts = match (format, source.text()) {
            (Format::Html, Ok(html)) => Facts::of_html(&html),
            (Format::Jats, Ok(xml)) => Facts::of_jats(&xml),
            _ => Facts::of_properties(&converter.document_metadata(&source)),
        };
    }
    converter.convert(source).map(|result| result.document).map_err(|error| explain(format, error))
}

fn explain(format: Format, error: ConversionError) -> Error {
    let title = format.title();
    if let Some(encryption) = error.encryption() {
        let message = match encryption {
            EncryptionError::NeedPassword => {
                format!("The {title} is encrypted; send its password in options.password.")
            }
            EncryptionError::WrongPassword => {
                format!("The password in options.password does not open this {title}.")
            }
            EncryptionError::Malformed(_) => return damaged(format, error),
            _ => format!(
                "The {title} is encrypted in a way that this server cannot open; send it without \
                 encryption."
            ),
        };
        return Error::new(ErrorKind::Encrypted, message).because(error);
    }
    if error.limit().is_some() {
        return Error::new(
            ErrorKind::TooLarge,
            format!("The {title} holds larger tables than this server allows; send it in parts."),
        )
        .because(error);
    }
    match error {
        ConversionError::UnknownFormat { .. } | ConversionError::UnsupportedFormat(_) => {
            Error::new(ErrorKind::Unsupported, format!("This kind of {title} is not supported."))
                .because(error)
        }
        error => damaged(format, error),
    }
}

fn input_format(format: Format) -> InputFormat {
    match format {
        Format::Pdf => InputFormat::Pdf,
        Format::Docx => InputFormat::Docx,
        Format::Pptx => InputFormat::Pptx,
        Format::Xlsx => InputFormat::Xlsx,
        Format::Doc => InputFormat::Doc,
        Format::Ppt => InputFormat::Ppt,
        Format::Xls => InputFormat::Xls,
        Format::Odt => InputFormat::Odt,
        Format::Ods => InputFormat::Ods,
        Format::Odp => InputFormat::Odp,
        Format::Rtf => InputFormat::Rtf,
        Format::Html => InputFormat::Html,
        Format::Epub => InputFormat::Epub,
        Format::Eml => InputFormat::Email,
        Format::Markdown => InputFormat::Md,
        Format::Asciidoc => InputFormat::Asciidoc,
        Format::Csv => InputFormat::Csv,
        Format::Latex => InputFormat::Latex,
        Format::Jats => InputFormat::XmlJats,
        Format::Xml => InputFormat::Xml,
        Format::Ipynb => InputFormat::Ipynb,
        Format::Webvtt => InputFormat::Vtt,
        Format::Text => InputFormat::Text,
    }
}
