//! The formats: what comes in, what goes out.
//!
//! Enters: nothing. Leaves: names, media types and which formats have pages. It
//! never looks at a document; `detect` does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A format of the result.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// GitHub-flavoured Markdown.
    Markdown,
    /// docling's `DoclingDocument`.
    Json,
    /// One HTML document.
    Html,
    /// Text without markup.
    Text,
}

/// A name that is no [`OutputFormat`].
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
#[error("there is no format {0:.40?}; there are markdown, json, html and text")]
pub struct UnknownFormat(String);

impl OutputFormat {
    /// All of them, in their canonical order.
    pub const ALL: [Self; 4] = [Self::Markdown, Self::Json, Self::Html, Self::Text];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Json => "json",
            Self::Html => "html",
            Self::Text => "text",
        }
    }

    /// Its media type, with the charset where one belongs to it.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Json => "application/json",
            Self::Html => "text/html; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// Its file extension, without a dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Json => "json",
            Self::Html => "html",
            Self::Text => "txt",
        }
    }
}

impl FromStr for OutputFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| UnknownFormat(name.to_owned()))
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A format that is converted.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Format {
    Pdf,
    Docx,
    Pptx,
    Xlsx,
    Doc,
    Ppt,
    Xls,
    Odt,
    Ods,
    Odp,
    Rtf,
    Html,
    Epub,
    /// A mail message, as MIME text or as Outlook's compound file.
    Eml,
    Markdown,
    Asciidoc,
    Csv,
    Latex,
    Jats,
    /// Any other XML: a feed, a patent, a report; else kept as it is.
    Xml,
    Ipynb,
    Webvtt,
    Text,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::Pdf,
        Self::Docx,
        Self::Pptx,
        Self::Xlsx,
        Self::Doc,
        Self::Ppt,
        Self::Xls,
        Self::Odt,
        Self::Ods,
        Self::Odp,
        Self::Rtf,
        Self::Html,
        Self::Epub,
        Self::Eml,
        Self::Markdown,
        Self::Asciidoc,
        Self::Csv,
        Self::Latex,
        Self::Jats,
        Self::Xml,
        Self::Ipynb,
        Self::Webvtt,
        Self::Text,
    ];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Pptx => "pptx",
            Self::Xlsx => "xlsx",
            Self::Doc => "doc",
            Self::Ppt => "ppt",
            Self::Xls => "xls",
            Self::Odt => "odt",
            Self::Ods => "ods",
            Self::Odp => "odp",
            Self::Rtf => "rtf",
            Self::Html => "html",
            Self::Epub => "epub",
            Self::Eml => "eml",
            Self::Markdown => "markdown",
            Self::Asciidoc => "asciidoc",
            Self::Csv => "csv",
            Self::Latex => "latex",
            Self::Jats => "jats",
            Self::Xml => "xml",
            Self::Ipynb => "ipynb",
            Self::Webvtt => "webvtt",
            Self::Text => "text",
        }
    }

    /// What a person calls it, for messages.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Pdf => "PDF",
            Self::Docx => "Word document (DOCX)",
            Self::Pptx => "PowerPoint presentation (PPTX)",
            Self::Xlsx => "Excel workbook (XLSX)",
            Self::Doc => "Word document (DOC)",
            Self::Ppt => "PowerPoint presentation (PPT)",
            Self::Xls => "Excel workbook (XLS)",
            Self::Odt => "OpenDocument text (ODT)",
            Self::Ods => "OpenDocument spreadsheet (ODS)",
            Self::Odp => "OpenDocument presentation (ODP)",
            Self::Rtf => "RTF document",
            Self::Html => "HTML page",
            Self::Epub => "EPUB book",
            Self::Eml => "mail message",
            Self::Markdown => "Markdown file",
            Self::Asciidoc => "AsciiDoc file",
            Self::Csv => "CSV table",
            Self::Latex => "LaTeX file",
            Self::Jats => "JATS article",
            Self::Xml => "XML file",
            Self::Ipynb => "Jupyter notebook",
            Self::Webvtt => "WebVTT file",
            Self::Text => "text file",
        }
    }

    /// Its media type, without a charset.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Pptx => {
                "application/vnd.openxmlformats-officedocument.presentationml.presentation"
            }
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Doc => "application/msword",
            Self::Ppt => "application/vnd.ms-powerpoint",
            Self::Xls => "application/vnd.ms-excel",
            Self::Odt => "application/vnd.oasis.opendocument.text",
            Self::Ods => "application/vnd.oasis.opendocument.spreadsheet",
            Self::Odp => "application/vnd.oasis.opendocument.presentation",
            Self::Rtf => "application/rtf",
            Self::Html => "text/html",
            Self::Epub => "application/epub+zip",
            Self::Eml => "message/rfc822",
            Self::Markdown => "text/markdown",
            Self::Asciidoc => "text/asciidoc",
            Self::Csv => "text/csv",
            Self::Latex => "application/x-latex",
            Self::Jats => "application/jats+xml",
            Self::Xml => "application/xml",
            Self::Ipynb => "application/x-ipynb+json",
            Self::Webvtt => "text/vtt",
            Self::Text => "text/plain",
        }
    }

    /// Whether it comes in pages: PDF pages, slides, sheets. Everything else
    /// is one page, number 1.
    pub const fn paged(self) -> bool {
        matches!(self, Self::Pdf | Self::Pptx | Self::Xlsx)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_serde_writes() {
        for format in OutputFormat::ALL {
            let json = serde_json::to_string(&format).unwrap();
            assert_eq!(json.trim_matches('"'), format.name());
            assert_eq!(format.name().parse(), Ok(format));
        }
        for format in Format::ALL {
            let json = serde_json::to_string(&format).unwrap();
            assert_eq!(json.trim_matches('"'), format.name());
        }
        assert!("pdf".parse::<OutputFormat>().is_err());
    }
}
