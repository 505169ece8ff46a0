//! Tells browsers that a job has ended, while no page of theirs is open (Web Push: RFC
//! 8030, 8291, 8292). Enters: subscriptions; ends of jobs, which the store keeps until
//! they are told. Leaves: encrypted messages to the browsers' push services. Never: shows
//! an endpoint or a key; calls a service that the operator does not permit; loses an end
//! before it is told, given up, or nobody's to tell.

mod message;
mod run;
mod sender;
mod subscription;
mod vapid;

use std::sync::Arc;

use milepost_core::{OwnerId, Timestamp};
use url::Url;
use uuid::Uuid;

use crate::access::Principal;
use crate::clock::Clock;
use crate::config::PushConfig;
use crate::store::{Store, StoreError, SubscriptionRow};
pub use run::Outcome;
use sender::Sender;
pub use subscription::Wish;
use vapid::Vapid;

/// No owner has more browsers; the one that was renewed longest ago goes.
const MAX_SUBSCRIPTIONS: u32 = 20;

/// Tells browsers; cheap to clone. It may be off.
#[derive(Clone)]
pub struct Push(Option<Arc<Inner>>);

struct Inner {
    store: Store,
    clock: Clock,
    sender: Sender,
}

/// A subscription, as far as its owner is told of it later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// By which it is deleted.
    pub id: Uuid,
    /// When it was first made.
    pub created_at: Timestamp,
    /// The host of its push service.
    pub service: String,
}

/// Why there is no subscription.
#[derive(Debug)]
pub enum PushError {
    /// The operator wants none.
    Off,
    /// What the browser sent cannot be used.
    Wrong {
        /// The field at fault.
        field: &'static str,
        /// For a person.
        detail: String,
    },
    /// There is none of this id.
    NotFound,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for PushError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Push {
    /// As `config` says. Where it is off, earlier subscriptions are forgotten.
    ///
    /// # Errors
    /// Where the store fails, or the TLS library cannot be set up.
    pub async fn start(config: &PushConfig, store: Store, clock: Clock) -> anyhow::Result<Self> {
        if !config.enabled {
            store.forget_subscriptions(clock.now(), true).await?;
            return Ok(Self(None));
        }
        let vapid = Vapid::start(config.contact.clone(), &store, &clock).await?;
        let sender = Sender::new(config.clone(), vapid)?;
        Ok(Self(Some(Arc::new(Inner { store, clock, sender }))))
    }

    /// The key with which a browser subscribes: an uncompressed point of P-256, in
    /// base64url. `None`: it is off.
    pub fn public_key(&self) -> Option<&str> {
        self.0.as_ref().map(|inner| inner.sender.public_key())
    }

    /// Has a browser be told of the ends of this owner's jobs, for as long as the
    /// credential holds. Returns whether that is new.
    ///
    /// # Errors
    /// See [`PushError`].
    pub async fn subscribe(
        &self,
        principal: &Principal,
        wish: Wish,
    ) -> Result<(Subscription, bool), PushError> {
        let Inner { store, clock, sender } = self.inner()?;
        let (target, now) = (wish.target(&sender.config)?, clock.now());
        let service = service_of(&target.endpoint);
        let row = SubscriptionRow {
            id: clock.new_id(),
            owner: principal.caller.owner.clone(),
            target,
            key: principal.credential.key(),
            session: principal.credential.session(),
            created_at: now,
            expires_at: wish.expires_at(principal.expires_at, now)?,
        };
        let kept = store.subscribe_push(row, now, MAX_SUBSCRIPTIONS).await?;
        Ok((Subscription { id: kept.id, created_at: kept.created_at, service }, kept.new))
    }

    /// An owner's subscriptions, newest first.
    ///
    /// # Errors
    /// See [`PushError`].
    pub async fn list(&self, owner: OwnerId) -> Result<Vec<Subscription>, PushError> {
        let Inner { store, clock, .. } = self.inner()?;
        let rows = store.push_subscriptions(owner, clock.now()).await?;
        let shown = rows.into_iter().map(|row| Subscription {
            id: row.id,
            created_at: row.created_at,
            service: service_of(&row.target.endpoint),
        });
        Ok(shown.collect())
    }

    /// Ends one of an owner's subscriptions.
    ///
    /// # Errors
    /// See [`PushError`].
    pub async fn unsubscribe(&self, owner: OwnerId, id: Uuid) -> Result<(), PushError> {
        let found = self.inner()?.store.unsubscribe_push(id, Some(owner)).await?;
        if found { Ok(()) } else { Err(PushError::NotFound) }
    }

    fn inner(&self) -> Result<&Inner, PushError> {
        self.0.as_deref().ok_or(PushError::Off)
    }
}

fn service_of(endpoint: &str) -> String {
    Url::parse(endpoint).map_or_else(|_| "unknown".to_owned(), |url| subscription::service(&url))
}
