//! A browser that is told of jobs' ends: its keys, and what it makes of a message that
//! came for it. Its push service is a web server of the test.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint as _;
use web_push_native::{Auth, decrypt};

use super::{Api, Web, id_of};

/// A day is the most that services let a token last.
const MAX_TOKEN_SECS: u64 = 24 * 3600;

/// One browser.
pub struct Browser {
    key: SecretKey,
    auth: [u8; 16],
    path: String,
}

/// A message, as the service took it and the browser read it.
pub struct Told {
    pub path: String,
    pub topic: String,
    /// The key with which the server proved itself.
    pub server: String,
    pub message: Value,
}

impl Browser {
    /// With keys of its own, and this secret path at its service.
    pub fn new(path: &str) -> Self {
        let key = loop {
            let bytes: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
            if let Ok(key) = SecretKey::from_slice(&bytes) {
                break key;
            }
        };
        let auth = std::array::from_fn(|_| fastrand::u8(..));
        Self { key, auth, path: path.to_owned() }
    }

    /// As `PushSubscription.toJSON()` gives it.
    pub fn subscription(&self, service: &Web) -> Value {
        let point = self.key.public_key().to_encoded_point(false);
        json!({
            "endpoint": service.url(&self.path),
            "expirationTime": null,
            "keys": {
                "p256dh": URL_SAFE_NO_PAD.encode(point),
                "auth": URL_SAFE_NO_PAD.encode(self.auth),
            },
        })
    }

    /// Subscribes, as somebody new, and returns the subscription's id.
    pub async fn subscribe(&self, api: &Api, service: &Web) -> String {
        let body = self.subscription(service);
        id_of(&api.call(api.post(SUBSCRIPTIONS).json(&body)).await.expect(201).json())
    }

    /// What comes next at the service, which answers with this.
    pub async fn told(&self, service: &Web, answer: &str) -> Told {
        let mut visit = service.visit().await;
        let body = visit.body().await;
        assert!(visit.head.starts_with("POST "), "{}", visit.head);
        assert_eq!(visit.header("content-encoding"), "aes128gcm");
        assert_eq!(visit.header("content-type"), "application/octet-stream");
        assert_eq!(visit.header("urgency"), "normal");
        let ttl: u64 = visit.header("ttl").parse().expect("seconds");
        assert!((1..=24 * 3600).contains(&ttl), "{ttl}");
        assert!(body.len() < 4096, "{} bytes are too many for a service", body.len());
        let text = decrypt(body, &self.key, &Auth::from(self.auth)).expect("it is for us");
        let told = Told {
            path: visit.target().to_owned(),
            topic: visit.header("topic").to_owned(),
            server: proven(visit.header("authorization"), &service.url("")),
            message: serde_json::from_slice(&text).expect("it is JSON"),
        };
        visit.answer(answer, b"").await;
        told
    }
}

/// Where subscriptions are made and listed.
pub const SUBSCRIPTIONS: &str = "/v1/push/subscriptions";

/// The key by which a service knows the sender, whose token has to hold.
fn proven(authorization: &str, origin: &str) -> String {
    let fields = authorization.strip_prefix("vapid t=").expect("RFC 8292");
    let (token, key) = fields.split_once(", k=").expect("a token and a key");
    let point = URL_SAFE_NO_PAD.decode(key).expect("base64url");
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[origin]);
    let read = jsonwebtoken::decode::<Value>(token, &DecodingKey::from_ec_der(&point), &validation);
    let claims = read.expect("the token holds").claims;
    let now = jsonwebtoken::get_current_timestamp();
    assert!(claims["exp"].as_u64().expect("an end") <= now + MAX_TOKEN_SECS, "{claims}");
    assert_eq!(claims["sub"], "mailto:operator@milepost.example");
    key.to_owned()
}
