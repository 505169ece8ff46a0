//! Forms, whose files are streamed to the store as they come. Enters: the parts of a
//! form. Leaves: uploads and short texts. Never: holds a large file in memory, or
//! leaves an upload behind where it refuses.

use std::collections::HashMap;

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};

use super::heads::Heads;
use crate::http::Services;
use crate::http::extract::{check_length, too_large};
use crate::http::problem::{Code, Problem};
use crate::submit::Upload;

/// So much of a name stands in a message.
pub const MAX_LABEL_CHARS: usize = 100;
/// A form's field other than the file is no longer.
const MAX_FIELD_BYTES: u64 = 64 * 1024;
/// A part's name, file name and other headers. The parser keeps them in memory
/// until they end, so somebody else has to see to it that they do.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A form, and how much of it may still be read in search of its next part.
pub struct Form {
    parts: Multipart,
    heads: Heads,
}

impl Form {
    /// Begins to read a form.
    ///
    /// # Errors
    /// `invalid_request`, `body_too_large`.
    pub async fn open(services: &Services, request: Request) -> Result<Self, Problem> {
        check_length(request.headers(), services.config.limits.body.as_u64())?;
        let heads = Heads::default();
        let request = request.map(|body| heads.watch(body));
        let parts = Multipart::from_request(request, &()).await.map_err(|error| {
            Problem::new(Code::InvalidRequest, format!("{}.", error.body_text()))
        })?;
        Ok(Self { parts, heads })
    }

    /// Its next part.
    ///
    /// # Errors
    /// `invalid_request`, `body_too_large`.
    pub async fn next(&mut self, services: &Services) -> Result<Option<Field<'_>>, Problem> {
        self.heads.begin(MAX_HEAD_BYTES);
        let next = self.parts.next_field().await;
        let exceeded = self.heads.end();
        next.map_err(|error| match exceeded {
            true => {
                Problem::new(Code::InvalidRequest, "The head of a part of the form is too long.")
            }
            false => broken(&error, services),
        })
    }
}

/// One file and some short texts.
#[derive(Default)]
pub struct Simple {
    /// The file.
    pub file: Option<Upload>,
    /// The texts that came.
    pub texts: HashMap<&'static str, String>,
}

impl Simple {
    /// Reads the part `file` as a file, and those that `texts` names. Others are read
    /// over, as clients of other systems may send what those ignore.
    ///
    /// # Errors
    /// What is wrong with the form.
    pub async fn read(
        services: &Services,
        request: Request,
        file: Option<&str>,
        texts: &[&'static str],
    ) -> Result<Self, Problem> {
        let mut simple = Self::default();
        match simple.fill(services, request, file, texts).await {
            Ok(()) => Ok(simple),
            Err(problem) => {
                simple.discard(services).await;
                Err(problem)
            }
        }
    }

    /// Removes the file, which no row names.
    pub async fn discard(self, services: &Services) {
        if let Some(file) = self.file {
            services.submitter.discard(&file.content).await;
        }
    }

    async fn fill(
        &mut self,
        services: &Services,
        request: Request,
        file: Option<&str>,
        texts: &[&'static str],
    ) -> Result<(), Problem> {
        let mut form = Form::open(services, request).await?;
        while let Some(field) = form.next(services).await? {
            let name = field.name().unwrap_or_default();
            if Some(name) == file && field.file_name().is_some() {
                if self.file.is_some() {
                    return Err(Problem::field(name, format!("Send one `{name}`.")));
                }
                self.file = Some(store(services, field).await?);
            } else if let Some(known) = texts.iter().find(|known| **known == name) {
                let text = text(services, field).await?;
                self.texts.insert(known, text);
            }
        }
        Ok(())
    }
}

/// Streams a file to the store. What the client did not send whole is not kept.
///
/// # Errors
/// `invalid_request`, `body_too_large`, `unavailable`.
pub async fn store(services: &Services, mut field: Field<'_>) -> Result<Upload, Problem> {
    let filename = named(field.file_name().unwrap_or("document"));
    let media_type = field.content_type().map(str::to_owned);
    let mut incoming = services.submitter.incoming();
    loop {
        match field.chunk().await {
            Ok(Some(chunk)) => {
                if let Err(error) = incoming.push(&chunk).await {
                    incoming.discard().await;
                    return Err(error.into());
                }
            }
            Ok(None) => break,
            Err(error) => {
                incoming.discard().await;
                let name: String = filename.chars().take(MAX_LABEL_CHARS).collect();
                let mut problem = broken(&error, services);
                problem.detail = format!("In `{name}`: {}", problem.detail);
                return Err(problem);
            }
        }
    }
    Ok(Upload { filename, media_type, content: incoming.finish().await? })
}

/// A file's name as its owner knows it: browsers write a quotation mark in another way
/// (HTML, "multipart form data"), and line breaks too, which no name needs.
fn named(filename: &str) -> String {
    filename.replace("%22", "\"")
}

/// A part that is a short text.
///
/// # Errors
/// `invalid_request`, `invalid_field`, `body_too_large`.
pub async fn text(services: &Services, mut field: Field<'_>) -> Result<String, Problem> {
    let name = field.name().unwrap_or_default().to_owned();
    let limit = MAX_FIELD_BYTES;
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error, services))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > limit {
            return Err(too_large(limit));
        }
    }
    String::from_utf8(bytes).map_err(|_| Problem::field(name, "The field is not UTF-8."))
}

fn broken(error: &MultipartError, services: &Services) -> Problem {
    if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        return too_large(services.config.limits.body.as_u64());
    }
    Problem::new(Code::InvalidRequest, format!("The form cannot be read: {}.", error.body_text()))
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn only_what_a_browser_wrote_is_read_back() {
        assert_eq!(named("the %22best%22.pdf"), "the \"best\".pdf");
        assert_eq!(named("100%.pdf"), "100%.pdf");
        assert_eq!(named("50%20off.pdf"), "50%20off.pdf");
    }
}
