//! Says to push services who sends (RFC 8292), so that nobody else can send to our
//! subscriptions. Enters: an endpoint. Leaves: a token for its service alone. Never:
//! shows the private key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use milepost_core::Timestamp;
use serde::Serialize;
use url::Url;
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint as _;
use web_push_native::p256::pkcs8::EncodePrivateKey as _;

use crate::clock::Clock;
use crate::store::{Store, StoreError};

/// What the store knows the key by.
const SIGNS: &str = "vapid";
/// A day is the most that services take.
const TOKEN_SECS: i64 = 12 * 3600;

/// The server's key pair.
pub(super) struct Vapid {
    /// The public key as browsers want it: an uncompressed point, in base64url.
    pub(super) public: String,
    key: EncodingKey,
    contact: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: String,
    exp: i64,
    sub: &'a str,
}

impl Vapid {
    /// With the store's key, which is made at the first start.
    pub(super) async fn start(
        contact: String,
        store: &Store,
        clock: &Clock,
    ) -> Result<Self, StoreError> {
        let new = new_key()?;
        let new = (public(&new), new.to_bytes().to_vec());
        let (_, secret) = store.signing_key(SIGNS, new, clock.now()).await?;
        let damaged = |_| StoreError::Damaged("the key for push services".to_owned());
        let secret = SecretKey::from_slice(&secret).map_err(damaged)?;
        Ok(Self::new(&secret, contact))
    }

    fn new(secret: &SecretKey, contact: String) -> Self {
        let der = secret.to_pkcs8_der().expect("a key of this kind has such a form");
        Self { public: public(secret), key: EncodingKey::from_ec_der(der.as_bytes()), contact }
    }

    /// The header `Authorization` of a request to `endpoint`.
    pub(super) fn authorization(&self, endpoint: &Url, now: Timestamp) -> String {
        let claims = Claims {
            aud: endpoint.origin().ascii_serialization(),
            exp: now.as_micros() / 1_000_000 + TOKEN_SECS,
            sub: &self.contact,
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &self.key);
        let token = token.expect("the claims are JSON, and the key is one for ES256");
        format!("vapid t={token}, k={}", self.public)
    }
}

fn new_key() -> Result<SecretKey, StoreError> {
    let mut bytes = [0; 32];
    loop {
        getrandom::fill(&mut bytes).map_err(|error| StoreError::NotCommitted(error.to_string()))?;
        // One number in 2^32 is no key of this curve.
        if let Ok(key) = SecretKey::from_slice(&bytes) {
            return Ok(key);
        }
    }
}

fn public(secret: &SecretKey) -> String {
    URL_SAFE_NO_PAD.encode(secret.public_key().to_encoded_point(false))
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_token_is_for_one_service_and_verified_by_the_public_key() {
        let vapid = Vapid::new(&new_key().unwrap(), "mailto:me@here.example".to_owned());
        let endpoint = Url::parse("https://push.example:8443/send/secret?a=b").unwrap();
        let header = vapid.authorization(&endpoint, Timestamp::from_micros(1_000_000_500_000));
        let token = header.strip_prefix("vapid t=").unwrap();
        let (token, key) = token.split_once(", k=").unwrap();
        assert_eq!((key, key.len()), (vapid.public.as_str(), 87));
        let point = URL_SAFE_NO_PAD.decode(key).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&["https://push.example:8443"]);
        validation.validate_exp = false;
        let read =
            jsonwebtoken::decode::<Value>(token, &DecodingKey::from_ec_der(&point), &validation);
        let expected = json!({
            "aud": "https://push.example:8443",
            "exp": 1_000_000 + TOKEN_SECS,
            "sub": "mailto:me@here.example",
        });
        assert_eq!(read.unwrap().claims, expected);
        let other =
            DecodingKey::from_ec_der(&URL_SAFE_NO_PAD.decode(public(&new_key().unwrap())).unwrap());
        assert!(jsonwebtoken::decode::<Value>(token, &other, &validation).is_err());
    }

    #[tokio::test]
    async fn the_key_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let (announcements, _bus) = tokio::sync::mpsc::unbounded_channel();
        let store = Store::open(folder.path(), announcements).unwrap();
        let clock = Clock::system();
        let start = || Vapid::start(String::new(), &store, &clock);
        let (first, second) = tokio::join!(start(), start());
        assert_eq!(first.unwrap().public, second.unwrap().public);
    }
}
