//! A model in memory. Enters: its folder, texts. Leaves: their vectors. Never: decides
//! whose texts come first.

use std::collections::HashMap;
use std::fs;

use candle_core::{D, DType, Device, Tensor, safetensors};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::BertModel;
use sha2::{Digest, Sha256};
use tokenizers::Encoding;

use super::folder::{Family, Folder, Pooling};

/// Of a text so many characters are looked at for each token that counts; nothing that
/// is written has longer ones. Tokenizers take their time with long texts.
const CHARACTERS: usize = 32;

/// Weights, as they are run.
pub(super) struct Model {
    bert: BertModel,
    /// SHA-256 of the file, in hexadecimal.
    pub hash: String,
}

/// A text's tokens, as many as count.
pub(super) struct Tokens(Vec<u32>);

impl Tokens {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Folder {
    /// What the model reads of a text.
    pub(super) fn tokens(&self, text: &str) -> Result<Tokens, String> {
        let text = text.trim_start();
        let most = self.max_tokens * CHARACTERS;
        let text = text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end]).trim_end();
        let encoded = match self.lowercase {
            true => self.tokenizer.encode_fast(text.to_lowercase(), true),
            false => self.tokenizer.encode_fast(text, true),
        };
        let encoded: Encoding = encoded.map_err(|error| error.to_string())?;
        let mut ids = encoded.get_ids().to_vec();
        if ids.is_empty() {
            ids.push(self.padding());
        }
        Ok(Tokens(ids))
    }

    fn padding(&self) -> u32 {
        u32::try_from(self.config.pad_token_id).unwrap_or_default()
    }
}

impl Model {
    /// Reads the weights.
    pub(super) fn load(folder: &Folder) -> Result<Self, String> {
        let bytes = fs::read(&folder.weights).map_err(|error| error.to_string())?;
        let hash = hex(&Sha256::digest(&bytes));
        let text = |error: candle_core::Error| error.to_string();
        let tensors = safetensors::load_buffer(&bytes, &Device::Cpu).map_err(text)?;
        drop(bytes);
        let tensors = as_bert(tensors, folder).map_err(text)?;
        let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let bert = BertModel::load(weights, &folder.config).map_err(text)?;
        Ok(Self { bert, hash })
    }

    /// The vectors of a few texts, which are filled up to the longest of them.
    pub(super) fn run(&self, folder: &Folder, texts: &[&Tokens]) -> Result<Vec<Vec<f32>>, String> {
        let vectors = self.vectors(folder, texts).map_err(|error| error.to_string())?;
        if !vectors.iter().flatten().all(|number| number.is_finite()) {
            return Err("the model makes numbers that are none".to_owned());
        }
        Ok(vectors)
    }

    fn vectors(&self, folder: &Folder, texts: &[&Tokens]) -> candle_core::Result<Vec<Vec<f32>>> {
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or_default();
        let (mut ids, mut mask) = (Vec::new(), Vec::new());
        for Tokens(text) in texts {
            let missing = longest - text.len();
            ids.extend_from_slice(text);
            ids.extend(std::iter::repeat_n(folder.padding(), missing));
            mask.extend(std::iter::repeat_n(1_f32, text.len()));
            mask.extend(std::iter::repeat_n(0_f32, missing));
        }
        let shape = (texts.len(), longest);
        let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
        let hidden = self.bert.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let mask = mask.unsqueeze(D::Minus1)?;
        let pooled = match folder.pooling {
            Pooling::First => hidden.narrow(1, 0, 1)?.squeeze(1)?,
            Pooling::Mean => hidden.broadcast_mul(&mask)?.sum(1)?.broadcast_div(&mask.sum(1)?)?,
            // What is filled up is below everything else.
            Pooling::Max => {
                hidden.broadcast_add(&mask.affine(1.0, -1.0)?.affine(1e9, 0.0)?)?.max(1)?
            }
        };
        let mut vectors = pooled.to_vec2::<f32>()?;
        if folder.normalize {
            vectors.iter_mut().for_each(|vector| normalize(vector));
        }
        Ok(vectors)
    }
}

fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt().max(1e-12);
    vector.iter_mut().for_each(|number| *number /= length);
}

/// Names as BERT has them, and positions counted from 0.
fn as_bert(
    tensors: HashMap<String, Tensor>,
    folder: &Folder,
) -> candle_core::Result<HashMap<String, Tensor>> {
    let mut named: HashMap<String, Tensor> =
        tensors.into_iter().map(|(name, tensor)| (renamed(&name, folder.family), tensor)).collect();
    match folder.family {
        Family::Bert => {}
        Family::Roberta => {
            let name = "embeddings.position_embeddings.weight";
            if let Some(positions) = named.get_mut(name) {
                let skipped = folder.config.pad_token_id + 1;
                let rows = positions.dim(0)?.saturating_sub(skipped);
                *positions = positions.narrow(0, skipped, rows)?;
            }
        }
        Family::DistilBert => {
            let none = Tensor::zeros((1, folder.config.hidden_size), DType::F32, &Device::Cpu)?;
            named.insert("embeddings.token_type_embeddings.weight".to_owned(), none);
        }
    }
    Ok(named)
}

fn renamed(name: &str, family: Family) -> String {
    let plain = ["bert.", "roberta.", "distilbert."]
        .into_iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    let plain = plain.replace("LayerNorm.gamma", "LayerNorm.weight");
    let plain = plain.replace("LayerNorm.beta", "LayerNorm.bias");
    if family != Family::DistilBert {
        return plain;
    }
    let pairs = [
        ("transformer.layer.", "encoder.layer."),
        (".attention.q_lin.", ".attention.self.query."),
        (".attention.k_lin.", ".attention.self.key."),
        (".attention.v_lin.", ".attention.self.value."),
        (".attention.out_lin.", ".attention.output.dense."),
        (".sa_layer_norm.", ".attention.output.LayerNorm."),
        (".ffn.lin1.", ".intermediate.dense."),
        (".ffn.lin2.", ".output.dense."),
        (".output_layer_norm.", ".output.LayerNorm."),
    ];
    pairs.into_iter().fold(plain, |name, (from, to)| name.replace(from, to))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
