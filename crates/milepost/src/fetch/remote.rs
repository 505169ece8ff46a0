//! Where a document is. Enters: a URL that a client sent. Leaves: one that may be
//! tried, and the text as which it is kept beside the job's log. Never: shows
//! the URL, whose query may be the key to the document.

use serde::{Deserialize, Serialize};
use url::Url;

/// No URL is longer; those that sign a request take some kilobytes.
const MAX_URL_BYTES: usize = 8192;

/// A document that is yet to be fetched.
pub struct Remote {
    url: Url,
    /// What the submitter calls it.
    pub filename: Option<String>,
}

/// As it is stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    url: String,
    filename: Option<String>,
}

impl Remote {
    /// A document by the URL that a client sent.
    ///
    /// # Errors
    /// Says what is wrong with the URL, without repeating it.
    pub fn parse(url: &str, filename: Option<String>) -> Result<Self, &'static str> {
        let mut url = Url::parse(url)
            .map_err(|_| "This is no URL; write https://HOST/PATH, percent-encoded.")?;
        check(&url)?;
        // It names a place within the document, and no server wants it.
        url.set_fragment(None);
        if url.as_str().len() > MAX_URL_BYTES {
            return Err("The URL is too long; 8 KiB are the limit.");
        }
        Ok(Self { url, filename })
    }

    /// Where it is.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The text to keep.
    pub fn to_stored(&self) -> String {
        let stored = Stored { url: self.url.to_string(), filename: self.filename.clone() };
        serde_json::to_string(&stored).expect("two texts are JSON")
    }

    /// Back from the text that was kept; `None` where it is not one.
    pub fn from_stored(text: &str) -> Option<Self> {
        let Stored { url, filename } = serde_json::from_str(text).ok()?;
        Self::parse(&url, filename).ok()
    }
}

/// What holds for the URL of a submission and for each redirect.
pub(super) fn check(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("Only http:// and https:// can be fetched.");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("A URL must hold no user name and no password; they end up in logs.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_web_address_is_taken() {
        for wrong in [
            "",
            "paper.pdf",
            "/etc/passwd",
            "//host.example/a.pdf",
            "file:///etc/passwd",
            "ftp://host.example/a.pdf",
            "gopher://host.example:25/_HELO",
            "data:text/plain,hello",
            "javascript:alert(1)",
            "http://",
            "http://user@host.example/",
            "https://user:secret@host.example/",
            "https://:secret@host.example/",
            "http://host.example:99999/",
            "http://ho st/",
            &format!("https://host.example/{}", "x".repeat(MAX_URL_BYTES)),
        ] {
            let refused = Remote::parse(wrong, None).err();
            assert!(refused.is_some_and(|why| !why.contains("secret")), "{wrong}");
        }
        let taken = Remote::parse("HTTPS://Host.Example:8443/a.pdf?key=1#page=2", None);
        assert_eq!(taken.unwrap().url().as_str(), "https://host.example:8443/a.pdf?key=1");
    }

    #[test]
    fn what_is_kept_reads_back() {
        let remote = Remote::parse("https://host.example/?a=%22b", Some("x.pdf".to_owned()));
        let remote = remote.unwrap();
        let read = Remote::from_stored(&remote.to_stored()).unwrap();
        assert_eq!((read.url(), &read.filename), (remote.url(), &remote.filename));
        assert!(Remote::from_stored("{}").is_none());
    }
}
