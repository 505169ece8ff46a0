//! A model's folder, as sentence-transformers lays it out. Enters: the folder, which is
//! the operator's and trusted. Leaves: what has to be known to run it, or why it cannot
//! be run. Never: reads the weights.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_transformers::models::bert::{self, HiddenAct, PositionEmbeddingType};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokenizers::utils::truncation::TruncationParams;
use tokenizers::{Tokenizer, TruncationDirection};

use super::super::config::MAX_DIMENSIONS;
use super::super::error::EmbedError;

/// Of `tokenizer.json`, which is the largest file but the weights, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// A model that takes in less than this many tokens is none.
const LEAST_TOKENS: usize = 8;

/// How a model's weights are named and laid out. All are run as BERT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Bert,
    /// Counts positions from behind its padding token.
    Roberta,
    /// Has other names and no types of tokens.
    DistilBert,
}

/// How the vectors of tokens become that of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pooling {
    First,
    Mean,
    Max,
}

/// What has to be known of a model.
pub(super) struct Folder {
    pub name: String,
    pub weights: PathBuf,
    pub family: Family,
    /// As BERT has it.
    pub config: bert::Config,
    pub pooling: Pooling,
    pub normalize: bool,
    pub lowercase: bool,
    /// How many tokens of a text count.
    pub max_tokens: usize,
    /// Truncates, and does not pad.
    pub tokenizer: Tokenizer,
    /// The same as a file, which says nothing of length.
    pub tokenizer_json: Arc<[u8]>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    path: String,
}

impl Folder {
    pub(super) fn read(embedder: &str, folder: &Path) -> Result<Self, EmbedError> {
        read(folder).map_err(|why| {
            EmbedError::setting(embedder, format!("{why} (in the folder {})", folder.display()))
        })
    }
}

fn read(folder: &Path) -> Result<Folder, String> {
    if !folder.is_dir() {
        return Err("there is no such folder".to_owned());
    }
    let Modules { transformer, pooling, normalize } = modules(folder)?;
    let root = folder.join(transformer);
    let weights = root.join("model.safetensors");
    if !weights.is_file() {
        return Err(match root.join("model.safetensors.index.json").exists() {
            true => "weights in several files are not supported; `model.safetensors` is missing",
            false => "`model.safetensors` is missing; other formats of weights are not supported",
        }
        .to_owned());
    }
    let config = object(&root.join("config.json"))?;
    let family = family(&config)?;
    let config = configuration(&config, family)?;
    let sentences = optional(&root.join("sentence_bert_config.json"))?;
    let max_tokens = max_tokens(&root, &sentences, config.max_position_embeddings)?;
    let (tokenizer, tokenizer_json) = tokenizer(&root.join("tokenizer.json"), max_tokens)?;
    let most = tokenizer.get_vocab_size(true);
    if most > config.vocab_size {
        return Err(format!(
            "`tokenizer.json` knows {most} tokens, the model only {}",
            config.vocab_size
        ));
    }
    Ok(Folder {
        name: name(folder),
        weights,
        family,
        config,
        pooling,
        normalize,
        lowercase: sentences.get("do_lower_case").and_then(Value::as_bool).unwrap_or_default(),
        max_tokens,
        tokenizer,
        tokenizer_json,
    })
}

/// What the folder is called.
fn name(folder: &Path) -> String {
    let whole = || folder.canonicalize().ok();
    let named = folder.file_name().map(ToOwned::to_owned);
    let named = named.or_else(|| whole()?.file_name().map(ToOwned::to_owned));
    named.map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}

struct Modules {
    transformer: String,
    pooling: Pooling,
    normalize: bool,
}

/// The steps from a text to its vector. Without a list it is what sentence-transformers
/// makes of a plain model: the mean.
fn modules(folder: &Path) -> Result<Modules, String> {
    let mut found =
        Modules { transformer: String::new(), pooling: Pooling::Mean, normalize: false };
    let path = folder.join("modules.json");
    if !path.exists() {
        return Ok(found);
    }
    let modules: Vec<Module> =
        serde_json::from_slice(&bytes(&path)?).map_err(|error| wrong(&path, &error))?;
    for Module { kind, path } in modules {
        match kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" => found.transformer = path,
            "Pooling" => found.pooling = pooling(&folder.join(path).join("config.json"))?,
            "Normalize" => found.normalize = true,
            other => {
                return Err(format!(
                    "its `modules.json` has a step `{other}`, which is not supported; Transformer, \
                     Pooling and Normalize are"
                ));
            }
        }
    }
    Ok(found)
}

fn pooling(path: &Path) -> Result<Pooling, String> {
    let config = object(path)?;
    let mut modes: Vec<&str> = config
        .iter()
        .filter(|(_, on)| **on == Value::Bool(true))
        .filter_map(|(name, _)| name.strip_prefix("pooling_mode_"))
        .collect();
    // Newer versions name it.
    modes.extend(config.get("pooling_mode").and_then(Value::as_str));
    match modes[..] {
        ["cls_token" | "cls"] => Ok(Pooling::First),
        ["mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["max_tokens" | "max"] => Ok(Pooling::Max),
        _ => Err(format!(
            "its pooling ({}) is not supported; one of cls, mean and max is",
            modes.join(", ")
        )),
    }
}

fn family(config: &Map<String, Value>) -> Result<Family, String> {
    let kind = config.get("model_type").and_then(Value::as_str).unwrap_or("(none)");
    match kind {
        "bert" => Ok(Family::Bert),
        "roberta" | "xlm-roberta" => Ok(Family::Roberta),
        "distilbert" => Ok(Family::DistilBert),
        _ => Err(format!(
            "a model of the type `{kind}` is not supported; bert, distilbert, roberta and \
             xlm-roberta are"
        )),
    }
}

fn configuration(config: &Map<String, Value>, family: Family) -> Result<bert::Config, String> {
    let number = |name: &str| {
        let value = config.get(name).and_then(Value::as_u64);
        let value = value.filter(|value| (1..=1 << 24).contains(value));
        value
            .and_then(|value| usize::try_from(value).ok())
            .ok_or_else(|| format!("`config.json` has no `{name}` that makes sense"))
    };
    let distil = family == Family::DistilBert;
    let of = |bert, other| number(if distil { other } else { bert });
    let act = config.get(if distil { "activation" } else { "hidden_act" });
    let hidden_act = match act.and_then(Value::as_str).unwrap_or("gelu") {
        "gelu" => HiddenAct::Gelu,
        "gelu_new" | "gelu_pytorch_tanh" => HiddenAct::GeluApproximate,
        "relu" => HiddenAct::Relu,
        other => return Err(format!("its activation `{other}` is not supported")),
    };
    if config.get("position_embedding_type").is_some_and(|kind| kind != "absolute") {
        return Err("its relative positions are not supported".to_owned());
    }
    let pad = config.get("pad_token_id").and_then(Value::as_u64).unwrap_or(0);
    let pad_token_id = usize::try_from(pad).map_err(|_| "its `pad_token_id` is too large")?;
    let positions = number("max_position_embeddings")?;
    let skipped = if family == Family::Roberta { pad_token_id + 1 } else { 0 };
    let made = bert::Config {
        vocab_size: number("vocab_size")?,
        hidden_size: of("hidden_size", "dim")?,
        num_hidden_layers: of("num_hidden_layers", "n_layers")?,
        num_attention_heads: of("num_attention_heads", "n_heads")?,
        intermediate_size: of("intermediate_size", "hidden_dim")?,
        hidden_act,
        max_position_embeddings: positions.saturating_sub(skipped),
        type_vocab_size: if distil { 1 } else { number("type_vocab_size")? },
        layer_norm_eps: config.get("layer_norm_eps").and_then(Value::as_f64).unwrap_or(1e-12),
        pad_token_id,
        position_embedding_type: PositionEmbeddingType::Absolute,
        ..bert::Config::default()
    };
    if made.hidden_size > MAX_DIMENSIONS as usize {
        return Err(format!("its vectors are longer than {MAX_DIMENSIONS} numbers"));
    }
    if !made.hidden_size.is_multiple_of(made.num_attention_heads) {
        return Err("`config.json` has heads that do not divide its size".to_owned());
    }
    Ok(made)
}

/// What the model was made for, and not more than it has positions for.
fn max_tokens(
    root: &Path,
    sentences: &Map<String, Value>,
    positions: usize,
) -> Result<usize, String> {
    let said = |map: &Map<String, Value>, name| map.get(name).and_then(Value::as_u64);
    let wanted = match said(sentences, "max_seq_length") {
        Some(wanted) => Some(wanted),
        None => said(&optional(&root.join("tokenizer_config.json"))?, "model_max_length"),
    };
    let wanted = wanted.and_then(|wanted| usize::try_from(wanted).ok()).unwrap_or(usize::MAX);
    let tokens = wanted.min(positions);
    if tokens < LEAST_TOKENS {
        return Err(format!("it takes in {tokens} tokens, fewer than {LEAST_TOKENS}"));
    }
    Ok(tokens)
}

fn tokenizer(path: &Path, max_length: usize) -> Result<(Tokenizer, Arc<[u8]>), String> {
    let mut whole = object(path)?;
    // Files say how the texts of their training were cut and padded.
    whole.insert("truncation".to_owned(), Value::Null);
    whole.insert("padding".to_owned(), Value::Null);
    let json = serde_json::to_vec(&whole).map_err(|error| wrong(path, &error))?;
    let mut tokenizer = Tokenizer::from_bytes(&json).map_err(|error| wrong(path, &error))?;
    let truncation = TruncationParams {
        max_length,
        direction: TruncationDirection::Right,
        ..TruncationParams::default()
    };
    tokenizer.with_truncation(Some(truncation)).map_err(|error| wrong(path, &error))?;
    Ok((tokenizer, json.into()))
}

fn object(path: &Path) -> Result<Map<String, Value>, String> {
    serde_json::from_slice(&bytes(path)?).map_err(|error| wrong(path, &error))
}

fn optional(path: &Path) -> Result<Map<String, Value>, String> {
    if path.exists() { object(path) } else { Ok(Map::new()) }
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let size = fs::metadata(path).map_err(|error| wrong(path, &error))?.len();
    if size > MAX_FILE {
        return Err(wrong(path, &format!("it is larger than {MAX_FILE} bytes")));
    }
    fs::read(path).map_err(|error| wrong(path, &error))
}

fn wrong(path: &Path, why: &dyn std::fmt::Display) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    format!("`{file}` cannot be used: {why}")
}
