//! Browsers that are told of a job's end. Enters: names of push services. Leaves: which
//! endpoint may be called. Never: takes a misspelt name for a pattern.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::jwt::wrong;
use super::{Allowed, ConfigError};

/// The services of Chrome, Firefox, Edge and Safari.
const SERVICES: [&str; 4] = [
    "fcm.googleapis.com",
    "*.push.services.mozilla.com",
    "*.notify.windows.com",
    "*.push.apple.com",
];

/// Browsers that are told of a job's end.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PushConfig {
    /// Whether any is.
    pub enabled: bool,
    /// Whom a push service writes to where something is wrong: `mailto:` or `https:`.
    pub contact: String,
    /// Push services that may be called.
    pub hosts: Vec<PushHost>,
}

impl Default for PushConfig {
    fn default() -> Self {
        let known = |name: &str| PushHost::try_from(name.to_owned()).expect("it is a name");
        Self {
            enabled: true,
            contact: "mailto:operator@milepost.example".to_owned(),
            hosts: SERVICES.map(known).to_vec(),
        }
    }
}

impl PushConfig {
    /// Refuses a contact that no service would take.
    ///
    /// # Errors
    /// Names the setting and what to do.
    pub fn check(&self) -> Result<(), ConfigError> {
        let contact = Url::parse(&self.contact);
        let fine = contact.is_ok_and(|url| match url.scheme() {
            "mailto" => url.path().contains('@'),
            scheme => scheme == "https",
        });
        if fine {
            return Ok(());
        }
        Err(wrong("push.contact", "write mailto:YOU@YOUR.DOMAIN, or an https:// address"))
    }

    /// Whether this endpoint belongs to a service that may be called.
    pub fn permits(&self, endpoint: &Url) -> bool {
        self.hosts.iter().any(|host| host.matches(endpoint))
    }

    /// What may be reached though it is not on the public Internet: whatever is named
    /// without a pattern.
    pub fn reached(&self) -> Vec<Allowed> {
        self.hosts.iter().filter_map(PushHost::reached).collect()
    }
}

/// A push service: `push.example`, `push.example:8443`, or `*.push.example` for every
/// name below that one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PushHost {
    text: String,
    below: bool,
    host: Host<String>,
    port: Option<u16>,
}

impl PushHost {
    /// Endpoints are secrets, so they are sent encrypted; but for a service on this
    /// machine.
    fn matches(&self, endpoint: &Url) -> bool {
        let Some(host) = endpoint.host() else { return false };
        let encrypted = endpoint.scheme() == "https";
        let default = match endpoint.scheme() {
            "https" => 443,
            "http" if is_loopback(&host) => 80,
            _ => return false,
        };
        if endpoint.port().unwrap_or(default) != self.port.unwrap_or(default) {
            return false;
        }
        match (&self.host, host) {
            (Host::Domain(own), Host::Domain(name)) if self.below => {
                let above = name.strip_suffix(own).and_then(|rest| rest.strip_suffix('.'));
                encrypted && above.is_some_and(|label| !label.is_empty())
            }
            (own, host) => *own == host.to_owned(),
        }
    }

    fn reached(&self) -> Option<Allowed> {
        match &self.host {
            Host::Domain(_) if self.below => None,
            Host::Domain(name) => Some(Allowed::Name(name.clone())),
            Host::Ipv4(address) => Some(Allowed::Range(std::net::IpAddr::from(*address).into())),
            Host::Ipv6(address) => Some(Allowed::Range(std::net::IpAddr::from(*address).into())),
        }
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

impl TryFrom<String> for PushHost {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refused = || {
            format!("`{text}` is no push service; write HOST, HOST:PORT, or *.DOMAIN for all in it")
        };
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        };
        let url = Url::parse(&format!("https://{rest}/")).map_err(|_| refused())?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let host = url.host().map(|host| host.to_owned()).ok_or_else(refused)?;
        let (port, named) = (url.port(), matches!(host, Host::Domain(_)));
        if !bare || !url.username().is_empty() || rest.contains(['*', '/']) || below && !named {
            return Err(refused());
        }
        Ok(Self { text, below, host, port })
    }
}

impl From<PushHost> for String {
    fn from(host: PushHost) -> Self {
        host.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(hosts: &[&str], endpoint: &str) -> bool {
        let hosts = hosts.iter().map(|host| PushHost::try_from((*host).to_owned()).unwrap());
        let config = PushConfig { hosts: hosts.collect(), ..PushConfig::default() };
        config.permits(&Url::parse(endpoint).unwrap())
    }

    #[test]
    fn the_services_of_browsers_are_known_and_no_others() {
        for (endpoint, known) in [
            ("https://fcm.googleapis.com/fcm/send/abc", true),
            ("https://fcm.googleapis.com:443/fcm/send/abc", true),
            ("https://updates.push.services.mozilla.com/wpush/v2/abc", true),
            ("https://wns2-par02p.notify.windows.com/w/?token=abc", true),
            ("https://web.push.apple.com/abc", true),
            ("http://fcm.googleapis.com/fcm/send/abc", false),
            ("https://fcm.googleapis.com:8443/fcm/send/abc", false),
            ("https://evil.fcm.googleapis.com/abc", false),
            ("https://fcm.googleapis.com.evil.example/abc", false),
            ("https://push.apple.com/abc", false),
            ("https://evilpush.apple.com/abc", false),
            ("https://127.0.0.1/abc", false),
            ("https://localhost/abc", false),
        ] {
            let found = PushConfig::default().permits(&Url::parse(endpoint).unwrap());
            assert_eq!(found, known, "{endpoint}");
        }
    }

    #[test]
    fn a_service_of_one_s_own_is_named_with_its_port() {
        assert!(permits(&["push.example"], "https://push.example/1"));
        assert!(!permits(&["push.example"], "http://push.example/1"));
        assert!(permits(&["push.example:8443"], "https://push.example:8443/1"));
        assert!(!permits(&["push.example:8443"], "https://push.example/1"));
        assert!(permits(&["127.0.0.1:9000"], "http://127.0.0.1:9000/1"));
        assert!(permits(&["[::1]:9000"], "http://[::1]:9000/1"));
        assert!(!permits(&["127.0.0.1:9000"], "http://127.0.0.1:9001/1"));
        assert!(!permits(&["127.0.0.1:9000"], "http://127.0.0.1/1"));
        assert!(!permits(&["10.0.0.1"], "http://10.0.0.1/1"));
        assert!(!permits(&[], "https://fcm.googleapis.com/1"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for wrong in [
            "",
            "*",
            "*.",
            "*.*.example",
            "a.*",
            "*.10.0.0.1",
            "https://a.example",
            "a.example/x",
            "u@a.example",
        ] {
            assert!(PushHost::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
        let contact = |contact: &str| {
            let config = PushConfig { contact: contact.to_owned(), ..PushConfig::default() };
            config.check().is_ok()
        };
        assert!(PushConfig::default().check().is_ok());
        assert!(contact("mailto:me@here.example") && contact("https://here.example/about"));
        assert!(!contact("me@here.example") && !contact("mailto:me") && !contact(""));
    }
}
