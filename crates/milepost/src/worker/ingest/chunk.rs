//! The texts of all documents, cut at once. Enters: what was extracted. Leaves: the chunks,
//! as the job's result. Never: lets chunks of an earlier attempt stand beside them.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use milepost_convert::Chunker;
use milepost_index::Index as _;
use tokio_util::sync::CancellationToken;

use super::Part;
use super::several::Unread;
use super::talk::{Heard, Said};
use crate::pipeline::CHUNKS;
use crate::store::{Content, EXTRACT, Lease, StoreError, TextRow};
use crate::worker::converter::{ChunkTask, Converter, Report};
use crate::worker::run::{Outcome, Runner, Stop, limits, marked};
use crate::worker::watch::Allowance;

impl Runner {
    /// Cuts them, if that was not done before.
    pub(super) async fn chunk(
        &self,
        lease: &Lease,
        converter: &mut Converter,
        draining: &CancellationToken,
        parts: &[Part],
        chunker: &Chunker,
        tokenizer: Option<Arc<[u8]>>,
    ) -> Result<Outcome, Stop> {
        if self.is_prepared(lease).await? {
            return Ok(Outcome::Prepared);
        }
        let mut extracts = Vec::new();
        for part in parts {
            extracts.push(self.made(lease, part.place, EXTRACT).await?.map(|text| text.content));
        }
        let (may, limits) = (Allowance::from(&self.config), limits(&self.config));
        let tokenizer = tokenizer.as_deref();
        let task = ChunkTask { chunker, tokenizer, limits: &limits, extracts: &extracts };
        converter.begin_chunking(may.silence, task, &self.blobs).await?;
        let said = self
            .listen(lease, converter, draining, |report| match report {
                Report::Mark(mark) => {
                    let events = marked(mark).into_iter().collect();
                    Ok(Heard { events, texts: Vec::new(), may_stop: true })
                }
                _ => Ok(Heard::default()),
            })
            .await?;
        let mut made = match said {
            Said::Stopped => return Ok(Outcome::GivenBack),
            Said::Failed(failure) => return Ok(Outcome::Failed(failure)),
            Said::Made(made) => made,
        };
        let unread = self.unread(lease, parts).await?;
        if !unread.is_empty() {
            for text in &mut made {
                *text = self.with_unread(text, &unread).await?;
            }
        }
        // What was staged of other chunks would be taken for staged ones of these.
        self.indexing.collections.abandon(lease.snapshot.id.uuid()).await?;
        self.keep(lease, made, CHUNKS, 0, Vec::new()).await?;
        Ok(Outcome::Prepared)
    }

    /// The same result, which tells what could not be read.
    async fn with_unread(&self, text: &TextRow, unread: &[Unread]) -> Result<TextRow, Stop> {
        let Content { bytes, .. } = text.content;
        // The last byte closes the object.
        let mut stream = self.blobs.open(&text.content, 0..bytes.saturating_sub(1)).await?;
        let mut incoming = self.blobs.incoming(self.journal.clock().new_id());
        while let Some(chunk) = stream.next().await {
            let chunk: Bytes = chunk?;
            incoming.push(&chunk).await?;
        }
        let failures = serde_json::to_string(unread).map_err(StoreError::from)?;
        incoming.push(format!(",\"failures\":{failures}}}").as_bytes()).await?;
        let content = incoming.finish().await?;
        Ok(TextRow { content, ..text.clone() })
    }
}
