//! What a request asks of the collection that it fills. Enters: a request. Leaves: whether
//! there will be vectors, or why the collection will not take it. Never: calls an embedder.

use milepost_core::{OwnerId, Pipeline};
use milepost_index::{Index as _, IndexError};

use super::{COLLECTION, Request, SubmitError, Submitter, default_collection};
use crate::pipeline::Misplaced;
use crate::store::StoreError;

impl Submitter {
    /// Whether the job makes vectors.
    ///
    /// # Errors
    /// Where there is no such embedder, or the collection has another one.
    pub(super) async fn embeds(&self, request: &Request) -> Result<bool, SubmitError> {
        if request.pipeline != Pipeline::Ingest {
            return Ok(false);
        }
        let options = &request.options;
        let wanted = options.embedder.as_deref();
        if let Some(wanted) = wanted
            && self.indexing.embedders.get(wanted).is_none()
        {
            return Err(SubmitError::WrongOption(self.no_embedder(wanted)));
        }
        let name = request.collection.clone().unwrap_or_else(default_collection);
        let present = self.indexing.collections.get(&request.owner, &name).await;
        let present = present.map_err(unavailable)?;
        let has = present.map(|present| present.settings.embedder.map(|id| id.name));
        match (wanted, has) {
            (Some(wanted), Some(has))
                if !options.force_recreate && has.as_deref() != Some(wanted) =>
            {
                let collection = name.to_string();
                Err(SubmitError::OtherEmbedder { collection, wants: has })
            }
            (Some(_), _) => Ok(true),
            (None, Some(has)) => Ok(has.is_some()),
            (None, None) => Ok(self.indexing.default_embedder.is_some()),
        }
    }

    /// Whether a held job of `owner` that fills this collection makes vectors, as far as is
    /// known now.
    pub(super) async fn will_embed(&self, owner: &OwnerId, collection: Option<&str>) -> bool {
        let name = collection.unwrap_or(COLLECTION).parse();
        let Ok(name) = name else { return false };
        match self.indexing.collections.get(owner, &name).await {
            Ok(Some(present)) => present.settings.embedder.is_some(),
            _ => self.indexing.default_embedder.is_some(),
        }
    }

    fn no_embedder(&self, wanted: &str) -> Misplaced {
        let known = self.indexing.embedders.names();
        let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        let detail = match known.len() {
            0 => format!(
                "There is no embedder `{wanted}`: this server has none, and searches by words."
            ),
            _ => format!("There is no embedder `{wanted}`; choose {}.", known.join(", ")),
        };
        Misplaced { field: "options.embedder".into(), detail }
    }
}

fn unavailable(error: IndexError) -> SubmitError {
    SubmitError::Store(StoreError::Damaged(error.to_string()))
}
