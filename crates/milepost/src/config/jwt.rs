//! JSON Web Tokens: whose signature counts, and what is read from them.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{ConfigError, Secret};

/// What RFC 7518, 3.2, asks of a key for HS256, in bytes.
pub const MIN_SECRET_BYTES: usize = 32;

/// JSON Web Tokens.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JwtConfig {
    /// The secret behind HS256 signatures, 32 bytes at least.
    pub secret: Secret,
    /// PEM files with one public key each: RSA for RS256, P-256 for ES256,
    /// Ed25519 for `EdDSA`.
    pub key_files: Vec<PathBuf>,
    /// Where an issuer publishes its public keys (RFC 7517). `https`, or `http`
    /// on loopback.
    pub jwks_url: String,
    /// How old its keys may be before they are fetched again.
    #[serde(with = "humantime_serde")]
    pub jwks_refresh: Duration,
    /// How old they may be at all, where they cannot be fetched.
    #[serde(with = "humantime_serde")]
    pub jwks_max_stale: Duration,
    /// Values of `iss` that are accepted; any or none where this is empty.
    pub issuer: Vec<String>,
    /// Values of `aud` that mean this server. Where this is empty, only tokens
    /// without an `aud` are accepted.
    pub audience: Vec<String>,
    /// How far the issuer's clock and ours may be apart.
    #[serde(with = "humantime_serde")]
    pub leeway: Duration,
    /// The claim that names the owner.
    pub owner_claim: String,
    /// The claim that lists roles. Dots lead into objects.
    pub roles_claim: String,
    /// Roles of administrators.
    pub administrators: Vec<String>,
    /// Roles of those who may only read.
    pub readers: Vec<String>,
}

impl Default for JwtConfig {
    fn default() -> Self {
        Self {
            secret: Secret::default(),
            key_files: Vec::new(),
            jwks_url: String::new(),
            jwks_refresh: Duration::from_secs(5 * 60),
            jwks_max_stale: Duration::from_secs(24 * 3600),
            issuer: Vec::new(),
            audience: Vec::new(),
            leeway: Duration::from_secs(30),
            owner_claim: "sub".to_owned(),
            roles_claim: "roles".to_owned(),
            administrators: ["administrator", "admin"].map(str::to_owned).to_vec(),
            readers: vec!["reader".to_owned()],
        }
    }
}

impl JwtConfig {
    /// Whether what is set can be used, and, where tokens are `needed`, whether
    /// there is a key to verify them with. Reads no file.
    ///
    /// # Errors
    /// Names the setting and what to do.
    pub fn check(&self, needed: bool) -> Result<(), ConfigError> {
        if needed && !self.has_keys() {
            return Err(wrong(
                "jwt",
                "there is no key to verify tokens with; set jwt.secret, jwt.key_files or \
                 jwt.jwks_url",
            ));
        }
        long_enough("jwt.secret", &self.secret)?;
        self.jwks()?;
        for (place, text) in
            [("jwt.owner_claim", &self.owner_claim), ("jwt.roles_claim", &self.roles_claim)]
        {
            if text.is_empty() {
                return Err(wrong(place, "name a claim"));
            }
        }
        if self.jwks_refresh.is_zero() {
            return Err(wrong("jwt.jwks_refresh", "it must be longer than nothing"));
        }
        if self.jwks_max_stale < self.jwks_refresh {
            return Err(wrong(
                "jwt.jwks_max_stale",
                "it must not be shorter than jwt.jwks_refresh",
            ));
        }
        Ok(())
    }

    /// Whether any key was named.
    pub fn has_keys(&self) -> bool {
        self.secret.is_set() || !self.key_files.is_empty() || !self.jwks_url.is_empty()
    }

    /// Where the keys are published.
    ///
    /// # Errors
    /// Where that is no address that can be trusted.
    pub fn jwks(&self) -> Result<Option<Url>, ConfigError> {
        if self.jwks_url.is_empty() {
            return Ok(None);
        }
        let url = Url::parse(&self.jwks_url);
        let url = url.map_err(|_| wrong("jwt.jwks_url", "this is not a URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("jwt.jwks_url", "a user name or a password has no place in it"));
        }
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
            None => false,
        };
        if url.scheme() == "https" || (url.scheme() == "http" && loopback) {
            return Ok(Some(url));
        }
        // Whoever stands between could send keys of their own.
        Err(wrong("jwt.jwks_url", "it must begin with https:// (or http:// on a loopback host)"))
    }
}

/// A secret that can be guessed makes every owner's credential.
pub fn long_enough(place: &str, secret: &Secret) -> Result<(), ConfigError> {
    if secret.is_set() && secret.reveal().len() < MIN_SECRET_BYTES {
        return Err(wrong(
            place,
            "it is shorter than 32 bytes and could be guessed; make one with `openssl rand \
             -base64 32`",
        ));
    }
    Ok(())
}

/// What is wrong with a setting.
pub fn wrong(place: impl Into<String>, message: &str) -> ConfigError {
    ConfigError::Wrong { place: place.into(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut JwtConfig)) -> String {
        let mut config = JwtConfig::default();
        change(&mut config);
        config.check(true).map_or_else(|error| error.to_string(), |()| "fine".to_owned())
    }

    #[test]
    fn what_cannot_verify_is_refused() {
        assert!(JwtConfig::default().check(false).is_ok());
        assert!(refusal(|_| {}).starts_with("jwt: there is no key"));
        let short = refusal(|jwt| jwt.secret = Secret::new("x".repeat(31)));
        assert!(short.starts_with("jwt.secret: it is shorter"), "{short}");
        assert_eq!(refusal(|jwt| jwt.secret = Secret::new("x".repeat(32))), "fine");
        assert_eq!(refusal(|jwt| jwt.key_files.push("key.pem".into())), "fine");
        let eager = refusal(|jwt| {
            jwt.key_files.push("key.pem".into());
            jwt.jwks_refresh = Duration::ZERO;
        });
        assert!(eager.starts_with("jwt.jwks_refresh"), "{eager}");
    }

    #[test]
    fn keys_come_over_a_connection_that_can_be_trusted() {
        for fine in [
            "https://login.example/keys",
            "http://127.0.0.1:8080/keys",
            "http://localhost/keys",
            "http://[::1]/keys",
        ] {
            assert_eq!(refusal(|jwt| jwt.jwks_url = fine.to_owned()), "fine", "{fine}");
        }
        for wrong in [
            "http://login.example/keys",
            "http://localhost.example/keys",
            "http://127.0.0.1.example/keys",
            "https://user:password@login.example/keys",
            "file:///etc/keys",
            "keys.json",
        ] {
            let said = refusal(|jwt| jwt.jwks_url = wrong.to_owned());
            assert!(said.starts_with("jwt.jwks_url: "), "{wrong}: {said}");
        }
    }
}
