//! Where a request says who sends it. Enters: a request's head. Leaves: the credential
//! that counts, where there is one. Never: takes one from a place where it would be
//! written down.

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use percent_encoding::percent_decode_str;

use crate::access::Refused;

/// In a WebSocket handshake, before the token: browsers can set no header there.
const BEARER_PROTOCOL: &str = "milepost.bearer.";
/// What others put credentials into, and what is then in every log on the way.
const REFUSED_PARAMETERS: &[&str] =
    &["access_token", "api_key", "apikey", "authorization", "bearer", "jwt", "session"];

/// So many hexadecimal digits behind `mp_` are no word.
const KEY_DIGITS: usize = 16;

/// What a request presents.
#[derive(Debug, PartialEq, Eq)]
pub enum Presented {
    /// A key or a token.
    Bearer {
        /// It.
        token: String,
        /// Whether it came in the URL.
        in_url: bool,
        /// What is in the URL beside it, and does not count.
        beside: Option<String>,
    },
    /// Perhaps a cookie.
    Cookies,
}

/// The credential that counts: the header, before what stands in for it where there
/// can be none, before the cookie, which a browser sends unasked.
///
/// # Errors
/// Where one is in the URL that does not belong there.
pub fn presented(request: &Parts) -> Result<Presented, Refused> {
    let in_url = in_url(request.uri.query().unwrap_or_default())?;
    if let Some(token) = bearer_header(&request.headers) {
        return Ok(Presented::Bearer { token, beside: in_url, in_url: false });
    }
    let protocols = request.headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let names = protocols.iter().filter_map(|value| value.to_str().ok());
    let mut tokens = names
        .flat_map(|names| names.split(','))
        .filter_map(|n| n.trim().strip_prefix(BEARER_PROTOCOL));
    if let Some(token) = tokens.next() {
        return Ok(Presented::Bearer { token: token.to_owned(), beside: in_url, in_url: false });
    }
    Ok(in_url.map_or(Presented::Cookies, |token| Presented::Bearer {
        token,
        beside: None,
        in_url: true,
    }))
}

fn bearer_header(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// Whether an API key is in there, whole or cut.
fn holds_key(text: &str) -> bool {
    let behind = text.split("mp_").skip(1);
    let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_hexdigit).count();
    behind.into_iter().any(|rest| digits(rest) >= KEY_DIGITS)
}

/// `?token=`, and nothing else that looks like a credential.
fn in_url(query: &str) -> Result<Option<String>, Refused> {
    let mut found = None;
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
        let refused = REFUSED_PARAMETERS.contains(&name.as_str());
        let value = percent_decode_str(value).decode_utf8_lossy();
        if holds_key(&name) || holds_key(&value) || (refused && !value.is_empty()) {
            return Err(Refused::InUrl);
        }
        if name == "token" && !value.is_empty() {
            // Of several, one could hide behind another.
            if found.replace(value.into_owned()).is_some() {
                return Err(Refused::InUrl);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn ask(uri: &str, headers: &[(&str, &str)]) -> Result<Presented, Refused> {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        presented(&request.body(()).unwrap().into_parts().0)
    }

    fn bearer(token: &str, in_url: bool) -> Result<Presented, Refused> {
        Ok(Presented::Bearer { token: token.to_owned(), in_url, beside: None })
    }

    #[test]
    fn the_place_decides() {
        assert_eq!(ask("/", &[]), Ok(Presented::Cookies));
        assert_eq!(ask("/", &[("authorization", "bearer  a.b.c")]), bearer("a.b.c", false));
        assert_eq!(ask("/", &[("authorization", "Basic x")]), Ok(Presented::Cookies));
        let socket = [("sec-websocket-protocol", "milepost.v1, milepost.bearer.mp_1")];
        assert_eq!(ask("/v1/ws", &socket), bearer("mp_1", false));
        assert_eq!(ask("/?x=1&token=a.b.c", &[]), bearer("a.b.c", true));
        let both = ask("/?token=a%2Eb", &[("authorization", "Bearer c")]);
        let beside = Some("a.b".to_owned());
        assert_eq!(both, Ok(Presented::Bearer { token: "c".to_owned(), in_url: false, beside }));
        assert_eq!(ask("/?token=", &[]), Ok(Presented::Cookies));
    }

    #[test]
    fn nothing_else_belongs_into_a_url() {
        for query in [
            "token=mp_0123456789abcdef01",
            "q=mp_0123456789abcdef01",
            "mp_0123456789abcdef01",
            "token=%20%6dp_0123456789abcdef01",
            "token=a&token=b",
            "access_token=x",
            "access%5Ftoken=x",
            "API_KEY=x",
            "x=1&jwt=a.b.c",
        ] {
            assert_eq!(ask(&format!("/?{query}"), &[]), Err(Refused::InUrl), "{query}");
        }
        for fine in ["/?q=jwt&access_token", "/?q=mp_report"] {
            assert_eq!(ask(fine, &[]), Ok(Presented::Cookies), "{fine}");
        }
    }
}
