//! What a fetched document is called. Enters: a header and a URL, both written
//! by strangers. Leaves: a name, which is still to be cleaned like any other.
//! Own code, since the precedence that RFC 6266 gives to `filename*` is lost in
//! parsers that are made for mail.

use percent_encoding::percent_decode_str;
use url::Url;

/// The name in `Content-Disposition` (RFC 6266), or the last part of the URL's
/// path; empty where neither has one.
pub fn of(disposition: Option<&[u8]>, url: &Url) -> String {
    disposition.and_then(in_header).or_else(|| in_path(url)).unwrap_or_default()
}

fn in_path(url: &Url) -> Option<String> {
    let last = url.path_segments()?.next_back()?;
    let name = percent_decode_str(last).decode_utf8_lossy().into_owned();
    (!name.trim().is_empty()).then_some(name)
}

fn in_header(value: &[u8]) -> Option<String> {
    // Not by the standard, and common: raw UTF-8.
    let value = String::from_utf8_lossy(value);
    let (mut plain, mut extended) = (None, None);
    for (name, value) in Parameters(value.split_once(';')?.1) {
        if name.eq_ignore_ascii_case("filename*") {
            extended = extended.or_else(|| decoded(&value));
        } else if name.eq_ignore_ascii_case("filename") {
            plain = plain.or(Some(value));
        }
    }
    extended.or(plain).filter(|name| !name.trim().is_empty())
}

/// `UTF-8''na%C3%AFve.pdf` (RFC 8187).
fn decoded(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    let bytes = percent_decode_str(encoded);
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => bytes.decode_utf8().ok().map(Into::into),
        "iso-8859-1" => Some(bytes.map(char::from).collect()),
        _ => None,
    }
}

/// `; name=value; name="quoted \"value\""`, what is malformed passed over.
struct Parameters<'a>(&'a str);

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a str, String);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = self.0.split_once('=')?;
        // A parameter without a value stands before this one.
        let name = name.rsplit(';').next().unwrap_or_default().trim();
        let rest = rest.trim_start();
        let Some(quoted) = rest.strip_prefix('"') else {
            let (value, rest) = rest.split_once(';').unwrap_or((rest, ""));
            self.0 = rest;
            return Some((name, value.trim().to_owned()));
        };
        let (mut value, mut chars) = (String::new(), quoted.chars());
        loop {
            match chars.next() {
                None | Some('"') => break,
                Some('\\') => value.extend(chars.next()),
                Some(other) => value.push(other),
            }
        }
        self.0 = chars.as_str();
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_goes_before_the_url() {
        let url = Url::parse("https://host.example/a/from-url.pdf?x=/no.pdf#frag").unwrap();
        for (header, name) in [
            ("attachment; filename=plain.pdf", "plain.pdf"),
            ("attachment; filename=\"two words.pdf\"", "two words.pdf"),
            ("attachment; FileName = \"case.pdf\" ; size=3", "case.pdf"),
            (r#"inline; filename="a \"quoted\"; one.pdf""#, r#"a "quoted"; one.pdf"#),
            ("attachment; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.pdf", "naïve €.pdf"),
            ("attachment; filename*=iso-8859-1'en'na%EFve.pdf", "naïve.pdf"),
            // The extended form wins wherever it stands.
            ("attachment; filename=\"EUR.pdf\"; filename*=utf-8''%e2%82%ac.pdf", "€.pdf"),
            ("attachment; filename*=utf-8''%e2%82%ac.pdf; filename=\"EUR.pdf\"", "€.pdf"),
            ("attachment; filename*=utf-16''%00x; filename=good.pdf", "good.pdf"),
            ("attachment; filename*=broken; filename=good.pdf", "good.pdf"),
            ("attachment; flag; filename=good.pdf", "good.pdf"),
            ("attachment; filename=first.pdf; filename=second.pdf", "first.pdf"),
            ("attachment; filename=\"naïve.pdf\"", "naïve.pdf"),
            ("attachment; filename=\"never closed.pdf", "never closed.pdf"),
            ("attachment; filename=\"\"", "from-url.pdf"),
            ("attachment", "from-url.pdf"),
            ("filename=no-type.pdf", "from-url.pdf"),
            ("", "from-url.pdf"),
        ] {
            assert_eq!(of(Some(header.as_bytes()), &url), name, "{header}");
        }
    }

    #[test]
    fn the_last_part_of_the_path_names_it() {
        for (url, name) in [
            ("https://host.example/a/b%20c.pdf", "b c.pdf"),
            ("https://host.example/a/%E2%82%AC.pdf?q=1", "€.pdf"),
            ("https://host.example/a/", ""),
            ("https://host.example", ""),
            ("https://host.example/%20", ""),
            // Cleaned later, like every name: what is left is `passwd`.
            ("https://host.example/..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"),
        ] {
            assert_eq!(of(None, &Url::parse(url).unwrap()), name, "{url}");
        }
    }

    #[test]
    fn nothing_that_a_server_sends_breaks_it() {
        for header in
            ["\u{0}=;==\"\\", "a; =", "a;\"", "a; filename=\"\\", ";;;===", "a; filename*="]
        {
            let _ = in_header(header.as_bytes());
        }
        let _ = in_header(&[b'a', b';', 0xff, b'=', 0xfe]);
    }
}
