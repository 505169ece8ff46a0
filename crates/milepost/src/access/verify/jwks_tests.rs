//! An issuer on loopback that publishes its keys, changes them, and fails.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::token_tests::{NOW, Signer};
use super::*;

/// What the issuer answers, and how often it was asked.
#[derive(Clone, Default)]
struct Published {
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

#[derive(Clone, Default)]
enum Answer {
    #[default]
    Failure,
    Redirect,
    Body(String),
}

impl Published {
    fn keys(&self, keys: &[Value]) {
        self.body(json!({ "keys": keys }).to_string());
    }

    fn body(&self, body: String) {
        *self.answer.lock().unwrap() = Answer::Body(body);
    }

    fn fail(&self) {
        *self.answer.lock().unwrap() = Answer::Failure;
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

async fn answer(State(published): State<Published>) -> Response {
    published.asked.fetch_add(1, SeqCst);
    let answer = published.answer.lock().unwrap().clone();
    match answer {
        Answer::Failure => StatusCode::BAD_GATEWAY.into_response(),
        Answer::Redirect => Redirect::temporary("/elsewhere").into_response(),
        Answer::Body(body) => body.into_response(),
    }
}

/// An issuer, and a verifier that asks it, at a time of its own.
struct World {
    published: Published,
    now: Arc<AtomicI64>,
    verifier: Verifier,
}

impl World {
    async fn new() -> Self {
        let published = Published::default();
        let elsewhere = Published::default();
        elsewhere.keys(&[]);
        let routes = Router::new()
            .route("/keys", get(answer).with_state(published.clone()))
            .route("/elsewhere", get(answer).with_state(elsewhere));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self::asking(published, url)
    }

    fn asking(published: Published, url: String) -> Self {
        let now = Arc::new(AtomicI64::new(NOW));
        let seconds = Arc::clone(&now);
        let clock = Clock::new(
            move || Timestamp::from_micros(seconds.load(SeqCst) * 1_000_000),
            uuid::Uuid::now_v7,
        );
        let jwt = JwtConfig {
            jwks_url: url,
            jwks_refresh: Duration::from_secs(300),
            jwks_max_stale: Duration::from_secs(3600),
            ..JwtConfig::default()
        };
        let verifier = Verifier::new(&jwt, &CookieConfig::default(), clock).unwrap();
        Self { published, now, verifier }
    }

    fn later(&self, seconds: i64) {
        self.now.fetch_add(seconds, SeqCst);
    }

    /// Whether a token of this signer, with this `kid`, is accepted now.
    async fn ask(&self, signer: &Signer, id: Option<&str>) -> Result<(), Refused> {
        let name = match signer {
            Signer::Secret(_) => "HS256",
            Signer::P256(_) => "ES256",
            Signer::Ed25519(_) => "EdDSA",
        };
        let mut header = json!({"alg": name});
        if let Some(id) = id {
            header["kid"] = id.into();
        }
        let claims = json!({"sub": "ada", "exp": self.now.load(SeqCst) + 60});
        self.verifier.token(&signer.sign(&header, &claims)).await.map(|_| ())
    }

    /// Lets what runs in the background come to its end.
    async fn settle(&self) {
        if let Some(mut ended) = self.verifier.jwks.as_ref().unwrap().begin() {
            let _ = ended.changed().await;
        }
    }
}

fn unknown() -> Result<(), Refused> {
    Err(Refused::Unauthenticated(Reason::UnknownKey))
}

fn forged() -> Result<(), Refused> {
    Err(Refused::Unauthenticated(Reason::Signature))
}

#[tokio::test]
async fn published_keys_are_fetched_once_and_used() {
    let world = World::new().await;
    let (old, new) = (Signer::ed25519(), Signer::p256());
    world.published.keys(&[old.jwk("old"), new.jwk("new")]);
    let all = join_all((0..10).map(|_| world.ask(&old, Some("old")))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(world.ask(&new, Some("new")).await, Ok(()));
    assert_eq!(world.ask(&new, None).await, Ok(()), "without an id each is tried");
    assert_eq!(world.published.asked(), 1);
}

#[tokio::test]
async fn whoever_goes_away_takes_no_answer_along() {
    let world = World::new().await;
    let signer = Signer::ed25519();
    world.published.keys(&[signer.jwk("a")]);
    assert!(world.ask(&signer, Some("a")).now_or_never().is_none());
    assert_eq!(world.ask(&signer, Some("a")).await, Ok(()));
    assert_eq!(world.published.asked(), 1);
}

#[tokio::test]
async fn an_id_is_that_of_its_key() {
    let world = World::new().await;
    let (one, two, stranger) = (Signer::ed25519(), Signer::ed25519(), Signer::ed25519());
    world.published.keys(&[one.jwk("one"), two.jwk("two")]);
    assert_eq!(world.ask(&one, Some("one")).await, Ok(()));
    assert_eq!(world.ask(&one, Some("two")).await, forged());
    assert_eq!(world.ask(&stranger, Some("one")).await, forged());
    assert_eq!(world.published.asked(), 1, "there is nothing to ask for");
    // An id of a key of another algorithm.
    assert_eq!(world.ask(&Signer::p256(), Some("one")).await, unknown());
}

#[tokio::test]
async fn a_new_key_is_looked_for_at_once_but_not_all_the_time() {
    let world = World::new().await;
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    world.published.keys(&[old.jwk("old")]);
    assert_eq!(world.ask(&old, Some("old")).await, Ok(()));
    world.published.keys(&[new.jwk("new")]);
    for _ in 0..5 {
        assert_eq!(world.ask(&new, Some("new")).await, unknown());
    }
    assert_eq!(world.published.asked(), 1);
    world.later(10);
    assert_eq!(world.ask(&new, Some("new")).await, Ok(()));
    assert_eq!(world.published.asked(), 2);
    // What is published no longer does not count any longer.
    assert_eq!(world.ask(&old, Some("old")).await, unknown());
    // A new key without an id to name it is found, too.
    let third = Signer::ed25519();
    world.published.keys(&[third.jwk("third")]);
    world.later(10);
    assert_eq!(world.ask(&third, None).await, Ok(()));
    assert_eq!(world.published.asked(), 3);
}

#[tokio::test]
async fn stale_keys_are_used_while_they_are_fetched() {
    let world = World::new().await;
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    world.published.keys(&[old.jwk("old")]);
    assert_eq!(world.ask(&old, Some("old")).await, Ok(()));
    world.published.keys(&[new.jwk("new")]);
    world.later(300);
    let at_once = world.ask(&old, Some("old")).now_or_never();
    assert_eq!(at_once, Some(Ok(())));
    world.settle().await;
    assert_eq!(world.published.asked(), 2);
    assert_eq!(world.ask(&old, Some("old")).await, unknown());
    assert_eq!(world.ask(&new, Some("new")).await, Ok(()));
}

#[tokio::test]
async fn an_issuer_that_is_away_at_the_start_is_asked_again() {
    let world = World::new().await;
    let signer = Signer::ed25519();
    world.verifier.start();
    assert_eq!(world.ask(&signer, Some("a")).await, Err(Refused::Unavailable));
    world.published.keys(&[signer.jwk("a")]);
    assert_eq!(world.ask(&signer, Some("a")).await, Err(Refused::Unavailable));
    assert_eq!(world.published.asked(), 1, "not with each token");
    world.later(10);
    assert_eq!(world.ask(&signer, Some("a")).await, Ok(()));
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_no_reason_to_refuse_anybody() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    drop(listener);
    let world = World::asking(Published::default(), url);
    assert_eq!(world.ask(&Signer::ed25519(), None).await, Err(Refused::Unavailable));
    // Nobody publishes a secret: there is nothing to wait for.
    assert_eq!(world.ask(&Signer::Secret(b"x"), None).await, unknown());
}

#[tokio::test]
async fn old_keys_last_for_a_while_without_their_issuer() {
    let world = World::new().await;
    let (known, other) = (Signer::ed25519(), Signer::ed25519());
    world.published.keys(&[known.jwk("known")]);
    assert_eq!(world.ask(&known, Some("known")).await, Ok(()));
    world.published.fail();
    for _ in 0..3 {
        world.later(1000);
        assert_eq!(world.ask(&known, Some("known")).await, Ok(()));
        world.settle().await;
    }
    assert_eq!(world.published.asked(), 4);
    // It may be a good one.
    world.later(10);
    assert_eq!(world.ask(&other, Some("other")).await, Err(Refused::Unavailable));
    world.later(600);
    assert_eq!(world.ask(&known, Some("known")).await, Err(Refused::Unavailable));
    world.published.keys(&[known.jwk("known")]);
    world.later(10);
    assert_eq!(world.ask(&known, Some("known")).await, Ok(()));
    // A clock that was set back makes nothing fresh for ever.
    world.later(-5000);
    assert_eq!(world.ask(&known, Some("known")).await, Ok(()));
    world.settle().await;
    assert_eq!(world.published.asked(), 8);
}

#[tokio::test]
async fn what_is_no_key_set_is_a_failure() {
    let world = World::new().await;
    let signer = Signer::ed25519();
    let redirect = Answer::Redirect;
    let large = format!("{{\"keys\": [], \"more\": \"{}\"}}", "x".repeat(1024 * 1024));
    for answer in [
        redirect,
        Answer::Body("<html>".to_owned()),
        Answer::Body("{}".to_owned()),
        Answer::Body("{\"keys\": {}}".to_owned()),
        Answer::Body(large),
    ] {
        *world.published.answer.lock().unwrap() = answer;
        world.later(10);
        assert_eq!(world.ask(&signer, Some("a")).await, Err(Refused::Unavailable));
    }
    assert_eq!(world.published.asked(), 5);
    // An issuer that withdrew its keys is obeyed.
    world.published.keys(&[]);
    world.later(10);
    assert_eq!(world.ask(&signer, Some("a")).await, unknown());
}

#[tokio::test]
async fn entries_of_no_use_do_not_spoil_the_others() {
    let world = World::new().await;
    let (good, secret) = (Signer::p256(), Signer::Secret(b"published, and so no secret at all"));
    let mut encrypts = good.jwk("encrypts");
    encrypts["use"] = "enc".into();
    let short = json!({"kty": "OKP", "crv": "Ed25519", "kid": "short", "x": "AAAA"});
    let entries =
        [json!(7), json!({"kty": "RSA"}), short, secret.jwk("s"), encrypts, good.jwk("good")];
    world.published.keys(&entries);
    assert_eq!(world.ask(&good, Some("good")).await, Ok(()));
    assert_eq!(world.ask(&good, Some("encrypts")).await, unknown());
    assert_eq!(world.ask(&secret, Some("s")).await, unknown());
    assert_eq!(world.ask(&Signer::ed25519(), Some("short")).await, unknown());
}
