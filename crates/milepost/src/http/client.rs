//! From where a request comes. Enters: the peer of its connection, and what
//! proxies that are trusted say. Leaves: an address, and what it counts as.
//! Never: believes a header that a client could have written.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};

use crate::config::Proxy;

/// Who called, as far as the network says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// Its address, for the log.
    pub address: IpAddr,
}

impl Client {
    /// The client behind `request`. Without a connection, as in a test, it is this
    /// machine.
    pub fn of(request: &Parts, proxies: &[Proxy]) -> Self {
        let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip());
        Self { address: behind(peer, &request.headers, proxies) }
    }

    /// The client whose request it is, as was found out before.
    pub fn known(request: &Extensions) -> Self {
        let machine = Self { address: IpAddr::V4(Ipv4Addr::LOCALHOST) };
        request.get().copied().unwrap_or(machine)
    }

    /// What its limits are counted under: an IPv6 network of 64 bits is one
    /// customer's, who has all of its addresses.
    pub fn counted(self) -> IpAddr {
        match self.address {
            IpAddr::V4(_) => self.address,
            IpAddr::V6(address) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Ipv6Addr::from_bits(network).into()
            }
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::known(&parts.extensions))
    }
}

/// Each proxy adds to `X-Forwarded-For` whom it was called by. Read from the end,
/// the first who is no proxy of ours is the client; what stands before it is hearsay.
fn behind(peer: IpAddr, headers: &HeaderMap, proxies: &[Proxy]) -> IpAddr {
    let trusted = |address: IpAddr| proxies.iter().any(|proxy| proxy.contains(address));
    let mut client = peer.to_canonical();
    let fields = headers.get_all("x-forwarded-for").iter().rev();
    let mut entries = fields.flat_map(|field| field.to_str().unwrap_or("?").rsplit(','));
    while trusted(client) {
        match entries.next().and_then(entry) {
            Some(caller) => client = caller,
            None => break,
        }
    }
    client
}

/// An address; some proxies add the port.
fn entry(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    Some(bare.parse::<IpAddr>().or_else(|_| with_port()).ok()?.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;

    use super::*;

    fn client(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let mut request = Request::builder();
        for field in forwarded {
            request = request.header("x-forwarded-for", *field);
        }
        let (mut request, _) = request.body(Body::empty()).unwrap().into_parts();
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        request.extensions.insert(ConnectInfo(peer));
        let proxies = proxies.iter().map(|proxy| (*proxy).to_owned().try_into().unwrap());
        Client::of(&request, &proxies.collect::<Vec<_>>()).address.to_string()
    }

    #[test]
    fn only_proxies_that_are_trusted_say_who_called() {
        let ours = &["10.0.0.0/8", "fd00::/8"][..];
        for (peer, forwarded, proxies, expected) in [
            // Nobody is trusted.
            ("192.0.2.1", &["198.51.100.9"][..], &[][..], "192.0.2.1"),
            ("192.0.2.1", &["198.51.100.9"], ours, "192.0.2.1"),
            // One proxy, one behind the other, and several header lines.
            ("10.0.0.1", &["198.51.100.9"], ours, "198.51.100.9"),
            ("10.0.0.1", &["198.51.100.9, 10.0.0.2"], ours, "198.51.100.9"),
            ("10.0.0.1", &["198.51.100.9", "10.0.0.3,10.0.0.2"], ours, "198.51.100.9"),
            // What the client wrote itself stands before what the proxy wrote.
            ("10.0.0.1", &["203.0.113.5, 198.51.100.9"], ours, "198.51.100.9"),
            ("10.0.0.1", &["10.0.0.9, 198.51.100.9"], ours, "198.51.100.9"),
            // Nothing, or nothing that can be read: it ends where trust ends.
            ("10.0.0.1", &[], ours, "10.0.0.1"),
            ("10.0.0.1", &[""], ours, "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.9, unknown"], ours, "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.9, _x, 10.0.0.2"], ours, "10.0.0.2"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], ours, "10.0.0.3"),
            // Ports, brackets, both families, and one dressed up as the other.
            ("10.0.0.1", &["198.51.100.9:4711"], ours, "198.51.100.9"),
            ("10.0.0.1", &["[2001:db8::7]:4711"], ours, "2001:db8::7"),
            ("10.0.0.1", &["[2001:db8::7]"], ours, "2001:db8::7"),
            ("fd00::1", &["2001:db8::7"], ours, "2001:db8::7"),
            ("::ffff:10.0.0.1", &["::ffff:198.51.100.9"], ours, "198.51.100.9"),
        ] {
            let found = client(peer, forwarded, proxies);
            assert_eq!(found, expected, "{peer} {forwarded:?} {proxies:?}");
        }
    }

    #[test]
    fn a_customers_network_is_counted_as_one() {
        let counted = |text: &str| Client { address: text.parse().unwrap() }.counted().to_string();
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(counted("192.0.2.1"), "192.0.2.1");
    }
}
