//! `milepost ingest`, `search` and `collections`: on a server and on this machine's data
//! directory, with the same documents and the same answers.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Client, Process, Server, binary, exits, pdf_of, run};

const LIGHT: &str = "# The light at Skerryvore\n\nSkerryvore stands on a reef of gneiss twelve \
    miles from Tiree.\n\n## Its lamp\n\nThe lens of the lighthouse was ground by Fresnel's \
    brother, and turned by clockwork that a keeper wound every half hour.\n";
const FOG: &str = "# Signals in fog\n\nWhere no lamp can be seen, a siren is sounded by \
    compressed air.\n\n## <script>alert(1)</script>\n\nGuns were fired & bells rung before.\n";

/// A data directory on which the program works by itself.
struct Desk {
    data: tempfile::TempDir,
    files: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { data: tempfile::tempdir().unwrap(), files: tempfile::tempdir().unwrap() };
        desk.put("light.md", LIGHT.as_bytes());
        desk.put("fog.md", FOG.as_bytes());
        desk
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.files.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary();
        command.args(arguments).current_dir(self.files.path());
        command.env("MILEPOST_DATA_DIR", self.data.path()).env("MILEPOST_WORKER_SLOTS", "2");
        command.env("MILEPOST_GRACE", "200ms");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(&mut self.command(arguments))
    }

    /// Starts it; what it says is read.
    fn start(&self, arguments: &[&str]) -> (Child, BufReader<ChildStderr>) {
        let mut command = self.command(arguments);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let said = BufReader::new(child.stderr.take().expect("it is a pipe"));
        (child, said)
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The number before `word`.
#[track_caller]
fn count(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|found| found.starts_with(word));
    at.and_then(|at| words[at - 1].parse().ok()).unwrap_or_else(|| panic!("no {word}: {line}"))
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn documents_are_ingested_and_found_without_a_server() {
    let desk = Desk::new();
    let output = desk.run(&["ingest", "light.md", "fog.md", "--collection", "sea marks"]);
    let line = exits(&output, 0);
    assert!(line.starts_with("sea marks: 2 documents, "), "{line} {}", said(&output));
    assert!(said(&output).contains("On this machine, in "), "{}", said(&output));

    let output = desk.run(&["search", "sea marks", "who wound the clockwork"]);
    let found = exits(&output, 0);
    assert!(found.lines().next().unwrap().contains("light.md"), "{found}");
    assert!(found.contains("Its lamp") && found.contains("keeper wound"), "{found}");
    let hits = exits(&desk.run(&["search", "sea marks", "bells", "--json", "-k", "1"]), 0);
    let hits = json_lines(&hits);
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0]["document"]["filename"], "fog.md");
    assert!(hits[0]["highlight"].as_str().unwrap().contains("<mark>"));
    let found = exits(&desk.run(&["search", "sea marks", "alert guns"]), 0);
    assert!(found.contains("Guns were fired & bells"), "{found}");
    let all = exits(&desk.run(&["search", "--all", "siren"]), 0);
    assert!(all.contains("sea marks  fog.md"), "{all}");
    let mut command = desk.command(&["search", "sea marks", "-", "--json"]);
    let question = desk.files.path().join("question");
    std::fs::write(&question, "gneiss\n").unwrap();
    let asked = run(command.stdin(std::fs::File::open(question).unwrap()));
    assert_eq!(json_lines(&exits(&asked, 0))[0]["document"]["filename"], "light.md");

    let filters = ["--filter", "filename=fog.md", "--json"];
    let some = exits(&desk.run(&[&["search", "sea marks", "the lamp"], &filters[..]].concat()), 0);
    let some = json_lines(&some);
    assert!(!some.is_empty() && some.iter().all(|hit| hit["document"]["filename"] == "fog.md"));
}

#[test]
fn the_same_documents_again_are_no_others() {
    let desk = Desk::new();
    let ingest = |arguments: &[&str]| {
        let line =
            exits(&desk.run(&[&["ingest", "--collection", "lights"], arguments].concat()), 0);
        let shown = exits(&desk.run(&["collections", "show", "lights", "--json"]), 0);
        (count(&line, "chunk"), json_lines(&shown).remove(0))
    };
    let (chunks, first) = ingest(&["."]);
    assert_eq!((&first["documents"], first["chunks"].as_u64()), (&2.into(), Some(chunks)));
    let (_, again) = ingest(&["*.md"]);
    assert_eq!((&again["documents"], &again["chunks"]), (&first["documents"], &first["chunks"]));
    desk.put("fog.md", b"# Fog\n\nThe siren was given up for a diaphone.\n");
    let (_, changed) = ingest(&["fog.md", "--metadata", "year=1998"]);
    assert_eq!(changed["documents"], 2);
    assert!(!exits(&desk.run(&["search", "lights", "diaphone"]), 0).is_empty());
    let gone = desk.run(&["search", "lights", "compressed air"]);
    assert_eq!(exits(&gone, 0), "", "{}", said(&gone));
    for (filter, hits) in [("metadata.year=1998", 1), ("metadata.year<1998", 0)] {
        let found = desk.run(&["search", "lights", "siren", "--filter", filter, "--json"]);
        assert_eq!(exits(&found, 0).lines().count(), hits, "{filter}");
    }
    desk.put("in/deep/fog.md", FOG.as_bytes());
    let (_, more) = ingest(&["-r", "."]);
    assert_eq!(more["documents"], 3);
    let keys = exits(&desk.run(&["collections", "documents", "lights", "--json"]), 0);
    let mut keys: Vec<_> =
        json_lines(&keys).iter().map(|entry| entry["key"].as_str().unwrap().to_owned()).collect();
    keys.sort();
    assert_eq!(keys, ["fog.md", "in/deep/fog.md", "light.md"]);
    let (_, anew) = ingest(&["light.md", "--recreate"]);
    assert_eq!(anew["documents"], 1);
}

#[test]
fn a_document_that_cannot_be_read_is_named_and_the_others_go_in() {
    let desk = Desk::new();
    desk.put("broken.pdf", b"%PDF-1.7 and nothing else");
    let output = desk.run(&["ingest", "light.md", "broken.pdf", "fog.md"]);
    let line = exits(&output, 1);
    assert!(line.starts_with("default: 2 documents, "), "{line} {}", said(&output));
    assert!(said(&output).contains("error: broken.pdf: "), "{}", said(&output));
    let alone = desk.run(&["ingest", "broken.pdf", "--collection", "none", "--json"]);
    let jobs = json_lines(&exits(&alone, 1));
    assert_eq!(jobs[0]["status"], "failed");
    assert_eq!(exits(&desk.run(&["ingest", "nowhere.pdf"]), 2), "");
    assert_eq!(exits(&desk.run(&["ingest", "*.docx"]), 2), "");
    exits(&desk.run(&["ingest", "light.md", "--no-wait"]), 2);
    let refused = desk.run(&["ingest", "light.md", "--chunk-size", "0"]);
    assert_eq!(exits(&refused, 5), "");
    assert!(said(&refused).contains("chunker.max"), "{}", said(&refused));
}

#[test]
fn collections_are_listed_shown_and_deleted() {
    let desk = Desk::new();
    let none = desk.run(&["collections"]);
    assert_eq!(exits(&none, 0), "");
    assert!(said(&none).contains("milepost ingest"), "{}", said(&none));
    exits(&desk.run(&["ingest", "light.md", "fog.md", "--collection", "lights"]), 0);
    let table = exits(&desk.run(&["collections"]), 0);
    assert!(table.lines().count() == 2 && table.contains("lights"), "{table}");
    let documents = exits(&desk.run(&["collections", "documents", "lights", "--json"]), 0);
    let documents = json_lines(&documents);
    let light = documents.iter().find(|entry| entry["key"] == "light.md").unwrap();
    let id = light["id"].as_str().unwrap();
    exits(&desk.run(&["collections", "remove", "lights", id]), 0);
    exits(&desk.run(&["collections", "remove", "lights", id]), 6);
    assert_eq!(exits(&desk.run(&["search", "lights", "Skerryvore"]), 0), "");
    exits(&desk.run(&["collections", "delete", "lights"]), 0);
    for gone in [&["collections", "show", "lights"][..], &["search", "lights", "siren"]] {
        let output = desk.run(gone);
        assert_eq!(exits(&output, 6), "", "{gone:?}");
        assert!(said(&output).contains("no such collection"), "{}", said(&output));
    }
    let refused = desk.run(&["search", "lights", "siren", "-k", "0"]);
    assert_eq!(exits(&refused, 5), "");
    assert!(said(&refused).contains("100"), "{}", said(&refused));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_is_used_where_one_is_named() {
    let (server, desk) = (Server::start(), Desk::new());
    let there =
        |arguments: &[&str]| run(desk.command(arguments).env("MILEPOST_SERVER", server.url()));
    let output = there(&["ingest", "light.md", "fog.md", "--collection", "lights"]);
    let line = exits(&output, 0);
    assert!(line.starts_with("lights: 2 documents, "), "{line} {}", said(&output));
    assert!(said(&output).contains(server.url()), "{}", said(&output));
    let found = exits(&there(&["search", "lights", "gneiss"]), 0);
    assert!(found.contains("light.md"), "{found}");
    assert_eq!(exits(&there(&["collections", "list", "--json"]), 0).lines().count(), 1);
    // The file is known by its content, and not sent again.
    exits(&there(&["ingest", "light.md", "--collection", "others"]), 0);
    let documents = server.api().list("/v1/documents").await;
    assert_eq!(documents.len(), 2, "{documents:?}");
    let id = exits(&there(&["ingest", "fog.md", "--collection", "others", "--no-wait"]), 0);
    exits(&Client(&server).run(&["watch", id.trim()]), 0);

    // On its data directory nothing is done beside it, but it can be read.
    let folder = server.data().to_str().unwrap();
    let held = desk.run(&["ingest", "light.md", "--data-dir", folder]);
    assert_eq!(exits(&held, 1), "");
    assert!(said(&held).contains("--server"), "{}", said(&held));
    exits(&desk.run(&["collections", "delete", "lights", "--data-dir", folder]), 1);
    let beside = exits(&desk.run(&["search", "lights", "gneiss", "--data-dir", folder]), 0);
    assert_eq!(beside, found);
    assert!(!exits(&desk.run(&["collections", "--data-dir", folder]), 0).is_empty());
}

/// A long document, and how many chunks it has.
fn long() -> (Desk, u64) {
    let desk = Desk::new();
    desk.put("road.pdf", &pdf_of(300));
    let line = exits(&desk.run(&["ingest", "road.pdf", "--collection", "undisturbed"]), 0);
    (desk, count(&line, "chunk"))
}

/// Reads on until it says one of these, or nothing more.
fn until(said: &mut BufReader<ChildStderr>, words: &[&str]) {
    let mut line = String::new();
    while !words.iter().any(|word| line.contains(word)) {
        line.clear();
        if said.read_line(&mut line).unwrap() == 0 {
            return;
        }
    }
}

#[test]
fn a_command_that_was_killed_goes_on_with_each_chunk_once() {
    let (desk, chunks) = long();
    let command = ["ingest", "road.pdf", "fog.md", "--collection", "roads"];
    // Where a stage was too short to be seen, the next one is.
    let stages = ["extracting", "chunking", "enriching", "indexing", "completed"];
    for first in 0..4 {
        let (mut child, mut lines) = desk.start(&command);
        until(&mut lines, &stages[first..]);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let line = exits(&desk.run(&command), 0);
    let fog = count(&exits(&desk.run(&["ingest", "fog.md"]), 0), "chunk");
    assert_eq!(count(&line, "chunk"), chunks + fog);
    let shown = exits(&desk.run(&["collections", "show", "roads", "--json"]), 0);
    let shown = json_lines(&shown).remove(0);
    assert_eq!(shown["chunks"].as_u64(), Some(chunks + fog));
    assert_eq!(shown["documents"], 2);
}

#[test]
fn a_command_that_was_interrupted_says_how_it_goes_on() {
    let (desk, chunks) = long();
    let command = ["ingest", "road.pdf", "--collection", "roads"];
    let (mut child, mut lines) = desk.start(&command);
    until(&mut lines, &["extracting"]);
    let program = Process(child.id());
    // So that it is not done before it is interrupted.
    program.converters().iter().for_each(|converter| converter.signal(Signal::STOP));
    program.signal(Signal::INT);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("The same command goes on"), "{rest}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let output = desk.run(&command);
    let line = exits(&output, 0);
    assert!(said(&output).contains("is under way with the same documents"), "{}", said(&output));
    assert_eq!(count(&line, "chunk"), chunks);
}

/// The folder of a real model, as `scripts/minilm` gets it.
fn minilm() -> PathBuf {
    let named = std::env::var_os("MILEPOST_TEST_MODEL").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/minilm");
        let output = Command::new(script).arg("--where").output().expect("the script runs");
        PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
    });
    assert!(folder.is_dir(), "This test needs a model: run `scripts/minilm`, which gets it.");
    folder
}

#[test]
fn a_model_of_the_configuration_embeds_on_this_machine() {
    let desk = Desk::new();
    let config = format!("[embedders.mini]\nkind = \"local\"\nfolder = {:?}\n", minilm());
    desk.put("milepost.toml", config.as_bytes());
    let with = |arguments: &[&str]| {
        run(desk.command(arguments).env("MILEPOST_CONFIG", desk.files.path().join("milepost.toml")))
    };
    let to = ["--collection", "lights", "--tokenizer", "embedder", "--embedder", "mini"];
    let output = with(&[&["ingest", "light.md", "fog.md"], &to[..]].concat());
    assert!(exits(&output, 0).starts_with("lights: 2 documents"), "{}", said(&output));
    let shown = exits(&with(&["collections", "show", "lights"]), 0);
    assert!(shown.contains("embedder   mini"), "{shown}");
    // None of these words stands in it.
    let asked = ["search", "lights", "explosive warning noises", "--mode", "vector", "--json"];
    let hits = json_lines(&exits(&with(&asked), 0));
    assert_eq!(hits[0]["document"]["filename"], "fog.md", "{hits:?}");
    assert!(hits.iter().all(|hit| hit["ranks"]["vector"].is_u64()), "{hits:?}");
    let other = with(&["ingest", "light.md", "--collection", "lights", "--embedder", "large"]);
    assert_eq!(exits(&other, 5), "");
    assert!(said(&other).contains("mini"), "{}", said(&other));
}

#[test]
fn what_is_read_beside_nothing_is_harmless() {
    let desk = Desk::new();
    let output = desk.run(&["search", "--all", "anything"]);
    assert_eq!(exits(&output, 0), "");
}
