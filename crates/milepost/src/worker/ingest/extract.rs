//! The one document of a job, read page by page. Enters: a lease, a converter. Leaves: each
//! page as an event, then the text as a whole. Never: reads a page that an earlier attempt
//! has read, or a conversion of the same document.

use futures_util::StreamExt;
use milepost_convert::{Options, is_texts};
use milepost_core::{EventKind, Unit};
use tokio_util::sync::CancellationToken;

use super::advanced;
use super::talk::{Heard, Said};
use crate::pipeline::ingest::EXTRACTING;
use crate::pipeline::reuse;
use crate::store::{Content, EXTRACT, Lease, StoreError, TextRow};
use crate::worker::converter::{Converter, FinishedPage, Gone, Report, Task};
use crate::worker::run::{Outcome, PAGES_STEP, Runner, Stop, found, gone_document, limits};
use crate::worker::watch::Allowance;

/// The format of a page's text.
const MARKDOWN: &str = "markdown";

impl Runner {
    /// Reads it, if it was not read before. `None`: it is read.
    pub(super) async fn extract(
        &self,
        lease: &Lease,
        converter: &mut Converter,
        draining: &CancellationToken,
        options: &Options,
    ) -> Result<Option<Outcome>, Stop> {
        if self.made(lease, 0, EXTRACT).await?.is_some() {
            return Ok(None);
        }
        let job = &lease.snapshot;
        let info = job.document.as_ref().ok_or_else(|| gone_document(StoreError::Closed))?;
        let row = self.store.document(info.id).await?;
        let row = row.ok_or_else(|| gone_document(StoreError::Damaged("no row".into())))?;
        let (mut finished, mut done) = self.finished_pages(lease).await?;
        let mut lent = Vec::new();
        if finished.is_empty() && !job.force {
            (finished, lent) = self.lent_pages(lease, &row.content.sha256, options).await?;
            done.extend(finished.iter().map(|page| page.page));
        }
        let document = self.blobs.open(&row.content, 0..row.content.bytes).await?;
        let (may, limits) = (Allowance::from(&self.config), limits(&self.config));
        let task = Task {
            pipeline: job.pipeline,
            filename: &info.filename,
            media_type: &info.media_type,
            options,
            limits: &limits,
            finished,
            bytes: row.content.bytes,
            pages: true,
        };
        converter.begin(may.silence, task, document).await?;
        // Several texts in one document are told as so many pages.
        let texts = is_texts(&info.media_type, &info.filename);
        let mut several = 0;
        let said = self
            .listen(lease, converter, draining, |report| match report {
                Report::Detected { format, pages, selected } => {
                    several = u64::from(pages);
                    let mut heard = Heard::events(vec![EventKind::Stage {
                        stage: EXTRACTING.to_owned(),
                        unit: Some(if texts { Unit::document() } else { Unit::page() }),
                        total: Some(u64::from(if texts { pages } else { selected })),
                        document: (!texts).then(|| found(format, pages)),
                    }]);
                    for text in lent.drain(..) {
                        let (page, bytes) = (text.page, text.content.bytes);
                        heard.events.push(EventKind::Page { page, bytes, error: None });
                        heard.texts.push(text);
                    }
                    Ok(heard)
                }
                Report::Page { page, bytes, error, texts } => {
                    if !done.insert(page) {
                        return Err(Stop::Gone(Gone::Crashed("a page came twice".to_owned())));
                    }
                    let events = vec![EventKind::Page { page, bytes, error }];
                    Ok(Heard { events, texts, may_stop: true })
                }
                _ => Ok(Heard::default()),
            })
            .await?;
        match said {
            Said::Stopped => Ok(Some(Outcome::GivenBack)),
            Said::Failed(failure) => Ok(Some(Outcome::Failed(failure))),
            Said::Made(made) => {
                let events = if texts { vec![advanced(several, None)] } else { Vec::new() };
                self.keep(lease, made, EXTRACT, 0, events).await?;
                Ok(None)
            }
        }
    }

    /// Stores the text that the converter made, at the place of its document.
    pub(super) async fn keep(
        &self,
        lease: &Lease,
        made: Vec<TextRow>,
        format: &str,
        place: u32,
        events: Vec<EventKind>,
    ) -> Result<(), Stop> {
        let text = made.into_iter().find(|text| text.format == format);
        let text = text.ok_or_else(|| Gone::Crashed("it made nothing".to_owned()))?;
        let texts = vec![TextRow { page: place, ..text }];
        self.report(lease, crate::store::Decision { events, texts, ..Default::default() }).await
    }

    /// The pages of a completed conversion of the same document, and the same as texts of
    /// this job. They are stored anew: the other job may be deleted at any moment.
    async fn lent_pages(
        &self,
        lease: &Lease,
        sha256: &str,
        options: &Options,
    ) -> Result<(Vec<FinishedPage>, Vec<TextRow>), Stop> {
        let job = &lease.snapshot;
        let Some(info) = &job.document else { return Ok(Default::default()) };
        let keys = reuse::lenders(sha256, &info.filename, options);
        let Some(lender) = self.store.lender(job.owner.clone(), keys).await? else {
            return Ok(Default::default());
        };
        let (mut pages, mut texts) = (Vec::new(), Vec::new());
        loop {
            let after = pages.last().map_or(0, |page: &FinishedPage| page.page);
            let rows = self.store.pages(lender, after, PAGES_STEP).await?;
            if rows.is_empty() {
                return Ok((pages, texts));
            }
            for row in rows {
                let text = self.store.text(lender, row.page, MARKDOWN.to_owned()).await?;
                let markdown = match text {
                    Some(text) => self.bytes(&text.content).await,
                    None => Err(StoreError::Damaged("a page has no text".into())),
                };
                // Deleted meanwhile: then nobody lends anything.
                let Ok(markdown) = markdown else { return Ok(Default::default()) };
                let id = self.journal.clock().new_id();
                let content = self.blobs.store(id, markdown.clone().into()).await?;
                texts.push(TextRow { page: row.page, format: MARKDOWN.to_owned(), content });
                pages.push(FinishedPage { page: row.page, error: None, markdown });
            }
        }
    }

    /// Content as a whole, for what is bounded.
    pub(super) async fn bytes(&self, content: &Content) -> Result<Vec<u8>, StoreError> {
        let mut stream = self.blobs.open(content, 0..content.bytes).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        Ok(bytes)
    }
}
