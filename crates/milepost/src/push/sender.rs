//! One message to one push service (RFC 8030). Enters: a text and where it goes. Leaves:
//! what the service made of it. Never: sends the text unencrypted, follows a redirect, or
//! reads what the service says besides its status.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use milepost_core::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, StatusCode};
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;
use web_push_native::p256::PublicKey;
use web_push_native::{Auth, encrypt};

use super::subscription::service;
use super::vapid::Vapid;
use crate::config::PushConfig;
use crate::fetch::{self, Reach};
use crate::store::{PushMessage, PushTarget};

/// How long a service may take for its answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a topic before they are text of 32 characters, the most there may be.
const TOPIC_BYTES: usize = 24;

/// What a service made of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It will deliver it.
    Taken,
    /// There is no such subscription any more.
    Gone,
    /// Not now; perhaps after so long.
    Later(Option<Duration>),
    /// Never.
    Refused,
}

/// Sends messages.
pub(super) struct Sender {
    pub(super) config: PushConfig,
    client: Client,
    vapid: Vapid,
}

impl Sender {
    pub(super) fn new(config: PushConfig, vapid: Vapid) -> Result<Self, reqwest::Error> {
        let client = fetch::client(&Reach::new(&config.reached())).timeout(TIMEOUT).build()?;
        Ok(Self { config, client, vapid })
    }

    /// The public key, for browsers.
    pub(super) fn public_key(&self) -> &str {
        &self.vapid.public
    }

    /// Sends `text`, which the service keeps for `ttl` where the browser is away. A later
    /// one about the same thing takes its place there.
    pub(super) async fn send(
        &self,
        message: &PushMessage,
        text: Vec<u8>,
        now: Timestamp,
        ttl: Duration,
    ) -> Answer {
        let target = &message.target;
        // What is permitted may have changed since it was stored.
        let endpoint = Url::parse(&target.endpoint).ok().filter(|url| self.config.permits(url));
        let Some((endpoint, body)) = endpoint.zip(sealed(target, text)) else {
            return Answer::Refused;
        };
        let request = self
            .client
            .post(endpoint.clone())
            .header(AUTHORIZATION, self.vapid.authorization(&endpoint, now))
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_ENCODING, "aes128gcm")
            .header("TTL", ttl.as_secs())
            .header("Urgency", "normal")
            .header("Topic", topic(message.subscription, message.subject()))
            .body(body);
        match request.send().await {
            Ok(response) => {
                let answer = answer(response.status(), response.headers(), now);
                if answer == Answer::Refused {
                    let (service, status) = (service(&endpoint), response.status());
                    tracing::warn!(%service, %status, "a push service refuses a message");
                }
                answer
            }
            Err(error) => {
                let (service, error) = (service(&endpoint), error.without_url());
                tracing::debug!(%service, %error, "a push service is out of reach");
                Answer::Later(None)
            }
        }
    }
}

/// Encrypted for the browser alone (RFC 8291).
fn sealed(target: &PushTarget, text: Vec<u8>) -> Option<Vec<u8>> {
    let key = PublicKey::from_sec1_bytes(&target.p256dh).ok()?;
    let auth: [u8; 16] = target.auth.as_slice().try_into().ok()?;
    encrypt(text, &key, &Auth::from(auth)).ok()
}

/// Not the same for two browsers: the service need not know who is told of one thing.
fn topic(subscription: Uuid, subject: Uuid) -> String {
    let digest = Sha256::new().chain_update(subscription).chain_update(subject).finalize();
    URL_SAFE_NO_PAD.encode(&digest[..TOPIC_BYTES])
}

fn answer(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Answer {
    match status.as_u16() {
        200..=299 => Answer::Taken,
        404 | 410 => Answer::Gone,
        408 | 425 | 429 | 500..=599 => Answer::Later(retry_after(headers, now)),
        _ => Answer::Refused,
    }
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(secs) = text.parse() {
        return Some(Duration::from_secs(secs));
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    let now = Duration::from_micros(u64::try_from(now.as_micros()).ok()?);
    Some(at.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use web_push_native::decrypt;
    use web_push_native::p256::SecretKey;
    use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint as _;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// The browser of RFC 8291, appendix A.
    fn browser() -> (SecretKey, Auth) {
        let key = bytes("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94");
        let auth: [u8; 16] = bytes("BTBZMqHH6r4Tts7J_aSIgg").try_into().unwrap();
        (SecretKey::from_slice(&key).unwrap(), auth.into())
    }

    #[test]
    fn the_browser_reads_what_the_rfc_s_server_sent() {
        let (key, auth) = browser();
        let body = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml\
                    mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT\
                    pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        let text = decrypt(bytes(body), &key, &auth).unwrap();
        assert_eq!(text, b"When I grow up, I want to be a watermelon");
    }

    #[test]
    fn the_browser_alone_reads_what_we_send() {
        let (key, auth) = browser();
        let target = PushTarget {
            endpoint: String::new(),
            p256dh: key.public_key().to_encoded_point(false).as_bytes().to_vec(),
            auth: auth.to_vec(),
        };
        let sent = sealed(&target, b"ended".to_vec()).unwrap();
        assert_eq!(decrypt(sent.clone(), &key, &auth).unwrap(), b"ended");
        assert_ne!(sealed(&target, b"ended".to_vec()).unwrap(), sent);
        let other = SecretKey::from_slice(&[1; 32]).unwrap();
        assert!(decrypt(sent, &other, &auth).is_err());
    }

    #[test]
    fn a_topic_tells_nothing() {
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(topic(a, b).len(), 32);
        assert_eq!(topic(a, b), topic(a, b));
        assert_ne!(topic(a, b), topic(b, a));
    }

    #[test]
    fn what_a_service_says_is_understood() {
        let says = |status: u16, after: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(after) = after {
                headers.insert(RETRY_AFTER, after.parse().unwrap());
            }
            let now = Timestamp::from_micros(1_000_000_000);
            answer(StatusCode::from_u16(status).unwrap(), &headers, now)
        };
        let later = |secs| Answer::Later(Some(Duration::from_secs(secs)));
        assert_eq!(says(201, None), Answer::Taken);
        assert_eq!((says(404, None), says(410, None)), (Answer::Gone, Answer::Gone));
        assert_eq!(says(429, Some("120")), later(120));
        assert_eq!(says(503, Some("Thu, 01 Jan 1970 00:17:40 GMT")), later(60));
        assert_eq!(says(503, Some("Thu, 01 Jan 1970 00:00:40 GMT")), later(0));
        assert_eq!(says(503, Some("soon")), Answer::Later(None));
        assert_eq!(says(500, None), Answer::Later(None));
        for refused in [302, 400, 401, 403, 413] {
            assert_eq!(says(refused, Some("1")), Answer::Refused, "{refused}");
        }
    }
}
