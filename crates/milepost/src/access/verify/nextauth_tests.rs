//! Sessions as NextAuth and `jose` make them, whole and damaged.

use axum::http::{HeaderValue, header};

use super::samples::{
    BARE_SESSION, CRITICAL_SESSION, ENDLESS_SESSION, EXPIRED_SESSION, LONG_SESSION, NEWER_SESSION,
    SECRET, SESSION, TYPED_SESSION, ZIPPED_SESSION,
};
use super::token_tests::{Signer, ada, clock};
use super::*;
use crate::config::Secret;

const NAME: &str = "next-auth.session-token";

/// What a verifier with this secret says of a `Cookie` line.
async fn says(secret: &str, line: &str) -> Option<Result<Identity, Refused>> {
    let cookie = CookieConfig { nextauth_secret: Secret::new(secret), ..CookieConfig::default() };
    let verifier = Verifier::new(&JwtConfig::default(), &cookie, clock()).unwrap();
    let mut headers = HeaderMap::new();
    headers.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
    verifier.cookies(&headers).await
}

async fn session(text: &str) -> Result<Identity, Refused> {
    says(SECRET, &format!("{NAME}={text}")).await.unwrap()
}

fn wrong(reason: Reason) -> Result<Identity, Refused> {
    Err(reason.into())
}

#[tokio::test]
async fn sessions_of_nextauth_are_read() {
    let who = session(SESSION).await.unwrap();
    assert_eq!(who.owner, OwnerId::new("ada"));
    assert!(who.administrator && !who.reader);
    assert_eq!(who.expires_at, Timestamp::from_micros(4_949_393_542_000_000));
    let secure = format!("theme=dark; __Secure-{NAME}={SESSION}");
    assert_eq!(says(SECRET, &secure).await, Some(Ok(who)));
    for text in [BARE_SESSION, TYPED_SESSION] {
        let who = session(text).await.unwrap();
        assert!(!who.administrator && !who.reader);
    }
}

#[tokio::test]
async fn a_long_session_comes_in_parts() {
    // As NextAuth cuts it, in another order.
    let parts: Vec<&[u8]> = LONG_SESSION.as_bytes().chunks(3933).collect();
    let part = |number: usize| {
        let text = std::str::from_utf8(parts[number]).unwrap();
        format!("{NAME}.{number}={text}")
    };
    let line = [part(2), part(0), part(1)].join("; ");
    assert_eq!(says(SECRET, &line).await.unwrap().unwrap().owner, OwnerId::new("ada"));
    let two = [part(0), part(1)].join("; ");
    assert_eq!(says(SECRET, &two).await, Some(wrong(Reason::Undecipherable)));
    let gap = [part(0), part(2)].join("; ");
    assert_eq!(says(SECRET, &gap).await, Some(wrong(Reason::Parts)));
}

#[tokio::test]
async fn a_session_needs_an_end() {
    assert_eq!(session(EXPIRED_SESSION).await, wrong(Reason::Expired));
    assert_eq!(session(ENDLESS_SESSION).await, wrong(Reason::Endless));
}

#[tokio::test]
async fn other_ways_to_encrypt_are_refused() {
    assert_eq!(session(NEWER_SESSION).await, wrong(Reason::NewerSession));
    let newer = format!("authjs.session-token={NEWER_SESSION}");
    assert_eq!(says(SECRET, &newer).await, Some(wrong(Reason::NewerSession)));
    for text in [ZIPPED_SESSION, CRITICAL_SESSION] {
        assert_eq!(session(text).await, wrong(Reason::Undecipherable));
    }
}

#[tokio::test]
async fn a_damaged_session_is_refused() {
    let another = "another secret, of the same length too";
    let line = format!("{NAME}={SESSION}");
    assert_eq!(says(another, &line).await, Some(wrong(Reason::Undecipherable)));
    for place in 0..BARE_SESSION.len() {
        let mut bytes = BARE_SESSION.as_bytes().to_vec();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(session(&changed).await.is_err(), "{place}");
    }
    let parts: Vec<&str> = BARE_SESSION.split('.').collect();
    let join = |key: &str, nonce: &str, content: &str, tag: &str| {
        [parts[0], key, nonce, content, tag].join(".")
    };
    for text in [
        join("", parts[2], parts[3], ""),
        join("", parts[2], parts[3], &parts[4][..16]),
        // The same bytes, with the end of the content in the tag.
        join("", parts[2], "", &format!("{}{}", parts[3], parts[4])),
        join("", "", parts[3], parts[4]),
        join("AAAA", parts[2], parts[3], parts[4]),
        "....".to_owned(),
        "x".to_owned(),
        format!("{BARE_SESSION}."),
    ] {
        assert_eq!(session(&text).await, wrong(Reason::Undecipherable), "{text}");
    }
}

#[tokio::test]
async fn a_cookie_may_hold_a_token() {
    let jwt = JwtConfig { secret: Secret::new(SECRET), ..JwtConfig::default() };
    let verifier = Verifier::new(&jwt, &CookieConfig::default(), clock()).unwrap();
    let signer = Signer::Secret(SECRET.as_bytes());
    let token = signer.sign(&serde_json::json!({"alg": "HS256"}), &ada());
    let says = async |line: String| {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_str(&line).unwrap());
        verifier.cookies(&headers).await
    };
    let who = says(format!("milepost_session={token}")).await.unwrap().unwrap();
    assert_eq!(who.owner, OwnerId::new("ada"));
    let cut = says(format!("milepost_session={}", &token[..token.len() - 4])).await;
    assert_eq!(cut, Some(wrong(Reason::Signature)));
    assert_eq!(says(format!("another={token}")).await, None);
    assert_eq!(says(format!("{NAME}={SESSION}")).await, None, "there is no NextAuth");
}

#[tokio::test]
async fn another_claim_may_name_the_owner() {
    let cookie = CookieConfig {
        nextauth_secret: Secret::new(SECRET),
        owner_claim: "email".to_owned(),
        ..CookieConfig::default()
    };
    let verifier = Verifier::new(&JwtConfig::default(), &cookie, clock()).unwrap();
    let mut headers = HeaderMap::new();
    let line = format!("{NAME}={SESSION}");
    headers.append(header::COOKIE, HeaderValue::from_str(&line).unwrap());
    let who = verifier.cookies(&headers).await.unwrap().unwrap();
    assert_eq!(who.owner, OwnerId::new("ada@example.org"));
}
