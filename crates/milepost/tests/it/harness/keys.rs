//! API keys for owners that a test makes up.

use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use super::{Api, Server};

/// What an owner may do with what is theirs.
const OWN: &str = "submit read cancel work";

impl Server {
    /// A key of `owner`, who may do everything with what is theirs.
    pub fn key(&self, owner: &str) -> String {
        self.key_with(owner, OWN)
    }

    /// A key of `owner` with these scopes.
    pub fn key_with(&self, owner: &str, scopes: &str) -> String {
        let id = uuid::Uuid::now_v7();
        let key = format!("mp_{}", id.simple());
        let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        let database = Connection::open(self.data().join("milepost.db")).expect("the database");
        database.busy_timeout(super::DEADLINE).expect("a timeout");
        let sql = "INSERT INTO api_keys (id, sha256, name, start, owner, scopes, created_at)
            VALUES (?, ?, 'test', 'mp_', ?, ?, 0)";
        database.execute(sql, params![id, hash, owner, scopes]).expect("a key is made");
        key
    }

    /// A client of it who is `owner`.
    pub fn api_of(&self, owner: &str) -> Api {
        Api::with_key(self.url(), &self.key(owner))
    }
}
