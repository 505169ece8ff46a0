//! What an endpoint says where it refuses. Enters: the body of its answer. Leaves: one
//! short line that may be shown. Never: what looks like a part of a key.

use serde_json::Value;

use super::config::Key;

/// In characters.
const MAX_WORDS: usize = 200;
/// So much of a key is enough to hide the word in which it stands.
const TELLING: usize = 6;
/// A word of letters and digits that is so long is rather a key than a word.
const LONG_WORD: usize = 24;
const HIDDEN: &str = "(hidden)";

/// The message in `body`, or nothing where there is none.
pub(super) fn words(body: &[u8], key: Option<&Key>) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(value) => message(&value).unwrap_or_default().to_owned(),
        // A page of some proxy tells nobody anything.
        Err(_) if body.trim_ascii_start().starts_with(b"<") => String::new(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let mut line = String::new();
    for word in text.split(|char: char| char.is_whitespace() || char.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(if tells(word, key) { HIDDEN } else { word });
    }
    match line.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// Whether a refusal is about the length of a text.
pub(super) fn is_about_length(status: u16, words: &str) -> bool {
    let words = words.to_lowercase();
    let has = |part: &str| words.contains(part);
    status == 413
        || has("too long")
        || has("too large")
        || has("context length")
        || has("context size")
        || has("max_length")
        || (has("token") && (has("maximum") || has("exceed") || has("less than") || has("limit")))
        || (has("length") && has("exceed"))
}

/// Whether the endpoint says that what was paid for is used up: waiting does not help.
pub(super) fn is_about_money(body: &[u8]) -> bool {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = value.get("error");
    let named = |field| error.and_then(|error| error.get(field)).and_then(Value::as_str);
    [named("code"), named("type")].contains(&Some("insufficient_quota"))
}

/// Services put it in different places.
fn message(value: &Value) -> Option<&str> {
    if let Value::String(text) = value {
        return Some(text);
    }
    let found = ["error", "message", "detail", "msg"].into_iter().find_map(|name| value.get(name));
    match found? {
        Value::Array(many) => many.first().and_then(message),
        one => message(one),
    }
}

fn tells(word: &str, key: Option<&Key>) -> bool {
    let key = key.map_or("", Key::reveal);
    let start = key.char_indices().nth(TELLING).map_or(key, |(end, _)| &key[..end]);
    let end = key.char_indices().rev().nth(TELLING - 1).map_or(key, |(at, _)| &key[at..]);
    let holds = |part: &str| !part.is_empty() && word.contains(part);
    let odd = word.chars().filter(|char| !char.is_alphabetic()).count();
    holds(start)
        || holds(end)
        || word.contains("**")
        || word.starts_with("sk-")
        || (word.len() >= LONG_WORD && odd > 2 && word.chars().any(|char| char.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_found_where_services_put_it() {
        let cases: [(&str, &str); 7] = [
            (r#"{"error":{"message":"No such model.","type":"x"}}"#, "No such model."),
            (r#"{"error":"No such model."}"#, "No such model."),
            (r#"{"message":"No such\n model."}"#, "No such model."),
            (r#"{"detail":[{"loc":["body"],"msg":"field required"}]}"#, "field required"),
            ("plain\u{7} text", "plain text"),
            ("<html>Bad gateway</html>", ""),
            (r#"{"status":400}"#, ""),
        ];
        for (body, expected) in cases {
            assert_eq!(words(body.as_bytes(), None), expected, "{body}");
        }
        let long = words(&b"word ".repeat(1000), None);
        assert!(long.chars().count() <= MAX_WORDS + 1 && long.ends_with('…'), "{long}");
    }

    #[test]
    fn no_part_of_a_key_is_shown() {
        let key = Key::new("pa-Verysecret1234567890");
        for said in [
            "Incorrect API key provided: pa-Verysecret1234567890.",
            "Incorrect API key provided: pa-Ver…7890.",
            "Incorrect API key provided: …567890",
            "Incorrect API key provided: abc**********890.",
            "Incorrect API key provided: sk-other",
            "Incorrect API key provided: 0123456789abcdef01234567",
        ] {
            let shown = words(said.as_bytes(), Some(&key));
            assert_eq!(shown, "Incorrect API key provided: (hidden)", "{said}");
        }
    }

    #[test]
    fn a_long_text_is_told_from_other_faults() {
        for said in [
            "This model's maximum context length is 8192 tokens, however you requested 9000.",
            "`inputs` must have less than 512 tokens. Given: 600",
            "the input length exceeds the context length",
            "Input validation error: too long",
        ] {
            assert!(is_about_length(400, said), "{said}");
        }
        assert!(is_about_length(413, ""));
        assert!(!is_about_length(400, "The model `x` does not exist"));
    }
}
