//! Many vectors are found as few are.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::*;
use crate::embedded::schema::{self, About};

const DIMENSIONS: usize = 48;
const VECTORS: i64 = 20_500;

/// A generation with vectors around centres, and all to one side, as embedders' are.
fn generation(lengths: bool) -> (Connection, tempfile::TempDir, Vec<Vec<f32>>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let [owner, collection, generation] = ["o", "c", "g"].map(str::to_owned);
    let about = About { owner, collection, generation };
    schema::new_generation(&path, &about).unwrap();
    let connection = schema::generation(&path, &about, true).unwrap();
    let chance = &mut fastrand::Rng::with_seed(5);
    let mut random = || -> Vec<f32> {
        (0..DIMENSIONS).map(|_| chance.f32() + chance.f32() + chance.f32() - 1.5).collect()
    };
    let centres: Vec<Vec<f32>> = (0..100).map(|_| random()).collect();
    let mut vectors = Vec::new();
    for number in 0..VECTORS {
        let parts = centres[number as usize % 100].iter().zip(random());
        let vector: Vec<f32> = parts.map(|(centre, noise)| 0.5 + centre + 0.5 * noise).collect();
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        let length = if lengths && number % 3 == 0 { length * 2.0 } else { length };
        vectors.push(vector.iter().map(|number| number / length).collect::<Vec<f32>>());
    }
    let transaction = connection.unchecked_transaction().unwrap();
    for numbers in (0..VECTORS).collect::<Vec<_>>().chunks(1000) {
        let added: Vec<(i64, Vec<u8>)> =
            numbers.iter().map(|number| (*number, to_bytes(&vectors[*number as usize]))).collect();
        for (number, bytes) in &added {
            let sql = "INSERT INTO vectors VALUES (?, ?)";
            connection.prepare_cached(sql).unwrap().execute(params![number, bytes]).unwrap();
        }
        let sql = "UPDATE counts SET vectors = vectors + ?";
        connection.execute(sql, [added.len() as i64]).unwrap();
        codes::add(&connection, &added).unwrap();
    }
    transaction.commit().unwrap();
    (connection, folder, vectors)
}

fn find(connection: &Connection, query: &[f32], distance: Distance, most: usize) -> Vec<i64> {
    let stop = Stop::after(Duration::from_secs(60));
    let found = nearest(connection, query, distance, None, most, &stop).unwrap();
    assert!(found.is_sorted_by(|one, next| one.1 >= next.1));
    found.into_iter().map(|(number, _)| number).collect()
}

/// What is found without codes.
fn exactly(connection: &Connection, query: &[f32], distance: Distance, most: usize) -> Vec<i64> {
    let stop = Stop::after(Duration::from_secs(60));
    let nearest = Nearest::new(query, distance, most);
    let found = scan(connection, "SELECT chunk, vector FROM vectors", &[], nearest, &stop).unwrap();
    found.into_iter().map(|(number, _)| number).collect()
}

#[test]
fn codes_find_what_an_exact_search_finds() {
    let (connection, _folder, vectors) = generation(false);
    let candidates = |distance, most| {
        let stop = Stop::after(Duration::from_secs(60));
        codes::candidates(&connection, &vectors[7], distance, None, most, &stop).unwrap()
    };
    assert!(candidates(Distance::L2, 10).is_some_and(|found| found.len() == 1000));
    // Nothing is left out where that would save nothing.
    assert!(candidates(Distance::L2, 2_000).is_none());

    let (mut right, mut all) = (0, 0);
    for round in 0..20 {
        // Between two of them, so that none is equal.
        let pair = vectors[round * 3].iter().zip(&vectors[round * 3 + 100]);
        let query: Vec<f32> = pair.map(|(one, other)| one + other).collect();
        let distance = if round % 2 == 0 { Distance::Cosine } else { Distance::Dot };
        let found = find(&connection, &query, distance, 10);
        let wanted = exactly(&connection, &query, distance, 10);
        all += wanted.len();
        right += wanted.iter().filter(|number| found.contains(number)).count();
    }
    assert_eq!(all, 200);
    assert!(right >= 190, "{right} of {all}");
}

#[test]
fn codes_come_and_go_with_their_vectors() {
    let (connection, _folder, vectors) = generation(false);
    let query = &vectors[1234];
    let found = find(&connection, query, Distance::Cosine, 5);
    assert_eq!(found[0], 1234);
    // The whole of one block, a part of others.
    let gone: BTreeSet<i64> = (1000..1600).collect();
    codes::remove(&connection, &gone).unwrap();
    connection.execute("DELETE FROM vectors WHERE chunk BETWEEN 1000 AND 1599", []).unwrap();
    let found = find(&connection, query, Distance::Cosine, 5);
    assert_eq!(found.len(), 5);
    assert!(found.iter().all(|number| !gone.contains(number)));
    let sql = "SELECT count(*) FROM codes";
    let blocks: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(blocks, (VECTORS + 255) / 256 - 2);

    let back = vec![(1234, to_bytes(query))];
    connection.execute("INSERT INTO vectors VALUES (?, ?)", params![1234, back[0].1]).unwrap();
    codes::add(&connection, &back).unwrap();
    assert_eq!(find(&connection, query, Distance::Cosine, 5)[0], 1234);
}

#[test]
fn vectors_of_other_lengths_are_all_compared_where_length_counts() {
    let (connection, _folder, vectors) = generation(true);
    for distance in [Distance::Dot, Distance::L2] {
        let query = &vectors[7];
        let found = find(&connection, query, distance, 20);
        assert_eq!(found, exactly(&connection, query, distance, 20), "{distance:?}");
    }
}

#[test]
fn a_filter_that_lets_many_pass_works_on_codes() {
    let (connection, _folder, vectors) = generation(false);
    let transaction = connection.unchecked_transaction().unwrap();
    for number in 0..VECTORS {
        let sql = "INSERT INTO chunks (number, entry, place, text, headings, keywords, \
                   characters, hash) VALUES (?1, 1, ?1, '', '[]', '[]', 0, '')";
        connection.prepare_cached(sql).unwrap().execute([number]).unwrap();
    }
    transaction.commit().unwrap();
    let most = VECTORS - 100;
    let sql = "SELECT c.number FROM chunks c WHERE c.number >= 100".to_owned();
    let chosen = Chosen { sql, parameters: Vec::new() };
    let stop = Stop::after(Duration::from_secs(60));
    let codes =
        codes::candidates(&connection, &vectors[3], Distance::Cosine, Some(&chosen), 10, &stop);
    let codes = codes.unwrap().unwrap();
    assert!(codes.len() < most as usize && codes.iter().all(|number| *number >= 100));
    let found =
        nearest(&connection, &vectors[3], Distance::Cosine, Some(&chosen), 10, &stop).unwrap();
    assert_eq!(found.len(), 10);
    assert!(found.iter().all(|(number, _)| *number >= 100));
}
