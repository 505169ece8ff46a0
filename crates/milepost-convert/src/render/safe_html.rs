//! HTML that only shows.
//!
//! Enters: an HTML document as docling's serializer writes it, which puts code
//! and formulas in unescaped, as its model did. Leaves: the same document in
//! which every tag and attribute of the body is one that shows text: no script,
//! no handler, nothing that loads. It never repairs anything else: a `<` that
//! opens no such tag is text.

/// What docling's serializer uses, MathML's presentation elements included.
#[rustfmt::skip]
const TAGS: &[&str] = &[
    "a", "annotation", "b", "blockquote", "body", "br", "caption", "code", "dd", "del", "details",
    "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
    "html", "i", "li", "math", "menclose", "merror", "mfenced", "mfrac", "mi", "mmultiscripts",
    "mn", "mo", "mover", "mpadded", "mphantom", "mprescripts", "mroot", "mrow", "ms", "mspace",
    "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder",
    "munderover", "none", "ol", "p", "pre", "s", "semantics", "small", "span", "strong", "sub",
    "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
];

/// What stands between these is text, whatever it looks like.
const TEXT_ONLY: &[&str] = &["code", "annotation"];

#[rustfmt::skip]
const ATTRIBUTES: &[&str] = &[
    "accent", "accentunder", "class", "colspan", "columnalign", "columnlines", "columnspacing",
    "depth", "dir", "display", "displaystyle", "encoding", "fence", "form", "height", "id",
    "lang", "largeop", "linethickness", "lspace", "mathbackground", "mathcolor", "mathsize",
    "mathvariant", "maxsize", "minsize", "movablelimits", "notation", "rowlines", "rowspacing",
    "rowspan", "rspace", "scope", "scriptlevel", "separator", "start", "stretchy", "symmetric",
    "type", "value", "voffset", "width", "xmlns",
];

/// Makes a document safe to show.
pub(super) fn make_safe(html: &str) -> String {
    // The head is docling's own, its title escaped.
    let body = html.find("</head>").unwrap_or(0);
    let mut safe = String::with_capacity(html.len() + html.len() / 16);
    safe.push_str(&html[..body]);
    let mut rest = html[body..].strip_prefix("</head>").map_or(&html[body..], |rest| {
        safe.push_str("</head>");
        rest
    });
    let mut text_of: Option<&str> = None;
    while let Some(at) = rest.find('<') {
        safe.push_str(&rest[..at]);
        rest = &rest[at..];
        let tag = Tag::parse(rest).filter(|tag| match text_of {
            Some(name) => tag.closes && tag.name == name,
            None => TAGS.contains(&tag.name),
        });
        let Some(tag) = tag else {
            safe.push_str("&lt;");
            rest = &rest[1..];
            continue;
        };
        tag.write(&mut safe);
        rest = &rest[tag.length..];
        text_of =
            TEXT_ONLY.iter().copied().find(|&name| name == tag.name && !tag.closes && !tag.empty);
    }
    safe.push_str(rest);
    safe
}

struct Tag<'a> {
    name: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
    closes: bool,
    empty: bool,
    /// In bytes, from `<` to `>`.
    length: usize,
}

impl<'a> Tag<'a> {
    /// Reads the tag that `text` begins with, if it is written as plainly as
    /// the serializer does: every value in quotes.
    fn parse(text: &'a str) -> Option<Self> {
        let inner = text.strip_prefix('<')?;
        let (closes, mut rest) = match inner.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, inner),
        };
        let name = take(&mut rest, |c| c.is_ascii_alphanumeric());
        let mut attributes = Vec::new();
        loop {
            let gap = take(&mut rest, |c| c == ' ' || c == '\n');
            if let Some(after) = rest.strip_prefix('>') {
                return Some(Self {
                    name,
                    attributes,
                    closes,
                    empty: false,
                    length: text.len() - after.len(),
                });
            }
            if let Some(after) = rest.strip_prefix("/>") {
                return Some(Self {
                    name,
                    attributes,
                    closes,
                    empty: true,
                    length: text.len() - after.len(),
                });
            }
            let key = take(&mut rest, |c| c.is_ascii_alphanumeric() || "-:".contains(c));
            if gap.is_empty() || key.is_empty() || closes {
                return None;
            }
            rest = rest.strip_prefix('=')?;
            let quote = rest.chars().next().filter(|c| "\"'".contains(*c))?;
            rest = &rest[1..];
            let value = take(&mut rest, |c| c != quote && c != '<');
            rest = rest.strip_prefix(quote)?;
            attributes.push((key, value));
        }
    }

    /// Writes the tag with those of its attributes that are harmless.
    fn write(&self, safe: &mut String) {
        safe.push_str(if self.closes { "</" } else { "<" });
        safe.push_str(self.name);
        for (key, value) in &self.attributes {
            let harmless = match *key {
                "href" => leads_to_a_page(value),
                // The marker of a list item.
                "style" => value.starts_with("list-style-type: ") && !value.contains(['(', '\\']),
                key => ATTRIBUTES.contains(&key),
            };
            if harmless {
                let quote = if value.contains('"') { '\'' } else { '"' };
                safe.push(' ');
                safe.push_str(key);
                safe.push('=');
                safe.push(quote);
                safe.push_str(value);
                safe.push(quote);
            }
        }
        safe.push_str(if self.empty { "/>" } else { ">" });
    }
}

/// Takes what `wanted` holds for from the start of `text`.
fn take<'a>(text: &mut &'a str, wanted: impl Fn(char) -> bool) -> &'a str {
    let end = text.find(|c| !wanted(c)).unwrap_or(text.len());
    let (taken, rest) = text.split_at(end);
    *text = rest;
    taken
}

/// A link to a page, to an address, or to a place in this document; none that
/// runs or carries code.
fn leads_to_a_page(href: &str) -> bool {
    let lower = href.trim().to_ascii_lowercase();
    if ["http:", "https:", "mailto:", "tel:"].iter().any(|scheme| lower.starts_with(scheme)) {
        return true;
    }
    // No scheme, not even one written with entities or control characters.
    let start = lower.split(['/', '?', '#']).next().unwrap_or_default();
    !start.contains(|c: char| c == ':' || c == '&' || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(html: &str) -> String {
        make_safe(&format!("<html><head><style>a</style></head>{html}"))
            .split_once("</head>")
            .map(|(_, body)| body.to_owned())
            .unwrap_or_default()
    }

    #[test]
    fn what_shows_stays() {
        for html in [
            "<div class=\"page\"><p>a &lt; b<br/></p></div>",
            "<li style=\"list-style-type: '1. ';\">x</li>",
            "<a href=\"https://example.org/?a=b\">x</a><a href=\"#part\">y</a>",
            "<math xmlns=\"http://www.w3.org/1998/Math/MathML\" display=\"block\"><mi>x</mi></math>",
            "<pre><code class=\"language-rust\">a > b</code></pre>",
        ] {
            assert_eq!(body(html), html);
        }
    }

    #[test]
    fn what_runs_or_loads_is_text() {
        for (html, safe) in [
            ("<script>x</script>", "&lt;script>x&lt;/script>"),
            ("<p onclick=\"x\">a</p>", "<p>a</p>"),
            ("<p onclick=x>a</p>", "&lt;p onclick=x>a</p>"),
            ("<img src=\"x\">", "&lt;img src=\"x\">"),
            ("<a href=\"javascript:x\">a</a>", "<a>a</a>"),
            ("<a href=\"java&#x0A;script:x\">a</a>", "<a>a</a>"),
            ("<a href=\"data:text/html,x\">a</a>", "<a>a</a>"),
            ("<p style=\"background: url(x)\">a</p>", "<p>a</p>"),
            ("<code><b>x</b></code>", "<code>&lt;b>x&lt;/b></code>"),
            ("<code></code><script>", "<code></code>&lt;script>"),
            ("<!--x--><style>y", "&lt;!--x-->&lt;style>y"),
            ("<annotation encoding=\"TeX\"><script>", "<annotation encoding=\"TeX\">&lt;script>"),
            ("a < b <", "a &lt; b &lt;"),
            ("<p class=\"<script>\">", "&lt;p class=\"&lt;script>\">"),
        ] {
            assert_eq!(body(html), safe, "{html}");
        }
    }
}
