//! How often something may happen. Enters: a text such as `6000/min`. Leaves: a
//! number and a time, or none. Never: a rate that lets nothing through.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// So many at once, refilled evenly over `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many.
    pub count: NonZeroU32,
    /// In how long; a second, a minute or an hour.
    pub per: Duration,
}

/// A limit on how often something happens, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(pub Option<Quota>);

const UNITS: [(&str, u64); 3] = [("s", 1), ("min", 60), ("h", 3600)];

impl Rate {
    /// `count` in a minute; 0 is no limit.
    pub const fn per_minute(count: u32) -> Self {
        Self::new(count, 60)
    }

    /// `count` in a second; 0 is no limit.
    pub const fn per_second(count: u32) -> Self {
        Self::new(count, 1)
    }

    const fn new(count: u32, secs: u64) -> Self {
        match NonZeroU32::new(count) {
            Some(count) => Self(Some(Quota { count, per: Duration::from_secs(secs) })),
            None => Self(None),
        }
    }
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let trimmed = text.trim();
        if matches!(trimmed, "0" | "off") {
            return Ok(Self(None));
        }
        let read = || {
            let (count, unit) = trimmed.split_once('/')?;
            let (_, secs) = UNITS.into_iter().find(|(name, _)| *name == unit.trim())?;
            Some(Self::new(count.trim().parse().ok()?, secs))
        };
        read().ok_or_else(|| {
            format!("`{text}` is no rate; write it like `50/s`, `6000/min` or `100/h`, or `off`")
        })
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Quota { count, per }) = self.0 else { return f.write_str("off") };
        let unit = UNITS.into_iter().find(|(_, secs)| *secs == per.as_secs());
        write!(f, "{count}/{}", unit.map_or("s", |(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_reads_back_as_it_is_written() {
        for text in ["50/s", "6000/min", "1/h", "off"] {
            assert_eq!(Rate::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        for (text, rate) in
            [("0", Rate(None)), ("0/s", Rate(None)), (" 60 / min ", Rate::per_minute(60))]
        {
            assert_eq!(Rate::try_from(text.to_owned()), Ok(rate), "{text}");
        }
        for wrong in ["", "60", "/s", "60/", "60/day", "-1/s", "1.5/s", "5000000000/s", "none"] {
            assert!(Rate::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
