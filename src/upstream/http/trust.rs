//! Checks the certificates of servers: one is trusted when an authority of the platform has signed it.
//!
//! 1. The platform's certificates (`SSL_CERT_FILE` and `SSL_CERT_DIR` where they are set) are read at the first TLS
//!    handshake and not before: plain http, a directory and a command that asks nothing never pay for them.
//! 2. They are read once. A certificate among them that cannot be read is passed over; a file or directory that the
//!    environment names and that cannot be read is said.
//! 3. Without a single certificate every handshake fails, with what was tried.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};

/// TLS as every request uses it.
pub(super) fn tls() -> Result<(ClientConfig, Arc<Platform>), rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let platform = Arc::new(Platform {
        provider: Arc::clone(&provider),
        read: OnceLock::new(),
    });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::<Platform>::clone(&platform))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((config, platform))
}

/// No certificate of an authority could be read.
#[derive(Debug, Clone)]
pub(in crate::upstream) struct NoRoots(String);

impl fmt::Display for NoRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for NoRoots {}

/// The verifier of the `webpki` crate, over the platform's certificates.
#[derive(Debug)]
pub(super) struct Platform {
    provider: Arc<CryptoProvider>,
    read: OnceLock<Read>,
}

/// What became of reading the platform's certificates.
#[derive(Debug)]
struct Read {
    verifier: Result<Arc<WebPkiServerVerifier>, rustls::Error>,
    /// What the environment names and could not be read.
    unreadable: String,
}

impl Platform {
    fn verifier(&self) -> Result<&WebPkiServerVerifier, rustls::Error> {
        let read = self.read.get_or_init(|| read(Arc::clone(&self.provider)));
        let verifier = read.verifier.as_ref();
        verifier.map(Arc::as_ref).map_err(Clone::clone)
    }

    /// Words for a certificate that is not trusted, when the environment names certificates that could not be read.
    pub(super) fn hint(&self) -> String {
        match self.read.get() {
            Some(read) if !read.unreadable.is_empty() => format!(" ({})", read.unreadable),
            _ => String::new(),
        }
    }
}

fn read(provider: Arc<CryptoProvider>) -> Read {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    let troubles: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
    let troubles = troubles.join("; ");
    let named: Vec<String> = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .into_iter()
        .filter_map(|name| Some(format!("{name}={}", std::env::var_os(name)?.display())))
        .collect();
    let named = named.join(" ");
    let because = match (named.is_empty(), troubles.is_empty()) {
        (true, true) => "no certificate was found where this system keeps them".to_owned(),
        (true, false) => troubles.clone(),
        (false, true) => format!("no certificate in {named}"),
        (false, false) => format!("{named}: {troubles}"),
    };
    let mut unreadable = String::new();
    if !troubles.is_empty() && !named.is_empty() {
        tracing::warn!("certificates that the environment names cannot be read: {because}");
        unreadable.clone_from(&because);
    }
    let verifier = if taken == 0 {
        Err(rustls::Error::Other(OtherError(Arc::new(NoRoots(because)))))
    } else {
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| rustls::Error::Other(OtherError(Arc::new(error))))
    };
    Read {
        verifier,
        unreadable,
    }
}

impl ServerCertVerifier for Platform {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verifier = self.verifier()?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
