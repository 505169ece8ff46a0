//! Words that say nothing about what is looked for. Enters: a form. Leaves: whether it is
//! one. They are indexed all the same: a phrase may be made of nothing else.

/// English ones, as they are compared (so without their endings), in order.
const STOP: &[&str] = &[
    "a", "about", "after", "all", "also", "am", "an", "and", "ani", "ar", "are", "as", "at", "be",
    "been", "befor", "but", "by", "can", "could", "did", "do", "doe", "doesn", "don", "for",
    "from", "had", "ha", "have", "he", "her", "hi", "him", "how", "i", "if", "in", "into", "is",
    "it", "its", "me", "mi", "my", "no", "not", "of", "on", "or", "our", "out", "she", "should",
    "so", "some", "such", "than", "that", "the", "their", "them", "then", "there", "these", "thei",
    "they", "thi", "this", "those", "to", "us", "wa", "was", "we", "were", "what", "when", "where",
    "which", "who", "whom", "whose", "why", "will", "with", "would", "you", "your",
];

/// Whether `form` is one.
pub(crate) fn is_stop_word(form: &str) -> bool {
    STOP.contains(&form)
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    #[test]
    fn knows_them_by_their_forms() {
        for word in words("The was this his has they why any does what before") {
            assert!(is_stop_word(&word.form), "{word:?}");
        }
        assert!(!is_stop_word("union"));
    }
}
