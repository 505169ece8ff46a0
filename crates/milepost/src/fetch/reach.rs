//! Which addresses a document may be fetched from. Enters: hosts of URLs, what
//! names resolve to. Leaves: the addresses that may be connected to. Never: lets
//! a name be resolved a second time after the check; the very addresses that
//! were checked are the ones that the client connects to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::{Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

use crate::config::Allowed;

/// Not on the public Internet, by IANA's registry of special-purpose addresses
/// (RFC 6890) and the documents that fill it.
const NOT_PUBLIC_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),        // this network: RFC 791
    v4(10, 0, 0, 0, 8),       // private: RFC 1918
    v4(100, 64, 0, 0, 10),    // carrier-grade NAT: RFC 6598
    v4(127, 0, 0, 0, 8),      // loopback: RFC 1122
    v4(168, 63, 129, 16, 32), // Azure's host, in public space all the same
    v4(169, 254, 0, 0, 16),   // link-local, with the clouds' metadata: RFC 3927
    v4(172, 16, 0, 0, 12),    // private: RFC 1918
    v4(192, 0, 0, 0, 24),     // protocol assignments: RFC 6890
    v4(192, 0, 2, 0, 24),     // documentation: RFC 5737
    v4(192, 88, 99, 0, 24),   // relays of 6to4: RFC 7526
    v4(192, 168, 0, 0, 16),   // private: RFC 1918
    v4(198, 18, 0, 0, 15),    // benchmarks: RFC 2544
    v4(198, 51, 100, 0, 24),  // documentation: RFC 5737
    v4(203, 0, 113, 0, 24),   // documentation: RFC 5737
    v4(224, 0, 0, 0, 4),      // multicast: RFC 5771
    v4(240, 0, 0, 0, 4),      // reserved, broadcast: RFC 1112, RFC 919
];

/// The only space that global unicast addresses are given out from (RFC 4291).
/// What lies outside is refused without being listed: loopback, unspecified,
/// IPv4-compatible, unique-local, link-local, site-local, multicast, discard.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);

/// What is not public within [`GLOBAL_V6`].
const NOT_PUBLIC_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 23), // protocol assignments, Teredo among them: RFC 2928, RFC 4380
    v6(0x2001, 0xdb8, 32), // documentation: RFC 3849
    v6(0x2002, 0, 16), // 6to4, which names an IPv4 address: RFC 3056, RFC 7526
    v6(0x3fff, 0, 20), // documentation: RFC 9637
];

/// IPv4 addresses as a NAT64 gateway takes them (RFC 6052): the last 32 bits.
/// The prefix for local use (RFC 8215) lies outside [`GLOBAL_V6`].
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 96);

/// The public Internet, and what the operator adds; cheap to clone.
#[derive(Clone)]
pub struct Reach(Arc<[Allowed]>);

/// A name has no address that may be connected to.
#[derive(Debug, thiserror::Error)]
#[error("no address of the host may be fetched from")]
pub struct Forbidden;

impl Reach {
    /// The public Internet and `allowed`.
    pub fn new(allowed: &[Allowed]) -> Self {
        Self(allowed.into())
    }

    /// Whether the host may be tried. An address is decided here, since a client
    /// resolves none; a name is decided by what it resolves to.
    pub fn may_try(&self, host: &Host<&str>) -> bool {
        match host {
            Host::Domain(_) => true,
            Host::Ipv4(address) => self.permits((*address).into()),
            Host::Ipv6(address) => self.permits((*address).into()),
        }
    }

    fn permits(&self, address: IpAddr) -> bool {
        // `::ffff:10.0.0.1` is connected to as 10.0.0.1.
        let address = address.to_canonical();
        let allowed =
            |one: &Allowed| matches!(one, Allowed::Range(range) if range.contains(&address));
        is_public(address) || self.0.iter().any(allowed)
    }

    fn permits_name(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.0.iter().any(|one| matches!(one, Allowed::Name(allowed) if *allowed == name))
    }
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let all = reach.permits_name(name.as_str());
            let permitted: Vec<_> =
                found.filter(|found| all || reach.permits(found.ip())).collect();
            // One that may not be reached beside others that may is passed over:
            // the client connects to nothing but what it is given here.
            if permitted.is_empty() {
                return Err(Forbidden.into());
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|range| range.contains(&address)),
        IpAddr::V6(address) if NAT64.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            is_public(Ipv4Addr::new(a, b, c, d).into())
        }
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address)
                && !NOT_PUBLIC_V6.iter().any(|range| range.contains(&address))
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(first: u16, second: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), length)
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn may_try(allowed: &[&str], host: &str) -> bool {
        let allowed: Vec<_> =
            allowed.iter().map(|one| Allowed::try_from((*one).to_owned()).unwrap()).collect();
        let url = Url::parse(&format!("http://{host}/")).unwrap();
        Reach::new(&allowed).may_try(&url.host().unwrap())
    }

    #[test]
    fn the_public_internet_may_be_reached() {
        for host in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "[2606:4700:4700::1111]",
            "[2a00:1450:4001:80b::200e]",
            "[::ffff:1.1.1.1]",
            "[64:ff9b::1.1.1.1]",
            "a-name.example",
        ] {
            assert!(may_try(&[], host), "{host}");
        }
    }

    #[test]
    fn what_is_not_public_may_not_be_reached() {
        for host in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.251",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::127.0.0.1]",
            "[::8.8.8.8]",
            "[::ffff:127.0.0.1]",
            "[::ffff:169.254.169.254]",
            "[::ffff:0:127.0.0.1]",
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b::a9fe:a9fe]",
            "[64:ff9b:1::1.1.1.1]",
            "[100::1]",
            "[2001::1]",
            "[2001:0:7f00:1::]",
            "[2001:2::1]",
            "[2001:10::1]",
            "[2001:db8::1]",
            "[2002:7f00:1::1]",
            "[2002:a9fe:a9fe::]",
            "[3fff::1]",
            "[5f00::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
        ] {
            assert!(!may_try(&[], host), "{host}");
        }
    }

    #[test]
    fn no_spelling_of_an_address_hides_it() {
        for host in [
            "2130706433",
            "0x7f000001",
            "017700000001",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "127.0.1",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "①②⑦.0.0.1",
            "１２７。０。０。１",
            "0",
            "0xa9fea9fe",
            "2852039166",
            "[0:0:0:0:0:ffff:7f00:1]",
            "[0000:0000::0001]",
        ] {
            assert!(!may_try(&[], host), "{host}");
        }
    }

    #[test]
    fn the_operator_may_add_to_it() {
        assert!(may_try(&["127.0.0.1/32"], "127.0.0.1"));
        assert!(may_try(&["127.0.0.1"], "[::ffff:127.0.0.1]"));
        assert!(!may_try(&["127.0.0.1/32"], "127.0.0.2"));
        assert!(!may_try(&["127.0.0.1/32"], "[::1]"));
        assert!(!may_try(&["10.0.0.0/8"], "[64:ff9b::10.0.0.1]"));
        assert!(may_try(&["fd00::/8"], "[fd12::1]"));
        // A name allows what it resolves to, and no address by itself.
        assert!(!may_try(&["localhost"], "127.0.0.1"));
    }

    /// The only name that resolves without a network.
    async fn localhost(allowed: &[Allowed]) -> Result<Vec<IpAddr>, String> {
        let name = "localhost".parse().unwrap();
        let found = Reach::new(allowed).resolve(name).await;
        found.map(|all| all.map(|one| one.ip()).collect()).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn a_name_leads_only_where_its_addresses_may_be_reached() {
        assert_eq!(localhost(&[]).await, Err(Forbidden.to_string()));
        let range = Allowed::try_from("127.0.0.1/32".to_owned()).unwrap();
        assert_eq!(localhost(&[range]).await, Ok(vec![IpAddr::from([127, 0, 0, 1])]));
        let name = Allowed::try_from("localhost".to_owned()).unwrap();
        assert!(localhost(&[name]).await.unwrap().iter().all(IpAddr::is_loopback));
    }
}
