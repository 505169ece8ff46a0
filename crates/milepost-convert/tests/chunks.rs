//! Whatever is cut, however it is cut: no word is lost, no chunk is too large, pages
//! and headings are right, and the same gives the same bytes.

mod common;

use common::fixture;
use milepost_convert::{
    Chunker, Document, ErrorKind, Limits, Mark, Options, Page, Phase, Step, chunk, embedded_text,
    extract,
};
use serde_json::{Value, json};

/// Every kind of chunker, in small and in large.
fn chunkers() -> Vec<Value> {
    let mut chunkers = Vec::new();
    for kind in ["hybrid", "hierarchical", "markdown"] {
        chunkers.push(json!({"kind": kind}));
        chunkers.push(json!({"kind": kind, "max": 100, "overlap": 0}));
        chunkers.push(json!({"kind": kind, "max": 300, "overlap": 149}));
        chunkers.push(json!({"kind": kind, "unit": "tokens", "max": 16, "overlap": 7}));
        chunkers.push(json!({"kind": kind, "unit": "tokens", "max": 256}));
        let own = json!({"kind": kind, "unit": "tokens", "max": 40, "tokenizer": "embedder"});
        chunkers.push(own);
    }
    chunkers
}

/// A tokenizer that takes words apart into letters, and puts two tokens around all.
fn tokenizer() -> Vec<u8> {
    let mut vocabulary = serde_json::Map::new();
    for (id, token) in ["[UNK]", "[CLS]", "[SEP]"].into_iter().enumerate() {
        vocabulary.insert(token.to_owned(), json!(id));
    }
    for letter in 'a'..='z' {
        vocabulary.insert(letter.to_string(), json!(vocabulary.len()));
        vocabulary.insert(format!("##{letter}"), json!(vocabulary.len()));
    }
    let tokenizer = json!({
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": null,
                    "pad_id": 0, "pad_type_id": 0, "pad_token": "[UNK]"},
        "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocabulary},
    });
    tokenizer.to_string().into_bytes()
}

fn read(name: &str, bytes: Vec<u8>) -> String {
    let document = Document { filename: name.to_owned(), bytes };
    let (options, limits) = (Options::default(), Limits::default());
    extract(document, "", &options, &limits, Vec::new(), &mut |_| {}).expect(name)
}

fn cut(extract: &str, chunker: &Value) -> Value {
    let chunker: Chunker = serde_json::from_value(chunker.clone()).expect("a chunker");
    chunker.check().expect("within its bounds");
    let (own, limits) = (tokenizer(), Limits::default());
    let made = chunk(extract.as_bytes(), &chunker, Some(&own), &limits, &mut |_| {});
    serde_json::from_str(&made.expect("it is cut")).expect("it is JSON")
}

fn chunks(made: &Value) -> &Vec<Value> {
    made["chunks"].as_array().expect("a list of chunks")
}

fn text(chunk: &Value) -> &str {
    chunk["text"].as_str().expect("a text")
}

fn headings(chunk: &Value) -> Vec<&str> {
    let headings = chunk["headings"].as_array().expect("a list of headings");
    headings.iter().map(|one| one.as_str().expect("a heading")).collect()
}

/// Letters and digits of a text, in words.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// What holds for all.
fn hold(name: &str, extract: &str, chunker: &Value, pages: u64) -> Value {
    let made = cut(extract, chunker);
    let context = |chunk: &Value| format!("{name} {chunker}: {chunk}");
    for (place, one) in chunks(&made).iter().enumerate() {
        assert_eq!(one["index"], place, "{}", context(one));
        assert!(!text(one).trim().is_empty(), "{}", context(one));
        assert_eq!(one["characters"], text(one).chars().count(), "{}", context(one));
        match &one["pages"] {
            Value::Null => assert_eq!(pages, 0, "{}", context(one)),
            span => {
                let (first, last) =
                    (span[0].as_u64().expect("a page"), span[1].as_u64().expect("a page"));
                assert!(1 <= first && first <= last && last <= pages, "{}", context(one));
            }
        }
        let whole =
            text(one).contains("| -") || text(one).contains("|-") || text(one).contains("```");
        let chunker: Chunker = serde_json::from_value(chunker.clone()).expect("a chunker");
        let max = u64::from(chunker.max);
        let size = match one["tokens"].as_u64() {
            Some(tokens) => tokens,
            None => embedded_text(&headings(one), text(one)).chars().count() as u64,
        };
        // Headings take half of it at most; they are not cut themselves.
        let titles =
            headings(one).iter().map(|title| title.chars().count() as u64 + 1).sum::<u64>();
        let most = match json!(chunker.kind) == "markdown" || titles > max / 2 {
            true => max + titles + 2,
            false => max,
        };
        assert!(whole || size <= most, "{size} > {most}: {}", context(one));
    }
    assert_eq!(made["sources"][0]["chunks"], chunks(&made).len());
    made
}

/// Whether it never has to cut a word of these texts.
fn is_coarse(chunker: &Value) -> bool {
    chunker["unit"] != "tokens" || chunker["max"] == 256
}

/// The words of a text are in its chunks or in their headings, in order.
fn complete(name: &str, whole: &str, made: &Value) {
    let mut cut = Vec::new();
    for one in chunks(made) {
        cut.extend(words(&embedded_text(&headings(one), text(one))));
    }
    let known: std::collections::HashSet<_> = cut.into_iter().collect();
    // A word that is larger than a chunk is cut.
    let lost: Vec<_> =
        words(whole).into_iter().filter(|word| word.len() < 12 && !known.contains(word)).collect();
    assert!(lost.is_empty(), "{name}: {lost:?}");
}

#[test]
fn what_holds_for_every_fixture_and_chunker() {
    for name in [
        "report.pdf",
        "slides.pptx",
        "workbook.xlsx",
        "letter.docx",
        "book.epub",
        "page.html",
        "notes.md",
        "message.eml",
        "paper.tex",
        "plain.txt",
        "counts.csv",
        "notebook.ipynb",
    ] {
        let extract = read(name, fixture(name));
        let read: Value = serde_json::from_str(&extract).unwrap();
        let parts = read["texts"][0]["parts"].as_array().unwrap();
        let whole: String = parts.iter().map(|part| part["markdown"].as_str().unwrap()).collect();
        let whole = whole.replace("<!-- image -->", "");
        let pages = read["texts"][0]["pages"].as_u64().unwrap_or_default();
        let usual = json!({});
        assert_eq!(cut(&extract, &usual), cut(&extract, &usual), "{name}");
        for chunker in chunkers() {
            let made = hold(name, &extract, &chunker, pages);
            if is_coarse(&chunker) {
                complete(name, &whole.replace("&lt;", "").replace("&gt;", ""), &made);
            }
        }
    }
}

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn sentence(&mut self) -> String {
        const WORDS: [&str; 8] =
            ["stone", "Ufer", "straße", "石", "a_b", "été", "верста", "incomprehensibilities"];
        let count = 1 + self.below(30);
        let words: Vec<_> = (0..count).map(|_| WORDS[self.below(8) as usize]).collect();
        words.join(" ") + ". "
    }

    fn block(&mut self) -> String {
        let number = self.below(1_000);
        match self.below(9) {
            0 => format!("{} Heading {number}", "#".repeat(1 + self.below(6) as usize)),
            1 => (0..self.below(20)).map(|n| format!("- {}{n}\n", self.sentence())).collect(),
            2 => {
                let rows: String =
                    (0..self.below(40)).map(|n| format!("| {n} | {number} |\n")).collect();
                format!("| a | b |\n| - | - |\n{rows}")
            }
            3 => format!("```\n{}\n```", self.sentence().repeat(self.below(20) as usize)),
            4 => format!("> {}\n> {}", self.sentence(), self.sentence()),
            5 => "<!-- image -->".to_owned(),
            6 => "字".repeat(self.below(500) as usize),
            7 => "x".repeat(self.below(3_000) as usize),
            _ => (0..self.below(12)).map(|_| self.sentence()).collect(),
        }
    }
}

#[test]
fn what_holds_for_texts_of_chance() {
    for seed in 0..8 {
        let mut chance = Chance(seed);
        let blocks: Vec<_> = (0..chance.below(40)).map(|_| chance.block()).collect();
        let whole = blocks.join("\n\n");
        if whole.trim().is_empty() {
            continue;
        }
        let extract = read("a.md", whole.clone().into_bytes());
        for chunker in chunkers() {
            let name = format!("seed {seed}");
            let made = hold(&name, &extract, &chunker, 0);
            if is_coarse(&chunker) {
                let seen = whole.replace("<!-- image -->", "").replace("字", "");
                complete(&name, &seen, &made);
            }
        }
    }
}

#[test]
fn pages_of_an_earlier_conversion_are_taken_over() {
    let document = || Document { filename: "report.pdf".into(), bytes: fixture("report.pdf") };
    let (options, limits) = (Options::default(), Limits::default());
    let mut pages: Vec<Page> = Vec::new();
    let whole = extract(document(), "", &options, &limits, Vec::new(), &mut |step| {
        if let Step::Page(page) = step {
            pages.push(page);
        }
    })
    .unwrap();
    assert_eq!(pages.len(), 12);
    pages.truncate(7);
    let mut more = 0;
    let again = extract(document(), "", &options, &limits, pages.clone(), &mut |step| {
        more += u32::from(matches!(step, Step::Page(_)));
    });
    assert_eq!((again.unwrap(), more), (whole, 5));
    pages[6].markdown = "What the first attempt read.".into();
    let again = extract(document(), "", &options, &limits, pages, &mut |_| {}).unwrap();
    assert!(again.contains("What the first attempt read."));
}

#[test]
fn a_chunk_stands_on_its_pages() {
    let made = cut(&read("long.pdf", fixture("long.pdf")), &json!({}));
    let chunks = chunks(&made);
    assert!(chunks.len() >= 200);
    assert_eq!(
        (&chunks[0]["pages"][0], &chunks.last().unwrap()["pages"][1]),
        (&json!(1), &json!(200))
    );
    for pair in chunks.windows(2) {
        assert!(pair[0]["pages"][1].as_u64() <= pair[1]["pages"][1].as_u64());
        assert!(pair[1]["pages"][0].as_u64().unwrap() <= pair[0]["pages"][1].as_u64().unwrap() + 1);
    }
}

#[test]
fn pages_that_cannot_be_read_are_left_out() {
    let extract = read("a.pdf", fixture("hostile/page-tree-shared.pdf"));
    let made = cut(&extract, &json!({}));
    assert!(text(&chunks(&made)[0]).contains("A stone"), "{made}");
    assert!(!extract.contains("could not") && !made.to_string().contains("could not"));
}

#[test]
fn phases_are_marked() {
    let text = (0..500).map(|n| format!("# Part {n}\n\nThe stone stands on the left bank.\n\n"));
    let extract = read("a.md", text.collect::<String>().into_bytes());
    let chunker: Chunker = serde_json::from_value(json!({"kind": "hierarchical"})).unwrap();
    let (mut phases, mut last, mut marks) = (Vec::new(), 0, 0);
    chunk(extract.as_bytes(), &chunker, None, &Limits::default(), &mut |mark| match mark {
        Mark::Begins { phase, total, .. } => {
            phases.push((phase, total));
            last = 0;
        }
        Mark::Done { done, .. } => {
            assert!(done >= last);
            (last, marks) = (done, marks + 1);
        }
        Mark::Read { .. } => {}
    })
    .unwrap();
    assert_eq!(phases, [(Phase::Chunking, None), (Phase::Enriching, Some(500))]);
    assert_eq!(last, 500);
    assert!((150..1_000).contains(&marks), "{marks}");
}

#[test]
fn results_are_bounded() {
    let limits = Limits { max_output_bytes: 12_000, ..Limits::default() };
    let whole = read("report.pdf", fixture("report.pdf"));
    let made = chunk(whole.as_bytes(), &Chunker::default(), None, &limits, &mut |_| {});
    assert_eq!(made.err().map(|error| error.kind), Some(ErrorKind::TooLarge));
    let document = Document { filename: "a.txt".into(), bytes: "a word ".repeat(5_000).into() };
    let made = extract(document, "", &Options::default(), &limits, Vec::new(), &mut |_| {});
    assert_eq!(made.err().map(|error| error.kind), Some(ErrorKind::TooLarge));
    let chunker = json!({"unit": "tokens", "tokenizer": "embedder"});
    let chunker: Chunker = serde_json::from_value(chunker).unwrap();
    let broken = chunk(b"", &chunker, Some(b"{}"), &Limits::default(), &mut |_| {});
    assert!(broken.unwrap_err().message.contains("tokenizer"));
}

/// What takes the square of its length would take days here.
#[test]
fn hostile_texts_take_no_longer_than_others() {
    const BYTES: usize = 30_000;
    for piece in [
        "x",
        " ",
        "字",
        "\u{301}",
        "- ",
        "> ",
        "* ",
        "#",
        "`",
        "| ",
        "|",
        "[",
        "](",
        "\\",
        "a. ",
        "&amp;",
        "<!--",
        "![a](data:;base64,AA",
        "\n",
        "- a\n",
        "# a\n",
        "é\n\n",
        "| a |\n",
        "1. ",
        "a b",
        "_",
        "<a ",
    ] {
        let text = piece.repeat(BYTES / piece.len());
        let extract =
            json!({"texts": [{"source": "a", "parts": [{"page": null, "markdown": text}]}]});
        for chunker in [
            json!({}),
            json!({"kind": "hierarchical", "unit": "tokens", "max": 100}),
            json!({"unit": "tokens", "tokenizer": "embedder", "overlap": 100}),
            json!({"kind": "markdown"}),
        ] {
            cut(&extract.to_string(), &chunker);
        }
    }
}
