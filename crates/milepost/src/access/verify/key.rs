//! Keys that signatures are verified with. Enters: a secret, PEM text, entries of a
//! published key set. Leaves: keys, each with the one algorithm that it is for.
//! Never: lets a token choose the algorithm; with that, a public key could be taken
//! for a secret.

use jsonwebtoken::crypto;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::Reason;
use super::jwt::Token;
use crate::config::Secret;

/// A shorter modulus is not accepted by RFC 7518, 3.3, a longer one not by the
/// library, and it would cost too much.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// A key with its algorithm.
pub struct Key {
    algorithm: Algorithm,
    id: Option<String>,
    key: DecodingKey,
}

/// Whether one of `keys` signed the token. Where a key and the token both have an
/// id, these must be the same.
pub fn signed_by_one(keys: &[Key], token: &Token<'_>) -> Result<(), Reason> {
    let mut reason = Reason::UnknownKey;
    for key in keys.iter().filter(|key| key.fits(token)) {
        if key.signed(token) {
            return Ok(());
        }
        reason = Reason::Signature;
    }
    Err(reason)
}

impl Key {
    /// For HS256.
    pub fn from_secret(secret: &Secret) -> Self {
        let key = DecodingKey::from_secret(secret.reveal().as_bytes());
        Self { algorithm: Algorithm::HS256, id: None, key }
    }

    /// A public key of a PEM file: SPKI, or PKCS #1 for RSA.
    ///
    /// # Errors
    /// Why it is none, for the operator.
    pub fn from_pem(text: &[u8]) -> Result<Self, &'static str> {
        let shown = String::from_utf8_lossy(text);
        let labels: Vec<&str> = shown
            .split("-----BEGIN ")
            .skip(1)
            .filter_map(|rest| rest.split("-----").next())
            .collect();
        match labels[..] {
            [] => return Err("this is not a PEM file"),
            ["PUBLIC KEY" | "RSA PUBLIC KEY"] => {}
            [label] if label.ends_with("PRIVATE KEY") => {
                return Err("this is a private key; put only its public half here: `openssl pkey \
                            -pubout`");
            }
            ["CERTIFICATE"] => {
                return Err("this is a certificate; put its public key here: `openssl x509 \
                            -pubkey -noout`");
            }
            [_] => return Err("this is not a public key"),
            _ => return Err("there is more than one thing in it; give each key its own file"),
        }
        let key = if let Ok(key) = DecodingKey::from_rsa_pem(text) {
            let der = key.try_get_as_bytes().map_err(|_| UNUSABLE)?;
            let parts = &crypto::rust_crypto::DEFAULT_PROVIDER.key_utils;
            let (modulus, _) =
                (parts.rsa_pub_components_from_public_key)(der).map_err(|_| UNUSABLE)?;
            if !RSA_BITS.contains(&bits(&modulus)) {
                return Err("an RSA key must have 2048 to 4096 bits");
            }
            Self { algorithm: Algorithm::RS256, id: None, key }
        } else if let Ok(key) = DecodingKey::from_ec_pem(text) {
            Self { algorithm: Algorithm::ES256, id: None, key }
        } else if let Ok(key) = DecodingKey::from_ed_pem(text) {
            Self { algorithm: Algorithm::EdDSA, id: None, key }
        } else {
            return Err(UNUSABLE);
        };
        key.usable().then_some(key).ok_or(UNUSABLE)
    }

    /// An entry of a key set (RFC 7517). `None` for what is of no use here: secrets,
    /// keys to encrypt with, other algorithms, and what is malformed.
    pub fn from_jwk(entry: &Value) -> Option<Self> {
        let entry = Jwk::deserialize(entry).ok()?;
        let for_signatures = entry.r#use.as_deref().is_none_or(|one| one == "sig")
            && entry.key_ops.as_ref().is_none_or(|all| all.iter().any(|one| one == "verify"));
        let curve = entry.crv.as_deref();
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let (algorithm, key) = match (entry.kty.as_str(), curve) {
            ("RSA", _) => (
                Algorithm::RS256,
                DecodingKey::from_rsa_components(&part(&entry.n), &part(&entry.e)),
            ),
            ("EC", Some("P-256")) => (
                Algorithm::ES256,
                DecodingKey::from_ec_components(&part(&entry.x), &part(&entry.y)),
            ),
            ("OKP", Some("Ed25519")) => {
                (Algorithm::EdDSA, DecodingKey::from_ed_components(&part(&entry.x)))
            }
            _ => return None,
        };
        let named = entry.alg.as_deref().is_none_or(|name| named(name) == Some(algorithm));
        let key = Self { algorithm, id: entry.kid, key: key.ok()? };
        (for_signatures && named && key.usable()).then_some(key)
    }

    /// Whether the library can work with it. It indexes into keys that are too
    /// short, and finds others wrong only with each token.
    fn usable(&self) -> bool {
        use jsonwebtoken::DecodingKeyKind::{RsaModulusExponent, SecretOrDer};
        let sound = match (self.algorithm, self.key.kind()) {
            (Algorithm::RS256, RsaModulusExponent { n, e }) => {
                RSA_BITS.contains(&bits(n)) && !e.is_empty() && e.len() <= 8
            }
            (Algorithm::ES256, SecretOrDer(point)) => point.len() == 65,
            (Algorithm::EdDSA, SecretOrDer(point)) => point.len() == 32,
            (Algorithm::RS256 | Algorithm::HS256, SecretOrDer(_)) => true,
            _ => false,
        };
        sound && crypto::verify("", b"", &self.key, self.algorithm).is_ok()
    }

    /// Whether the token names this very key.
    pub fn is_named_by(&self, token: &Token<'_>) -> bool {
        self.id.is_some() && self.id == token.key_id && self.algorithm == token.algorithm
    }

    fn fits(&self, token: &Token<'_>) -> bool {
        let same = match (&self.id, &token.key_id) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        same && self.algorithm == token.algorithm
    }

    fn signed(&self, token: &Token<'_>) -> bool {
        let message = token.message.as_bytes();
        crypto::verify(token.signature, message, &self.key, self.algorithm).unwrap_or(false)
    }
}

const UNUSABLE: &str = "this is not a public key of RSA, P-256 or Ed25519";

/// The algorithm of this name, where it is one of those that are accepted. A list
/// of its own, for the library knows more.
pub fn named(name: &str) -> Option<Algorithm> {
    match name {
        "HS256" => Some(Algorithm::HS256),
        "RS256" => Some(Algorithm::RS256),
        "ES256" => Some(Algorithm::ES256),
        "EdDSA" => Some(Algorithm::EdDSA),
        _ => None,
    }
}

fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let significant = &number[zeros..];
    let unused = significant.first().map_or(0, |byte| byte.leading_zeros() as usize);
    significant.len() * 8 - unused
}

/// What is read of an entry.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::access::verify::samples::{EC_JWK, EC_PEM, ED_JWK, ED_PEM, RSA_JWK, RSA_PEM};

    fn pem(text: &str) -> Result<Algorithm, &'static str> {
        Key::from_pem(text.as_bytes()).map(|key| key.algorithm)
    }

    fn jwk(text: &str, change: Value) -> Option<Algorithm> {
        let mut entry: Value = serde_json::from_str(text).unwrap();
        for (name, value) in change.as_object().unwrap() {
            entry[name] = value.clone();
        }
        Key::from_jwk(&entry).map(|key| key.algorithm)
    }

    #[test]
    fn the_kind_of_a_key_decides_its_algorithm() {
        assert_eq!(pem(RSA_PEM), Ok(Algorithm::RS256));
        assert_eq!(pem(EC_PEM), Ok(Algorithm::ES256));
        assert_eq!(pem(ED_PEM), Ok(Algorithm::EdDSA));
        assert_eq!(jwk(RSA_JWK, json!({})), Some(Algorithm::RS256));
        assert_eq!(jwk(EC_JWK, json!({})), Some(Algorithm::ES256));
        assert_eq!(jwk(ED_JWK, json!({})), Some(Algorithm::EdDSA));
        assert_eq!(jwk(RSA_JWK, json!({"alg": null, "use": null})), Some(Algorithm::RS256));
    }

    #[test]
    fn files_without_a_usable_public_key_are_refused() {
        let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(pem(private).unwrap_err().starts_with("this is a private key"));
        let two = format!("{EC_PEM}{ED_PEM}");
        assert!(pem(&two).unwrap_err().starts_with("there is more than one"));
        assert!(pem("secret").unwrap_err().starts_with("this is not a PEM file"));
        assert!(pem(&EC_PEM.replace("PUBLIC KEY", "CERTIFICATE")).unwrap_err().contains("x509"));
        let cut = EC_PEM.replace("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", "MFkw");
        assert_eq!(pem(&cut), Err(UNUSABLE));
        let small = include_str!("samples/rsa1024.pem");
        assert_eq!(pem(small), Err("an RSA key must have 2048 to 4096 bits"));
        assert_eq!(pem(include_str!("samples/p384.pem")), Err(UNUSABLE));
    }

    #[test]
    fn entries_of_no_use_are_skipped() {
        for change in [
            json!({"use": "enc"}),
            json!({"key_ops": ["encrypt"]}),
            json!({"alg": "RS512"}),
            json!({"alg": "PS256"}),
            json!({"alg": "HS256"}),
            json!({"alg": "none"}),
            json!({"kty": "oct", "k": "AAAA"}),
            json!({"kty": 7}),
            json!({"n": "AQAB"}),
            json!({"n": null}),
            json!({"e": ""}),
            json!({"n": "not base64!"}),
        ] {
            assert_eq!(jwk(RSA_JWK, change.clone()), None, "{change}");
        }
        for change in [
            json!({"crv": "P-384"}),
            json!({"x": "AAAA"}),
            // Not a point of the curve.
            json!({"x": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}),
        ] {
            assert_eq!(jwk(EC_JWK, change.clone()), None, "{change}");
        }
        // The library would panic over a short one.
        for change in [json!({"x": ""}), json!({"x": "AAAA"}), json!({"crv": "Ed448"})] {
            assert_eq!(jwk(ED_JWK, change.clone()), None, "{change}");
        }
        assert!(Key::from_jwk(&json!([])).is_none());
    }
}
