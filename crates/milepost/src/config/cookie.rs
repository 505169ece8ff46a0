//! Session cookies: which ones say who somebody is.

use serde::{Deserialize, Serialize};

use super::jwt::{JwtConfig, wrong};
use super::{ConfigError, Secret};

/// The cookie of those who have signed in on a page of ours: over TLS, and without it.
pub const LOGIN_COOKIES: [&str; 2] = ["__Host-milepost_login", "milepost_login"];

/// Session cookies.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CookieConfig {
    /// Names of cookies that hold a JSON Web Token, verified as any other.
    pub names: Vec<String>,
    /// The secret of a NextAuth 4 site, whose sessions are then accepted.
    pub nextauth_secret: Secret,
    /// The claim of a NextAuth session that names the owner.
    pub owner_claim: String,
}

impl Default for CookieConfig {
    fn default() -> Self {
        Self {
            names: vec!["milepost_session".to_owned()],
            nextauth_secret: Secret::default(),
            owner_claim: "sub".to_owned(),
        }
    }
}

impl CookieConfig {
    /// Whether what is set can be used, and, where cookies are `needed`, whether
    /// there is something to verify them with: the keys of `jwt` count.
    ///
    /// # Errors
    /// Names the setting and what to do.
    pub fn check(&self, needed: bool, jwt: &JwtConfig) -> Result<(), ConfigError> {
        let tokens = !self.names.is_empty() && jwt.has_keys();
        if needed && !tokens && !self.nextauth_secret.is_set() {
            return Err(wrong(
                "cookie",
                "there is nothing to verify cookies with; set cookie.nextauth_secret for NextAuth \
                 4, or, for cookies with a JSON Web Token, cookie.names and one of jwt.secret, \
                 jwt.key_files and jwt.jwks_url",
            ));
        }
        // As RFC 6265, 4.1.1, has it: a token of HTTP.
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if self.names.iter().any(|name| name.is_empty() || !name.bytes().all(fine)) {
            return Err(wrong("cookie.names", "one of these cannot be the name of a cookie"));
        }
        if self.names.iter().any(|name| LOGIN_COOKIES.contains(&name.as_str())) {
            return Err(wrong("cookie.names", "one of these is the name of the server's own"));
        }
        if self.owner_claim.is_empty() {
            return Err(wrong("cookie.owner_claim", "name a claim"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_verify_is_refused() {
        let (mut cookie, mut jwt) = (CookieConfig::default(), JwtConfig::default());
        let said = cookie.check(true, &jwt).unwrap_err().to_string();
        assert!(said.starts_with("cookie: there is nothing"), "{said}");
        // It is as long as the site has it.
        cookie.nextauth_secret = Secret::new("short");
        assert!(cookie.check(true, &jwt).is_ok());
        cookie.nextauth_secret = Secret::default();
        jwt.secret = Secret::new("x".repeat(32));
        assert!(cookie.check(true, &jwt).is_ok());
        cookie.names.push("a b".to_owned());
        let said = cookie.check(true, &jwt).unwrap_err().to_string();
        assert!(said.starts_with("cookie.names: "), "{said}");
    }
}
