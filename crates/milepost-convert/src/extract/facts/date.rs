//! Dates as documents write them.
//!
//! Enters: a date in one of many forms. Leaves: the same as ISO 8601, as precise as
//! it was; nothing where it cannot be read, or is what a program writes that has no
//! date. It never fills in what is not there.

/// Months, by the letters that tell them.
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// A date is not longer than this, in bytes.
const LONGEST: usize = 64;

/// The date as ISO 8601.
pub(super) fn normal(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() > LONGEST || !text.is_ascii() {
        return None;
    }
    let date = text.strip_prefix("D:").map_or_else(|| iso(text).or_else(|| words(text)), packed)?;
    // The beginnings of clocks, and what much used templates have.
    let unset = [
        "2013-12-23T23:15:00Z",
        "2013-01-27T09:14:16Z",
        "1601-01-01",
        "1970-01-01",
        "1904-01-01",
        "1899-12-3",
        "1980-01-01T00:00:00",
    ];
    (!unset.iter().any(|unset| date.starts_with(unset))).then_some(date)
}

/// `20250303093000+01'00'`, as PDF has it.
fn packed(text: &str) -> Option<String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let part = |from: usize, to: usize| text.get(from..to).filter(|_| to <= digits);
    let year = part(0, 4)?;
    let mut date = day(year, part(4, 6), part(6, 8))?;
    if let (10, Some(hour), Some(minute)) = (date.len(), part(8, 10), part(10, 12)) {
        let zone: String = text[digits..].chars().filter(|c| *c != '\'').collect();
        let zone = match zone.len() {
            5 => format!("{}:{}", &zone[..3], &zone[3..]),
            3 => format!("{zone}:00"),
            _ => zone,
        };
        date += &clock(hour, minute, part(12, 14), &zone).unwrap_or_default();
    }
    Some(date)
}

/// `2025-03-03T09:30:00.000Z` and what is left of it; `2025/03/03 09:30`.
fn iso(text: &str) -> Option<String> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) {
        return packed(date);
    }
    let mut parts = date.split(['-', '/']);
    let year = parts.next().filter(|year| year.len() == 4)?;
    let (month, of_month) = (parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let mut date = day(year, month, of_month)?;
    if let (10, Some(time)) = (date.len(), time) {
        let zone = time.find(['Z', '+', '-', ' ']).unwrap_or(time.len());
        let mut parts = time[..zone].split(':');
        if let (Some(hour), Some(minute)) = (parts.next(), parts.next()) {
            let second = parts.next().map(|second| second.split('.').next().unwrap_or_default());
            date += &clock(hour, minute, second, time[zone..].trim()).unwrap_or_default();
        }
    }
    Some(date)
}

/// `Mon, 3 March 2025`, `March 3, 2025`, `Mar 2025`.
fn words(text: &str) -> Option<String> {
    let (mut year, mut month, mut of_month) = (None, None, None);
    for word in text.split([' ', ',', '-', '.']).filter(|word| !word.is_empty()) {
        let lower = word.to_ascii_lowercase();
        let named = MONTHS.iter().position(|name| lower.starts_with(name));
        let number = word.trim_end_matches("st").trim_end_matches("nd");
        let number = number.trim_end_matches("rd").trim_end_matches("th");
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        match number.len() {
            1 | 2 if digits && of_month.is_none() => of_month = Some(number.to_owned()),
            4 if digits && year.is_none() => year = Some(number.to_owned()),
            _ if named.is_some() && month.is_none() => {
                month = named.map(|place| format!("{:02}", place + 1));
            }
            _ => {}
        }
    }
    match (&month, of_month) {
        (None, _) => None,
        (_, of_month) => day(&year?, month.as_deref(), of_month.as_deref()),
    }
}

fn day(year: &str, month: Option<&str>, day: Option<&str>) -> Option<String> {
    let number = |text: &str| text.parse::<u32>().ok();
    number(year).filter(|year| (1000..3000).contains(year))?;
    let Some(month) = month.and_then(number).filter(|month| (1..=12).contains(month)) else {
        return Some(year.to_owned());
    };
    let day = day.map(|day| &day[..day.len().min(2)]).and_then(number);
    Some(match day.filter(|day| (1..=31).contains(day)) {
        Some(day) => format!("{year}-{month:02}-{day:02}"),
        None => format!("{year}-{month:02}"),
    })
}

/// A time of day with its zone, where that is one.
fn clock(hour: &str, minute: &str, second: Option<&str>, zone: &str) -> Option<String> {
    let number = |text: &str, most: u32| text.parse::<u32>().ok().filter(|n| *n <= most);
    let (hour, minute) = (number(hour, 23)?, number(minute, 59)?);
    let second = second.and_then(|second| number(second, 60));
    let second = second.map(|second| format!(":{second:02}")).unwrap_or_default();
    let zone = match zone.as_bytes() {
        [b'Z', ..] => "Z",
        [b'+' | b'-', _, _, b':', _, _] => zone,
        _ => "",
    };
    Some(format!("T{hour:02}:{minute:02}{second}{zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_as_precise_as_they_were() {
        for (written, iso) in [
            ("D:20250303093000+01'00'", "2025-03-03T09:30:00+01:00"),
            ("D:20250303093000Z", "2025-03-03T09:30:00Z"),
            ("D:2025", "2025"),
            ("D:202513", "2025"),
            ("2025-03-03T09:30:00.123Z", "2025-03-03T09:30:00Z"),
            ("2025-03-03T09:30", "2025-03-03T09:30"),
            ("2025-03-03 09:30:00 +0100", "2025-03-03T09:30:00"),
            ("2025/3/3", "2025-03-03"),
            ("2025-03", "2025-03"),
            ("2025", "2025"),
            ("20250303", "2025-03-03"),
            ("3 March 2025", "2025-03-03"),
            ("March 3rd, 2025", "2025-03-03"),
            ("Mon, 03 Mar 2025 09:30:00 +0000", "2025-03-03"),
            ("Sept. 1998", "1998-09"),
        ] {
            assert_eq!(normal(written).as_deref(), Some(iso), "{written}");
        }
        for written in
            ["", "yesterday", "D:", "1970-01-01T00:00:00Z", "99", "1/2/3", "é", "0000-01-01"]
        {
            assert_eq!(normal(written), None, "{written}");
        }
    }
}
