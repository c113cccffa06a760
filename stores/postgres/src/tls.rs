//! TLS to the server: certificates are always verified.

use crate::error::PostgresError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What a connection is made with.
///
/// # Errors
/// A certificate cannot be used, or the system has none.
pub(crate) fn connector(roots: &[Vec<u8>]) -> Result<MakeRustlsConnect, PostgresError> {
    let wrong = |source: Box<dyn std::error::Error + Send + Sync>| PostgresError::Address { source };
    let mut trusted = RootCertStore::empty();
    for pem in roots {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| wrong(Box::new(error)))?;
            trusted.add(certificate).map_err(|error| wrong(Box::new(error)))?;
        }
    }
    if roots.is_empty() {
        trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(Box::new(error)))?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
