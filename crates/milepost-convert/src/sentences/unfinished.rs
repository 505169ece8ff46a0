//! What the splitter takes for an end and is none.
//!
//! Enters: a language, and what stands before and behind a boundary. Leaves:
//! whether the sentence goes on. It knows French, whose abbreviations the library
//! lacks, and what no language does.

/// French titles and the like, before a name.
const BEFORE_NAMES: &[&str] = &[
    "M", "MM", "Mme", "Mmes", "Mlle", "Mlles", "Dr", "Drs", "Pr", "Prs", "Me", "Mgr", "Mgrs", "St",
    "Ste", "Sts", "Stes", "av", "bd", "Bd", "boul", "pl", "fg", "cf", "Cf",
];
/// French words before a number.
const BEFORE_NUMBERS: &[&str] = &[
    "art", "arts", "chap", "ch", "coll", "env", "Env", "éd", "ed", "fasc", "fig", "Fig", "l", "n",
    "no", "p", "pp", "par", "réf", "t", "tél", "Tél", "vol", "Vol", "v",
];

/// Whether a sentence that seems to end with `before` goes on with `after`.
pub(super) fn unfinished(language: &str, before: &str, after: &str) -> bool {
    let whole = before.trim_end();
    // `J.-C.`: nobody begins a sentence so.
    if whole.len() == before.len() && after.starts_with(['-', '‐', '\u{2011}']) {
        return true;
    }
    let Some(head) = whole.strip_suffix('.').filter(|_| language == "fr") else { return false };
    let Some(next) = after.trim_start().chars().next() else { return false };
    let word = head.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let initial = word.len() == 1 && word.starts_with(|c: char| c.is_ascii_uppercase());
    match next {
        next if next.is_lowercase() => !head.ends_with('.'),
        next if next.is_uppercase() => initial || BEFORE_NAMES.contains(&word),
        next => next.is_ascii_digit() && BEFORE_NUMBERS.contains(&word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_abbreviations_end_nothing() {
        for (before, after) in [
            ("M. ", "Dupont"),
            ("chez l'av. ", "Foch"),
            ("de J. ", "Verne"),
            ("(t. ", "2)"),
            ("av. J.", "-C. à Rome"),
            ("J.-C. ", "à Rome"),
        ] {
            assert!(unfinished("fr", before, after), "{before}{after}");
        }
        for (before, after) in [
            ("Il y reste. ", "Elle part."),
            ("Il part! ", "puis revient"),
            ("Il hésita... ", "puis partit"),
            ("la p. ", "Elle"),
            ("en 1920. ", "12 bornes"),
            ("M. ", ""),
        ] {
            assert!(!unfinished("fr", before, after), "{before}{after}");
        }
        assert!(!unfinished("en", "Plan B. ", "Then"));
    }
}
