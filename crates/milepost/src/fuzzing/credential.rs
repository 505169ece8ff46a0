//! Credentials. Enters: a bearer token on the first line, a `Cookie` header on each
//! other one. Leaves: nothing; whoever is accepted without a signature panics.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use futures_util::FutureExt as _;
use milepost_core::Timestamp;
use ring::{hmac, signature};

use crate::access::verify::samples::{EC_PEM, SECRET};
use crate::access::verify::{Identity, Verifier};
use crate::clock::Clock;
use crate::config::{CookieConfig, JwtConfig, Secret};

thread_local! {
    static VERIFIER: Verifier = verifier().expect("the keys are in order");
}

/// Any bytes as a token and as cookies.
pub fn credential(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let token = String::from_utf8_lossy(lines.next().unwrap_or_default());
    let mut headers = HeaderMap::new();
    for line in lines {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(header::COOKIE, value);
        }
    }
    VERIFIER.with(|verifier| {
        let accepted = verifier.token(&token).now_or_never().expect("there is no issuer to ask");
        if let Ok(identity) = accepted {
            was_issued(&identity);
            assert!(is_signed(&token), "accepted without a signature");
        }
        let accepted = verifier.cookies(&headers).now_or_never().expect("nor here");
        if let Some(Ok(identity)) = accepted {
            was_issued(&identity);
        }
    });
}

/// The keys are known to the samples alone, and all of these are of one owner.
fn was_issued(identity: &Identity) {
    assert_eq!(identity.owner.as_str(), "ada", "nobody else was given a credential");
}

/// By another library than the one that the verifier asks.
fn is_signed(token: &str) -> bool {
    let Some((message, signature)) = token.rsplit_once('.') else { return false };
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
    let secret = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let text: String = EC_PEM.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(text).expect("it is PEM");
    let point = &der[der.len() - 65..];
    let public = signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point);
    hmac::verify(&secret, message.as_bytes(), &signature).is_ok()
        || public.verify(message.as_bytes(), &signature).is_ok()
}

fn verifier() -> anyhow::Result<Verifier> {
    let file = std::env::temp_dir().join(format!("milepost-fuzz-{}.pem", std::process::id()));
    std::fs::write(&file, EC_PEM)?;
    let jwt = JwtConfig {
        secret: Secret::new(SECRET),
        key_files: vec![file.clone()],
        ..JwtConfig::default()
    };
    let cookie = CookieConfig { nextauth_secret: Secret::new(SECRET), ..CookieConfig::default() };
    // In the life of the samples, whenever it runs.
    let clock = Clock::new(|| Timestamp::from_micros(1_900_000_000_000_000), uuid::Uuid::now_v7);
    let verifier = Verifier::new(&jwt, &cookie, clock)?;
    std::fs::remove_file(file)?;
    Ok(verifier)
}
