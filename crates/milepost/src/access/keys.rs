//! API keys. Enters: a key, or the wish for one. Leaves: whose it is. Never: keeps a
//! key: only its hash, which is enough to know it again. The keys are long and random,
//! so a plain hash cannot be searched.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use milepost_core::{Caller, OwnerId, Scopes, Timestamp};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Credential, Principal, Refused};
use crate::clock::Clock;
use crate::store::{KeyRow, Store, StoreError};

/// How every key begins, so that those who look for leaked secrets find it.
const PREFIX: &str = "mp_";
/// Random bytes of a key, in hex behind the prefix.
const RANDOM_BYTES: usize = 32;
/// Letters of a key by which its holder knows it.
const START_CHARS: usize = 9;
/// Bounds the name of a key.
pub const MAX_NAME_BYTES: usize = 100;
/// Bounds the name of an owner.
pub const MAX_OWNER_BYTES: usize = 255;
/// How long what was read of a key is believed: so long a key that was revoked by
/// another process may still be taken.
const BELIEVED: Duration = Duration::from_secs(5);
/// Keys that are believed at a time.
const MAX_BELIEVED: usize = 10_000;
/// How exactly the last use is noted.
const USE_EVERY: Duration = Duration::from_secs(60);

/// The wish for a key.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it is for.
    pub name: String,
    /// Who its holder is.
    pub owner: OwnerId,
    /// What its holder may.
    pub scopes: Scopes,
    /// From when on it is void.
    pub expires_at: Option<Timestamp>,
}

/// A new key.
pub struct MadeKey {
    /// The key itself, which nobody can say again.
    pub key: String,
    /// What is known of it from now on.
    pub row: KeyRow,
}

/// Makes keys, and knows them again.
pub struct Keys {
    store: Store,
    clock: Clock,
    /// What was read lately, by hash.
    believed: Mutex<HashMap<[u8; 32], Believed>>,
}

struct Believed {
    row: KeyRow,
    read_at: Timestamp,
    /// When its use was last noted.
    noted_at: Option<Timestamp>,
}

/// Whether it looks like one.
pub(super) fn is_key(token: &str) -> bool {
    token.starts_with(PREFIX)
}

impl Keys {
    /// Keys of `store`.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, believed: Mutex::default() }
    }

    /// Makes a key.
    ///
    /// # Errors
    /// Where it cannot be kept.
    pub async fn make(&self, new: NewKey) -> Result<MadeKey, StoreError> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random)
            .map_err(|error| StoreError::NotCommitted(error.to_string()))?;
        let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = format!("{PREFIX}{hex}");
        let row = KeyRow {
            id: self.clock.new_id(),
            name: new.name,
            start: key[..START_CHARS].to_owned(),
            owner: new.owner,
            scopes: new.scopes,
            created_at: self.clock.now(),
            expires_at: new.expires_at,
            used_at: None,
            revoked_at: None,
        };
        self.store.add_key(row.clone(), hash(&key)).await?;
        Ok(MadeKey { key, row })
    }

    pub(super) async fn revoke(&self, id: Uuid) -> Result<Option<KeyRow>, StoreError> {
        let revoked = self.store.revoke_key(id, self.clock.now()).await?;
        self.believed().retain(|_, believed| believed.row.id != id);
        Ok(revoked)
    }

    pub(super) async fn principal(&self, key: &str) -> Result<Principal, Refused> {
        let hash = hash(key);
        let now = self.clock.now();
        let row = match self.lately(&hash, now) {
            Some(row) => row,
            None => {
                let unknown = || Refused::because("There is no such API key.");
                let row = self.store.key(hash).await?.ok_or_else(unknown)?;
                self.believe(hash, row.clone(), now);
                row
            }
        };
        in_force(&row, now)?;
        self.note_use(&hash, row.id, now);
        Ok(Principal {
            caller: Caller::new(row.owner, row.scopes),
            credential: Credential::Key(row.id),
            expires_at: row.expires_at,
        })
    }

    /// Whether a key that was presented is still in force.
    pub(super) async fn still(&self, id: Uuid) -> bool {
        // A store that is out for a moment throws nobody out.
        let Ok(found) = self.store.key_by_id(id).await else { return true };
        found.is_some_and(|row| in_force(&row, self.clock.now()).is_ok())
    }

    fn lately(&self, hash: &[u8; 32], now: Timestamp) -> Option<KeyRow> {
        let believed = self.believed();
        let found = believed.get(hash)?;
        (now < found.read_at.plus(BELIEVED)).then(|| found.row.clone())
    }

    fn believe(&self, hash: [u8; 32], row: KeyRow, now: Timestamp) {
        let mut believed = self.believed();
        if believed.len() >= MAX_BELIEVED {
            believed.clear();
        }
        let noted_at = believed.get(&hash).and_then(|b| b.noted_at).or(row.used_at);
        believed.insert(hash, Believed { row, read_at: now, noted_at });
    }

    /// Beside the request, which does not wait for it.
    fn note_use(&self, hash: &[u8; 32], id: Uuid, now: Timestamp) {
        {
            let mut believed = self.believed();
            let Some(found) = believed.get_mut(hash) else { return };
            if found.noted_at.is_some_and(|noted| now < noted.plus(USE_EVERY)) {
                return;
            }
            found.noted_at = Some(now);
        }
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.key_used(id, now).await {
                tracing::warn!(%error, "the last use of an API key could not be noted");
            }
        });
    }

    fn believed(&self) -> MutexGuard<'_, HashMap<[u8; 32], Believed>> {
        self.believed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_force(row: &KeyRow, now: Timestamp) -> Result<(), Refused> {
    if row.revoked_at.is_some() {
        return Err(Refused::because("The API key was revoked."));
    }
    if row.expires_at.is_some_and(|end| end <= now) {
        return Err(Refused::because("The API key has expired."));
    }
    Ok(())
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}
