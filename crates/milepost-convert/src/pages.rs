//! Which pages: `1-3,7,10-`.
//!
//! Enters: the text that a user wrote. Leaves: ranges in order, merged, few
//! enough to keep. It never knows how many pages a document has until it is
//! asked to select from them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// More ranges than this is no selection that a person wrote.
const MAX_RANGES: usize = 1_000;

/// Pages by number, from 1: single ones and ranges, the last of which may be
/// open (`10-`). Parsed from text, in any order, overlaps merged.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[serde(try_from = "String", into = "String")]
pub struct PageSelection(Vec<(u32, u32)>);

/// Text that is no page selection; says what is wrong with it.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
#[error("{0}")]
pub struct InvalidSelection(String);

impl PageSelection {
    /// Whether page `number` is selected.
    pub fn contains(&self, number: u32) -> bool {
        self.0.iter().any(|&(first, last)| (first..=last).contains(&number))
    }

    /// How many of `total` pages are selected.
    pub fn count(&self, total: u32) -> u32 {
        self.within(total).map(|(first, last)| last - first + 1).sum()
    }

    /// The selected ones of `total` pages, in ascending order.
    pub fn select(&self, total: u32) -> Vec<u32> {
        self.within(total).flat_map(|(first, last)| first..=last).collect()
    }

    fn within(&self, total: u32) -> impl Iterator<Item = (u32, u32)> {
        self.0
            .iter()
            .filter(move |&&(first, _)| first <= total)
            .map(move |&(first, last)| (first, last.min(total)))
    }
}

impl FromStr for PageSelection {
    type Err = InvalidSelection;

    fn from_str(text: &str) -> Result<Self, InvalidSelection> {
        let mut ranges = text
            .split(',')
            .take(MAX_RANGES + 1)
            .map(|part| range(part.trim()))
            .collect::<Result<Vec<_>, _>>()?;
        if ranges.len() > MAX_RANGES {
            return Err(InvalidSelection(format!(
                "more than {MAX_RANGES} page ranges; give fewer, longer ones"
            )));
        }
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(previous) if first <= previous.1.saturating_add(1) => {
                    previous.1 = previous.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Ok(Self(merged))
    }
}

/// One part between commas: `7`, `1-3` or `10-`.
fn range(part: &str) -> Result<(u32, u32), InvalidSelection> {
    let number = |text: &str| match text.trim().parse::<u32>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(InvalidSelection(format!(
            "{part:.20?} is not a page or a range of pages; pages are numbered from 1, \
             write them like 1-3,7,10-"
        ))),
    };
    let (first, last) = match part.split_once('-') {
        None => (number(part)?, number(part)?),
        Some((first, last)) if last.trim().is_empty() => (number(first)?, u32::MAX),
        Some((first, last)) => (number(first)?, number(last)?),
    };
    if first > last {
        return Err(InvalidSelection(format!("the page range {part} ends before it begins")));
    }
    Ok((first, last))
}

impl fmt::Display for PageSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, &(first, last)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match last {
                _ if first == last => write!(f, "{first}")?,
                u32::MAX => write!(f, "{first}-")?,
                _ => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for PageSelection {
    type Error = InvalidSelection;

    fn try_from(text: String) -> Result<Self, InvalidSelection> {
        text.parse()
    }
}

impl From<PageSelection> for String {
    fn from(pages: PageSelection) -> Self {
        pages.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_in_order_without_repeats() {
        let pages: PageSelection = " 10-, 1-3 ,7,2-4".parse().unwrap();
        assert_eq!(pages.to_string(), "1-4,7,10-");
        assert_eq!(pages.select(11), [1, 2, 3, 4, 7, 10, 11]);
        assert_eq!(pages.count(11), 7);
        assert_eq!(pages.select(0), [0u32; 0]);
        assert!(pages.contains(4) && !pages.contains(5) && pages.contains(u32::MAX));
        assert_eq!(pages.count(u32::MAX), u32::MAX - 4);
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, word) in [
            ("", "not a page"),
            ("0", "numbered from 1"),
            ("-3", "not a page"),
            ("1,,2", "not a page"),
            ("3-1", "ends before it begins"),
            ("1-2-3", "not a page"),
            ("99999999999", "not a page"),
            ("all", "1-3,7,10-"),
            (&"1,".repeat(2000), "1000"),
        ] {
            let error = text.parse::<PageSelection>().unwrap_err().to_string();
            assert!(error.contains(word), "{text:.20}: {error}");
        }
    }

    #[test]
    fn travels_as_a_string() {
        let pages: PageSelection = serde_json::from_str("\"1-3,7\"").unwrap();
        assert_eq!(serde_json::to_string(&pages).unwrap(), "\"1-3,7\"");
        assert!(serde_json::from_str::<PageSelection>("\"x\"").is_err());
    }
}
