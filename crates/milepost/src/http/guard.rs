//! Which web pages a request may come from. Without authentication a page elsewhere
//! could make a browser send requests here under our name (a foreign `Origin`) or
//! under a name of its own that was rebound to a loopback address (a foreign `Host`);
//! with it, it could use the session's cookie. All are refused.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::uri::Scheme;

use super::problem::{Code, Problem};

/// The origins that the configuration allows.
#[derive(Clone)]
pub struct Origins(Arc<[String]>);

impl Origins {
    /// Exactly these, besides our own.
    pub fn new(origins: &[String]) -> Self {
        Self(origins.iter().map(|o| o.trim_end_matches('/').to_ascii_lowercase()).collect())
    }
}

/// Refuses what a foreign web page may have caused. `local` says that there is no
/// authentication, and so only loopback names.
///
/// # Errors
/// `forbidden`.
pub fn origin(request: &Parts, origins: &Origins, local: bool) -> Result<(), Problem> {
    let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
    // HTTP/2 carries the name in the request's target.
    let authority = request.uri.authority().map(|authority| authority.as_str());
    let host = header(HOST).or(authority).unwrap_or_default();
    // Where both are there, neither may be another's.
    if local && !(is_loopback(host) && authority.is_none_or(is_loopback)) {
        return Err(Problem::new(
            Code::Forbidden,
            "Without authentication this server answers only under a loopback name such as \
             localhost or 127.0.0.1.",
        ));
    }
    if !request.headers.contains_key(ORIGIN) {
        return Ok(());
    }
    let origin = header(ORIGIN).unwrap_or_default().to_ascii_lowercase();
    // The door says so where the connection is encrypted. Where it is not, a proxy may
    // have encrypted it before.
    let schemes: &[_] = match request.extensions.get::<Scheme>() {
        Some(_) => &["https://"],
        None => &["http://", "https://"],
    };
    let one = request.headers.get_all(ORIGIN).iter().count() == 1 && !host.is_empty();
    let own = schemes.iter().any(|scheme| {
        origin.strip_prefix(scheme).is_some_and(|name| name.eq_ignore_ascii_case(host))
    });
    if one && (own || origins.0.contains(&origin)) {
        return Ok(());
    }
    Err(Problem::new(
        Code::Forbidden,
        "Pages of this origin may not use this server; add it to `origins` in the configuration.",
    ))
}

/// Whether a browser says that a page of another site sent this. Such a request with
/// an `Origin` does not come so far; this is for those without.
pub fn sent_by_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    !headers.contains_key(ORIGIN)
        && site.is_some_and(|site| !["same-origin", "none"].contains(&site))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let bare = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
    bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_loopback_names_pass() {
        for host in
            ["localhost", "LOCALHOST:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:8080", "[::1]"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["", "localhost.evil.example", "10.0.0.1", "evil.example:8080", "[::2]", "::1:x"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
