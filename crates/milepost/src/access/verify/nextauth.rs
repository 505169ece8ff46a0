//! Sessions of NextAuth 4: a compact JWE (RFC 7516), `dir` with `A256GCM`. Enters:
//! the text of a session, the site's secret. Leaves: its claims. Never: accepts
//! another algorithm, or unpacks anything.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use serde_json::Value;

use super::Reason;
use super::claims::Claims;
use super::jwt::object;
use crate::config::Secret;

/// Names of its cookies. Over https there is only the first, which no page without
/// it can set.
pub const COOKIES: [&str; 2] = ["__Secure-next-auth.session-token", "next-auth.session-token"];
/// Names of the next major version, which encrypts in another way.
pub const NEWER_COOKIES: [&str; 2] = ["__Secure-authjs.session-token", "authjs.session-token"];

/// What NextAuth derives its key for.
const INFO: &[u8] = b"NextAuth.js Generated Encryption Key";

/// Decrypts the sessions of one site.
pub struct NextAuth {
    key: LessSafeKey,
}

impl NextAuth {
    /// With the site's `NEXTAUTH_SECRET`.
    pub fn new(secret: &Secret) -> Self {
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(secret.reveal().as_bytes());
        let key = extracted.expand(&[INFO], &AES_256_GCM).expect("a key is not too long");
        Self { key: LessSafeKey::new(UnboundKey::from(key)) }
    }

    /// What a session says.
    pub fn claims(&self, text: &str) -> Result<Claims, Reason> {
        let parts: Vec<&str> = text.split('.').collect();
        let [header, wrapped_key, nonce, content, tag] = parts[..] else {
            return Err(Reason::Undecipherable);
        };
        check_header(header)?;
        if !wrapped_key.is_empty() {
            // `dir` wraps none.
            return Err(Reason::Undecipherable);
        }
        self.decrypt(header, nonce, content, tag).ok_or(Reason::Undecipherable)
    }

    fn decrypt(&self, header: &str, nonce: &str, content: &str, tag: &str) -> Option<Claims> {
        let nonce: [u8; NONCE_LEN] = URL_SAFE_NO_PAD.decode(nonce).ok()?.try_into().ok()?;
        let mut sealed = URL_SAFE_NO_PAD.decode(content).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        // A shorter one could be guessed, and its rest taken from the content.
        if tag.len() != AES_256_GCM.tag_len() {
            return None;
        }
        sealed.extend_from_slice(&tag);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let text = self.key.open_in_place(nonce, Aad::from(header.as_bytes()), &mut sealed).ok()?;
        serde_json::from_slice(text).ok()
    }
}

fn check_header(header: &str) -> Result<(), Reason> {
    let header = object(header).ok_or(Reason::Undecipherable)?;
    let is = |name: &str, wanted: &str| header.get(name).and_then(Value::as_str) == Some(wanted);
    if is("enc", "A256CBC-HS512") {
        return Err(Reason::NewerSession);
    }
    let plain = !header.contains_key("zip") && !header.contains_key("crit");
    if plain && is("alg", "dir") && is("enc", "A256GCM") {
        Ok(())
    } else {
        Err(Reason::Undecipherable)
    }
}
