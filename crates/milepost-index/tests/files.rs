//! What the embedded index does with its folder: ends in the middle, damage, many
//! collections, several at a time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

// Not all of it is needed here.
#[allow(dead_code)]
#[path = "suite/tools.rs"]
mod tools;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use milepost_index::{Build, Builder, Embedded, Index, IndexError, Limits, Mode, Query, Staged};
use uuid::Uuid;

use tools::*;

fn open(folder: &Path) -> Embedded {
    Embedded::open(folder, Limits::default()).unwrap()
}

/// In whose environment a test finds that it is the process that is to end.
const FOLDER: &str = "MILEPOST_TEST_INDEX_FOLDER";
const CALLS: &str = "MILEPOST_TEST_INDEX_CALLS";
const DOCUMENTS: u32 = 6;
const CHUNKS: u32 = 5;

/// Builds a collection as a job does, and ends the process without a goodbye after so
/// many calls. Says whether it came to the end.
async fn work(index: &Embedded, anew: bool, mut calls: u32) {
    let mut call = || {
        if calls == 0 {
            std::process::abort();
        }
        calls -= 1;
    };
    let build = Build { recreate: anew, ..build(9, settings(2)) };
    let builder = index.build(build, at(0)).await.unwrap();
    for document in 0..DOCUMENTS {
        let key = format!("d{document}");
        let staged = builder.staged(&key).await.unwrap();
        for place in (0..CHUNKS).filter(|place| !staged.contains(place)) {
            let text = format!("whale {document} {place}");
            let vector = Some(vec![1.0 + document as f32, 1.0 + place as f32]);
            builder.stage(&key, vec![Staged { chunk: chunk(place, &text), vector }]).await.unwrap();
            call();
        }
        builder.publish(facts(&key), CHUNKS, at(1)).await.unwrap();
        call();
    }
    builder.finish(at(2)).await.unwrap();
    call();
}

/// What the child process of the next test runs; on its own it has nothing to do.
#[tokio::test]
async fn child_that_ends_in_the_middle() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let calls = std::env::var(CALLS).unwrap();
    let (anew, calls) = calls.split_once(' ').unwrap();
    work(&open(Path::new(&folder)), anew == "true", calls.parse().unwrap()).await;
}

#[tokio::test]
async fn nothing_is_missing_and_nothing_twice_after_an_end_in_the_middle() {
    for anew in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        if anew {
            let index = open(folder.path());
            filled(&index, &["whale of before"]).await;
        }
        let mut lives = 0;
        loop {
            // Each life gets a little further than the one before.
            let child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "child_that_ends_in_the_middle", "--nocapture"])
                .env(FOLDER, folder.path())
                .env(CALLS, format!("{anew} {}", 4 + lives))
                .output()
                .unwrap();
            lives += 1;
            let ended = child.status.success();
            let index = open(folder.path());
            let found = index.search(&owner(), &name("papers"), &query("whale")).await.unwrap();
            if ended {
                break;
            }
            // No document is ever there in part; and before its end a new one not at all.
            if anew && !index.tokens().await.unwrap().is_empty() {
                assert_eq!(found.hits.len(), 1);
            }
            for hit in &found.hits {
                let wanted = if hit.chunk.text == "whale of before" { 1 } else { CHUNKS };
                assert_eq!(hit.entry.chunks, u64::from(wanted));
            }
            assert!(lives < 30, "{}", String::from_utf8_lossy(&child.stderr));
        }
        assert!(lives > 5, "{lives}");
        let index = open(folder.path());
        let collection = index.get(&owner(), &name("papers")).await.unwrap().unwrap();
        assert_eq!(collection.documents, u64::from(DOCUMENTS));
        assert_eq!(collection.chunks, u64::from(DOCUMENTS * CHUNKS));
        for (mode, vector) in [(Mode::Keyword, None), (Mode::Vector, Some(vec![1.0, 1.0]))] {
            let query = Query { k: 100, mode, vector, ..query("whale") };
            let mut texts: Vec<String> =
                hits(&index, &query).await.into_iter().map(|hit| hit.chunk.text).collect();
            texts.sort();
            let mut wanted: Vec<String> = (0..DOCUMENTS)
                .flat_map(|document| (0..CHUNKS).map(move |it| format!("whale {document} {it}")))
                .collect();
            wanted.sort();
            assert_eq!(texts, wanted, "{mode:?}");
        }
        drop(index);
        // Nothing is left but the catalog and one generation.
        let _again = open(folder.path());
        let files =
            |folder: &str, path: &Path| std::fs::read_dir(path.join(folder)).unwrap().count();
        assert_eq!(files("builds", folder.path()), 0);
        let databases = std::fs::read_dir(folder.path().join("collections")).unwrap();
        let databases = databases
            .filter(|it| it.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "db"));
        assert_eq!(databases.count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_that_is_made_anew_fails_no_search() {
    let folder = tempfile::tempdir().unwrap();
    // Files are closed and opened all the time, too.
    let limits = Limits { open_collections: 1, ..Limits::default() };
    let index = Embedded::open(folder.path(), limits).unwrap();
    filled(&index, &["whale"; 4]).await;
    let (ended, searches) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let searching: Vec<_> = (0..4)
        .map(|_| {
            let (index, ended, searches) = (index.clone(), ended.clone(), searches.clone());
            tokio::spawn(async move {
                while !ended.load(Ordering::Relaxed) {
                    let count = hits(&index, &query("whale")).await.len();
                    // That of before or that of after, and never a part.
                    assert!(count == 4 || count == 7, "{count}");
                    let collection = index.get(&owner(), &name("papers")).await.unwrap();
                    assert!(collection.is_some());
                    searches.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut rounds: u128 = 0;
    while rounds < 10 || (searches.load(Ordering::Relaxed) < 100 && rounds < 1000) {
        rounds += 1;
        let build = Build { recreate: true, ..build(100 + rounds, settings(0)) };
        let builder = index.build(build, at(0)).await.unwrap();
        for document in 0..7 {
            add(&builder, facts(&format!("d{document}")), plain(&["whale"])).await;
        }
        builder.finish(at(1)).await.unwrap();
    }
    ended.store(true, Ordering::Relaxed);
    for search in searching {
        search.await.unwrap();
    }
}

#[tokio::test]
async fn keeps_few_files_open() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { open_collections: 3, ..Limits::default() };
    let index = Embedded::open(folder.path(), limits).unwrap();
    let opened = || {
        let links = std::fs::read_dir("/proc/self/fd").unwrap();
        let paths = links.filter_map(|link| std::fs::read_link(link.ok()?.path()).ok());
        paths.filter(|path| path.starts_with(folder.path().join("collections"))).count()
    };
    for round in 0..2 {
        for place in 0..12 {
            let collection = name(&format!("c{place}"));
            let build = Build { collection: collection.clone(), ..build(round, settings(0)) };
            let builder = index.build(build, at(0)).await.unwrap();
            add(&builder, facts("a"), plain(&["whale"])).await;
            builder.finish(at(1)).await.unwrap();
            let found = index.search(&owner(), &collection, &query("whale")).await.unwrap();
            assert_eq!(found.hits.len(), 1);
            // A writer and a reader, with a log and an index of it each.
            assert!(opened() <= 3 * 2 * 3, "{}", opened());
        }
    }
    assert_eq!(index.list(&owner(), None, 100).await.unwrap().len(), 12);
}

#[tokio::test]
async fn one_damaged_file_harms_no_other_collection() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    for (token, collection) in ["good", "broken", "gone"].iter().enumerate() {
        let build = Build { collection: name(collection), ..build(token as u128, settings(0)) };
        let builder = index.build(build, at(0)).await.unwrap();
        add(&builder, facts(collection), plain(&["whale"])).await;
        builder.finish(at(1)).await.unwrap();
    }
    drop(index);
    for file in std::fs::read_dir(folder.path().join("collections")).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        if has("broken.pdf") {
            std::fs::write(&path, [b"no database".as_slice(), &bytes[11..]].concat()).unwrap();
        } else if has("gone.pdf") {
            std::fs::remove_file(&path).unwrap();
        }
    }
    let index = open(folder.path());
    let found = index.search(&owner(), &name("good"), &query("whale")).await.unwrap();
    assert_eq!(found.hits.len(), 1);
    // All are listed, or nobody could delete them.
    assert_eq!(index.list(&owner(), None, 10).await.unwrap().len(), 3);
    for broken in ["broken", "gone"] {
        let refused = index.search(&owner(), &name(broken), &query("whale")).await;
        assert!(matches!(refused, Err(IndexError::Damaged(_))), "{refused:?}");
        let refused = index.get(&owner(), &name(broken)).await;
        assert!(matches!(refused, Err(IndexError::Damaged(_))), "{refused:?}");
        // Making it anew is a way out, and deleting another.
        let anew = Build { collection: name(broken), recreate: true, ..build(8, settings(0)) };
        let builder = index.build(anew, at(2)).await.unwrap();
        add(&builder, facts("new"), plain(&["whale"])).await;
        builder.finish(at(3)).await.unwrap();
        let found = index.search(&owner(), &name(broken), &query("whale")).await.unwrap();
        assert_eq!(found.hits.len(), 1);
        assert!(index.delete(&owner(), &name(broken)).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_says_that_its_collection_was_deleted_whatever_it_was_doing() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let fill = |token: u128| {
        let index = index.clone();
        async move {
            let builder = index.build(build(token, settings(0)), at(0)).await?;
            for document in 0.. {
                let key = format!("d{document}");
                builder.staged(&key).await?;
                builder.stage(&key, plain(&["whale", "sea"])).await?;
                builder.publish(facts(&key), 2, at(1)).await?;
            }
            Ok(())
        }
    };
    for round in 0..100 {
        let builds: Vec<_> = (0..2).map(|own| tokio::spawn(fill(10 * round + own))).collect();
        while !builds.iter().all(|build| build.is_finished()) {
            index.delete(&owner(), &name("papers")).await.unwrap();
        }
        for build in builds {
            let ended = build.await.unwrap();
            assert!(matches!(ended, Err(IndexError::Replaced(_))), "{ended:?}");
        }
    }
}

#[tokio::test]
async fn a_file_of_somebody_else_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    filled(&index, &["mine"]).await;
    let theirs = milepost_core::OwnerId::new("somebody");
    let build = Build { owner: theirs.clone(), ..build(2, settings(0)) };
    let builder = index.build(build, at(0)).await.unwrap();
    add(&builder, facts("a"), plain(&["their secret"])).await;
    builder.finish(at(1)).await.unwrap();
    drop((index, builder));
    // As if a copy had been put back under the wrong name.
    let files = std::fs::read_dir(folder.path().join("collections")).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    std::fs::copy(&files[1], &files[0]).unwrap();
    let index = open(folder.path());
    let refused = index.search(&owner(), &name("papers"), &query("secret")).await;
    assert!(matches!(refused, Err(IndexError::Damaged(_))), "{refused:?}");
    let found = index.search(&theirs, &name("papers"), &query("secret")).await.unwrap();
    assert_eq!(found.hits.len(), 1);
}

#[tokio::test]
async fn what_an_earlier_process_left_half_made_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    filled(&index, &["whale"]).await;
    let builder = index.build(build(2, settings(0)), at(0)).await.unwrap();
    builder.stage("b", plain(&["staged"])).await.unwrap();
    drop((index, builder));
    let stray = Uuid::from_u128(77);
    for place in ["collections", "builds"] {
        std::fs::write(folder.path().join(place).join(format!("{stray}.db")), "half").unwrap();
        std::fs::write(folder.path().join(place).join("notes.txt"), "not ours").unwrap();
    }
    let index = open(folder.path());
    for place in ["collections", "builds"] {
        assert!(!folder.path().join(place).join(format!("{stray}.db")).exists());
        assert!(folder.path().join(place).join("notes.txt").exists());
    }
    let builder = index.build(build(2, settings(0)), at(1)).await.unwrap();
    assert_eq!(builder.staged("b").await.unwrap(), [0].into());
    assert_eq!(found(&index, "whale").await, ["d0"]);
}

#[tokio::test]
async fn a_search_ends_when_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { search_time: Duration::ZERO, searches: 1, ..Limits::default() };
    let index = Embedded::open(folder.path(), limits).unwrap();
    filled(&index, &["whale"; 3]).await;
    for _ in 0..3 {
        let refused = index.search(&owner(), &name("papers"), &query("whale")).await;
        assert!(matches!(refused, Err(IndexError::Unavailable(_))), "{refused:?}");
    }
    // What was ended has left nothing behind that is in anybody's way.
    assert_eq!(index.entries(&owner(), &name("papers"), None, 9).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_folder_is_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    let path = folder.path().to_owned();
    let second =
        tokio::task::spawn_blocking(move || Embedded::open(&path, Limits::default()).map(drop));
    assert!(matches!(second.await.unwrap(), Err(IndexError::Unavailable(_))));
    drop(index);
    open(folder.path());
}
