//! Folders of models: one is written as it should be, and others that cannot be run.

use std::fs;
use std::path::Path;

use super::*;

const WORDS: [&str; 12] = ["<pad>", "<unk>", "<s>", "</s>", "a", "b", "c", "d", "e", "f", "g", "h"];
const SIZE: usize = 8;
const INNER: usize = 16;
const POSITIONS: usize = 20;

/// A model whose weights follow from their names.
pub(super) struct Tiny {
    pub kind: &'static str,
    /// What stands before the names of its weights.
    pub prefix: &'static str,
    pub pooling: &'static str,
}

impl Tiny {
    pub(super) fn write(&self, folder: &Path) {
        let roberta = self.kind.ends_with("roberta");
        let pad = usize::from(roberta);
        let distil = self.kind == "distilbert";
        let config = if distil {
            json!({"model_type": self.kind, "dim": SIZE, "n_layers": 2, "n_heads": 2,
                "hidden_dim": INNER, "activation": "gelu", "vocab_size": WORDS.len(),
                "max_position_embeddings": POSITIONS, "pad_token_id": pad})
        } else {
            json!({"model_type": self.kind, "hidden_size": SIZE, "num_hidden_layers": 2,
                "num_attention_heads": 2, "intermediate_size": INNER, "hidden_act": "gelu",
                "vocab_size": WORDS.len(), "max_position_embeddings": POSITIONS,
                "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": pad})
        };
        put(folder, "config.json", &config);
        put(
            folder,
            "modules.json",
            &json!([
                {"type": "sentence_transformers.models.Transformer", "path": ""},
                {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
            ]),
        );
        let mode = format!("pooling_mode_{}", self.pooling);
        put(
            folder,
            "1_Pooling/config.json",
            &json!({"word_embedding_dimension": SIZE, mode: true}),
        );
        put(folder, "tokenizer.json", &tokenizer());
        let weights = if distil { distilbert(self.prefix) } else { bert(self.prefix) };
        fs::write(folder.join("model.safetensors"), safetensors(&weights)).unwrap();
    }
}

fn put(folder: &Path, name: &str, value: &Value) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, value.to_string()).unwrap();
}

fn tokenizer() -> Value {
    let vocabulary: Value =
        WORDS.iter().enumerate().map(|(id, word)| ((*word).to_owned(), json!(id))).collect();
    let special = |id: usize| json!({"id": WORDS[id], "ids": [id], "tokens": [WORDS[id]]});
    let part = |id: usize| json!({"SpecialToken": {"id": WORDS[id], "type_id": 0}});
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    json!({
        "version": "1.0",
        // As files have it whose model was trained so.
        "truncation": {"max_length": 4, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"},
        "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {"type": "TemplateProcessing", "single": [part(2), text, part(3)],
            "pair": [part(2), text, part(3)],
            "special_tokens": {WORDS[2]: special(2), WORDS[3]: special(3)}},
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    })
}

type Weights = Vec<(String, Vec<usize>)>;

fn linear(weights: &mut Weights, name: String, to: usize, from: usize) {
    weights.push((format!("{name}.weight"), vec![to, from]));
    weights.push((format!("{name}.bias"), vec![to]));
}

fn norm(weights: &mut Weights, name: String) {
    weights.push((format!("{name}.weight"), vec![SIZE]));
    weights.push((format!("{name}.bias"), vec![SIZE]));
}

fn embeddings(prefix: &str) -> Weights {
    let name = |part: &str| format!("{prefix}embeddings.{part}");
    let mut weights = vec![
        (name("word_embeddings.weight"), vec![WORDS.len(), SIZE]),
        (name("position_embeddings.weight"), vec![POSITIONS, SIZE]),
    ];
    norm(&mut weights, name("LayerNorm"));
    weights
}

fn bert(prefix: &str) -> Weights {
    let mut weights = embeddings(prefix);
    weights.push((format!("{prefix}embeddings.token_type_embeddings.weight"), vec![1, SIZE]));
    for layer in 0..2 {
        let name = |part: &str| format!("{prefix}encoder.layer.{layer}.{part}");
        for part in ["query", "key", "value"] {
            linear(&mut weights, name(&format!("attention.self.{part}")), SIZE, SIZE);
        }
        linear(&mut weights, name("attention.output.dense"), SIZE, SIZE);
        norm(&mut weights, name("attention.output.LayerNorm"));
        linear(&mut weights, name("intermediate.dense"), INNER, SIZE);
        linear(&mut weights, name("output.dense"), SIZE, INNER);
        norm(&mut weights, name("output.LayerNorm"));
    }
    weights
}

fn distilbert(prefix: &str) -> Weights {
    let mut weights = embeddings(prefix);
    for layer in 0..2 {
        let name = |part: &str| format!("{prefix}transformer.layer.{layer}.{part}");
        for part in ["q_lin", "k_lin", "v_lin", "out_lin"] {
            linear(&mut weights, name(&format!("attention.{part}")), SIZE, SIZE);
        }
        norm(&mut weights, name("sa_layer_norm"));
        linear(&mut weights, name("ffn.lin1"), INNER, SIZE);
        linear(&mut weights, name("ffn.lin2"), SIZE, INNER);
        norm(&mut weights, name("output_layer_norm"));
    }
    weights
}

/// Numbers from a name, as the program that made the references has them, too.
fn numbers(name: &str, count: usize) -> Vec<f32> {
    let mut state =
        name.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let one = name.ends_with("LayerNorm.weight") || name.ends_with("layer_norm.weight");
    let base = if one { 1.0 } else { 0.0 };
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state >> 8) / f64::from(1 << 24) - 0.5) as f32 + base
    };
    (0..count).map(|_| next()).collect()
}

fn safetensors(weights: &Weights) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape) in weights {
        let start = data.len();
        for number in numbers(name, shape.iter().product()) {
            data.extend_from_slice(&number.to_le_bytes());
        }
        // Old files call these by another name.
        let stored = name.replace("LayerNorm.weight", "LayerNorm.gamma");
        let stored = stored.replace("LayerNorm.bias", "LayerNorm.beta");
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]});
        header.insert(stored, entry);
    }
    let header = Value::Object(header).to_string().into_bytes();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

/// The message about a tiny model with one file changed, or without it.
fn refused(file: &str, content: Option<Value>) -> String {
    let folder = tempfile::tempdir().unwrap();
    Tiny { kind: "bert", prefix: "", pooling: "mean_tokens" }.write(folder.path());
    match content {
        Some(content) => put(folder.path(), file, &content),
        None => fs::remove_file(folder.path().join(file)).unwrap(),
    }
    let error = open(EmbedderConfig::local(folder.path())).err().expect("it should be refused");
    assert_eq!(error.kind, EmbedErrorKind::Unusable);
    error.message
}

#[test]
fn what_cannot_be_run_is_refused_at_once() {
    let step = |kind: &str| Some(json!([{"type": format!("sentence_transformers.models.{kind}")}]));
    let pooling = |config| ("1_Pooling/config.json", Some(config));
    let mean_and_first = json!({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true});
    let cases = [
        ("config.json", Some(json!({"model_type": "mpnet"})), "of the type `mpnet`"),
        ("config.json", Some(json!({"model_type": "bert"})), "no `max_position_embeddings`"),
        ("config.json", None, "`config.json` cannot be used"),
        ("modules.json", step("Dense"), "a step `Dense`"),
        ("model.safetensors", None, "`model.safetensors` is missing"),
        ("tokenizer.json", None, "`tokenizer.json` cannot be used"),
        ("tokenizer.json", Some(json!({"model": 1})), "`tokenizer.json` cannot be used"),
        ("sentence_bert_config.json", Some(json!({"max_seq_length": 2})), "fewer than 8"),
    ];
    let (file, lasttoken) = pooling(json!({"pooling_mode_lasttoken": true}));
    let (_, both) = pooling(mean_and_first);
    let cases = cases.into_iter().chain([
        (file, lasttoken, "its pooling (lasttoken)"),
        (file, both, "one of cls, mean and max"),
    ]);
    for (file, content, expected) in cases {
        let message = refused(file, content);
        assert!(message.contains(expected), "{file}: {message}");
        assert!(message.starts_with("`test` cannot be used: "), "{message}");
    }
    let error = open(EmbedderConfig::local("/nowhere/at/all")).err().unwrap();
    assert!(error.message.contains("there is no such folder"), "{}", error.message);
}

#[tokio::test]
async fn weights_that_are_none_are_told_at_the_first_text() {
    let folder = tempfile::tempdir().unwrap();
    Tiny { kind: "bert", prefix: "", pooling: "mean_tokens" }.write(folder.path());
    fs::write(folder.path().join("model.safetensors"), "nonsense").unwrap();
    let embedder = open(EmbedderConfig::local(folder.path())).unwrap();
    let error = embedder.query("a").await.unwrap_err();
    assert_eq!(error.kind, EmbedErrorKind::Unusable);
    assert!(!error.message.contains('/'), "{}", error.message);
}

#[tokio::test]
async fn weights_that_change_are_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    Tiny { kind: "bert", prefix: "", pooling: "mean_tokens" }.write(folder.path());
    let embedder = open(EmbedderConfig::local(folder.path())).unwrap();
    let before = embedder.id().await.unwrap();
    Tiny { kind: "bert", prefix: "bert.", pooling: "mean_tokens" }.write(folder.path());
    let error = embedder.query("a").await.unwrap_err();
    assert!(error.cause.contains("have changed"), "{}", error.cause);
    let after = open(EmbedderConfig::local(folder.path())).unwrap().id().await.unwrap();
    assert_ne!(before.model, after.model);
}

#[test]
fn a_tokenizer_is_passed_on_without_what_it_says_of_length() {
    let folder = tempfile::tempdir().unwrap();
    Tiny { kind: "bert", prefix: "", pooling: "mean_tokens" }.write(folder.path());
    let embedder = open(EmbedderConfig::local(folder.path())).unwrap();
    let json: Value = serde_json::from_slice(&embedder.tokenizer().unwrap()).unwrap();
    assert!(json["truncation"].is_null() && json["padding"].is_null());
    assert_eq!(embedder.max_tokens(), Some(POSITIONS));
    assert!(embedder.is_local());
}
