//! One finished page.
//!
//! Enters: what a converter made of a page. Leaves: what is stored, sent and
//! given back by the next attempt. It never holds a piece of the document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::format::OutputFormat;

/// One finished page; a slide of a presentation, a sheet of a workbook, or the
/// whole of a document that has no pages.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The document's own number for it, from 1.
    pub number: u32,
    /// The page as Markdown, whatever formats were asked for.
    pub markdown: String,
    /// The requested formats other than Markdown.
    pub rendered: BTreeMap<OutputFormat, String>,
    /// This page could not be converted: a short message for a person. The
    /// Markdown is then a comment that says so.
    pub error: Option<String>,
}
