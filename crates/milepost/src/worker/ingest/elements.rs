//! JSON of a converter, element by element. Enters: `{"NAME":[…],…}` as it comes. Leaves: each
//! element of that array, then the rest as an object. Never: holds the whole in memory, or
//! more of one element than is allowed.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use crate::store::StoreError;

/// Takes an array apart as it comes.
struct Splitter {
    /// What is still to come of the text before the array.
    before: Vec<u8>,
    /// The most that one element, or the rest, may take; more of an element is dropped
    /// where nobody wants them.
    most: usize,
    keeps: bool,
    depth: u32,
    quoted: bool,
    escaped: bool,
    element: Vec<u8>,
    begun: bool,
    elements: VecDeque<Vec<u8>>,
    count: u64,
    /// What follows the array.
    rest: Option<Vec<u8>>,
}

impl Splitter {
    fn new(name: &str, most: usize, keeps: bool) -> Self {
        let mut before = format!("{{\"{name}\":[").into_bytes();
        before.reverse();
        Self {
            before,
            most,
            keeps,
            depth: 0,
            quoted: false,
            escaped: false,
            element: Vec::new(),
            begun: false,
            elements: VecDeque::new(),
            count: 0,
            rest: None,
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        for byte in bytes {
            self.take(*byte)?;
        }
        Ok(())
    }

    fn take(&mut self, byte: u8) -> Result<(), &'static str> {
        if let Some(rest) = &mut self.rest {
            rest.push(byte);
            return if rest.len() > self.most { Err("its end is too long") } else { Ok(()) };
        }
        if let Some(expected) = self.before.pop() {
            return if byte == expected { Ok(()) } else { Err("it begins with something else") };
        }
        if self.quoted {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.quoted = false,
                _ => {}
            }
        } else {
            match byte {
                b',' if self.depth == 0 => return self.end(),
                b']' if self.depth == 0 => {
                    if self.begun {
                        self.end()?;
                    }
                    self.rest = Some(Vec::new());
                    return Ok(());
                }
                b'"' => self.quoted = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.checked_sub(1).ok_or("it closes what is not open")?;
                }
                _ => {}
            }
        }
        self.begun = true;
        if self.keeps {
            self.element.push(byte);
            if self.element.len() > self.most {
                return Err("an element is too long");
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), &'static str> {
        if !std::mem::take(&mut self.begun) {
            return Err("an element is empty");
        }
        self.count += 1;
        if self.keeps {
            self.elements.push_back(std::mem::take(&mut self.element));
        }
        Ok(())
    }
}

/// The elements of an array that is stored.
pub(super) struct Elements {
    stream: BoxStream<'static, Result<Bytes, StoreError>>,
    splitter: Splitter,
}

impl Elements {
    /// Those of the array `name`, which is the first field of the text. Each, and what
    /// follows the array, has `most` bytes at most; without `keeps` they are only counted.
    pub(super) fn new(
        stream: BoxStream<'static, Result<Bytes, StoreError>>,
        name: &str,
        most: usize,
        keeps: bool,
    ) -> Self {
        Self { stream, splitter: Splitter::new(name, most, keeps) }
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        loop {
            if let Some(element) = self.splitter.elements.pop_front() {
                return Ok(Some(element));
            }
            if self.splitter.rest.is_some() {
                return Ok(None);
            }
            let Some(bytes) = self.stream.next().await else {
                return Err(damaged("it is cut off"));
            };
            self.splitter.push(&bytes?).map_err(damaged)?;
        }
    }

    /// How many there are, and what follows them, as an object.
    pub(super) async fn rest(mut self) -> Result<(u64, Vec<u8>), StoreError> {
        while let Some(bytes) = self.stream.next().await {
            self.splitter.push(&bytes?).map_err(damaged)?;
            self.splitter.elements.clear();
        }
        let mut rest = self.splitter.rest.ok_or_else(|| damaged("it is cut off"))?;
        match rest.first_mut() {
            Some(first @ b',') => *first = b'{',
            _ => rest.insert(0, b'{'),
        }
        Ok((self.splitter.count, rest))
    }
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(format!("what a converter made: {what}"))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn elements(text: &str, step: usize, most: usize) -> Elements {
        let pieces: Vec<_> =
            text.as_bytes().chunks(step).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Elements::new(stream::iter(pieces).boxed(), "chunks", most, true)
    }

    #[tokio::test]
    async fn elements_come_whole_whatever_the_pieces() {
        let text = r#"{"chunks":[{"a":"],}\"[{"},{"b":[1,{"c":"\\"}]},3],"n":2}"#;
        for step in [1, 2, 7, 1000] {
            let mut all = elements(text, step, 100);
            let mut found = Vec::new();
            while let Some(element) = all.next().await.unwrap() {
                found.push(String::from_utf8(element).unwrap());
            }
            assert_eq!(found, [r#"{"a":"],}\"[{"}"#, r#"{"b":[1,{"c":"\\"}]}"#, "3"]);
            let (count, rest) = elements(text, step, 100).rest().await.unwrap();
            assert_eq!((count, rest.as_slice()), (3, br#"{"n":2}"#.as_slice()));
        }
        let (count, rest) = elements(r#"{"chunks":[]}"#, 3, 9).rest().await.unwrap();
        assert_eq!((count, rest.as_slice()), (0, b"{}".as_slice()));
    }

    #[tokio::test]
    async fn what_is_no_such_text_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"chunks":["#,
            r#"{"chunks":[1,,2]}"#,
            r#"{"chunks":[}]}"#,
            r#"{"texts":[]}"#,
            r#"{"chunks":["a long one that is not let through"]}"#,
        ] {
            assert!(elements(text, 4, 20).rest().await.is_err(), "{text}");
        }
    }
}
