//! Text for people and terminals. Enters: what servers and users wrote. Leaves:
//! text that is safe and fits. Never: changes what is piped to a program.

use std::borrow::Cow;

/// One line without control characters, nor those that turn the direction of
/// writing: a file's name must not be able to move the cursor or to look like
/// another name.
pub fn clean(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\r' | '\t' => Some(' '),
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' => None,
            '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}' => None,
            c if c.is_control() => None,
            c => Some(c),
        })
        .collect()
}

/// At most `width` terminal columns.
pub fn clip(text: &str, width: usize) -> Cow<'_, str> {
    console::truncate_str(text, width, "…")
}

/// Exactly `width` terminal columns, as far as the characters allow it.
pub fn fit(text: &str, width: usize) -> String {
    let clipped = clip(text, width);
    let missing = width.saturating_sub(console::measure_text_width(&clipped));
    format!("{clipped}{}", " ".repeat(missing))
}

/// A span of time in its largest unit or two: `18 s`, `3 min 5 s`, `2 h 10 min`, `4 d`.
pub fn span(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let pair = |big: u64, big_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{big} {big_unit}"),
        _ => format!("{big} {big_unit} {small} {small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => pair(minutes, "min", seconds % 60, "s"),
        3600..86_400 => pair(hours, "h", minutes % 60, "min"),
        _ => pair(hours / 24, "d", hours % 24, "h"),
    }
}

/// A span of time in its largest unit: `18 s`, `3 min`, `2 h`, `4 d`.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Removes control characters from bytes that go to a terminal, wherever they
/// were cut into chunks. Line ends and tabs stay.
#[derive(Debug, Default)]
pub struct Scrubber {
    /// 0xC2 opens the two bytes of U+0080 to U+009F, terminal controls too.
    after_c2: bool,
}

impl Scrubber {
    /// The next chunk without its controls.
    pub fn scrub(&mut self, chunk: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(chunk.len() + 1);
        for &byte in chunk {
            if std::mem::take(&mut self.after_c2) {
                if (0x80..=0x9f).contains(&byte) {
                    continue;
                }
                out.push(0xc2);
            }
            match byte {
                0xc2 => self.after_c2 = true,
                b'\n' | b'\t' => out.push(byte),
                0..0x20 | 0x7f => {}
                _ => out.push(byte),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_leaves_one_harmless_line() {
        assert_eq!(clean("a\u{1b}[31mb\nc\u{9b}d\u{7f}\u{202e}e ü"), "a[31mb cde ü");
    }

    #[test]
    fn fit_counts_columns_not_characters() {
        assert_eq!(fit("論文", 6), "論文  ");
        assert_eq!(fit("abcdef", 4), "abc…");
    }

    #[test]
    fn spans_have_at_most_two_units() {
        let spans = [0, 59, 60, 185, 3600, 7800, 86_400, 90_000].map(span);
        assert_eq!([59, 185, 7800, 90_000].map(age), ["59 s", "3 min", "2 h", "1 d"]);
        assert_eq!(
            spans,
            ["0 s", "59 s", "1 min", "3 min 5 s", "1 h", "2 h 10 min", "1 d", "1 d 1 h"]
        );
    }

    #[test]
    fn the_scrubber_works_across_chunks() {
        let text = "ä\u{1b}[2J\u{9b}31m ©\tend\r\n".as_bytes();
        let expected = "ä[2J31m ©\tend\n".as_bytes();
        for cut in 0..=text.len() {
            let mut scrubber = Scrubber::default();
            let mut out = scrubber.scrub(&text[..cut]);
            out.extend(scrubber.scrub(&text[cut..]));
            assert_eq!(out, expected, "cut at {cut}");
        }
    }
}
