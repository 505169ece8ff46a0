//! What stands between two lines of dashes before a Markdown text.
//!
//! Enters: Markdown. Leaves: its front matter, and what that says. It reads plain
//! lines of YAML, and never more than the first lines of a text.

use super::Facts;

/// Front matter is not longer than this, in bytes.
const LONGEST: usize = 16 * 1024;

/// The front matter of a text with its fences.
pub(crate) fn front_matter(markdown: &str) -> Option<&str> {
    let text = markdown.strip_prefix('\u{feff}').unwrap_or(markdown);
    let before = markdown.len() - text.len();
    let body = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n"))?;
    let mut at = markdown.len() - body.len();
    let mut named = false;
    for line in body[..body.floor_char_boundary(LONGEST)].split_inclusive('\n') {
        at += line.len();
        let line = line.trim_end();
        if matches!(line, "---" | "...") {
            return named.then(|| &markdown[before..at]).filter(|_| before == 0);
        }
        let key = line.split_once(':').is_some_and(|(key, value)| {
            let value = value.is_empty() || value.starts_with(' ');
            value && key.chars().all(|c| c.is_alphanumeric() || "-_. ".contains(c))
        });
        named |= key;
        if !key && !line.is_empty() && !line.starts_with([' ', '\t', '-', '#', ']', '}']) {
            return None;
        }
    }
    None
}

/// What a text's front matter says.
pub(super) fn facts(markdown: &str) -> Facts {
    let Some(matter) = front_matter(markdown) else { return Facts::default() };
    let lines: Vec<&str> = matter.lines().collect();
    let values = |names: &[&str]| -> Vec<&str> {
        let found = lines.iter().enumerate().find_map(|(place, line)| {
            let (key, value) = line.split_once(':')?;
            names.contains(&key.to_ascii_lowercase().as_str()).then_some((place, value.trim()))
        });
        let Some((place, value)) = found else { return Vec::new() };
        if let Some(list) = value.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
            return list.split(',').map(unquoted).collect();
        }
        if !value.is_empty() {
            return vec![unquoted(value)];
        }
        let items = lines[place + 1..].iter().map(|line| line.trim_start());
        items
            .map_while(|item| item.strip_prefix("- "))
            .map(|item| unquoted(item.strip_prefix("name:").unwrap_or(item)))
            .collect()
    };
    let title = values(&["title"]);
    Facts::of(
        title.first().copied(),
        values(&["author", "authors", "creator"]),
        values(&["date", "published", "created"]),
    )
}

fn unquoted(value: &str) -> &str {
    let value = value.trim();
    ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_is_read_and_rules_are_none() {
        let text = "---\ntitle: \"The Road\"\nauthors:\n  - Ada Surveyor\n  - name: Ben\ndate: 2025-03-03\ntags: [a, b]\n---\n# A\n";
        assert!(front_matter(text).unwrap().ends_with("b]\n---\n"));
        let facts = facts(text);
        assert_eq!(facts.title.as_deref(), Some("The Road"));
        assert_eq!(facts.authors, ["Ada Surveyor", "Ben"]);
        assert_eq!(facts.date.as_deref(), Some("2025-03-03"));
        let list = super::facts("---\nauthor: [Ada, 'Ben']\n---\n");
        assert_eq!(list.authors, ["Ada", "Ben"]);
        for text in ["", "---\n", "---\nText here\n---\n", "---\n\n---\n", "# A\n---\na: b\n---\n"]
        {
            assert_eq!(front_matter(text), None, "{text}");
        }
    }
}
