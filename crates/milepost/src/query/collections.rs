//! Collections and the documents in them. Enters: who asks for which. Leaves: what is
//! that caller's own. Never: another owner's; every question names one.

use milepost_core::{Caller, CollectionName, Scope};
use milepost_index::{Collection, Entry, EntryId, Index as _, IndexError};

use super::{Query, QueryError, denied, hidden};

impl From<IndexError> for QueryError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::NoCollection(_) => hidden("collection"),
            error => Self::Index(error),
        }
    }
}

/// May do that with their own.
pub(super) fn own(caller: &Caller) -> Result<(), QueryError> {
    caller.check(Scope::Read, &caller.owner, None).map_err(denied("collection"))
}

impl Query {
    /// One of the caller's collections.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn collection(
        &self,
        caller: &Caller,
        name: &CollectionName,
    ) -> Result<Collection, QueryError> {
        own(caller)?;
        let found = self.indexing.collections.get(&caller.owner, name).await?;
        found.ok_or_else(|| hidden("collection"))
    }

    /// The caller's collections behind `after`, by name.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn collections(
        &self,
        caller: &Caller,
        after: Option<&CollectionName>,
        limit: u32,
    ) -> Result<Vec<Collection>, QueryError> {
        own(caller)?;
        Ok(self.indexing.collections.list(&caller.owner, after, limit as usize).await?)
    }

    /// The documents in a collection behind `after`, oldest first.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn entries(
        &self,
        caller: &Caller,
        name: &CollectionName,
        after: Option<EntryId>,
        limit: u32,
    ) -> Result<Vec<Entry>, QueryError> {
        own(caller)?;
        let collections = &self.indexing.collections;
        Ok(collections.entries(&caller.owner, name, after, limit as usize).await?)
    }

    /// One document in a collection.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn entry(
        &self,
        caller: &Caller,
        name: &CollectionName,
        id: EntryId,
    ) -> Result<Entry, QueryError> {
        own(caller)?;
        let found = self.indexing.collections.entry(&caller.owner, name, id).await?;
        found.ok_or_else(|| hidden("document"))
    }
}
