//! Transcripts: what was said between a client and the server, held against what was
//! written down before. Ids and times are replaced, as they differ each time.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Reply, Server};

/// What was said so far.
pub struct Transcript {
    text: String,
    ids: Vec<String>,
    address: String,
}

impl Transcript {
    /// Of what is said with this server, whose address differs each time, too.
    pub fn of(server: &Server) -> Self {
        let address = server.address().to_string();
        Self { text: String::new(), ids: Vec::new(), address }
    }

    /// One line of it.
    pub fn line(&mut self, who: &str, what: impl std::fmt::Display) {
        let what = self.without_chance(&what.to_string());
        let _ = writeln!(self.text, "{who} {what}");
    }

    /// A request and its answer.
    pub fn answer(&mut self, request: &str, reply: &Reply) {
        let kind = reply.headers.get("content-type").map_or("", |kind| kind.to_str().unwrap());
        self.line("->", request);
        let body = match serde_json::from_slice::<Value>(&reply.body) {
            Ok(json) => json.to_string(),
            Err(_) => reply.text(),
        };
        self.line("<-", format!("{} {kind} {body}", reply.status));
    }

    /// Holds it against the one of that name.
    pub fn check(self, name: &str) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, self.text));
    }

    fn without_chance(&mut self, text: &str) -> String {
        let mut out = String::new();
        let text = text.replace(&self.address, "<server>");
        let mut rest = text.as_str();
        while !rest.is_empty() {
            if let Some(id) = rest.get(..36).filter(|id| is_uuid(id)) {
                let known = self.ids.iter().position(|known| known == id);
                let number = known.unwrap_or_else(|| {
                    self.ids.push(id.to_owned());
                    self.ids.len() - 1
                });
                let _ = write!(out, "<id {}>", number + 1);
                rest = &rest[36..];
                continue;
            }
            let length = time_length(rest);
            if length > 0 {
                out.push_str("<time>");
                rest = &rest[length..];
                continue;
            }
            // A whole number is never begun in its middle.
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let length = digits.max(rest.chars().next().map_or(0, char::len_utf8));
            out.push_str(&rest[..length]);
            rest = &rest[length..];
        }
        out
    }
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(index, byte)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

/// How long the time is that the text begins with: RFC 3339, or seconds or milliseconds
/// since 1970.
fn time_length(text: &str) -> usize {
    let shape = "dddd-dd-ddTdd:dd:dd";
    let fits = |(c, shape): (u8, u8)| if shape == b'd' { c.is_ascii_digit() } else { c == shape };
    if text.len() > shape.len() && text.bytes().zip(shape.bytes()).all(fits) {
        let more =
            text[shape.len()..].bytes().take_while(|b| b.is_ascii_digit() || b".+:Z-".contains(b));
        return shape.len() + more.count();
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if (10..=13).contains(&digits) {
        return text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    }
    0
}
