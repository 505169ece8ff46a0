//! By what a finished result is known again. Enters: all that decides what a
//! conversion makes. Leaves: one key for the same. Never: a password; what needed
//! one is not known again.

use milepost_convert::{FINGERPRINT, Options, OutputFormat};
use milepost_core::Pipeline;
use serde_json::json;
use sha2::{Digest, Sha256};

/// The key of what `pipeline` makes of the content under that name; `None` where
/// nobody else may be given it. The name decides between kinds of text, and stands
/// in the JSON; the fingerprint is that of the converter in this binary.
pub fn key(pipeline: Pipeline, sha256: &str, filename: &str, options: &Options) -> Option<String> {
    if pipeline != Pipeline::Convert || options.password.is_some() {
        return None;
    }
    let whole = json!([FINGERPRINT, sha256, filename, options.pages, options.wanted()]);
    let hash = Sha256::digest(whole.to_string());
    Some(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// By what those are known whose pages an ingestion of that content may have: its own kind
/// first, then conversions to whatever formats, since the pages are the same. None where
/// nobody else may be given them.
pub fn lenders(sha256: &str, filename: &str, options: &Options) -> Vec<String> {
    let Some(own) = lent(sha256, filename, options) else { return Vec::new() };
    let all = OutputFormat::ALL;
    let some = |set: u32| {
        let chosen = all.into_iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0);
        let formats = chosen.map(|(_, format)| format).collect();
        let options = Options { pages: options.pages.clone(), formats, ..Options::default() };
        key(Pipeline::Convert, sha256, filename, &options)
    };
    std::iter::once(own).chain((1..1 << all.len()).filter_map(some)).collect()
}

/// By what the pages of an ingestion are known again.
pub fn lent(sha256: &str, filename: &str, options: &Options) -> Option<String> {
    if options.password.is_some() {
        return None;
    }
    let whole = json!(["pages", FINGERPRINT, sha256, filename, options.pages]);
    Some(Sha256::digest(whole.to_string()).iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_changes_the_result_changes_the_key() {
        let of = |name: &str, options: &Options| key(Pipeline::Convert, "aa", name, options);
        let plain = Options::default();
        let first = of("a.md", &plain);
        assert!(first.is_some());
        assert_eq!(first, of("a.md", &Options::default()));
        assert_ne!(first, of("b.md", &plain));
        assert_ne!(first, key(Pipeline::Convert, "bb", "a.md", &plain));
        let pages = Options { pages: Some("1".parse().unwrap()), ..Options::default() };
        assert_ne!(first, of("a.md", &pages));
        let formats =
            |formats: &[OutputFormat]| Options { formats: formats.to_vec(), ..Options::default() };
        let some = of("a.md", &formats(&[OutputFormat::Text, OutputFormat::Html]));
        assert_ne!(first, some);
        // In whatever order, and however often.
        use OutputFormat::{Html, Text};
        assert_eq!(some, of("a.md", &formats(&[Html, Text, Html])));
        assert_eq!(first, of("a.md", &formats(&OutputFormat::ALL)));
    }

    #[test]
    fn pages_are_lent_by_any_conversion_of_the_same() {
        let plain = Options::default();
        let lenders = |name: &str, options: &Options| lenders("aa", name, options);
        let all = lenders("a.md", &plain);
        assert_eq!(all.len(), 16);
        for formats in [vec![], vec![OutputFormat::Html], OutputFormat::ALL.to_vec()] {
            let options = Options { formats, ..Options::default() };
            assert!(all.contains(&key(Pipeline::Convert, "aa", "a.md", &options).unwrap()));
        }
        let pages = Options { pages: Some("1".parse().unwrap()), ..Options::default() };
        assert!(!lenders("a.md", &pages).iter().any(|key| all.contains(key)));
        let secret = Options { password: Some("x".into()), ..Options::default() };
        assert!(lenders("a.md", &secret).is_empty());
    }

    #[test]
    fn what_needs_a_password_has_no_key() {
        let secret = Options { password: Some("x".into()), ..Options::default() };
        assert_eq!(key(Pipeline::Convert, "aa", "a.pdf", &secret), None);
        assert_eq!(key(Pipeline::External, "aa", "a.pdf", &Options::default()), None);
    }
}
