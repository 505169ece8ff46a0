//! Which way of fusing two lists is best. Enters: for each question, the places by
//! words and by meaning. Leaves: a table of settings, measured on the half of the
//! questions that may be used to choose, and how the best of them does on the other.
//! Never: what the server does; that is measured through the index.

use std::collections::HashMap;

use super::score::Score;

/// What each engine found for one question, best first, by what makes a chunk the
/// same, and which of these has the answer.
pub struct Lists {
    pub keyword: Vec<String>,
    pub vector: Vec<String>,
    pub answers: Vec<String>,
}

/// A way of fusing: each list gives weight / (constant + place).
#[derive(Clone, Copy, Debug)]
struct Way {
    constant: f64,
    /// Of the list by meaning; that by words has the rest of 1.
    weight: f64,
    depth: usize,
}

/// Prints the settings, and what the best of them makes of the other half.
pub fn compare(questions: &[Lists]) {
    let (chosen_on, held_out): (Vec<_>, Vec<_>) =
        questions.iter().enumerate().partition(|(index, _)| index % 2 == 0);
    let mut ways = Vec::new();
    for depth in [20, 50, 100] {
        for constant in [1.0, 5.0, 10.0, 20.0, 40.0, 60.0, 100.0] {
            ways.extend([0.3, 0.4, 0.5, 0.6, 0.7].map(|weight| Way { constant, weight, depth }));
        }
    }
    let score = |way: &Way, of: &[(usize, &Lists)]| {
        Score::of(&of.iter().map(|(_, lists)| way.place(lists)).collect::<Vec<_>>())
    };
    let mut scored: Vec<_> = ways.iter().map(|way| (score(way, &chosen_on), way)).collect();
    let key = |score: &Score| score.five + score.reciprocal;
    scored.sort_by(|(a, _), (b, _)| key(b).total_cmp(&key(a)));
    println!("\nfusions, on the half to choose by, then on the half that is held out:");
    println!("constant  weight  depth   recall@5     MRR   recall@5     MRR");
    // The best, then those that take both lists for equally good.
    let even = scored.iter().filter(|(_, way)| way.depth == 100 && way.weight == 0.5);
    for (on, way) in scored.iter().take(6).chain(even) {
        let held = score(way, &held_out);
        println!(
            "{:>8} {:>7} {:>6} {:>10.3} {:>7.3} {:>10.3} {:>7.3}",
            way.constant, way.weight, way.depth, on.five, on.reciprocal, held.five, held.reciprocal
        );
    }
}

impl Way {
    /// The place of the answer.
    fn place(&self, lists: &Lists) -> Option<usize> {
        let mut sums: HashMap<&str, f64> = HashMap::new();
        for (list, weight) in [(&lists.keyword, 1.0 - self.weight), (&lists.vector, self.weight)] {
            for (index, id) in list.iter().take(self.depth).enumerate() {
                *sums.entry(id).or_default() += weight / (self.constant + (index + 1) as f64);
            }
        }
        let mut fused: Vec<_> = sums.into_iter().collect();
        fused.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
        let answers = |id: &str| lists.answers.iter().any(|answer| answer == id);
        fused.iter().position(|(id, _)| answers(id)).map(|index| index + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_found_is_ahead_of_what_one_found() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let lists =
            Lists { keyword: ids(&["a", "c"]), vector: ids(&["b", "c"]), answers: ids(&["c"]) };
        let way = Way { constant: 60.0, weight: 0.5, depth: 10 };
        assert_eq!(way.place(&lists), Some(1));
        let narrow = Way { depth: 1, ..way };
        assert_eq!(narrow.place(&lists), None);
    }
}
