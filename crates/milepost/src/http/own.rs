//! Under which origin a client reached this server. Enters: a request's head. Leaves:
//! scheme and host, for messages that have to be absolute. Never: believes a header of a
//! proxy that is not ours.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Scheme;

use crate::config::Proxy;

/// `https://milepost.example`, without a slash at its end; `None` where the request does
/// not say.
pub fn origin(request: &Parts, proxies: &[Proxy]) -> Option<String> {
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let ours = peer.is_some_and(|peer| proxies.iter().any(|p| p.contains(peer.to_canonical())));
    let header = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
    // Several proxies make a list, the first of which the client called.
    let forwarded = |name| header(name).filter(|_| ours)?.split(',').next().map(str::trim);
    let encrypted = request.extensions.get::<Scheme>().is_some()
        || forwarded("x-forwarded-proto") == Some("https");
    let authority = request.uri.authority().map(|authority| authority.as_str());
    let host = forwarded("x-forwarded-host").or(header(HOST.as_str())).or(authority)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-_[]".contains(&byte);
    let scheme = if encrypted { "https" } else { "http" };
    (!host.is_empty() && host.bytes().all(plain)).then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn only_our_proxies_say_how_they_were_called() {
        let ask = |peer: &str| {
            let request = Request::builder()
                .uri("/config")
                .header("host", "10.0.0.9:8080")
                .header("x-forwarded-proto", "https")
                .header("x-forwarded-host", "docs.example, inner.example")
                .extension(ConnectInfo(format!("{peer}:1").parse::<SocketAddr>().unwrap()));
            let (parts, ()) = request.body(()).unwrap().into_parts();
            origin(&parts, &[Proxy::try_from("10.0.0.1".to_owned()).unwrap()])
        };
        assert_eq!(ask("10.0.0.1").unwrap(), "https://docs.example");
        assert_eq!(ask("10.0.0.2").unwrap(), "http://10.0.0.9:8080");
    }

    #[test]
    fn a_name_that_is_none_is_not_repeated() {
        let request = Request::builder().header("host", "a\"b").body(()).unwrap();
        assert_eq!(origin(&request.into_parts().0, &[]), None);
    }
}
