//! What a converter may say of one document. Enters: its replies, in order.
//! Leaves: whether they make sense and are within what the operator allows.
//! Never: believes it: whoever wrote the document may be the one who speaks.

use std::collections::BTreeSet;

use milepost_convert::Limits;

use super::wire::Reply;

/// A message for people, in characters; what is longer is cut.
const MAX_MESSAGE: usize = 1000;

/// The talk about one document.
#[derive(Debug, Default)]
pub struct Conduct {
    detected: bool,
    assembling: bool,
    pages: BTreeSet<u32>,
    bytes: u64,
    max_pages: u32,
    max_bytes: u64,
}

impl Conduct {
    /// Of a document that may have so many pages and results of such a size.
    pub fn new(limits: &Limits) -> Self {
        Self {
            max_pages: limits.max_pages,
            // The converter counts a page's texts once; where the page is the
            // whole document they come twice.
            max_bytes: limits.max_output_bytes.saturating_mul(2),
            ..Self::default()
        }
    }

    /// Takes note of a reply.
    ///
    /// # Errors
    /// What is wrong with it, for the log.
    pub fn admit(&mut self, reply: &mut Reply) -> Result<(), &'static str> {
        match reply {
            Reply::Text { bytes, .. } => {
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
    use milepost_convert::{Format, OutputFormat};
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
        let mut conduct = Conduct::new(&limits());
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

    #[test]
    fn messages_are_cut() {
        let mut conduct = Conduct::new(&limits());
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
