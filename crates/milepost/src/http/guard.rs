//! Who may talk to a server without authentication: programs on this machine,
//! and our own pages. A web page elsewhere can make a browser send requests
//! here, under our name (a foreign `Origin`) or under a name of its own that was
//! rebound to a loopback address (a foreign `Host`); both are refused.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
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

/// Refuses what a foreign web page may have caused.
///
/// # Errors
/// `forbidden`.
pub fn local_only(request: &Request, origins: &Origins) -> Result<(), Problem> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    // HTTP/2 carries the name in the request's target.
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let host = header(HOST).or(authority).unwrap_or_default();
    if !is_loopback(host) {
        return Err(Problem::new(
            Code::Forbidden,
            "Without authentication this server answers only under a loopback name such as \
             localhost or 127.0.0.1.",
        ));
    }
    if !request.headers().contains_key(ORIGIN) {
        return Ok(());
    }
    let origin = header(ORIGIN).unwrap_or_default().to_ascii_lowercase();
    // The door says so where the connection is encrypted.
    let scheme = request.extensions().get::<Scheme>().map_or("http", Scheme::as_str);
    let name = origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://"));
    let own = name.is_some_and(|name| name.eq_ignore_ascii_case(host));
    if own || origins.0.contains(&origin) {
        return Ok(());
    }
    Err(Problem::new(
        Code::Forbidden,
        "Pages of this origin may not use this server; add it to `origins` in the configuration.",
    ))
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
