//! How large a text is, in characters or in tokens.
//!
//! Enters: text. Leaves: its size. It takes no longer than in proportion to the
//! text, whatever that is: a tokenizer sees a few kilobytes at a time.

use text_splitter::ChunkSizer;
use tokenizers::Tokenizer as File;

use super::chunker::{Chunker, SizeUnit, Tokenizer};
use crate::error::{Error, ErrorKind};

/// What a tokenizer is given at a time, in bytes: some take the square of it.
const WINDOW: usize = 4 * 1024;

/// Measures texts.
pub(super) enum Sizer {
    Characters,
    /// OpenAI's, of which one is built in.
    Cl100kBase(&'static bpe_openai::Tokenizer),
    /// One that was read, and how many tokens it puts around every text.
    File(Box<File>, usize),
}

impl Sizer {
    /// # Errors
    /// `Damaged` where the tokenizer that is needed cannot be read.
    pub(super) fn of(chunker: &Chunker, tokenizer: Option<&[u8]>) -> Result<Self, Error> {
        if chunker.unit == SizeUnit::Characters {
            return Ok(Self::Characters);
        }
        match (chunker.tokenizer.unwrap_or_default(), tokenizer) {
            (Tokenizer::Embedder, Some(json)) => Self::file(json),
            _ => Ok(Self::Cl100kBase(bpe_openai::cl100k_base())),
        }
    }

    fn file(json: &[u8]) -> Result<Self, Error> {
        let broken = |error| {
            let message = "The tokenizer of the collection's embedder cannot be read: choose \
                           another in the chunker, or tell the operator.";
            Error::new(ErrorKind::Damaged, message).because(error)
        };
        let mut file = File::from_bytes(json).map_err(broken)?;
        // Texts are measured as they are, not as a model would be given them.
        file.with_padding(None);
        file.with_truncation(None).map_err(broken)?;
        let around = file.encode_fast("", true).map_err(broken)?.len();
        Ok(Self::File(Box::new(file), around))
    }

    /// Whether tokens are counted.
    pub(super) fn counts_tokens(&self) -> bool {
        !matches!(self, Self::Characters)
    }

    /// How large everything is at least.
    pub(super) fn around(&self) -> usize {
        match self {
            Self::File(_, around) => *around,
            _ => 0,
        }
    }

    /// The size of `text` by itself. For tokens, that of a whole can be a little less
    /// than that of its parts together.
    pub(super) fn size(&self, text: &str) -> usize {
        if let Self::Characters = self {
            return text.chars().count();
        }
        let mut size = 0;
        let mut rest = text;
        while rest.len() > WINDOW {
            let most = rest.floor_char_boundary(WINDOW);
            let end = rest[..most].rfind(char::is_whitespace).filter(|at| *at > 0).unwrap_or(most);
            size += self.count(&rest[..end]);
            rest = &rest[end..];
        }
        size + self.count(rest)
    }

    fn count(&self, text: &str) -> usize {
        match self {
            Self::Characters => text.chars().count(),
            Self::Cl100kBase(tokenizer) => tokenizer.count(text),
            // What it refuses has about so many; it refuses nothing that is known.
            Self::File(file, _) => {
                file.encode_fast(text, false).map_or(text.len() / 2, |encoding| encoding.len())
            }
        }
    }
}

impl ChunkSizer for Sizer {
    fn size(&self, chunk: &str) -> usize {
        Self::size(self, chunk)
    }
}
