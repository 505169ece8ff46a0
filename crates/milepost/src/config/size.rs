//! Sizes as they are printed.

use bytesize::ByteSize;

/// As the largest unit that says it exactly: what is printed must read back.
pub fn exact_size<S: serde::Serializer>(size: &ByteSize, serializer: S) -> Result<S::Ok, S::Error> {
    let bytes = size.as_u64();
    let units = [
        (1 << 30, "GiB"),
        (1_000_000_000, "GB"),
        (1 << 20, "MiB"),
        (1_000_000, "MB"),
        (1 << 10, "KiB"),
    ];
    let exact = units.into_iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit));
    let (unit, name) = exact.unwrap_or((1, "B"));
    serializer.collect_str(&format_args!("{}{name}", bytes / unit))
}
