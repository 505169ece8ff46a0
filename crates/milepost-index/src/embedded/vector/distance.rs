//! How near vectors are. Enters: stored vectors, one by one. Leaves: the nearest of them.
//! It never holds more of them than are wanted.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::collection::Distance;

/// Numbers that are added up side by side; what a processor does at once.
const LANES: usize = 8;

/// The nearest of the vectors that were offered.
pub(super) struct Nearest {
    query: Vec<f32>,
    length: f32,
    distance: Distance,
    most: usize,
    /// The farthest of the nearest on top.
    best: BinaryHeap<Reverse<Near>>,
}

/// Ordered by nearness; of equals, the one that was there first is nearer.
struct Near {
    near: f32,
    number: i64,
}

impl Nearest {
    pub(super) fn new(query: &[f32], distance: Distance, most: usize) -> Self {
        let length = sum(query.iter().map(|number| number * number)).sqrt();
        Self { query: query.to_vec(), length, distance, most, best: BinaryHeap::new() }
    }

    /// Considers a vector as it is stored.
    pub(super) fn offer(&mut self, number: i64, bytes: &[u8]) {
        let near = match self.distance {
            Distance::Cosine => {
                let (product, square) = product_and_square(&self.query, bytes);
                product / (self.length * square.sqrt())
            }
            Distance::Dot => product_and_square(&self.query, bytes).0,
            Distance::L2 => -squared_distance(&self.query, bytes),
        };
        // Finite numbers may still overflow; such a one is as far as can be.
        let near = if near.is_nan() { f32::NEG_INFINITY } else { near };
        let candidate = Reverse(Near { near, number });
        if self.best.len() < self.most {
            self.best.push(candidate);
        } else if let Some(mut farthest) = self.best.peek_mut()
            && candidate.0 > farthest.0
        {
            *farthest = candidate;
        }
    }

    /// The nearest first, with how near they are: by cosine from -1 to 1, the product, or
    /// one divided by one more than the distance.
    pub(super) fn into_sorted(self) -> Vec<(i64, f64)> {
        let distance = self.distance;
        let sorted = self.best.into_sorted_vec();
        sorted
            .into_iter()
            .map(|Reverse(Near { near, number })| {
                let near = f64::from(near);
                let score = match distance {
                    Distance::Cosine => near.clamp(-1.0, 1.0),
                    Distance::Dot => near,
                    Distance::L2 => 1.0 / (1.0 + (-near).max(0.0).sqrt()),
                };
                (number, score)
            })
            .collect()
    }
}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        self.near.total_cmp(&other.near).then(other.number.cmp(&self.number))
    }
}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Near {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Near {}

fn sum(numbers: impl Iterator<Item = f32>) -> f32 {
    numbers.sum()
}

fn product_and_square(query: &[f32], bytes: &[u8]) -> (f32, f32) {
    let (mut products, mut squares) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    let (wide, rest) = bytes.as_chunks::<{ 4 * LANES }>();
    let (queries, query_rest) = query.as_chunks::<LANES>();
    for (bytes, query) in wide.iter().zip(queries) {
        let (numbers, _) = bytes.as_chunks::<4>();
        for lane in 0..LANES {
            let number = f32::from_le_bytes(numbers[lane]);
            products[lane] += number * query[lane];
            squares[lane] += number * number;
        }
    }
    let (numbers, _) = rest.as_chunks::<4>();
    for (bytes, query) in numbers.iter().zip(query_rest) {
        let number = f32::from_le_bytes(*bytes);
        products[0] += number * query;
        squares[0] += number * number;
    }
    (products.iter().sum(), squares.iter().sum())
}

fn squared_distance(query: &[f32], bytes: &[u8]) -> f32 {
    let mut squares = [0.0_f32; LANES];
    let (wide, rest) = bytes.as_chunks::<{ 4 * LANES }>();
    let (queries, query_rest) = query.as_chunks::<LANES>();
    for (bytes, query) in wide.iter().zip(queries) {
        let (numbers, _) = bytes.as_chunks::<4>();
        for lane in 0..LANES {
            let apart = f32::from_le_bytes(numbers[lane]) - query[lane];
            squares[lane] += apart * apart;
        }
    }
    let (numbers, _) = rest.as_chunks::<4>();
    for (bytes, query) in numbers.iter().zip(query_rest) {
        let apart = f32::from_le_bytes(*bytes) - query;
        squares[0] += apart * apart;
    }
    squares.iter().sum()
}
