//! Verifies who somebody is. Enters: a bearer token, or a request's cookies; keys
//! from the configuration or from an issuer. Leaves: an identity, or a reason that
//! may be shown. Never: logs a credential, or takes a token's word for how it is to
//! be verified.

mod claims;
mod jwks;
#[cfg(test)]
mod jwks_tests;
mod jwt;
mod key;
mod nextauth;
#[cfg(test)]
mod nextauth_tests;
mod refused;
#[cfg(any(test, fuzzing))]
pub mod samples;
mod session;
#[cfg(test)]
mod token_tests;

use axum::http::HeaderMap;
use jsonwebtoken::Algorithm;
use milepost_core::{OwnerId, Timestamp};

use crate::clock::Clock;
use crate::config::{ConfigError, CookieConfig, JwtConfig};
use claims::Rules;
use jwks::Jwks;
use jwt::Token;
use key::{Key, signed_by_one};
use nextauth::NextAuth;
pub use refused::{Reason, Refused};
use session::Found;
pub use session::value as cookie;

/// A token, in bytes: what a header of most servers has room for.
pub const MAX_TOKEN: usize = 8 * 1024;

/// Who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// To whom jobs belong.
    pub owner: OwnerId,
    /// Whether a role makes them an administrator.
    pub administrator: bool,
    /// Whether a role makes them a reader.
    pub reader: bool,
    /// `exp`. The credential is accepted for `jwt.leeway` longer.
    pub expires_at: Timestamp,
}

/// Verifies credentials.
pub struct Verifier {
    /// Keys of the configuration.
    fixed: Vec<Key>,
    jwks: Option<Jwks>,
    rules: Rules,
    owner_claim: String,
    /// Names of cookies with a token.
    cookies: Vec<String>,
    nextauth: Option<NextAuth>,
    session_owner_claim: String,
    clock: Clock,
}

impl Verifier {
    /// Reads the keys. Whether there are any is for `check` of the settings to say.
    ///
    /// # Errors
    /// Names the setting that is wrong, or the file that cannot be used.
    pub fn new(jwt: &JwtConfig, cookie: &CookieConfig, clock: Clock) -> Result<Self, ConfigError> {
        jwt.check(false)?;
        cookie.check(false, jwt)?;
        let mut fixed = Vec::new();
        if jwt.secret.is_set() {
            fixed.push(Key::from_secret(&jwt.secret));
        }
        for path in &jwt.key_files {
            let wrong = |why: String| ConfigError::Wrong {
                place: "jwt.key_files".to_owned(),
                message: format!("{}: {why}", path.display()),
            };
            let text = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
            fixed.push(Key::from_pem(&text).map_err(|why| wrong(why.to_owned()))?);
        }
        let jwks = jwt.jwks()?.map(|url| Jwks::new(url, jwt, clock.clone())).transpose();
        let jwks = jwks.map_err(|error| ConfigError::Wrong {
            place: "jwt.jwks_url".to_owned(),
            message: error.to_string(),
        })?;
        Ok(Self {
            // Without a key no token could be right.
            cookies: if jwt.has_keys() { cookie.names.clone() } else { Vec::new() },
            fixed,
            jwks,
            rules: Rules::new(jwt),
            owner_claim: jwt.owner_claim.clone(),
            nextauth: cookie
                .nextauth_secret
                .is_set()
                .then(|| NextAuth::new(&cookie.nextauth_secret)),
            session_owner_claim: cookie.owner_claim.clone(),
            clock,
        })
    }

    /// Begins to fetch the issuer's keys, so that the first token need not wait for
    /// them. Needs a runtime; does not wait.
    pub fn start(&self) {
        if let Some(jwks) = &self.jwks {
            jwks.begin();
        }
    }

    /// Whom a JSON Web Token names.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn token(&self, token: &str) -> Result<Identity, Refused> {
        let token = Token::read(token)?;
        self.check_signature(&token).await?;
        let claims = token.claims()?;
        self.rules.addressed(&claims)?;
        Ok(self.rules.identity(&claims, &self.owner_claim, self.clock.now())?)
    }

    /// Whom the request's session cookie names; `None` where there is none of ours.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn cookies(&self, headers: &HeaderMap) -> Option<Result<Identity, Refused>> {
        let found = session::find(headers, &self.cookies, self.nextauth.is_some())?;
        Some(match (found, &self.nextauth) {
            (Err(reason), _) => Err(reason.into()),
            (Ok(Found::Token(token)), _) => self.token(&token).await,
            (Ok(Found::Session(session)), Some(nextauth)) => {
                self.session(nextauth, &session).map_err(Refused::from)
            }
            (Ok(Found::Session(_)), None) => return None,
        })
    }

    fn session(&self, nextauth: &NextAuth, session: &str) -> Result<Identity, Reason> {
        let claims = nextauth.claims(session)?;
        self.rules.identity(&claims, &self.session_owner_claim, self.clock.now())
    }

    async fn check_signature(&self, token: &Token<'_>) -> Result<(), Refused> {
        let reason = match signed_by_one(&self.fixed, token) {
            Ok(()) => return Ok(()),
            Err(reason) => reason,
        };
        let Some(jwks) = &self.jwks else { return Err(reason.into()) };
        if token.algorithm == Algorithm::HS256 {
            // Nobody publishes a secret.
            return Err(reason.into());
        }
        let keys = jwks.keys().await?;
        let reason = match signed_by_one(&keys, token) {
            Ok(()) => return Ok(()),
            Err(reason) => reason,
        };
        // A key that is not known may be a new one; the one that the token names
        // is there, and did not sign it.
        if keys.iter().any(|key| key.is_named_by(token)) {
            return Err(reason.into());
        }
        match jwks.other_than(&keys).await? {
            Some(keys) => Ok(signed_by_one(&keys, token)?),
            None => Err(reason.into()),
        }
    }
}
