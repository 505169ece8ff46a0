//! Sessions of people who have signed in on a page of ours: a credential is presented
//! once, and a cookie stands for it. Enters: somebody who is known; a request's cookies.
//! Leaves: a session, and whose it is. Never: keeps what is in the cookie: only its hash,
//! which is enough to know random bits again.

use std::time::Duration;

use axum::http::HeaderMap;
use milepost_core::{Caller, Timestamp};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Credential, Principal, Refused, verify};
use crate::clock::Clock;
use crate::config::LOGIN_COOKIES;
use crate::store::{SessionRow, Store, StoreError};

/// Random bytes of a cookie, in hex.
const RANDOM_BYTES: usize = 32;
/// No session lasts longer, whatever it stands for.
const LASTS: Duration = Duration::from_secs(30 * 24 * 3600);
/// Sessions of one owner; the oldest ends for a new one.
const MOST: u32 = 100;

/// Begins sessions, knows them again, and ends them.
pub(super) struct Sessions {
    store: Store,
    clock: Clock,
}

/// Somebody who has signed in.
pub struct SignedIn {
    /// Them, until the session ends.
    pub principal: Principal,
    /// What is in the cookie from now on; `None` where nobody is told apart.
    pub cookie: Option<String>,
}

/// What a request has in the cookie of a session. `encrypted`: it came over TLS, where
/// only the name counts that no other host of the domain can set.
pub(super) fn presented(
    headers: &HeaderMap,
    encrypted: bool,
) -> Result<Option<String>, verify::Reason> {
    let [host, plain] = LOGIN_COOKIES;
    match verify::cookie(headers, host)? {
        None if !encrypted => verify::cookie(headers, plain),
        found => Ok(found),
    }
}

impl Sessions {
    /// Sessions of `store`.
    pub(super) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Begins one that ends with the credential that `known` presented.
    pub(super) async fn begin(&self, known: Principal) -> Result<SignedIn, StoreError> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random)
            .map_err(|error| StoreError::NotCommitted(error.to_string()))?;
        let cookie: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let now = self.clock.now();
        let last = now.plus(LASTS);
        let row = SessionRow {
            id: self.clock.new_id(),
            owner: known.caller.owner.clone(),
            scopes: known.caller.scopes(),
            key: known.credential.key(),
            created_at: now,
            expires_at: known.expires_at.map_or(last, |end| end.min(last)),
        };
        self.store.add_session(row.clone(), hash(&cookie), MOST).await?;
        Ok(SignedIn { principal: principal(row), cookie: Some(cookie) })
    }

    /// Whose the session of this cookie is.
    pub(super) async fn principal(&self, cookie: &str) -> Result<Principal, Refused> {
        let found = self.store.session(hash(cookie), self.clock.now()).await?;
        let over = || Refused::because("The session has expired or was ended; sign in again.");
        found.map(principal).ok_or_else(over)
    }

    /// Ends the session of this cookie.
    pub(super) async fn end(&self, cookie: &str) -> Result<Option<Principal>, StoreError> {
        Ok(self.store.end_session(hash(cookie)).await?.map(principal))
    }

    /// Whether a session is still in force.
    pub(super) async fn still(&self, id: Uuid, now: Timestamp) -> bool {
        // A store that is out for a moment throws nobody out.
        self.store.session_holds(id, now).await.unwrap_or(true)
    }
}

fn principal(row: SessionRow) -> Principal {
    Principal {
        caller: Caller::new(row.owner, row.scopes),
        credential: Credential::Session { id: row.id, key: row.key },
        expires_at: Some(row.expires_at),
    }
}

fn hash(cookie: &str) -> [u8; 32] {
    Sha256::digest(cookie).into()
}
