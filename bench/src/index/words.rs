//! tantivy alone, for words. Enters: chunks. Leaves: the best by BM25 of any of the
//! words, by its own tokenizer with stems; texts are stored, as a hit needs its own.

use std::path::Path;

use tantivy::collector::TopDocs;
use tantivy::query::QueryParser;
use tantivy::schema::{
    Field, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions, Value as _,
};
use tantivy::{Index, IndexReader, TantivyDocument, doc};

use super::data::Bank;
use super::engine::{By, Engine};

/// What its writer may hold, in bytes.
const ARENA: usize = 50_000_000;
/// Chunks between two commits, as a server would make them: one for each document.
const COMMIT: u64 = super::engine::OF_DOCUMENT;

pub struct Words {
    index: Index,
    reader: IndexReader,
    number: Field,
    text: Field,
}

impl Words {
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let mut schema = Schema::builder();
        let number = schema.add_u64_field("number", STORED);
        let stemmed = TextFieldIndexing::default()
            .set_tokenizer("en_stem")
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let options = TextOptions::default().set_indexing_options(stemmed).set_stored();
        let text = schema.add_text_field("text", options);
        let directory = tantivy::directory::MmapDirectory::open(folder)?;
        let index = Index::open_or_create(directory, schema.build())?;
        let reader = index.reader()?;
        Ok(Self { index, reader, number, text })
    }
}

impl Engine for Words {
    fn modes(&self) -> &'static [By] {
        &[By::Keyword]
    }

    fn fill(&self, bank: &Bank, chunks: u64) -> anyhow::Result<()> {
        let mut writer = self.index.writer(ARENA)?;
        for number in 0..chunks {
            let (text, _) = bank.chunk(number);
            writer.add_document(doc!(self.number => number, self.text => text))?;
            if (number + 1) % COMMIT == 0 {
                writer.commit()?;
            }
        }
        writer.commit()?;
        writer.wait_merging_threads()?;
        Ok(self.reader.reload()?)
    }

    fn search(&self, _: By, text: &str, _: &[f32], k: usize) -> anyhow::Result<Vec<u64>> {
        let searcher = self.reader.searcher();
        let parser = QueryParser::for_index(&self.index, vec![self.text]);
        let (query, _) = parser.parse_query_lenient(text);
        let found = searcher.search(&query, &TopDocs::with_limit(k).order_by_score())?;
        let mut numbers = Vec::new();
        for (_, address) in found {
            let document: TantivyDocument = searcher.doc(address)?;
            std::hint::black_box(document.get_first(self.text).and_then(|text| text.as_str()));
            numbers.extend(document.get_first(self.number).and_then(|number| number.as_u64()));
        }
        Ok(numbers)
    }
}
