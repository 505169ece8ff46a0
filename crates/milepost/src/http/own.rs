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
    let header = request.headers.get(HOST).and_then(|value| value.to_str().ok());
    let authority = request.uri.authority().map(|authority| authority.as_str());
    let host = forwarded(request, proxies, "x-forwarded-host").or(header).or(authority)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-_[]".contains(&byte);
    let scheme = if is_encrypted(request, proxies) { "https" } else { "http" };
    (!host.is_empty() && host.bytes().all(plain)).then(|| format!("{scheme}://{host}"))
}

/// Whether the client came over TLS, to this server or to a proxy of ours.
pub fn is_encrypted(request: &Parts, proxies: &[Proxy]) -> bool {
    request.extensions.get::<Scheme>().is_some()
        || forwarded(request, proxies, "x-forwarded-proto") == Some("https")
}

/// What a proxy of ours says; of several the first, which the client called.
fn forwarded<'a>(request: &'a Parts, proxies: &[Proxy], name: &str) -> Option<&'a str> {
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    let header = request.headers.get(name).and_then(|value| value.to_str().ok());
    let ours = proxies.iter().any(|proxy| proxy.contains(peer));
    header.filter(|_| ours)?.split(',').next().map(str::trim)
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
