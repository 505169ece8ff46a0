//! Orders to collections: make, change, delete; remove a document. Enters: who wants
//! what. Leaves: it done. Never: waits for a job that writes into one; that finds out
//! by itself.

use milepost_core::{Caller, CollectionName, Denied, Scope, Timestamp};
use milepost_index::{
    Collection, Distance, EmbedError, EmbedderId, EntryId, Index as _, IndexError, Settings,
};
use serde_json::Value;

use super::Commands;

/// What is wanted of a collection; what is left out stays, or becomes what is usual.
#[derive(Debug, Default)]
pub struct Wanted {
    /// How documents are cut, checked.
    pub chunker: Option<Value>,
    /// By its name what makes vectors; `Some(None)` for nothing.
    pub embedder: Option<Option<String>>,
    /// How vectors are compared.
    pub distance: Option<Distance>,
}

/// Why an order to a collection was not carried out.
#[derive(Debug)]
pub enum CollectionError {
    /// It is not there, or the caller may not do that; and what it is.
    Denied(Denied, &'static str),
    /// There is no embedder of this name; those that there are.
    NoEmbedder(String, Vec<String>),
    /// The embedder does not say how long its vectors are.
    Embedder(EmbedError),
    /// There are documents in it, whose vectors are by this embedder and for this
    /// distance.
    HasDocuments(Box<Collection>),
    /// The index refused it, or failed.
    Index(IndexError),
}

impl From<IndexError> for CollectionError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::NoCollection(_) => Self::Denied(Denied::Hidden, "collection"),
            error => Self::Index(error),
        }
    }
}

fn may(caller: &Caller, scope: Scope) -> Result<(), CollectionError> {
    let denied = |denied| CollectionError::Denied(denied, "collection");
    caller.check(scope, &caller.owner, None).map_err(denied)
}

impl Commands {
    /// Makes a collection or changes it; says whether it is new.
    ///
    /// # Errors
    /// See [`CollectionError`].
    pub async fn put_collection(
        &self,
        caller: &Caller,
        name: &CollectionName,
        wanted: Wanted,
    ) -> Result<(Collection, bool), CollectionError> {
        may(caller, Scope::Submit)?;
        let index = &self.indexing.collections;
        let present = index.get(&caller.owner, name).await?;
        let embedder = match (&wanted.embedder, &present) {
            (Some(None), _) => None,
            (Some(Some(name)), _) => Some(self.embedder(name).await?),
            (None, Some(present)) => present.settings.embedder.clone(),
            (None, None) => match &self.indexing.default_embedder {
                Some(name) => Some(self.embedder(name).await?),
                None => None,
            },
        };
        let had = present.as_ref().map(|present| &present.settings);
        let chunker = wanted.chunker.or_else(|| had.map(|had| had.chunker.clone()));
        let settings = Settings {
            chunker: chunker.unwrap_or_else(crate::pipeline::usual_chunker),
            embedder,
            distance: wanted.distance.or(had.map(|had| had.distance)).unwrap_or_default(),
        };
        if let Some(present) = present
            && present.documents > 0
            && (present.settings.embedder != settings.embedder
                || present.settings.distance != settings.distance)
        {
            return Err(CollectionError::HasDocuments(Box::new(present)));
        }
        Ok(index.put(&caller.owner, name, settings, self.now()).await?)
    }

    /// Removes a collection with all that is in it. Stored documents and jobs stay.
    ///
    /// # Errors
    /// See [`CollectionError`].
    pub async fn delete_collection(
        &self,
        caller: &Caller,
        name: &CollectionName,
    ) -> Result<(), CollectionError> {
        may(caller, Scope::Cancel)?;
        match self.indexing.collections.delete(&caller.owner, name).await? {
            true => Ok(()),
            false => Err(CollectionError::Denied(Denied::Hidden, "collection")),
        }
    }

    /// Removes a document from a collection. Where it is stored it stays.
    ///
    /// # Errors
    /// See [`CollectionError`].
    pub async fn remove_entry(
        &self,
        caller: &Caller,
        name: &CollectionName,
        id: EntryId,
    ) -> Result<(), CollectionError> {
        may(caller, Scope::Cancel)?;
        let index = &self.indexing.collections;
        match index.remove(&caller.owner, name, id, self.now()).await? {
            true => Ok(()),
            false => Err(CollectionError::Denied(Denied::Hidden, "document")),
        }
    }

    async fn embedder(&self, name: &str) -> Result<EmbedderId, CollectionError> {
        let embedders = &self.indexing.embedders;
        let unknown = || CollectionError::NoEmbedder(name.to_owned(), embedders.names());
        let embedder = embedders.get(name).ok_or_else(unknown)?;
        embedder.id().await.map_err(CollectionError::Embedder)
    }

    fn now(&self) -> Timestamp {
        self.journal.clock().now()
    }
}
