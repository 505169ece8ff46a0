//! Server-sent events (WHATWG HTML, "Server-sent events", 9.2.6). Enters: bytes,
//! cut anywhere. Leaves: whole events. Never: keeps more than the limits allow,
//! whatever a server sends.

/// A longer line is no line of ours; the largest snapshots are far below it.
const MAX_LINE_BYTES: usize = 1 << 20;
/// The same for all `data` lines of one event together.
const MAX_EVENT_BYTES: usize = 4 << 20;

/// One event as it was dispatched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its type; `message` where the server named none.
    pub name: String,
    /// Its data lines, joined by line feeds.
    pub data: String,
}

/// The stream passed one of the limits and cannot be read on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is too large")]
pub struct TooLarge;

/// Reads one stream.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    /// The last byte was a CR: a LF that follows belongs to the same line end.
    after_cr: bool,
    /// The first line may begin with a byte order mark.
    begun: bool,
    name: String,
    data: String,
    id_of_event: Option<String>,
    last_id: Option<String>,
    retry_ms: Option<u64>,
}

impl Parser {
    /// Takes the next bytes and returns the events that they complete.
    ///
    /// # Errors
    /// Where a line or an event is larger than any real one.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLarge> {
        let mut events = Vec::new();
        for &byte in bytes {
            let after_cr = std::mem::take(&mut self.after_cr);
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    events.extend(self.end_line()?);
                }
                _ if self.line.len() >= MAX_LINE_BYTES => return Err(TooLarge),
                _ => self.line.push(byte),
            }
        }
        Ok(events)
    }

    /// The id to resume from: that of the last whole event.
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// The pause before a reconnect that the server wishes for, in milliseconds.
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    fn end_line(&mut self) -> Result<Option<Event>, TooLarge> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let mut line = &*line;
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.data.len() + value.len() >= MAX_EVENT_BYTES {
                    return Err(TooLarge);
                }
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => self.id_of_event = Some(value.to_owned()),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry_ms = value.parse().ok().or(self.retry_ms);
            }
            // Comments (no field name) and fields of later versions.
            _ => {}
        }
        Ok(None)
    }

    fn dispatch(&mut self) -> Option<Event> {
        // An id counts once its event is whole, even where that has no data.
        if let Some(id) = self.id_of_event.take() {
            self.last_id = (!id.is_empty()).then_some(id);
        }
        let name = std::mem::take(&mut self.name);
        let mut data = std::mem::take(&mut self.data);
        if data.is_empty() {
            return None;
        }
        data.pop();
        let name = if name.is_empty() { "message".to_owned() } else { name };
        Some(Event { name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.to_owned(), data: data.to_owned() }
    }

    const STREAM: &str = "\u{feff}retry: 1500\n: hello\n\nid: 7\nevent: snapshot\ndata: {\"ä\":1}\n\n\
        data: two\ndata:lines\n\n: ping\n\nid:8\n\nevent: lost\n\ndata\n\ndata: last\nid: 9\n\n";

    fn expected() -> Vec<Event> {
        vec![
            event("snapshot", "{\"ä\":1}"),
            event("message", "two\nlines"),
            event("message", ""),
            event("message", "last"),
        ]
    }

    #[test]
    fn every_cut_and_every_line_end_gives_the_same_events() {
        for line_end in ["\n", "\r\n", "\r"] {
            let stream = STREAM.replace('\n', line_end);
            let bytes = stream.as_bytes();
            for cut in 0..=bytes.len() {
                let mut parser = Parser::default();
                let mut events = parser.push(&bytes[..cut]).unwrap();
                events.extend(parser.push(&bytes[cut..]).unwrap());
                assert_eq!(events, expected(), "cut at {cut}, line end {line_end:?}");
                assert_eq!(parser.last_id(), Some("9"));
                assert_eq!(parser.retry_ms(), Some(1500));
            }
        }
    }

    #[test]
    fn one_byte_at_a_time() {
        let mut parser = Parser::default();
        let events: Vec<Event> =
            STREAM.bytes().flat_map(|byte| parser.push(&[byte]).unwrap()).collect();
        assert_eq!(events, expected());
    }

    #[test]
    fn half_an_event_says_nothing_and_moves_no_id() {
        let mut parser = Parser::default();
        parser.push(b"id: 1\ndata: a\n\n").unwrap();
        assert_eq!(parser.push(b"id: 2\ndata: {\"half\"").unwrap(), []);
        assert_eq!(parser.last_id(), Some("1"));
    }

    #[test]
    fn only_one_space_after_the_colon_is_taken_away() {
        let mut parser = Parser::default();
        assert_eq!(parser.push(b"data:  a: b\n\n").unwrap(), [event("message", " a: b")]);
    }

    #[test]
    fn bad_retry_and_id_are_ignored_and_an_empty_id_resets() {
        let mut parser = Parser::default();
        parser.push(b"id: 1\nretry: 5\n\nid: a\0b\nretry: soon\nretry:\ndata: x\n\n").unwrap();
        assert_eq!((parser.last_id(), parser.retry_ms()), (Some("1"), Some(5)));
        parser.push(b"id\n\n").unwrap();
        assert_eq!(parser.last_id(), None);
    }

    #[test]
    fn lines_and_events_have_a_limit() {
        let mut parser = Parser::default();
        let flood = vec![b'x'; MAX_LINE_BYTES + 1];
        assert_eq!(parser.push(&flood), Err(TooLarge));

        let mut parser = Parser::default();
        let line = format!("data: {}\n", "x".repeat(MAX_LINE_BYTES - 10));
        let result: Result<Vec<_>, _> = (0..8).map(|_| parser.push(line.as_bytes())).collect();
        assert_eq!(result, Err(TooLarge));
    }
}
