//! Reads a compact JSON Web Token (RFC 7515, 7519). Enters: text. Leaves: its
//! parts, checked as far as that goes without a key. Never: trusts one of them, or
//! follows what a header refers to (`jku`, `jwk`, `x5u`, `x5c`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::claims::Claims;
use super::{MAX_TOKEN, Reason, key};

/// The `typ` of the tokens that the server itself makes for a job.
const JOB_TOKEN: &str = "mpjob+jwt";
/// Types that say who somebody is. A closed list: a token that its issuer meant for
/// something else (a logout, an event) must not pass for one of these.
const TYPES: &[&str] = &["jwt", "at+jwt"];

/// The parts of a token.
pub struct Token<'a> {
    pub algorithm: Algorithm,
    pub key_id: Option<String>,
    /// What is signed: header and payload.
    pub message: &'a str,
    pub signature: &'a str,
    payload: &'a str,
}

impl<'a> Token<'a> {
    /// Takes a token apart.
    pub fn read(text: &'a str) -> Result<Self, Reason> {
        if text.len() > MAX_TOKEN {
            return Err(Reason::TooLong);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(Reason::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(Reason::Malformed)?;
        if payload.contains('.') {
            return Err(Reason::Malformed);
        }
        let header = object(header).ok_or(Reason::Malformed)?;
        if header.contains_key("crit") {
            return Err(Reason::Critical);
        }
        check_type(header.get("typ"))?;
        let algorithm = header.get("alg").and_then(Value::as_str).ok_or(Reason::Malformed)?;
        let key_id = match header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(Reason::Malformed),
        };
        let algorithm = key::named(algorithm).ok_or(Reason::Algorithm)?;
        Ok(Self { algorithm, key_id, message, signature, payload })
    }

    /// What it says. To be believed only once the signature was verified.
    pub fn claims(&self) -> Result<Claims, Reason> {
        object(self.payload).ok_or(Reason::Malformed)
    }
}

/// A part that is a JSON object.
pub fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn check_type(value: Option<&Value>) -> Result<(), Reason> {
    let Some(value) = value else { return Ok(()) };
    let name = value.as_str().ok_or(Reason::Malformed)?.to_ascii_lowercase();
    // RFC 7515, 4.1.9: `application/` may be left out.
    match name.strip_prefix("application/").unwrap_or(&name) {
        JOB_TOKEN => Err(Reason::JobToken),
        name if TYPES.contains(&name) => Ok(()),
        _ => Err(Reason::Type),
    }
}
