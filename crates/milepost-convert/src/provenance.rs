//! Which page an item stands on.
//!
//! Enters: the item tree of one page. Leaves: the same tree, each item stamped
//! with the page's number. It never claims to know where on the page: the box
//! is the whole page.

use docling_core::tree::{ItemTree, TreeKind, TreeProv};

/// Stamps every item of `tree` as standing on page `number`, of `size` (width
/// and height in points). Groups have no provenance in docling's schema.
pub(crate) fn stamp(tree: &mut ItemTree, number: u32, size: (f64, f64)) {
    for item in &mut tree.items {
        let characters = match &item.kind {
            TreeKind::Group { .. } => continue,
            TreeKind::Text { text, .. } | TreeKind::Code { text, .. } => text.chars().count(),
            _ => 0,
        };
        item.prov = Some(TreeProv {
            page_no: number as usize,
            bbox: [0.0, 0.0, size.0, size.1],
            bottom_left: false,
            charspan: [0, characters],
        });
    }
}
