//! What wants to break the reader gets an answer: a result or an error, soon.

mod common;

use std::time::{Duration, Instant};

use common::{convert_with, fixture, fixtures};
use milepost_convert::{Error, Limits, Options, Output};

/// What the server gives the thread that converts.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// Generous: tests run unoptimised, beside others.
const SOON: Duration = Duration::from_secs(30);

/// Converts on a stack like the server's and fails where it takes too long.
fn soon(name: &str, bytes: Vec<u8>) -> Result<Output, Error> {
    let started = Instant::now();
    let named = name.to_owned();
    let result = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || {
            convert_with(&named, bytes, &Options::default(), &Limits::default(), Vec::new())
                .map(|(output, _)| output)
        })
        .expect("a thread can be started")
        .join()
        .unwrap_or_else(|_| panic!("{name} panics"));
    assert!(started.elapsed() < SOON, "{name} took too long");
    result
}

#[test]
fn every_hostile_document_is_answered() {
    let mut names: Vec<String> = std::fs::read_dir(fixtures().join("hostile"))
        .expect("the folder exists")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() > 40);
    for name in names {
        let result = soon(&name, fixture(&format!("hostile/{name}")));
        if let Err(error) = result {
            assert!(!error.message.contains('/'), "{name}: {error}");
        }
    }
}

#[test]
fn text_without_end_or_bottom_is_answered() {
    let deep = |open: &str, close: &str, n: usize| open.repeat(n) + "stone" + &close.repeat(n);
    let cases = [
        ("deep.html", deep("<div>", "</div>", 20_000)),
        ("tables.html", deep("<table><tr><td>", "</td></tr></table>", 3_000)),
        ("lists.html", deep("<ul><li>", "</li></ul>", 5_000)),
        ("bold.html", deep("<b>", "</b>", 20_000)),
        ("open.html", "<html><body>".to_owned() + &"<a href='x".repeat(5_000)),
        (
            "span.html",
            "<html><table><tr><td colspan=999999999 rowspan=999999999>x</td></tr></table>".into(),
        ),
        ("quotes.md", deep("> ", "", 20_000)),
        ("lists.md", (0..400).map(|n| " ".repeat(2 * n) + "- x\n").collect()),
        ("brackets.md", "[".repeat(20_000) + &"](".repeat(20_000)),
        ("stars.md", "*a **a ".repeat(5_000)),
        ("ticks.md", (1..300).map(|n| "`".repeat(n) + " ").collect()),
        ("braces.tex", "\\begin{document}".to_owned() + &deep("{", "}", 20_000)),
        (
            "environments.tex",
            "\\begin{document}".to_owned() + &deep("\\begin{itemize}\\item ", "", 200),
        ),
        ("macro.tex", "\\newcommand{\\a}{\\a\\a}\\begin{document}\\a\\end{document}".into()),
        ("groups.rtf", "{\\rtf1 ".to_owned() + &deep("{", "}", 50_000) + "}"),
        ("wide.csv", "a,".repeat(100_000) + "\n" + &"b\n".repeat(100)),
        ("quotes.csv", "\"".repeat(100_001)),
        ("deep.xml", deep("<a>", "</a>", 20_000)),
        ("deep-article.xml", "<article><body>".to_owned() + &deep("<sec>", "</sec>", 5_000)),
        ("deep.ipynb", "{\"nbformat\":4,\"cells\":".to_owned() + &deep("[", "]", 50_000) + "}"),
        ("quotes.adoc", deep("====\n", "", 5_000)),
        ("cues.vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\n".to_owned() + &"<b>".repeat(20_000)),
        ("parts.eml", mail(200)),
        ("long.txt", "stone ".repeat(500_000)),
    ];
    for (name, text) in cases {
        // A result or an error: either is an answer.
        let _ = soon(name, text.into_bytes());
    }
}

/// A message of parts in parts.
fn mail(depth: usize) -> String {
    let mut mail = "From: a@example.org\nTo: b@example.org\nMIME-Version: 1.0\n".to_owned();
    for n in 0..depth {
        mail += &format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n");
    }
    mail + "Content-Type: text/plain\n\nstone\n"
}
