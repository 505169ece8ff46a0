//! Tokens as bearers send them, good ones and known traps.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use ring::{hmac, rand::SystemRandom};
use serde_json::{Value, json};

use super::samples::{EC_PEM, EC_TOKEN, ED_PEM, ED_TOKEN, RSA_PEM, RSA_TOKEN, SECRET};
use super::*;
use crate::config::Secret;

/// 2030-03-17, in seconds.
pub const NOW: i64 = 1_900_000_000;

pub fn clock() -> Clock {
    Clock::new(|| Timestamp::from_micros(NOW * 1_000_000), uuid::Uuid::now_v7)
}

/// Signs what it is given, whatever that is.
pub enum Signer {
    Secret(&'static [u8]),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    pub fn p256() -> Self {
        let random = SystemRandom::new();
        let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self::P256(EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).unwrap())
    }

    pub fn ed25519() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    /// Its public half, as an entry of a key set.
    pub fn jwk(&self, id: &str) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Secret(secret) => json!({"kty": "oct", "kid": id, "k": encode(secret)}),
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
                json!({"kty": "EC", "crv": "P-256", "kid": id, "x": x, "y": y})
            }
            Self::Ed25519(pair) => {
                let x = encode(pair.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": x})
            }
        }
    }

    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = match self {
            Self::Secret(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
            }
            Self::P256(pair) => {
                pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
            }
            Self::Ed25519(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Claims that are in order.
pub fn ada() -> Value {
    json!({"sub": "ada", "exp": NOW + 600})
}

/// A verifier with the shared secret and all three public keys.
fn verifier(change: impl FnOnce(&mut JwtConfig)) -> Verifier {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let mut jwt = JwtConfig {
        secret: Secret::new(SECRET),
        key_files: vec![file("rsa", RSA_PEM), file("ec", EC_PEM), file("ed", ED_PEM)],
        ..JwtConfig::default()
    };
    change(&mut jwt);
    Verifier::new(&jwt, &CookieConfig::default(), clock()).unwrap()
}

async fn ask(token: &str) -> Result<Identity, Refused> {
    verifier(|_| {}).token(token).await
}

fn wrong(reason: Reason) -> Result<Identity, Refused> {
    Err(Refused::Unauthenticated(reason))
}

fn shared(header: &Value, claims: &Value) -> String {
    Signer::Secret(SECRET.as_bytes()).sign(header, claims)
}

#[tokio::test]
async fn tokens_of_each_algorithm_are_accepted() {
    for token in [RSA_TOKEN, EC_TOKEN, ED_TOKEN] {
        let who = ask(token).await.unwrap();
        assert_eq!(who.owner, OwnerId::new("ada"));
        assert!(who.reader && !who.administrator);
        assert_eq!(who.expires_at, Timestamp::from_micros(4_900_000_000_000_000));
    }
    let who = ask(&shared(&json!({"alg": "HS256"}), &ada())).await.unwrap();
    assert_eq!(who.owner, OwnerId::new("ada"));
    for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
        assert!(ask(&shared(&json!({"alg": "HS256", "typ": typ}), &ada())).await.is_ok(), "{typ}");
    }
}

#[tokio::test]
async fn no_algorithm_is_no_signature() {
    for name in ["none", "None", "NONE", "", "HS384", "RS512", "PS256", "ES384", "hs256", "dir"] {
        let token = shared(&json!({"alg": name}), &ada());
        assert_eq!(ask(&token).await, wrong(Reason::Algorithm), "{name}");
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert_eq!(ask(&unsigned).await, wrong(Reason::Algorithm), "{name}");
    }
    let unsigned = shared(&json!({"alg": "HS256"}), &ada());
    let unsigned = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    assert_eq!(ask(&unsigned).await, wrong(Reason::Signature));
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    let only_public = verifier(|jwt| jwt.secret = Secret::default());
    for public in [RSA_PEM, EC_PEM, ED_PEM] {
        let token = Signer::Secret(public.as_bytes()).sign(&json!({"alg": "HS256"}), &ada());
        assert_eq!(only_public.token(&token).await, wrong(Reason::UnknownKey));
        assert_eq!(ask(&token).await, wrong(Reason::Signature));
    }
    // The other way round: the secret under the name of another algorithm.
    for name in ["RS256", "ES256", "EdDSA"] {
        let token = shared(&json!({"alg": name}), &ada());
        assert_eq!(ask(&token).await, wrong(Reason::Signature), "{name}");
        let only_secret = verifier(|jwt| jwt.key_files.clear());
        assert_eq!(only_secret.token(&token).await, wrong(Reason::UnknownKey), "{name}");
    }
    // A real signature under the name of another kind of key.
    let relabelled = Signer::ed25519().sign(&json!({"alg": "ES256"}), &ada());
    assert_eq!(ask(&relabelled).await, wrong(Reason::Signature));
}

#[tokio::test]
async fn a_strangers_signature_is_refused() {
    for (name, signer) in [("ES256", Signer::p256()), ("EdDSA", Signer::ed25519())] {
        let token = signer.sign(&json!({"alg": name}), &ada());
        assert_eq!(ask(&token).await, wrong(Reason::Signature), "{name}");
        // With the key in its header.
        let own = signer.sign(&json!({"alg": name, "jwk": signer.jwk("x")}), &ada());
        assert_eq!(ask(&own).await, wrong(Reason::Signature), "{name}");
    }
}

#[tokio::test]
async fn no_character_can_be_another() {
    let verifier = verifier(|_| {});
    for token in [EC_TOKEN, ED_TOKEN] {
        for place in 0..token.len() {
            let mut bytes = token.as_bytes().to_vec();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(verifier.token(&changed).await.is_err(), "{place}");
        }
    }
}

#[tokio::test]
async fn headers_demand_nothing_and_name_no_other_use() {
    let with = |name: &str, value: Value| {
        let mut header = json!({"alg": "HS256"});
        header[name] = value;
        shared(&header, &ada())
    };
    assert_eq!(ask(&with("typ", "mpjob+jwt".into())).await, wrong(Reason::JobToken));
    let long = with("typ", "application/MPJOB+JWT".into());
    assert_eq!(ask(&long).await, wrong(Reason::JobToken));
    for typ in ["logout+jwt", "secevent+jwt", "JOSE", ""] {
        assert_eq!(ask(&with("typ", typ.into())).await, wrong(Reason::Type), "{typ}");
    }
    assert_eq!(ask(&with("typ", 1.into())).await, wrong(Reason::Malformed));
    for demand in [json!(["b64"]), json!([]), Value::Null] {
        assert_eq!(ask(&with("crit", demand)).await, wrong(Reason::Critical));
    }
    assert_eq!(ask(&with("kid", 1.into())).await, wrong(Reason::Malformed));
    assert_eq!(ask(&with("alg", Value::Null)).await, wrong(Reason::Malformed));
}

#[tokio::test]
async fn junk_is_no_token() {
    let good = shared(&json!({"alg": "HS256"}), &ada());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let list = URL_SAFE_NO_PAD.encode(r#"["HS256"]"#);
    let deep = URL_SAFE_NO_PAD.encode("[".repeat(4000));
    for junk in [
        String::new(),
        "..".to_owned(),
        ".".repeat(100),
        "not a token".to_owned(),
        format!("{good}.{signature}"),
        format!("{header}={payload}.{signature}"),
        format!("{header}==.{payload}.{signature}"),
        format!(" {good}"),
        format!("{list}.{payload}.{signature}"),
        format!("{deep}.{payload}.{signature}"),
        format!("é.{payload}.{signature}"),
    ] {
        assert_eq!(ask(&junk).await, wrong(Reason::Malformed), "{junk}");
    }
    for junk in [format!("{good}="), format!("{good} "), format!("{message}.é")] {
        assert_eq!(ask(&junk).await, wrong(Reason::Signature), "{junk}");
    }
    // What is signed and still no object.
    for claims in [json!([1]), json!("ada"), Value::Null] {
        let token = shared(&json!({"alg": "HS256"}), &claims);
        assert_eq!(ask(&token).await, wrong(Reason::Malformed));
    }
}

#[tokio::test]
async fn a_huge_token_is_not_read() {
    let mut claims = ada();
    claims["more"] = "x".repeat(MAX_TOKEN).into();
    let token = shared(&json!({"alg": "HS256"}), &claims);
    assert_eq!(ask(&token).await, wrong(Reason::TooLong));
    assert_eq!(ask(&"a".repeat(10_000_000)).await, wrong(Reason::TooLong));
}

#[tokio::test]
async fn the_signature_comes_before_the_claims() {
    // What a forged token says must not decide what its sender learns.
    let claims = json!({"sub": "ada", "exp": 1});
    let forged = Signer::Secret(b"another").sign(&json!({"alg": "HS256"}), &claims);
    assert_eq!(ask(&forged).await, wrong(Reason::Signature));
    let expired = shared(&json!({"alg": "HS256"}), &claims);
    assert_eq!(ask(&expired).await, wrong(Reason::Expired));
    let claims = json!({"sub": "ada", "exp": NOW + 60, "aud": "another"});
    let elsewhere = shared(&json!({"alg": "HS256"}), &claims);
    assert_eq!(ask(&elsewhere).await, wrong(Reason::Audience));
}

#[test]
fn a_file_that_is_no_key_is_named() {
    let mut jwt = JwtConfig::default();
    let said = |jwt: &JwtConfig| {
        Verifier::new(jwt, &CookieConfig::default(), clock()).err().unwrap().to_string()
    };
    jwt.key_files = vec!["/nowhere/key.pem".into()];
    let missing = said(&jwt);
    assert!(missing.starts_with("jwt.key_files: /nowhere/key.pem: "), "{missing}");
    let file = tempfile::NamedTempFile::new().unwrap();
    jwt.key_files = vec![file.path().to_owned()];
    assert!(said(&jwt).ends_with(": this is not a PEM file"));
    jwt.secret = Secret::new("short");
    assert!(said(&jwt).starts_with("jwt.secret: "));
}

#[test]
fn messages_repeat_nothing() {
    let said = Refused::from(Reason::Time("exp")).to_string();
    assert_eq!(said, "The credential's `exp` is not a number of seconds.");
    let said = Refused::from(Reason::TooLong).to_string();
    assert!(said.contains("8192 bytes"), "{said}");
}
