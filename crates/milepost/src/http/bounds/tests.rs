//! The limits as requests meet them, in a time of the tests' own.

use crate::index::Calls;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use milepost_core::{Caller, JobId, OwnerId, Scopes};
use tokio::time::advance;
use uuid::Uuid;

use super::{Bounds, Limit};
use crate::config::{Config, Rate};
use crate::http::client::Client;
use crate::http::metrics::Metrics;
use crate::http::problem::Problem;

fn bounds(set: impl FnOnce(&mut Config)) -> Bounds {
    let mut config = Config::default();
    set(&mut config);
    Bounds::with(&config, Metrics::new(&Calls::default()), true)
}

fn client(address: &str) -> Client {
    Client { address: address.parse().unwrap() }
}

fn request() -> Parts {
    Request::new(Body::empty()).into_parts().0
}

fn caller(owner: &str) -> Caller {
    Caller::new(OwnerId::new(owner), Scopes::OWN)
}

fn anna() -> OwnerId {
    OwnerId::new("anna")
}

/// A request of `owner` from `address`, with the headers of its answer.
fn ask(bounds: &Bounds, address: &str, owner: &str, submits: bool) -> (Option<Limit>, HeaderMap) {
    let mut request = request();
    let peer = SocketAddr::new(address.parse().unwrap(), 1);
    request.extensions.insert(ConnectInfo(peer));
    let client = bounds.client(&request);
    let mut pass = bounds.pass(client, submits);
    let passed = pass.arrives().and_then(|()| pass.belongs_to(&caller(owner)));
    let mut headers = HeaderMap::new();
    pass.mark(&mut headers);
    (passed.err().and_then(|problem: Problem| problem.limit), headers)
}

#[tokio::test(start_paused = true)]
async fn owners_and_addresses_have_rates_of_their_own() {
    let bounds = bounds(|config| {
        config.limits.owner_requests = Rate::per_minute(2);
        config.limits.address_requests = Rate::per_minute(5);
    });
    let ask = |address: &str, owner: &str| ask(&bounds, address, owner, false).0;
    assert_eq!(ask("192.0.2.1", "anna"), None);
    assert_eq!(ask("192.0.2.2", "anna"), None);
    assert_eq!(ask("192.0.2.3", "anna"), Some(Limit::OwnerRequests));
    assert_eq!(ask("192.0.2.3", "bert"), None);
    // One network, whoever is in it.
    for (last, owner) in (1..).zip(["carl", "carl", "dora", "dora", "emil"]) {
        assert_eq!(ask(&format!("2001:db8::{last}"), owner), None);
    }
    assert_eq!(ask("2001:db8::9", "emil"), Some(Limit::AddressRequests));
    assert_eq!(ask("2001:db8:0:1::9", "emil"), None);
    advance(Duration::from_secs(12)).await;
    assert_eq!(ask("2001:db8::9", "fred"), None);
    assert_eq!(ask("192.0.2.1", "anna"), Some(Limit::OwnerRequests));
    advance(Duration::from_secs(18)).await;
    assert_eq!(ask("192.0.2.1", "anna"), None);
}

#[tokio::test(start_paused = true)]
async fn submissions_have_a_rate_besides() {
    let bounds = bounds(|config| {
        config.limits.owner_submissions = Rate::per_minute(1);
        config.limits.address_submissions = Rate::per_minute(2);
    });
    let submit = |owner| ask(&bounds, "192.0.2.1", owner, true).0;
    assert_eq!(submit("anna"), None);
    assert_eq!(submit("anna"), Some(Limit::OwnerSubmissions));
    assert_eq!(submit("bert"), Some(Limit::AddressSubmissions));
    assert_eq!(ask(&bounds, "192.0.2.1", "anna", false).0, None);
}

#[tokio::test(start_paused = true)]
async fn an_answer_says_how_the_quotas_stand() {
    let bounds = bounds(|config| {
        config.limits.owner_requests = Rate::per_minute(3);
        config.limits.address_requests = Rate::per_second(100);
    });
    let ask = || {
        let (met, headers) = ask(&bounds, "192.0.2.1", "anna", false);
        let text = |name: &str| headers[name].to_str().unwrap().to_owned();
        let old = ["limit", "remaining", "reset"].map(|name| text(&format!("x-ratelimit-{name}")));
        (met, text("ratelimit"), text("ratelimit-policy"), old.join(" "))
    };
    let policy = "\"address_requests\";q=100;w=1, \"owner_requests\";q=3;w=60";
    let expect = |met, standing: &str, old: &str| {
        (met, format!("\"owner_requests\";{standing}"), policy.to_owned(), old.to_owned())
    };
    assert_eq!(ask(), expect(None, "r=2;t=20", "3 2 20"));
    assert_eq!(ask(), expect(None, "r=1;t=40", "3 1 40"));
    assert_eq!(ask(), expect(None, "r=0;t=60", "3 0 60"));
    assert_eq!(ask(), expect(Some(Limit::OwnerRequests), "r=0;t=60", "3 0 60"));
    advance(Duration::from_secs(30)).await;
    assert_eq!(ask(), expect(None, "r=0;t=60", "3 0 60"));
}

#[tokio::test(start_paused = true)]
async fn whoever_guesses_is_not_listened_to_for_a_while() {
    let bounds = bounds(|config| config.limits.failed_logins = Rate::per_minute(2));
    let anywhere = ["192.0.2.1", "192.0.2.2"].map(client);
    let guess = |credential: &str| bounds.login_failed(anywhere[0], credential);
    assert!(guess("one").is_ok());
    // The same once more is no guess.
    assert!((0..10).all(|_| guess("one").is_ok()));
    assert!(guess("two").is_ok());
    let problem = guess("three").unwrap_err();
    assert_eq!(problem.limit, Some(Limit::FailedLogins));
    assert!(bounds.login_failed(anywhere[1], "one").is_ok());
    advance(Duration::from_secs(30)).await;
    assert!(guess("four").is_ok());
    assert!(guess("five").is_err());
}

#[test]
fn places_are_counted_until_they_are_left() {
    let bounds = bounds(|config| {
        config.limits.owner_connections = 2;
        config.limits.address_connections = 3;
        config.limits.owner_subscriptions = 10;
        config.limits.address_subscriptions = 12;
    });
    let sit = |address: &str, owner: &str| {
        let mut seat = bounds.seat(client(address))?;
        seat.belongs_to(&caller(owner)).map(|()| seat)
    };
    let met = |refused: Result<_, Problem>| refused.err().and_then(|problem| problem.limit);
    let mut first = sit("192.0.2.1", "anna").unwrap();
    let mut second = sit("192.0.2.1", "anna").unwrap();
    assert_eq!(met(sit("192.0.2.2", "anna").map(drop)), Some(Limit::OwnerConnections));
    let mut third = sit("192.0.2.1", "bert").unwrap();
    assert_eq!(met(sit("192.0.2.1", "carl").map(drop)), Some(Limit::AddressConnections));
    first.subscriptions(8).unwrap();
    second.subscriptions(2).unwrap();
    assert_eq!(met(second.subscriptions(3)), Some(Limit::OwnerSubscriptions));
    third.subscriptions(2).unwrap();
    assert_eq!(met(third.subscriptions(3)), Some(Limit::AddressSubscriptions));
    first.subscriptions(7).unwrap();
    third.subscriptions(3).unwrap();
    drop(first);
    sit("192.0.2.2", "anna").unwrap();
    second.subscriptions(9).unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_was_given_a_token_uses_up_nothing_of_its_owners() {
    let bounds = bounds(|config| {
        config.limits.owner_requests = Rate::per_minute(1);
        config.limits.owner_connections = 1;
    });
    let stranger = Caller::reader_of(anna(), JobId::new(Uuid::from_u128(1)));
    let seats: Vec<_> = (0..3)
        .map(|_| {
            bounds.pass(client("192.0.2.1"), false).belongs_to(&stranger).unwrap();
            let mut seat = bounds.seat(client("192.0.2.1")).unwrap();
            seat.belongs_to(&stranger).map(|()| seat).unwrap()
        })
        .collect();
    assert_eq!(ask(&bounds, "192.0.2.1", "anna", false).0, None);
    bounds.seat(client("192.0.2.1")).unwrap().belongs_to(&caller("anna")).unwrap();
    drop(seats);
}

#[test]
fn uploads_are_counted_while_they_last() {
    let bounds = bounds(|config| config.limits.owner_uploads = 1);
    let upload = bounds.upload(&anna()).unwrap();
    assert_eq!(bounds.upload(&anna()).unwrap_err().limit, Some(Limit::OwnerUploads));
    bounds.upload(&OwnerId::new("bert")).unwrap();
    drop(upload);
    bounds.upload(&anna()).unwrap();
}

#[test]
fn a_single_user_has_no_limits() {
    let mut config = Config::default();
    config.limits.owner_requests = Rate::per_minute(1);
    config.limits.owner_connections = 1;
    config.limits.owner_uploads = 1;
    let bounds = Bounds::new(&config, Metrics::new(&Calls::default()));
    for _ in 0..3 {
        let (met, headers) = ask(&bounds, "127.0.0.1", "local", true);
        assert!(met.is_none() && headers.is_empty());
    }
    let seats = (0..3).map(|_| bounds.seat(client("127.0.0.1")).unwrap());
    let mut seats: Vec<_> = seats.collect();
    seats.iter_mut().for_each(|seat| seat.belongs_to(&caller("anna")).unwrap());
    let _uploads: Vec<_> = (0..3).map(|_| bounds.upload(&anna()).unwrap()).collect();
}
