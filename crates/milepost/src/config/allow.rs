//! What may be fetched from though it is not on the public Internet. Enters: a
//! line of the configuration. Leaves: a host name or a range of addresses.
//! Never: takes a misspelt range for a name.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Host;

/// One exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Allowed {
    /// Whatever this name resolves to, in lower case.
    Name(String),
    /// Each address of a range.
    Range(IpNet),
}

impl TryFrom<String> for Allowed {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Ok(range) = text.parse::<IpNet>() {
            return Ok(Self::Range(range));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Range(address.into()));
        }
        match Host::parse(&text) {
            // A pattern would be taken for a name that nothing has.
            Ok(Host::Domain(name)) if !name.contains('*') => {
                Ok(Self::Name(name.trim_end_matches('.').to_owned()))
            }
            _ => Err(format!(
                "`{text}` is neither a host name nor an address or a range such as 10.0.0.0/8"
            )),
        }
    }
}

impl From<Allowed> for String {
    fn from(allowed: Allowed) -> Self {
        match allowed {
            Allowed::Name(name) => name,
            Allowed::Range(range) => range.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_a_name_or_a_range() {
        let read = |text: &str| Allowed::try_from(text.to_owned());
        assert_eq!(read("Wiki.Example."), Ok(Allowed::Name("wiki.example".to_owned())));
        for range in ["10.0.0.0/8", "127.0.0.1", "fd00::/8", "::1"] {
            assert!(matches!(read(range), Ok(Allowed::Range(_))), "{range}");
        }
        for wrong in ["10.0.0.0/33", "10.0.0", "10.*", "http://wiki.example", "a b", ""] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
