//! What a browser says of where it is told things. Enters: the JSON of its
//! subscription. Leaves: one that may be kept, or the field at fault. Never: lets a client
//! name a server that the operator does not permit.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use milepost_core::Timestamp;
use url::Url;
use web_push_native::p256::PublicKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint as _;

use super::PushError;
use crate::config::PushConfig;
use crate::store::PushTarget;

/// No endpoint is longer; those of today take some hundred bytes.
const MAX_ENDPOINT_BYTES: usize = 2048;
/// RFC 8291, 3.2.
const AUTH_BYTES: usize = 16;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A subscription as the browser sent it.
pub struct Wish {
    /// The URL at which its push service takes messages.
    pub endpoint: String,
    /// Its public key, in base64url.
    pub p256dh: String,
    /// Its authentication secret, in base64url.
    pub auth: String,
    /// When it ends by itself, in milliseconds since the Unix epoch.
    pub expiration_ms: Option<f64>,
}

impl Wish {
    /// Where messages go, if they may go there.
    pub(super) fn target(&self, config: &PushConfig) -> Result<PushTarget, PushError> {
        let wrong = |field, detail: &str| PushError::Wrong { field, detail: detail.to_owned() };
        if self.endpoint.len() > MAX_ENDPOINT_BYTES {
            return Err(wrong("endpoint", "The endpoint is too long; 2 KiB are the limit."));
        }
        let url = Url::parse(&self.endpoint)
            .map_err(|_| wrong("endpoint", "This is no URL of a push service."))?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(wrong("endpoint", "This is no URL of a push service."));
        }
        if !config.permits(&url) {
            let host = service(&url);
            let detail = format!(
                "{host} is no push service that this server calls; the operator may name it in \
                 `push.hosts`."
            );
            return Err(PushError::Wrong { field: "endpoint", detail });
        }
        let key = BASE64.decode(&self.p256dh).ok();
        let key = key.and_then(|bytes| PublicKey::from_sec1_bytes(&bytes).ok());
        let key = key.ok_or_else(|| {
            wrong("keys.p256dh", "This is no point of the curve P-256 in base64url.")
        })?;
        let auth = BASE64.decode(&self.auth).ok().filter(|auth| auth.len() == AUTH_BYTES);
        let auth =
            auth.ok_or_else(|| wrong("keys.auth", "These are not 16 bytes in base64url."))?;
        Ok(PushTarget {
            endpoint: url.into(),
            p256dh: key.to_encoded_point(false).as_bytes().to_vec(),
            auth,
        })
    }

    /// The earlier of its own end and its maker's.
    pub(super) fn expires_at(
        &self,
        credential: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, PushError> {
        let own = self.expiration_ms.map(|ms| Timestamp::from_micros((ms * 1000.0) as i64));
        if own.is_some_and(|end| end <= now) {
            let detail = "The subscription has ended; make another one.".to_owned();
            return Err(PushError::Wrong { field: "expirationTime", detail });
        }
        Ok(own.into_iter().chain(credential).min())
    }
}

/// All of an endpoint that lists, messages and the log may show.
pub(super) fn service(endpoint: &Url) -> String {
    endpoint.host_str().unwrap_or("the service").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The receiver's key of RFC 8291, appendix A.
    const KEY: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";

    fn field(change: impl FnOnce(&mut Wish)) -> Option<&'static str> {
        let mut wish = Wish {
            endpoint: "https://fcm.googleapis.com/fcm/send/s3cr3t".to_owned(),
            p256dh: KEY.to_owned(),
            auth: "BTBZMqHH6r4Tts7J_aSIgg".to_owned(),
            expiration_ms: None,
        };
        change(&mut wish);
        match wish.target(&PushConfig::default()) {
            Ok(_) => None,
            Err(PushError::Wrong { field, detail }) => {
                assert!(!detail.contains("s3cr3t"), "{detail}");
                Some(field)
            }
            Err(_) => Some("something else"),
        }
    }

    #[test]
    fn what_a_browser_sends_is_checked() {
        assert_eq!(field(|_| {}), None);
        assert_eq!(field(|wish| wish.auth.push_str("==")), None);
        for endpoint in [
            "",
            "fcm.googleapis.com/fcm",
            "http://fcm.googleapis.com/s3cr3t",
            "https://u@fcm.googleapis.com/s3cr3t",
            "https://fcm.googleapis.com/#s3cr3t",
            "https://169.254.169.254/s3cr3t",
            "https://evil.example/s3cr3t",
            &format!("https://fcm.googleapis.com/{}", "x".repeat(MAX_ENDPOINT_BYTES)),
        ] {
            assert_eq!(field(|wish| wish.endpoint = endpoint.to_owned()), Some("endpoint"));
        }
        // The last is a point that does not lie on the curve.
        for key in ["", "AAAA", "!", &KEY.replace("BCVx", "BCVy")] {
            assert_eq!(field(|wish| wish.p256dh = key.to_owned()), Some("keys.p256dh"), "{key}");
        }
        for auth in ["", "BTBZMqHH6r4Tts7J_aSI", "BTBZMqHH6r4Tts7J_aSIggAA"] {
            assert_eq!(field(|wish| wish.auth = auth.to_owned()), Some("keys.auth"), "{auth}");
        }
    }

    #[test]
    fn it_ends_with_whatever_ends_first() {
        let ends = |expiration_ms, credential: Option<i64>| {
            let wish = Wish {
                endpoint: String::new(),
                p256dh: String::new(),
                auth: String::new(),
                expiration_ms,
            };
            let credential = credential.map(Timestamp::from_micros);
            wish.expires_at(credential, Timestamp::from_micros(1_000_000)).ok()
        };
        let at = |micros| Some(Some(Timestamp::from_micros(micros)));
        assert_eq!(ends(None, None), Some(None));
        assert_eq!(ends(Some(2000.5), None), at(2_000_500));
        assert_eq!(ends(Some(2000.5), Some(2_000_000)), at(2_000_000));
        assert_eq!(ends(Some(1000.0), None), None);
        assert_eq!(ends(Some(-1.0), Some(2_000_000)), None);
    }
}
