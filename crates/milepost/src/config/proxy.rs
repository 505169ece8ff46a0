//! Whose word is taken on where a request comes from. Enters: an address or a
//! range. Leaves: a range. Never: a name, which could resolve to anybody.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A proxy before this server, or a network of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Proxy(IpNet);

impl Proxy {
    /// Whether `address` is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl TryFrom<String> for Proxy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let range = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        range.map(Self).map_err(|_| {
            format!("`{text}` is neither an address nor a range of them such as 10.0.0.0/8")
        })
    }
}

impl From<Proxy> for String {
    fn from(proxy: Proxy) -> Self {
        proxy.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_an_address_or_a_range() {
        let read = |text: &str| Proxy::try_from(text.to_owned());
        assert!(read("10.0.0.0/8").unwrap().contains([10, 1, 2, 3].into()));
        assert!(!read("10.0.0.7").unwrap().contains([10, 0, 0, 8].into()));
        assert!(read("fd00::/8").unwrap().contains("fd00::1".parse().unwrap()));
        for wrong in ["proxy.example", "10.0.0.0/33", "10.*", ""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
