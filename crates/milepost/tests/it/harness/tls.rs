//! Certificates of an authority of the test's own, and clients that trust it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{DEADLINE, Server, within};

/// An authority, and a folder with its certificate and a pair that it has issued.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A certificate and its key, as PEM.
pub struct Pair {
    pub cert: String,
    pub key: String,
}

impl Authority {
    /// With a first pair in force.
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder can be made");
        let authority = Self { issuer, folder };
        fs::write(authority.file("ca.pem"), authority.issuer.pem()).expect("a file");
        authority.put(&authority.issue());
        authority
    }

    /// A new pair for this machine.
    pub fn issue(&self) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let params = CertificateParams::new(names).expect("names");
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        Pair { cert: cert.pem(), key: key.serialize_pem() }
    }

    /// Puts a pair where the server looks for it, each file at once.
    pub fn put(&self, pair: &Pair) {
        for (name, text) in [("key.pem", &pair.key), ("cert.pem", &pair.cert)] {
            fs::write(self.file("new"), text).expect("a file");
            let own = fs::Permissions::from_mode(0o600);
            fs::set_permissions(self.file("new"), own).expect("a file of ours");
            fs::rename(self.file("new"), self.file(name)).expect("a file");
        }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A server with the pair that is in force, and these settings.
    pub fn server(&self, settings: &[(&str, &str)]) -> Server {
        let (cert, key) = (self.file("cert.pem"), self.file("key.pem"));
        let text = |path: &Path| path.to_str().expect("a path of ours").to_owned();
        let (cert, key) = (text(&cert), text(&key));
        let own = [("MILEPOST_TLS_CERT", &*cert), ("MILEPOST_TLS_KEY", &*key)];
        Server::with(&[settings, &own].concat())
    }

    /// For HTTP clients that trust it.
    pub fn client(&self) -> reqwest::ClientBuilder {
        let pem = self.issuer.pem();
        let root = reqwest::Certificate::from_pem(pem.as_bytes()).expect("a certificate");
        reqwest::Client::builder().no_proxy().add_root_certificate(root).timeout(DEADLINE * 2)
    }

    /// An encrypted connection that speaks one of `protocols`.
    pub async fn connect(&self, server: &Server, protocols: &[&str]) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a certificate");
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let tcp = TcpStream::connect(server.address()).await.expect("the server listens");
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let shaking = TlsConnector::from(Arc::new(config)).connect(name, tcp);
        within(DEADLINE, "a TLS handshake", shaking).await.expect("a trusted server")
    }

    /// The certificate that a new connection gets.
    pub async fn served(&self, server: &Server) -> Vec<u8> {
        let tls = self.connect(server, &[]).await;
        let chain = tls.get_ref().1.peer_certificates().expect("a certificate");
        chain.first().expect("a certificate").to_vec()
    }
}
