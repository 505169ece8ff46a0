//! Stored content as an answer: validators, one range, streamed. Enters: a
//! content and the request's headers. Leaves: 200, 206, 304 or 416.

use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::problem::{Code, Problem};
use crate::query::Query;
use crate::store::Content;

/// What a browser may do with content that somebody else wrote: show it, and
/// nothing more.
const UNTRUSTED: &str = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// Answers with `content` as `media_type`, or the part of it that was asked for.
///
/// # Errors
/// Where the store fails before the first byte.
pub async fn respond(
    query: &Query,
    headers: &HeaderMap,
    content: &Content,
    media_type: &str,
) -> Result<Response, Problem> {
    let etag = format!("\"{}\"", content.sha256);
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let matches = |held: &str| {
        held.split(',').any(|one| one.trim() == "*" || one.trim().trim_start_matches("W/") == etag)
    };
    if text(header::IF_NONE_MATCH).is_some_and(matches) {
        return Ok(super::extract::not_modified(&etag));
    }
    // A range of something that has changed meanwhile would be a wrong part.
    let unchanged = text(header::IF_RANGE).is_none_or(|held| held == etag);
    let range = text(header::RANGE).filter(|_| unchanged);
    let (status, range) = match range.map(|range| part(range, content.bytes)) {
        None | Some(Part::Whole) => (StatusCode::OK, 0..content.bytes),
        Some(Part::Some(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(Part::Nothing) => {
            let size = format!("bytes */{}", content.bytes);
            let headers = [(header::CONTENT_RANGE, size)];
            let detail =
                format!("The content has {} bytes; the range lies behind them.", content.bytes);
            let problem = Problem::new(Code::RangeNotSatisfiable, detail);
            return Ok((headers, problem).into_response());
        }
    };
    let body = Body::from_stream(query.open(content, range.clone()).await?);
    let mut response = (status, body).into_response();
    let mut set = |name, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, media_type.to_owned());
    set(header::CONTENT_LENGTH, (range.end - range.start).to_string());
    set(header::ETAG, etag);
    set(header::ACCEPT_RANGES, "bytes".to_owned());
    set(header::CACHE_CONTROL, "private, no-cache".to_owned());
    set(header::VARY, "accept".to_owned());
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned());
    set(header::CONTENT_SECURITY_POLICY, UNTRUSTED.to_owned());
    if status == StatusCode::PARTIAL_CONTENT {
        let (first, last) = (range.start, range.end - 1);
        set(header::CONTENT_RANGE, format!("bytes {first}-{last}/{}", content.bytes));
    }
    Ok(response)
}

enum Part {
    Whole,
    Some(Range<u64>),
    Nothing,
}

/// One range is served; several at once, or nonsense, get the whole, as RFC 9110
/// allows.
fn part(header: &str, bytes: u64) -> Part {
    let Ok(parsed) = http_range_header::parse_range_header(header) else { return Part::Whole };
    if parsed.ranges.len() != 1 || runs_backwards(header) {
        return Part::Whole;
    }
    match parsed.validate(bytes) {
        Ok(ranges) => ranges
            .first()
            .map_or(Part::Nothing, |range| Part::Some(*range.start()..*range.end() + 1)),
        Err(_) => Part::Nothing,
    }
}

/// `9-2` is no range at all, and is ignored.
fn runs_backwards(header: &str) -> bool {
    let ends = header.split_once('=').and_then(|(_, range)| range.split_once('-'));
    let numbers = ends.and_then(|(first, last)| {
        Some((first.trim().parse::<u64>().ok()?, last.trim().parse::<u64>().ok()?))
    });
    numbers.is_some_and(|(first, last)| first > last)
}

/// Of `offered` media types, the one that an `Accept` header likes best; without
/// a header the first. `None` where it accepts none of them.
pub fn negotiate<'a>(accept: Option<&str>, offered: &[&'a str]) -> Option<&'a str> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else {
        return offered.first().copied();
    };
    let mut best: Option<(&str, f32)> = None;
    for &media_type in offered {
        let quality = quality(accept, media_type);
        if quality > 0.0 && best.is_none_or(|(_, other)| quality > other) {
            best = Some((media_type, quality));
        }
    }
    best.map(|(media_type, _)| media_type)
}

/// How much `accept` likes `media_type`, by its most specific range (RFC 9110).
fn quality(accept: &str, media_type: &str) -> f32 {
    let (kind, _) = media_type.split_once('/').unwrap_or((media_type, ""));
    let mut found = (0, 0.0);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let specific = match name.as_str() {
            "*/*" => 1,
            _ if name == format!("{kind}/*") => 2,
            _ if name == media_type => 3,
            _ => continue,
        };
        let weight = parts
            .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
            .map_or(1.0, |q| q.parse().unwrap_or(0.0));
        if specific > found.0 {
            found = (specific, weight);
        }
    }
    found.1
}

#[cfg(test)]
mod tests {
    use super::negotiate;

    const OFFERED: &[&str] = &["text/markdown", "application/json", "text/html", "text/plain"];

    #[test]
    fn the_best_accepted_type_wins() {
        for (accept, expected) in [
            (None, Some("text/markdown")),
            (Some("*/*"), Some("text/markdown")),
            (Some("text/html,application/xhtml+xml,*/*;q=0.8"), Some("text/html")),
            (Some("application/json"), Some("application/json")),
            (Some("text/*;q=0.5, application/json;q=0.9"), Some("application/json")),
            (Some("text/markdown;q=0, text/*"), Some("text/html")),
            (Some("image/png"), None),
        ] {
            assert_eq!(negotiate(accept, OFFERED), expected, "{accept:?}");
        }
    }
}
