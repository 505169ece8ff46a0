//! Finds the session cookie. Enters: a request's headers. Leaves: the token or
//! session in it. Never: verifies one.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use cookie::Cookie;

use super::Reason;
use super::nextauth::{COOKIES, NEWER_COOKIES};

/// Parts of one session. A browser keeps 4 KiB in each.
const MAX_PARTS: usize = 8;
/// All parts together; servers rarely take longer headers.
const MAX_SESSION: usize = 16 * 1024;

/// What was found in a cookie.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A JSON Web Token.
    Token(String),
    /// A session of NextAuth.
    Session(String),
}

/// Looks into the cookies of these `names`, then, where `nextauth` is set, into
/// those of NextAuth. The first that is there decides.
pub fn find(
    headers: &HeaderMap,
    names: &[String],
    nextauth: bool,
) -> Option<Result<Found, Reason>> {
    let jar = Jar::read(headers);
    for name in names {
        if let Some(found) = jar.one(name).transpose() {
            return Some(found.map(|token| Found::Token(token.to_owned())));
        }
    }
    if !nextauth {
        return None;
    }
    if let Some(found) = COOKIES.iter().find_map(|name| jar.whole(name).transpose()) {
        return Some(found.map(Found::Session));
    }
    let newer = NEWER_COOKIES.iter().any(|name| jar.has(name));
    newer.then_some(Err(Reason::NewerSession))
}

/// The value of one cookie.
///
/// # Errors
/// Where it comes twice, and not with the same value.
pub fn value(headers: &HeaderMap, name: &str) -> Result<Option<String>, Reason> {
    Ok(Jar::read(headers).one(name)?.map(str::to_owned))
}

/// A request's cookies: for each name its different values.
struct Jar(BTreeMap<String, Vec<String>>);

impl Jar {
    fn read(headers: &HeaderMap) -> Self {
        let mut jar = BTreeMap::<String, Vec<String>>::new();
        for line in headers.get_all(header::COOKIE) {
            // Another site's cookie may hold any bytes; it must not hide ours.
            let line = String::from_utf8_lossy(line.as_bytes());
            for cookie in Cookie::split_parse(line).flatten() {
                // An empty one is what a sign-out leaves behind.
                let value = cookie.value_trimmed();
                let values = jar.entry(cookie.name().to_owned()).or_default();
                // Two are as bad as a thousand, and sooner compared.
                let known = values.len() > 1 || values.iter().any(|known| known == value);
                if !value.is_empty() && !known {
                    values.push(value.to_owned());
                }
            }
        }
        jar.retain(|_, values| !values.is_empty());
        Self(jar)
    }

    /// The value of a cookie. Two different ones mean that somebody, perhaps
    /// another host of the domain, slipped in a session of their own.
    fn one(&self, name: &str) -> Result<Option<&str>, Reason> {
        match self.0.get(name).map(Vec::as_slice) {
            None => Ok(None),
            Some([value]) => Ok(Some(value)),
            Some(_) => Err(Reason::CookieTwice),
        }
    }

    /// A value that may be split over `name.0`, `name.1`, …
    fn whole(&self, name: &str) -> Result<Option<String>, Reason> {
        let whole = match self.one(name)? {
            Some(value) => value.to_owned(),
            None => {
                let mut numbers: Vec<usize> = self.parts(name).collect();
                numbers.sort_unstable();
                if numbers.is_empty() {
                    return Ok(None);
                }
                if numbers.len() > MAX_PARTS || numbers.iter().copied().ne(0..numbers.len()) {
                    return Err(Reason::Parts);
                }
                let parts = numbers.iter().map(|number| self.one(&format!("{name}.{number}")));
                parts.map(|part| part.map(Option::unwrap_or_default)).collect::<Result<_, _>>()?
            }
        };
        if whole.len() > MAX_SESSION { Err(Reason::Parts) } else { Ok(Some(whole)) }
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name) || self.parts(name).next().is_some()
    }

    /// Numbers of the parts of `name`.
    fn parts(&self, name: &str) -> impl Iterator<Item = usize> {
        self.0.keys().filter_map(move |known| {
            let ending = known.strip_prefix(name)?.strip_prefix('.')?;
            let number: usize = ending.parse().ok()?;
            // One spelling only: `.00` and `.+0` are no parts.
            (number.to_string() == ending).then_some(number)
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn look(lines: &[&str]) -> Option<Result<Found, Reason>> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        find(&headers, &["first".to_owned(), "second".to_owned()], true)
    }

    fn token(text: &str) -> Option<Result<Found, Reason>> {
        Some(Ok(Found::Token(text.to_owned())))
    }

    fn session(text: &str) -> Option<Result<Found, Reason>> {
        Some(Ok(Found::Session(text.to_owned())))
    }

    #[test]
    fn the_first_of_the_names_decides() {
        assert_eq!(look(&[]), None);
        assert_eq!(look(&["other=1; theme=dark"]), None);
        assert_eq!(look(&["second=b; first=a"]), token("a"));
        assert_eq!(look(&["second=b", "first=a"]), token("a"));
        assert_eq!(look(&["next-auth.session-token=s; second=b"]), token("b"));
        assert_eq!(look(&["first=\"a\""]), token("a"));
        assert_eq!(look(&["first=; second=b"]), token("b"));
        assert_eq!(look(&["next-auth.session-token=s"]), session("s"));
        let both = "next-auth.session-token=s; __Secure-next-auth.session-token=t";
        assert_eq!(look(&[both]), session("t"));
    }

    #[test]
    fn others_cookies_do_not_hide_ours() {
        assert_eq!(look(&["café=é; ;; =x; nothing; first=a"]), token("a"));
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_bytes(b"x=\xff\xfe; first=a").unwrap());
        assert_eq!(find(&headers, &["first".to_owned()], false), token("a"));
    }

    #[test]
    fn two_values_are_nobodys() {
        assert_eq!(look(&["first=a; first=b"]), Some(Err(Reason::CookieTwice)));
        assert_eq!(look(&["first=a", "first=a"]), token("a"));
        let part = "next-auth.session-token.0=a; next-auth.session-token.0=b";
        assert_eq!(look(&[part]), Some(Err(Reason::CookieTwice)));
    }

    #[test]
    fn parts_are_joined_by_their_numbers() {
        let line = |numbers: &[usize]| {
            let parts: Vec<String> =
                numbers.iter().map(|n| format!("next-auth.session-token.{n}={n}")).collect();
            parts.join("; ")
        };
        assert_eq!(look(&[&line(&[2, 0, 1])]), session("012"));
        assert_eq!(look(&[&line(&[0, 1, 2, 3, 4, 5, 6, 7])]), session("01234567"));
        for wrong in [&[1][..], &[0, 2], &[0, 1, 2, 3, 4, 5, 6, 7, 8], &[usize::MAX]] {
            assert_eq!(look(&[&line(wrong)]), Some(Err(Reason::Parts)), "{wrong:?}");
        }
        assert_eq!(look(&["next-auth.session-token.00=a"]), None);
        let long = format!("next-auth.session-token={}", "x".repeat(MAX_SESSION + 1));
        assert_eq!(look(&[&long]), Some(Err(Reason::Parts)));
    }

    #[test]
    fn a_newer_session_is_told_apart() {
        for name in ["authjs.session-token", "__Secure-authjs.session-token.0"] {
            let line = format!("{name}=x");
            assert_eq!(look(&[&line]), Some(Err(Reason::NewerSession)), "{name}");
        }
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("authjs.session-token=x"));
        assert_eq!(find(&headers, &[], false), None, "where there is no NextAuth");
    }
}
