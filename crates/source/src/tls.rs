//! How servers are verified.

use crate::{SourceError, TlsOptions};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use secrecy::ExposeSecret;
use std::sync::{Arc, OnceLock};
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// A client configuration for these options; `url` is for messages.
pub(crate) fn client_config(options: &TlsOptions, url: &str) -> Result<ClientConfig, SourceError> {
    let invalid = |reason: String| SourceError::InvalidCredentials { url: url.to_owned(), reason };
    let provider = CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let pinned = match &options.ca {
        Some(pem) => certificates(pem).map_err(|e| invalid(format!("ca.crt: {e}")))?,
        None => Vec::new(),
    };
    let verifier = Verifier::new(provider.clone(), pinned, options.skip_verification).map_err(invalid)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| invalid(e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &options.client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let chain = certificates(&client.certificate).map_err(|e| invalid(format!("tls.crt: {e}")))?;
            let key = PrivateKeyDer::from_pem_slice(client.key.expose_secret().as_bytes())
                .map_err(|_| invalid("tls.key: no private key in PEM format".into()))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|e| invalid(format!("tls.crt, tls.key: {e}")))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The reason a TLS connection was refused, if that is what an error is about.
pub(crate) fn certificate_problem(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found @ rustls::Error::InvalidCertificate(_)) = error.downcast_ref::<rustls::Error>() {
            return Some(found.to_string());
        }
        // An `io::Error` does not name what it wraps as its source, but that one's source.
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(found) if found.is_empty() => Err("no certificate in PEM format".into()),
        Ok(found) => Ok(found),
        Err(e) => Err(e.to_string()),
    }
}

/// The machine's own authorities; read once.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}

/// The usual verification, with two additions, both as Go's TLS behaves: a server that presents exactly a certificate
/// that the user pinned is trusted for that certificate's names (webpki refuses authority certificates as servers), and
/// a pinned authority vouches for nobody outside of its own time (webpki never looks at an authority's).
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    usual: Option<Arc<WebPkiServerVerifier>>,
    pinned: Vec<CertificateDer<'static>>,
    skip: bool,
}

impl Verifier {
    fn new(
        provider: Arc<CryptoProvider>,
        pinned: Vec<CertificateDer<'static>>,
        skip: bool,
    ) -> Result<Self, String> {
        let usual = usual(&provider, &pinned).map_err(|e| e.to_string())?;
        Ok(Self { provider, usual, pinned, skip })
    }

    /// What the machine's authorities and those pinned ones that are valid now answer when they are asked for a server.
    /// Where only one that is out of its time vouches for it, that is the reason to tell.
    fn verify_chain(
        &self,
        now: UnixTime,
        ask: impl Fn(Option<&WebPkiServerVerifier>) -> Result<ServerCertVerified, rustls::Error>,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let by_any = ask(self.usual.as_deref());
        let outdated = self.pinned.iter().find_map(|pinned| verify_time(pinned, now).err());
        let (Ok(_), Some(outdated)) = (&by_any, outdated) else { return by_any };
        let valid: Vec<_> =
            self.pinned.iter().filter(|pinned| verify_time(pinned, now).is_ok()).cloned().collect();
        let verifier = usual(&self.provider, &valid).map_err(|e| rustls::Error::General(e.to_string()))?;
        ask(verifier.as_deref()).map_err(|_| outdated)
    }
}

/// The verification against the machine's authorities and some more; `None` where there are none at all, so that all
/// servers are refused.
fn usual(
    provider: &Arc<CryptoProvider>,
    more: &[CertificateDer<'static>],
) -> Result<Option<Arc<WebPkiServerVerifier>>, VerifierBuilderError> {
    let mut roots = system_roots().clone();
    roots.add_parsable_certificates(more.iter().cloned());
    if roots.is_empty() {
        return Ok(None);
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().map(Some)
}

/// That a certificate is valid at a time.
fn verify_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), rustls::Error> {
    let refused = |why| Err(rustls::Error::InvalidCertificate(why));
    let Ok(parsed) = Certificate::from_der(certificate) else {
        return refused(rustls::CertificateError::BadEncoding);
    };
    let validity = parsed.tbs_certificate().validity();
    let not_before = UnixTime::since_unix_epoch(validity.not_before.to_unix_duration());
    let not_after = UnixTime::since_unix_epoch(validity.not_after.to_unix_duration());
    if now < not_before {
        return refused(rustls::CertificateError::NotValidYetContext { time: now, not_before });
    }
    if now > not_after {
        return refused(rustls::CertificateError::ExpiredContext { time: now, not_after });
    }
    Ok(())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.skip {
            return Ok(ServerCertVerified::assertion());
        }
        if self.pinned.iter().any(|p| p.as_ref() == server.as_ref()) {
            let parsed = rustls::server::ParsedCertificate::try_from(server)?;
            rustls::client::verify_server_name(&parsed, name)?;
            verify_time(server, now)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.verify_chain(now, |authorities| match authorities {
            Some(usual) => usual.verify_server_cert(server, intermediates, name, ocsp, now),
            None => Err(rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer)),
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::{ClientConnection, ServerConfig, ServerConnection};

    struct Made {
        certificate: CertificateDer<'static>,
        pem: String,
        key: Vec<u8>,
    }

    /// A certificate for `localhost`: an authority signed by itself, or a server's signed by `issuer`.
    fn make(is_authority: bool, issuer: Option<&Issuer<'_, KeyPair>>) -> (Made, Issuer<'static, KeyPair>) {
        make_for((1975, 4096), is_authority, issuer)
    }

    /// The same, valid from the beginning of a year until that of another.
    fn make_for(
        (from, until): (i32, i32),
        is_authority: bool,
        issuer: Option<&Issuer<'_, KeyPair>>,
    ) -> (Made, Issuer<'static, KeyPair>) {
        let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        if is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = match issuer {
            Some(issuer) => params.signed_by(&key, issuer).unwrap(),
            None => params.self_signed(&key).unwrap(),
        };
        let made =
            Made { certificate: certificate.der().clone(), pem: certificate.pem(), key: key.serialize_der() };
        (made, Issuer::new(params, key))
    }

    fn connect(server: &Made, options: &TlsOptions, name: &'static str) -> Result<(), rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::try_from(server.key.clone()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![server.certificate.clone()], key)
            .unwrap();
        let mut server = ServerConnection::new(Arc::new(config)).unwrap();
        let config = client_config(options, "test").unwrap();
        let name = ServerName::try_from(name).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        while client.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn who_is_trusted() {
        let (authority, issuer) = make(true, None);
        let (server, _) = make(false, Some(&issuer));
        let (other, _) = make(true, None);
        let trust = |made: &Made| TlsOptions { ca: Some(made.pem.clone()), ..TlsOptions::default() };
        assert!(connect(&server, &trust(&authority), "localhost").is_ok());
        // A self-signed authority certificate as server certificate, pinned: fine for its own names.
        assert!(connect(&authority, &trust(&authority), "localhost").is_ok());
        assert!(connect(&authority, &trust(&authority), "example.org").is_err());
        assert!(connect(&server, &trust(&authority), "example.org").is_err());
        assert!(connect(&server, &trust(&other), "localhost").is_err());
        assert!(connect(&authority, &TlsOptions::default(), "localhost").is_err());
        let anyone = TlsOptions { skip_verification: true, ..TlsOptions::default() };
        assert!(connect(&other, &anyone, "example.org").is_ok());
    }

    #[test]
    fn what_has_expired_or_is_not_valid_yet_is_not_trusted() {
        let trust = |made: &Made| TlsOptions { ca: Some(made.pem.clone()), ..TlsOptions::default() };
        let (authority, issuer) = make(true, None);
        for (years, words) in [((2000, 2001), "expired"), ((3000, 3001), "not valid yet")] {
            let (server, _) = make_for(years, false, Some(&issuer));
            let error = connect(&server, &trust(&authority), "localhost").unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            // Also one that is pinned.
            let (pinned, _) = make_for(years, true, None);
            let error = connect(&pinned, &trust(&pinned), "localhost").unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn an_authority_outside_of_its_time_vouches_for_nobody() {
        let (valid, valid_issuer) = make(true, None);
        for (years, words) in [((2000, 2001), "expired"), ((3000, 3001), "not valid yet")] {
            let (outdated, outdated_issuer) = make_for(years, true, None);
            let pem = format!("{}{}", outdated.pem, valid.pem);
            let both = TlsOptions { ca: Some(pem), ..TlsOptions::default() };
            let (server, _) = make(false, Some(&outdated_issuer));
            let error = connect(&server, &both, "localhost").unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            // The other one still does, and what is wrong with a server that it knows is told as ever.
            let (server, _) = make(false, Some(&valid_issuer));
            assert!(connect(&server, &both, "localhost").is_ok());
            let error = connect(&server, &both, "example.org").unwrap_err().to_string();
            assert!(error.contains("not valid for name"), "{error}");
        }
    }

    #[test]
    fn what_is_no_certificate() {
        let error = |options: TlsOptions| client_config(&options, "https://h/a").unwrap_err().to_string();
        assert_eq!(
            error(TlsOptions { ca: Some("no PEM".into()), ..TlsOptions::default() }),
            "the credentials for https://h/a cannot be used: ca.crt: no certificate in PEM format"
        );
        let (made, _) = make(false, None);
        let client = crate::ClientCertificate { certificate: made.pem, key: "geheim".into() };
        assert_eq!(
            error(TlsOptions { client: Some(client), ..TlsOptions::default() }),
            "the credentials for https://h/a cannot be used: tls.key: no private key in PEM format"
        );
    }
}
