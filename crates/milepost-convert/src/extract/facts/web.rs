//! What a web page says of itself in its head.
//!
//! Enters: HTML. Leaves: its facts. It looks for a few tags near the beginning, and
//! never builds a tree.

use super::Facts;

/// A page's head is not longer than this, in bytes.
const HEAD_BYTES: usize = 256 * 1024;
/// Tags that are looked at.
const TAGS: usize = 500;

/// The facts of a page.
pub(super) fn facts(html: &str) -> Facts {
    let html = &html[..html.floor_char_boundary(HEAD_BYTES)];
    // Letters stay where they are: only those of ASCII change.
    let lower = html.to_ascii_lowercase();
    let end = lower.find("<body").unwrap_or(html.len());
    let (html, lower) = (&html[..end], &lower[..end]);
    let title = lower.find("<title").and_then(|at| {
        let start = at + lower[at..].find('>')? + 1;
        let end = start + lower[start..].find("</title")?;
        Some(decoded(&html[start..end]))
    });
    let mut metas: Vec<(String, String)> = Vec::new();
    for (at, _) in lower.match_indices("<meta").take(TAGS) {
        let Some(length) = lower[at..].find('>') else { break };
        let tag = &html[at + 5..at + length];
        let name = ["name", "property", "itemprop"].iter().find_map(|name| attribute(tag, name));
        if let (Some(name), Some(content)) = (name, attribute(tag, "content")) {
            metas.push((name.to_ascii_lowercase(), decoded(content)));
        }
    }
    let all = |names: &[&str]| -> Vec<&str> {
        let of = |name: &&str| {
            let name = (*name).to_owned();
            let found: Vec<&str> =
                metas.iter().filter(|(n, _)| *n == name).map(|(_, value)| value.as_str()).collect();
            (!found.is_empty()).then_some(found)
        };
        names.iter().find_map(of).unwrap_or_default()
    };
    let named = all(&["citation_title", "og:title", "dc.title", "dcterms.title"]);
    let authors = all(&["citation_author", "author", "dc.creator", "dcterms.creator"]);
    let authors = authors.into_iter().filter(|name| !name.starts_with("http"));
    let dates = all(&[
        "citation_publication_date",
        "article:published_time",
        "datepublished",
        "dc.date",
        "dcterms.created",
        "dcterms.date",
        "date",
    ]);
    Facts::of(named.first().copied().or(title.as_deref()), authors, dates)
}

/// The value of an attribute of a tag.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let lower = tag.to_ascii_lowercase();
    for (at, _) in lower.match_indices(name) {
        if at > 0 && !lower[..at].ends_with(|c: char| c.is_whitespace() || "\"'/".contains(c)) {
            continue;
        }
        let rest = tag[at + name.len()..].trim_start();
        let Some(value) = rest.strip_prefix('=').map(str::trim_start) else { continue };
        let quoted =
            ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.split(*quote).next());
        return quoted.or_else(|| value.split([' ', '>', '\n']).next());
    }
    None
}

/// Text without references to characters.
fn decoded(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded += &rest[..at];
        rest = &rest[at..];
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        let c = end.and_then(|end| match &rest[1..end] {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "nbsp" => Some(' '),
            "ndash" => Some('–'),
            "mdash" => Some('—'),
            name => {
                let number = name.strip_prefix('#')?;
                let hex = number.strip_prefix(['x', 'X']).map(|hex| u32::from_str_radix(hex, 16));
                char::from_u32(hex.unwrap_or_else(|| number.parse()).ok()?)
            }
        });
        match (c, end) {
            (Some(c), Some(end)) => {
                decoded.push(c);
                rest = &rest[end + 1..];
            }
            _ => {
                decoded.push('&');
                rest = &rest[1..];
            }
        }
    }
    decoded + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read() {
        let page = "<html><head><TITLE lang=en>A &amp; B &#233;</TITLE>\
                    <meta content='Ada Surveyor' name=author><meta name=\"viewport\" content=\"x\">\
                    <meta property=\"article:published_time\" content=\"2025-03-03T09:30:00Z\"/>\
                    </head><body><title>no</title><meta name=author content=no>";
        let found = facts(page);
        assert_eq!(found.title.as_deref(), Some("A & B é"));
        assert_eq!(found.authors, ["Ada Surveyor"]);
        assert_eq!(found.date.as_deref(), Some("2025-03-03T09:30:00Z"));
        for page in
            ["", "<title", "<title>a", "<meta", "<meta name", "&", "<meta name=author content>"]
        {
            assert_eq!(facts(page), Facts::default(), "{page}");
        }
        let open =
            facts("<meta property=og:title content=\"The Road\"><title>The Road | Site</title>");
        assert_eq!(open.title.as_deref(), Some("The Road"));
    }
}
