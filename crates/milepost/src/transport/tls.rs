//! Encryption of connections (TLS 1.2 and 1.3). Enters: two files, connections.
//! Leaves: encrypted connections, or a clear word on what is wrong with the
//! files. Never: lets go of a pair that works for one that does not.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::config::TlsConfig;

/// The first byte of a TLS connection: a handshake record (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;
/// For whoever speaks HTTP to it.
const PLAIN: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
                     Content-Length: 45\r\nConnection: close\r\n\r\n\
                     This port speaks HTTPS; begin with https://\r\n";

/// What is wrong with a certificate or its key, for whoever runs the server.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there or not readable.
    #[error("cannot read {}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// There is no certificate in the file.
    #[error(
        "{} holds no certificate that can be read. It must be PEM: the server's own certificate \
         first, then those between it and its authority", .0.display()
    )]
    NoCertificate(PathBuf),
    /// There is no key in the file.
    #[error("{} holds no private key that can be read. It must be PEM and not encrypted \
             (`openssl pkey -in FILE -out NEW` takes a passphrase off)", .0.display())]
    NoKey(PathBuf),
    /// Both are there, but cannot be used.
    #[error("cannot use the certificate {} with the key {}: {cause}", cert.display(), key.display())]
    Unusable {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why not.
        cause: Error,
    },
}

/// Encrypts connections with the pair that is in force.
pub struct Tls {
    files: TlsConfig,
    current: Mutex<TlsAcceptor>,
    /// What the files were when they were last read.
    seen: Mutex<Stamps>,
}

/// By what a change of both files is noticed.
type Stamps = [Option<Stamp>; 2];

/// Time of the last change, size, number of the file.
type Stamp = (SystemTime, u64, u64);

impl Tls {
    /// Reads the pair.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load(files: &TlsConfig) -> Result<Self, TlsError> {
        let seen = stamps(files);
        let current = read(files)?;
        Ok(Self { files: files.clone(), current: Mutex::new(current), seen: Mutex::new(seen) })
    }

    /// Makes the handshake; new connections get the newest pair. `None` where the
    /// other side does not manage it, and there is nobody to tell.
    pub async fn accept(&self, mut tcp: TcpStream) -> Option<TlsStream<TcpStream>> {
        let mut first = [0];
        if tcp.peek(&mut first).await.ok()? == 0 {
            return None;
        }
        if first != [HANDSHAKE] {
            // What is not read would reset the connection before the answer is.
            let _ = tcp.read(&mut [0; 4096]).await;
            let _ = tcp.write_all(PLAIN.as_bytes()).await;
            let _ = tcp.shutdown().await;
            return None;
        }
        let acceptor = lock(&self.current).clone();
        acceptor.accept(tcp).await.inspect_err(|error| tracing::debug!(%error, "handshake")).ok()
    }

    /// Looks after the files until `stop`: now and then, and on SIGHUP.
    /// From this call on the signal does not end the process.
    pub fn watch(self: Arc<Self>, stop: CancellationToken) -> impl Future<Output = ()> + Send {
        // Without it the files are still looked at.
        let mut hangup = signal(SignalKind::hangup()).ok();
        let mut ticks = interval(self.files.reload.max(Duration::from_millis(10)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        async move {
            loop {
                let wished = tokio::select! {
                    () = stop.cancelled() => return,
                    _ = ticks.tick() => false,
                    () = heard(&mut hangup) => true,
                };
                let tls = self.clone();
                // A file can be on a slow disk.
                let _ = tokio::task::spawn_blocking(move || tls.look(wished)).await;
            }
        }
    }

    /// Takes a new pair, where there is one that works. `wished`: even if the files
    /// look as before.
    fn look(&self, wished: bool) {
        let now = stamps(&self.files);
        let before = std::mem::replace(&mut *lock(&self.seen), now);
        if !wished && now == before {
            return;
        }
        match read(&self.files) {
            Ok(acceptor) => {
                *lock(&self.current) = acceptor;
                tracing::info!("the certificate was read anew; new connections get it");
            }
            // Once for each change. Where only one of two files is new, the other
            // one follows.
            Err(error) => tracing::error!(%error, "the old certificate stays in force"),
        }
    }
}

async fn heard(hangup: &mut Option<tokio::signal::unix::Signal>) {
    if let Some(hangup) = hangup
        && hangup.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
}

fn stamps(files: &TlsConfig) -> Stamps {
    [&files.cert, &files.key].map(|path| {
        let data = fs::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len(), data.ino()))
    })
}

fn read(files: &TlsConfig) -> Result<TlsAcceptor, TlsError> {
    let TlsConfig { cert, key, .. } = files;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&bytes(cert)?)
        .collect::<Result<_, _>>()
        .ok()
        .filter(|chain: &Vec<_>| !chain.is_empty())
        .ok_or_else(|| TlsError::NoCertificate(cert.clone()))?;
    let secret = PrivateKeyDer::from_pem_slice(&bytes(key)?)
        .map_err(|_not_shown| TlsError::NoKey(key.clone()))?;
    warn_if_open(key);
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret))
        .map_err(|cause| TlsError::Unusable { cert: cert.clone(), key: key.clone(), cause })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|cause| TlsError::File { path: path.to_owned(), cause })
}

fn warn_if_open(key: &Path) {
    let open = fs::metadata(key).is_ok_and(|data| data.permissions().mode() & 0o007 != 0);
    if open {
        tracing::warn!(
            file = %key.display(),
            "every user of this machine can read the private key; take that right away (chmod o=)"
        );
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_answer_to_plain_http_is_whole() {
        let (_, body) = super::PLAIN.split_once("\r\n\r\n").unwrap();
        assert!(super::PLAIN.contains(&format!("Content-Length: {}\r\n", body.len())));
    }
}
