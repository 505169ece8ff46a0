//! Chunks to measure with. Enters: sentences, with their vectors where there is a
//! model. Leaves: as many chunks as wanted, the same for each engine, each made when it
//! is asked for. Never: all of them in memory, which would be counted as an engine's.
//!
//! A chunk is a few sentences drawn at random; its vector is the mean of theirs with
//! some noise, so that vectors crowd together as those of real texts do.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use fastrand::Rng;
use milepost_index::Embedder;

use crate::retrieval::set::Set;

/// How many sentences are embedded at most.
const SENTENCES: usize = 4096;
/// Sentences of a chunk.
const LENGTH: std::ops::Range<usize> = 2..6;
/// How far noise moves a vector of length 1, about.
const NOISE: f32 = 0.25;
/// Topics, where there is no model, and the size of vectors then.
const CLUSTERS: usize = 256;
const DIMENSIONS: usize = 384;

/// Sentences with their vectors.
pub struct Bank {
    pub sentences: Vec<String>,
    /// All vectors in one piece.
    vectors: Vec<f32>,
    pub dimensions: usize,
}

impl Bank {
    /// The sentences of the retrieval set, embedded.
    pub async fn made(set: &Set, embedder: Option<&Embedder>) -> anyhow::Result<Self> {
        let mut sentences: Vec<String> = set
            .texts
            .values()
            .flat_map(|text| text.split(['\n', ';']).flat_map(|line| line.split(". ")))
            .map(str::trim)
            .filter(|sentence| (40..400).contains(&sentence.len()))
            .map(str::to_owned)
            .collect();
        Rng::with_seed(7).shuffle(&mut sentences);
        sentences.truncate(SENTENCES);
        let vectors = match embedder {
            Some(embedder) => {
                let mut vectors = Vec::new();
                for batch in sentences.chunks(embedder.batch()) {
                    let made = embedder.documents(batch).await;
                    vectors.extend(made.map_err(crate::retrieval::said)?);
                }
                vectors
            }
            None => clustered(sentences.len()),
        };
        let dimensions = vectors.first().context("no sentence")?.len();
        let vectors = vectors.into_iter().flat_map(unit).collect();
        Ok(Self { sentences, vectors, dimensions })
    }

    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::write(folder.join("sentences"), self.sentences.join("\n"))?;
        let bytes: Vec<u8> = self.vectors.iter().flat_map(|number| number.to_le_bytes()).collect();
        Ok(fs::write(folder.join("vectors"), bytes)?)
    }

    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(folder.join("sentences"))?;
        let sentences: Vec<String> = text.lines().map(str::to_owned).collect();
        let vectors: Vec<f32> = fs::read(folder.join("vectors"))?
            .as_chunks()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect();
        ensure!(!sentences.is_empty(), "no sentence");
        let dimensions = vectors.len() / sentences.len();
        Ok(Self { sentences, vectors, dimensions })
    }

    /// The text and the vector of one chunk.
    pub fn chunk(&self, number: u64) -> (String, Vec<f32>) {
        let mut random = Rng::with_seed(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut text = String::new();
        let mut vector = vec![0.0; self.dimensions];
        for _ in 0..random.usize(LENGTH) {
            let drawn = random.usize(..self.sentences.len());
            if !text.is_empty() {
                text.push_str(". ");
            }
            text.push_str(&self.sentences[drawn]);
            for (sum, number) in vector.iter_mut().zip(self.vector(drawn)) {
                *sum += number;
            }
        }
        (text, moved(unit(vector), &mut random))
    }

    /// What somebody may ask: some words of a sentence, and a vector near to it.
    pub fn question(&self, number: u64) -> (String, Vec<f32>) {
        let mut random = Rng::with_seed(!number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let drawn = random.usize(..self.sentences.len());
        let words: Vec<&str> = self.sentences[drawn].split_whitespace().collect();
        let count = random.usize(2..7).min(words.len());
        let from = random.usize(..=words.len() - count);
        let vector = self.vector(drawn).to_vec();
        (words[from..from + count].join(" "), moved(vector, &mut random))
    }

    fn vector(&self, sentence: usize) -> &[f32] {
        &self.vectors[sentence * self.dimensions..][..self.dimensions]
    }
}

/// Vectors around some centres, for want of a model.
fn clustered(count: usize) -> Vec<Vec<f32>> {
    let mut random = Rng::with_seed(11);
    let mut point = || (0..DIMENSIONS).map(|_| normal(&mut random)).collect::<Vec<f32>>();
    let centres: Vec<_> = (0..CLUSTERS).map(|_| point()).collect();
    (0..count)
        .map(|index| {
            let away = point();
            centres[index % CLUSTERS].iter().zip(away).map(|(to, by)| to + 0.7 * by).collect()
        })
        .collect()
}

fn moved(mut vector: Vec<f32>, random: &mut Rng) -> Vec<f32> {
    let each = NOISE / (vector.len() as f32).sqrt();
    for number in &mut vector {
        *number += each * normal(random);
    }
    unit(vector)
}

/// Made as long as 1.
fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    for number in &mut vector {
        *number /= length.max(f32::MIN_POSITIVE);
    }
    vector
}

/// Normally distributed, about: the sum of twelve even ones.
fn normal(random: &mut Rng) -> f32 {
    (0..12).map(|_| random.f32()).sum::<f32>() - 6.0
}

/// The numbers of the `k` chunks nearest to each question, by looking at all.
pub fn exact(bank: &Bank, chunks: u64, questions: u64, k: usize) -> Vec<Vec<u64>> {
    let asked: Vec<_> = (0..questions).map(|number| bank.question(number).1).collect();
    let mut nearest: Vec<Vec<(f32, u64)>> = vec![Vec::new(); asked.len()];
    for number in 0..chunks {
        let (_, vector) = bank.chunk(number);
        for (question, best) in asked.iter().zip(&mut nearest) {
            let near: f32 = question.iter().zip(&vector).map(|(a, b)| a * b).sum();
            if best.len() < k || near > best[k - 1].0 {
                let at = best.partition_point(|(other, _)| *other >= near);
                best.insert(at, (near, number));
                best.truncate(k);
            }
        }
    }
    nearest.into_iter().map(|best| best.into_iter().map(|(_, number)| number).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_the_same_each_time_and_near_to_its_sentences() {
        let sentences: Vec<_> = (0..300).map(|n| format!("the {n}th word of many words")).collect();
        let vectors = clustered(300).into_iter().flat_map(unit).collect();
        let bank = Bank { sentences, vectors, dimensions: DIMENSIONS };
        assert_eq!(bank.chunk(5), bank.chunk(5));
        assert_ne!(bank.chunk(5).0, bank.chunk(6).0);
        let length: f32 = bank.chunk(5).1.iter().map(|number| number * number).sum();
        assert!((length - 1.0).abs() < 1e-3);
        let folder = tempfile::tempdir().unwrap();
        bank.write(folder.path()).unwrap();
        assert_eq!(Bank::read(folder.path()).unwrap().chunk(5), bank.chunk(5));
        // The nearest of few, looked up by hand.
        let (_, asked) = bank.question(0);
        let near =
            |number| -> f32 { bank.chunk(number).1.iter().zip(&asked).map(|(a, b)| a * b).sum() };
        let found = exact(&bank, 50, 1, 10).remove(0);
        assert_eq!(found.len(), 10);
        let least = near(found[9]);
        assert!(
            (0..50).filter(|number| !found.contains(number)).all(|number| near(number) <= least)
        );
    }
}
