//! Memory against the size of a document. Enters: PDFs made here, longer and
//! longer, and larger and larger. Leaves: the most that the server and the
//! converter ever held, each document on a server of its own. The server's is to
//! stay flat.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use crate::process;
use crate::server::Server;

const MIB: usize = 1024 * 1024;
/// Pages, and mebibytes of ballast that no page shows.
const DOCUMENTS: [(usize, usize); 6] =
    [(1, 0), (100, 0), (1000, 0), (5000, 0), (10, 20), (10, 150)];

/// Prints a row for each document.
pub async fn run(binary: &Path) -> anyhow::Result<()> {
    println!("  pages    document   server, peak   converter, peak     result");
    for (pages, ballast) in DOCUMENTS {
        let document = pdf(pages, ballast * MIB);
        let size = document.len();
        let server = Server::start(binary, 1).await?;
        let client = reqwest::Client::new();
        let jobs = format!("{}/v1/jobs", server.url.trim_end_matches('/'));
        let part = Part::bytes(document).file_name("made.pdf");
        let request = client.post(&jobs).multipart(Form::new().part("file", part));
        let mut job: Value = request.send().await?.error_for_status()?.json().await?;
        let url = format!("{jobs}/{}", job["id"].as_str().context("no id")?);
        while job["finished_at"].is_null() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            job = client.get(&url).send().await?.json().await?;
        }
        ensure!(job["status"] == "completed", "{}", job["error"]);
        // The largest result is read, too.
        let mut answer = client.get(format!("{url}/result?format=json")).send().await?;
        let mut result = 0;
        while let Some(chunk) = answer.chunk().await? {
            result += chunk.len();
        }
        let own = process::held(server.id()?)?.peak;
        let mut converter = 0;
        for child in process::children(server.id()?)? {
            converter = converter.max(process::held(child)?.peak);
        }
        let mib = |bytes: usize| format!("{:.1} MiB", bytes as f64 / MIB as f64);
        println!(
            "{pages:>7} {:>11} {:>14} {:>17} {:>10}",
            mib(size),
            mib(own as usize),
            mib(converter as usize),
            mib(result)
        );
    }
    Ok(())
}

/// A PDF of so many pages of text, and of so many bytes that nothing shows.
fn pdf(pages: usize, ballast: usize) -> Vec<u8> {
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        Vec::new(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_vec(),
    ];
    if ballast > 0 {
        let mut stream = format!("<< /Length {ballast} >>\nstream\n").into_bytes();
        stream.resize(stream.len() + ballast, b'x');
        stream.extend_from_slice(b"\nendstream");
        objects.push(stream);
    }
    let mut kids = String::new();
    for page in 1..=pages {
        let number = objects.len() + 1;
        let _ = write!(kids, "{number} 0 R ");
        objects.push(
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {} 0 R \
                 /Resources << /Font << /F1 3 0 R >> >> >>",
                number + 1
            )
            .into_bytes(),
        );
        let mut text = String::from("BT /F1 11 Tf 14 TL 72 770 Td");
        for line in 1..=40 {
            let _ = write!(text, " (Page {page}, line {line}: the road goes ever on.) Tj T*");
        }
        text.push_str(" ET");
        let stream = format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len());
        objects.push(stream.into_bytes());
    }
    objects[1] = format!("<< /Type /Pages /Count {pages} /Kids [{kids}] >>").into_bytes();
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        let _ = writeln!(table, "{:010} 00000 n ", file.len());
        file.extend_from_slice(format!("{} 0 obj\n", index + 1).as_bytes());
        file.extend_from_slice(object);
        file.extend_from_slice(b"\nendobj\n");
    }
    let start = file.len();
    let size = objects.len() + 1;
    file.extend_from_slice(table.as_bytes());
    let end = format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");
    file.extend_from_slice(end.as_bytes());
    file
}
