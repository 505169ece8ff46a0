//! What a converter may say of one document. Enters: its replies, in order.
//! Leaves: whether they make sense and are within what the operator allows.
//! Never: believes it: whoever wrote the document may be the one who speaks.

use std::collections::BTreeSet;

use milepost_convert::{Limits, Mark, Phase};
use milepost_core::Pipeline;

use super::wire::Reply;
use crate::pipeline::ingest::CHUNKING;
use crate::pipeline::phases;

/// A message for people, in characters; what is longer is cut.
const MAX_MESSAGE: usize = 1000;
/// An honest converter says less often how far it is; each time is an event.
const MAX_MARKS: u32 = 10_000;

/// The talk about one document.
#[derive(Debug, Default)]
pub struct Conduct {
    /// The phases that may still begin, the first of them last; of work on pages
    /// there are none.
    ahead: Vec<Phase>,
    phased: bool,
    /// Whether it may send a document's texts, or chunks.
    extracts: bool,
    chunks: bool,
    /// Units of the phase that are done, and how many there are.
    done: u64,
    total: Option<u64>,
    marks: u32,
    detected: bool,
    assembling: bool,
    pages: BTreeSet<u32>,
    bytes: u64,
    max_pages: u32,
    max_bytes: u64,
}

impl Conduct {
    /// Of a document that may have so many pages and results of such a size.
    pub fn new(pipeline: Pipeline, limits: &Limits) -> Self {
        let phases = phases(pipeline);
        Self {
            ahead: phases.iter().rev().map(|(phase, _)| *phase).collect(),
            phased: !phases.is_empty(),
            extracts: pipeline == Pipeline::Ingest,
            max_pages: limits.max_pages,
            // The converter counts a page's texts once; where the page is the
            // whole document they come twice.
            max_bytes: limits.max_output_bytes.saturating_mul(2),
            ..Self::default()
        }
    }

    /// Of texts that are cut.
    pub fn chunking(limits: &Limits) -> Self {
        let ahead = CHUNKING.iter().rev().map(|(phase, _)| *phase).collect();
        let max_bytes = limits.max_output_bytes;
        Self { ahead, phased: true, chunks: true, max_bytes, ..Self::default() }
    }

    /// Takes note of a reply.
    ///
    /// # Errors
    /// What is wrong with it, for the log.
    pub fn admit(&mut self, reply: &mut Reply) -> Result<(), &'static str> {
        match reply {
            Reply::Detected { .. } | Reply::Page { .. } | Reply::Assembling if self.phased => {
                Err("its work has no pages")
            }
            Reply::Mark(mark) => self.mark(mark),
            Reply::Extract { .. } if !self.extracts => Err("no texts were asked for"),
            Reply::Chunks { .. } if !self.chunks => Err("no chunks were asked for"),
            Reply::Text { bytes, .. } | Reply::Extract { bytes } | Reply::Chunks { bytes } => {
                self.bytes = self.bytes.saturating_add(*bytes);
                said(self.bytes <= self.max_bytes, "it made more than it may")
            }
            Reply::Detected { pages, selected, .. } => {
                said(!std::mem::replace(&mut self.detected, true), "it detected twice")?;
                said(selected <= pages, "it selected more pages than there are")
            }
            Reply::Page { page, error, .. } => {
                said(self.detected && !self.assembling, "a page came at the wrong time")?;
                said(self.pages.insert(*page), "a page came twice")?;
                error.iter_mut().for_each(cut);
                said(self.pages.len() as u64 <= u64::from(self.max_pages), "too many pages")
            }
            Reply::Assembling => {
                let first = !std::mem::replace(&mut self.assembling, true);
                said(self.detected && first, "it assembled at the wrong time")
            }
            Reply::Failed(failure) => {
                cut(&mut failure.message);
                Ok(())
            }
            Reply::Done | Reply::Tried(_) => Ok(()),
        }
    }
}

impl Conduct {
    fn mark(&mut self, mark: &Mark) -> Result<(), &'static str> {
        match mark {
            Mark::Begins { phase, total, .. } => {
                let place = self.ahead.iter().position(|ahead| ahead == phase);
                let place = place.ok_or("a phase came at the wrong time")?;
                self.ahead.truncate(place);
                (self.done, self.total, self.detected) = (0, *total, true);
                Ok(())
            }
            Mark::Done { done, total } => {
                said(self.phased && self.detected, "it counted at the wrong time")?;
                self.marks += 1;
                said(self.marks <= MAX_MARKS, "it counted too often")?;
                said(*done >= self.done, "it counted back")?;
                self.done = *done;
                self.total = total.or(self.total);
                said(self.total.is_none_or(|total| *done <= total), "it counted too far")
            }
            Mark::Read { page } => {
                said(self.phased && self.detected, "a page came at the wrong time")?;
                said(self.pages.insert(*page), "a page came twice")?;
                said(self.pages.len() as u64 <= u64::from(self.max_pages), "too many pages")
            }
        }
    }
}

fn said(fine: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if fine { Ok(()) } else { Err(otherwise) }
}

fn cut(message: &mut String) {
    if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
        message.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use milepost_convert::{Counted, Format, OutputFormat};
    use milepost_core::{Failure, FailureCode};

    use super::*;

    fn limits() -> Limits {
        Limits { max_pages: 2, max_output_bytes: 50, ..Limits::default() }
    }

    fn detected(pages: u32, selected: u32) -> Reply {
        Reply::Detected { format: Format::Pdf, pages, selected }
    }

    fn page(page: u32) -> Reply {
        Reply::Page { page, bytes: 1, error: Some("é".repeat(5000)) }
    }

    fn text(bytes: u64) -> Reply {
        Reply::Text { page: 1, format: OutputFormat::Text, bytes }
    }

    fn talk(replies: Vec<Reply>) -> Result<(), &'static str> {
        let mut conduct = Conduct::new(Pipeline::Convert, &limits());
        replies.into_iter().try_for_each(|mut reply| conduct.admit(&mut reply))
    }

    #[test]
    fn an_honest_talk_is_admitted() {
        let replies = vec![
            detected(2, 2),
            text(50),
            page(2),
            text(50),
            page(1),
            Reply::Assembling,
            Reply::Done,
        ];
        assert_eq!(talk(replies), Ok(()));
    }

    #[test]
    fn nonsense_and_excess_are_refused() {
        for replies in [
            vec![detected(1, 1), detected(1, 1)],
            vec![detected(1, 2)],
            vec![page(1)],
            vec![detected(1, 1), page(1), page(1)],
            vec![detected(9, 9), page(1), page(2), page(3)],
            vec![detected(1, 1), Reply::Assembling, page(1)],
            vec![detected(1, 1), Reply::Assembling, Reply::Assembling],
            vec![Reply::Assembling],
            vec![text(60), text(60)],
            vec![text(u64::MAX), text(u64::MAX)],
        ] {
            let shown = format!("{replies:?}");
            assert!(talk(replies).is_err(), "{shown}");
        }
    }

    fn begins(phase: Phase, total: Option<u64>) -> Reply {
        Reply::Mark(Mark::Begins { phase, counted: Counted::Chunk, total, found: None })
    }

    fn done(done: u64) -> Reply {
        Reply::Mark(Mark::Done { done, total: None })
    }

    fn read(page: u32) -> Reply {
        Reply::Mark(Mark::Read { page })
    }

    #[test]
    fn phases_come_in_order_and_counts_rise() {
        let talk = |replies: Vec<Reply>| {
            let mut conduct = Conduct::new(Pipeline::Sentences, &limits());
            replies.into_iter().try_for_each(|mut reply| conduct.admit(&mut reply))
        };
        use Phase::{Analyzing, Chunking, Merging, Processing, Splitting};
        let (none, two) = (None, Some(2));
        let honest = vec![
            begins(Analyzing, none),
            begins(Splitting, two),
            begins(Processing, two),
            read(1),
            done(1),
            read(2),
            done(2),
            begins(Merging, none),
            text(50),
            Reply::Done,
        ];
        assert_eq!(talk(honest), Ok(()));
        for replies in [
            vec![begins(Chunking, none)],
            vec![begins(Splitting, none), begins(Analyzing, none)],
            vec![begins(Splitting, none), begins(Splitting, none)],
            vec![done(1)],
            vec![begins(Processing, two), done(3)],
            vec![begins(Processing, two), done(2), done(1)],
            vec![begins(Processing, none), done(u64::MAX), begins(Merging, two), done(3)],
            vec![read(1)],
            vec![begins(Processing, two), read(1), read(1)],
            vec![begins(Processing, two), read(1), read(2), read(3)],
            vec![detected(1, 1)],
            vec![Reply::Assembling],
            vec![begins(Processing, two), page(1)],
            vec![Reply::Chunks { bytes: 1 }],
            vec![Reply::Extract { bytes: 1 }],
            std::iter::once(begins(Processing, none))
                .chain((0..=MAX_MARKS).map(|_| done(1)))
                .collect(),
        ] {
            let shown = format!("{:?}", replies.first());
            assert!(talk(replies).is_err(), "{shown}");
        }
        let mut cut = Conduct::chunking(&limits());
        for mut reply in [begins(Chunking, none), done(3), Reply::Chunks { bytes: 50 }] {
            cut.admit(&mut reply).unwrap();
        }
        for mut reply in
            [begins(Splitting, none), read(1), Reply::Chunks { bytes: 1 }, detected(1, 1)]
        {
            assert!(cut.admit(&mut reply).is_err(), "{reply:?}");
        }
        let mut read = Conduct::new(Pipeline::Ingest, &limits());
        for mut reply in [detected(2, 2), text(50), page(1), Reply::Extract { bytes: 50 }] {
            read.admit(&mut reply).unwrap();
        }
        assert!(read.admit(&mut begins(Chunking, none)).is_err());
        let mut pages = Conduct::new(Pipeline::Convert, &limits());
        assert!(pages.admit(&mut begins(Analyzing, none)).is_err());
        pages.admit(&mut detected(2, 2)).unwrap();
        let mut sign = Reply::Mark(Mark::Read { page: 1 });
        assert!(pages.admit(&mut sign).is_err() && pages.admit(&mut done(1)).is_err());
    }

    #[test]
    fn messages_are_cut() {
        let mut conduct = Conduct::new(Pipeline::Convert, &limits());
        conduct.admit(&mut detected(2, 2)).unwrap();
        let mut long = page(1);
        conduct.admit(&mut long).unwrap();
        let Reply::Page { error: Some(error), .. } = long else { panic!() };
        assert_eq!(error.chars().count(), MAX_MESSAGE);
        let mut failed =
            Reply::Failed(Failure::permanent(FailureCode::Internal, "x".repeat(1 << 20)));
        conduct.admit(&mut failed).unwrap();
        let Reply::Failed(failure) = failed else { panic!() };
        assert_eq!(failure.message.len(), MAX_MESSAGE);
    }
}
