//! Small files that stand for a huge table.
//!
//! Enters: a part of an Office or OpenDocument file, or a CSV file. Leaves: an
//! error where its repeat counts, spans and widest row ask for more cells or
//! spaces than any document has: whoever builds them would run out of memory.
//! It never keeps what it reads.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::error::{Error, ErrorKind};

/// Cells that a sheet may span up to its last one with content.
const MAX_CELLS: u64 = 10_000_000;
/// Columns that one cell may span.
const MAX_SPAN: u64 = 1_000;
/// Spaces that may be written as a number.
const MAX_SPACES: u64 = 1_000_000;

/// Whether a part of this name is one where repeats and spans are written.
pub(super) fn may_expand(name: &str) -> bool {
    name == "content.xml"
        || name == "styles.xml"
        || (name.starts_with("word/") && name.ends_with(".xml"))
        || (name.starts_with("xl/worksheets/") && name.ends_with(".xml"))
}

/// How far a sheet reaches, counted in the order of its rows.
#[derive(Default)]
struct Sheet {
    /// Rows and columns up to the last cell with content.
    rows: u64,
    columns: u64,
    /// Rows that precede the present one, and how often it repeats.
    before: u64,
    repeats: u64,
    /// Columns that precede the present cell in its row.
    column: u64,
}

/// Reads one part and adds up what it asks for.
pub(super) fn check(part: impl BufRead) -> Result<(), Error> {
    let mut reader = Reader::from_reader(part);
    reader.config_mut().check_end_names = false;
    let mut buffer = Vec::new();
    let mut sheet = Sheet::default();
    let mut used: Option<Area> = None;
    let mut merged = 0u64;
    let mut spaces = 0u64;
    loop {
        let (element, empty) = match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(element)) => (element, false),
            Ok(Event::Empty(element)) => (element, true),
            // Damaged XML is for its own reader to refuse.
            Ok(Event::Eof) | Err(_) => return Ok(()),
            Ok(_) => {
                buffer.clear();
                continue;
            }
        };
        match element.local_name().as_ref() {
            b"table" => sheet = Sheet::default(),
            b"table-row" => {
                sheet.before += sheet.repeats;
                sheet.repeats = number(&element, b"number-rows-repeated").unwrap_or(1);
                sheet.column = 0;
            }
            b"table-cell" | b"covered-table-cell" => {
                let repeats = number(&element, b"number-columns-repeated").unwrap_or(1);
                sheet.column = sheet.column.saturating_add(repeats);
                if !empty {
                    sheet.columns = sheet.columns.max(sheet.column);
                    sheet.rows = sheet.before.saturating_add(sheet.repeats);
                }
                let spanned = number(&element, b"number-columns-spanned").unwrap_or(1);
                let rows = number(&element, b"number-rows-spanned").unwrap_or(1);
                sheet.refuse_above(spanned.saturating_mul(rows))?;
            }
            b"c" => {
                if let Some(cell) = attribute(&element, b"r", Area::parse) {
                    let area = used.map_or(cell, |area| area.with(cell));
                    sheet.refuse_above(area.cells())?;
                    used = Some(area);
                }
            }
            b"mergeCell" => {
                let cells = attribute(&element, b"ref", Area::parse).map_or(0, Area::cells);
                merged = merged.saturating_add(cells);
                sheet.refuse_above(merged)?;
            }
            b"gridSpan" if number(&element, b"val").is_some_and(|span| span > MAX_SPAN) => {
                return Err(too_many_cells());
            }
            b"s" => {
                spaces = spaces.saturating_add(number(&element, b"c").unwrap_or(0));
                if spaces > MAX_SPACES {
                    return Err(Error::new(
                        ErrorKind::TooLarge,
                        format!(
                            "The document holds more than the {MAX_SPACES} repeated spaces that \
                             this server allows."
                        ),
                    ));
                }
            }
            _ => {}
        }
        sheet.refuse_above(0)?;
        buffer.clear();
    }
}

/// Refuses a CSV file whose rows, each filled up to the widest, make too many
/// cells.
pub(crate) fn check_table(csv: &[u8]) -> Result<(), Error> {
    let mut widest = [0u64; 3];
    let mut width = [0u64; 3];
    let mut rows = 1u64;
    let mut quoted = false;
    for byte in csv {
        match byte {
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b',' => width[0] += 1,
            b';' => width[1] += 1,
            b'\t' => width[2] += 1,
            b'\n' => {
                rows += 1;
                for (widest, width) in widest.iter_mut().zip(&mut width) {
                    *widest = (*widest).max(std::mem::take(width));
                }
            }
            _ => {}
        }
    }
    let columns = widest.into_iter().chain(width).max().unwrap_or(0) + 1;
    if rows.saturating_mul(columns) > MAX_CELLS {
        return Err(too_many_cells());
    }
    Ok(())
}

impl Sheet {
    fn refuse_above(&self, span: u64) -> Result<(), Error> {
        if self.rows.saturating_mul(self.columns) > MAX_CELLS || span > MAX_CELLS {
            return Err(too_many_cells());
        }
        Ok(())
    }
}

fn too_many_cells() -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!(
            "The document holds a table with more than the {MAX_CELLS} cells, or a cell with more \
             than the {MAX_SPAN} columns, that this server allows."
        ),
    )
}

/// An attribute's number, by its local name.
fn number(element: &BytesStart<'_>, name: &[u8]) -> Option<u64> {
    attribute(element, name, |value| value.trim().parse().ok())
}

/// What an attribute, by its local name, says.
fn attribute<T>(
    element: &BytesStart<'_>,
    name: &[u8],
    read: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    element
        .attributes()
        .with_checks(false)
        .flatten()
        .find(|attribute| attribute.key.local_name().as_ref() == name)
        .and_then(|attribute| read(std::str::from_utf8(&attribute.value).ok()?))
}

/// Cells of a workbook's sheet, from the first to the last row and column.
#[derive(Clone, Copy)]
struct Area {
    rows: (u64, u64),
    columns: (u64, u64),
}

impl Area {
    /// Reads `B7` or `A1:XFD1048576` (ECMA-376-1, 18.18.62).
    fn parse(text: &str) -> Option<Self> {
        let mut cells = text.splitn(2, ':').map(|cell| {
            let letters = cell.bytes().take_while(u8::is_ascii_alphabetic).count();
            let column = cell[..letters].bytes().fold(0u64, |column, letter| {
                column
                    .saturating_mul(26)
                    .saturating_add(u64::from(letter.to_ascii_uppercase() - b'A') + 1)
            });
            Some((cell[letters..].parse::<u64>().ok()?, column))
        });
        let (row, column) = cells.next()??;
        let (last_row, last_column) = cells.next().unwrap_or(Some((row, column)))?;
        Some(Self { rows: (row, last_row), columns: (column, last_column) })
    }

    fn with(self, other: Self) -> Self {
        let join = |a: (u64, u64), b: (u64, u64)| (a.0.min(b.0), a.1.max(b.1));
        Self { rows: join(self.rows, other.rows), columns: join(self.columns, other.columns) }
    }

    fn cells(self) -> u64 {
        let length = |(first, last): (u64, u64)| last.saturating_sub(first).saturating_add(1);
        length(self.rows).saturating_mul(length(self.columns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(xml: &str) -> Option<ErrorKind> {
        check(xml.as_bytes()).err().map(|error| error.kind)
    }

    #[test]
    fn empty_margins_are_fine_and_filled_ones_are_not() {
        let rows = |cell: &str| {
            format!(
                r#"<t:table><t:table-row t:number-rows-repeated="1048576">{cell}</t:table-row></t:table>"#
            )
        };
        let empty = rows(r#"<t:table-cell t:number-columns-repeated="16384"/>"#);
        let full =
            rows(r#"<t:table-cell t:number-columns-repeated="16384"><p>x</p></t:table-cell>"#);
        assert_eq!(kind(&empty), None);
        assert_eq!(kind(&full), Some(ErrorKind::TooLarge));
    }

    #[test]
    fn a_csv_is_as_wide_as_its_widest_row() {
        let wide = ",".repeat(10_000);
        assert!(check_table(format!("{wide}\n{}", "b\n".repeat(900)).as_bytes()).is_ok());
        assert!(check_table(format!("{wide}\n{}", "b\n".repeat(1_100)).as_bytes()).is_err());
        let said = format!("\"{wide}\"\n{}", "b\n".repeat(1_100));
        assert!(check_table(said.as_bytes()).is_ok());
    }

    #[test]
    fn spans_and_spaces_have_limits() {
        assert_eq!(kind(r#"<w:gridSpan w:val="4"/>"#), None);
        let wide = r#"<w:gridSpan w:val="2147483647"/>"#;
        assert_eq!(kind(wide), Some(ErrorKind::TooLarge));
        assert_eq!(kind(r#"<text:s text:c="3"/>"#), None);
        let long = r#"<text:s text:c="2147483647"/>"#;
        assert_eq!(kind(long), Some(ErrorKind::TooLarge));
    }

    #[test]
    fn a_workbook_is_measured_from_its_first_cell_to_its_last() {
        assert_eq!(Area::parse("B7").map(Area::cells), Some(1));
        assert_eq!(Area::parse("a1:C4").map(Area::cells), Some(12));
        assert!(Area::parse("7").is_some_and(|area| area.cells() == 1));
        assert!(Area::parse("é1").is_none() && Area::parse("A").is_none());
        assert_eq!(kind(r#"<c r="A1"/><c r="C9"/>"#), None);
        let far = r#"<c r="A1"/><c r="XFD1048576"/>"#;
        assert_eq!(kind(far), Some(ErrorKind::TooLarge));
        let merged = r#"<mergeCell ref="A1:XFD1048576"/>"#;
        assert_eq!(kind(merged), Some(ErrorKind::TooLarge));
    }
}
