//! Certificates for servers that clients do not trust unless told to.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem};
use std::sync::Arc;

/// Why a certificate could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It could not be made.
    #[error("make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// It could not be read back.
    #[error("read a certificate: {0}")]
    Read(#[from] pem::Error),
    /// The TLS implementation does not take it.
    #[error("use a certificate: {0}")]
    Use(#[from] rustls::Error),
}

/// A certificate for `localhost` and `127.0.0.1`, and the authority, made for it alone, that a client has to trust.
#[derive(Clone)]
pub struct ServerCertificate {
    ca: String,
    certificate: String,
    key: String,
}

impl ServerCertificate {
    /// Makes one.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn new() -> Result<Self, CertificateError> {
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "testcluster");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority_key = KeyPair::generate()?;
        let ca = authority.self_signed(&authority_key)?.pem();

        let mut server = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        server.distinguished_name.push(DnType::CommonName, "localhost");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &Issuer::new(authority, authority_key))?.pem();
        Ok(Self { ca, certificate, key: key.serialize_pem() })
    }

    /// The authority, as PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// The server's certificate, as PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The server's private key, as PEM.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The TLS configuration of a server that speaks HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// When the cryptographic library does not take what it made.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, CertificateError> {
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())?;
        // Named rather than the process's default: the process belongs to the test.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl std::fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerCertificate").finish_non_exhaustive()
    }
}
