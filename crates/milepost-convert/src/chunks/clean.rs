//! A block's words as a reader sees them.
//!
//! Enters: a block of Markdown. Leaves: the same without comments, without the data
//! of pictures that are written into it, and without escapes. It leaves code alone.

use std::borrow::Cow;

use super::content::Kind;

/// Data of a picture that is shorter than this does no harm.
const DATA_BYTES: usize = 64;

/// The block without what nobody reads.
pub(super) fn clean(text: &str, kind: Kind) -> Cow<'_, str> {
    if kind == Kind::Code {
        return Cow::Borrowed(text);
    }
    let mut text = Cow::Borrowed(text);
    if text.contains("<!--") && !text.contains('`') {
        text = Cow::Owned(without_comments(&text));
    }
    if text.contains("data:") {
        text = Cow::Owned(without_data(&text));
    }
    // A bar in a cell stays escaped: the table would not be one without.
    if text.contains(['\\', '&']) && !text.contains('`') {
        text = Cow::Owned(without_escapes(&text, kind == Kind::Table));
    }
    text
}

fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("<!--") {
        let Some(end) = rest[start..].find("-->") else { break };
        kept += &rest[..start];
        rest = &rest[start + end + 3..];
    }
    kept + rest
}

/// `![a](data:image/png;base64,…)` becomes `![a](data:image/png)`.
fn without_data(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(";base64,") {
        let data = &rest[start + 8..];
        let length = data.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b));
        let length = length.count();
        let keep = if length < DATA_BYTES { start + 8 + length } else { start };
        kept += &rest[..keep];
        rest = &data[length..];
    }
    kept + rest
}

fn without_escapes(text: &str, table: bool) -> String {
    const ENTITIES: [(&str, char); 6] = [
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&amp;", '&'),
        ("&quot;", '"'),
        ("&#39;", '\''),
        ("&nbsp;", '\u{a0}'),
    ];
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '&']) {
        kept += &rest[..at];
        rest = &rest[at..];
        if let Some((name, c)) = ENTITIES.iter().find(|(name, _)| rest.starts_with(name)) {
            kept.push(*c);
            rest = &rest[name.len()..];
            continue;
        }
        let next = rest[1..].chars().next();
        let escaped = rest.starts_with('\\')
            && next.is_some_and(|c| c.is_ascii_punctuation() && !(table && c == '|'));
        let (skip, take) = if escaped { (1, 1) } else { (0, 1) };
        kept += &rest[skip..skip + take];
        rest = &rest[skip + take..];
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_left_out() {
        let data = format!("![a](data:image/png;base64,{}) b", "QUJD".repeat(100));
        for (kind, text, cleaned) in [
            (Kind::Prose, "a <!-- image --> b<!-- c -->", "a  b"),
            (Kind::Prose, "a <!-- no end", "a <!-- no end"),
            (Kind::Prose, &data, "![a](data:image/png) b"),
            (Kind::Prose, "data:text/plain;base64,QUJD", "data:text/plain;base64,QUJD"),
            (Kind::Prose, r"a\_b \\ c\d &lt;e&gt; &amp;lt; &é", r"a_b \ c\d <e> &lt; &é"),
            (Kind::List, r"- `a\_b`", r"- `a\_b`"),
            (Kind::Table, r"| a\|b | c\_d |", r"| a\|b | c_d |"),
            (Kind::Code, "```\n&lt; <!-- -->\n```", "```\n&lt; <!-- -->\n```"),
            (Kind::Prose, "é\\", "é\\"),
        ] {
            assert_eq!(clean(text, kind), cleaned, "{text}");
        }
    }
}
