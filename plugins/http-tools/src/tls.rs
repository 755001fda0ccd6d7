//! Encrypted connections to servers that have a certificate of a trusted certificate authority.
//!
//! The trusted authorities are those of the machine, from its bundle or from `SSL_CERT_FILE`. On Lambda, AWS keeps them
//! up to date, and an operator can add one. If they were compiled in, they would become outdated with the layer. They
//! are read once, at the first `https:` URL, in a few milliseconds; the request itself takes much longer.

use std::{io, sync::Arc, sync::OnceLock};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        AlertDescription, CertificateError, ClientConfig, Error, InvalidMessage, RootCertStore,
        crypto::ring, pki_types::ServerName,
    },
};

use crate::error::FetchError;

/// The configuration of encrypted connections. It is created at the first one.
#[derive(Default)]
pub(crate) struct Tls(OnceLock<Option<TlsConnector>>);

impl Tls {
    /// Creates a configuration that trusts only these authorities.
    #[cfg(test)]
    pub(crate) fn with_roots(roots: RootCertStore) -> Self {
        Self(OnceLock::from(connector(roots)))
    }

    pub(crate) async fn connect(
        &self,
        name: ServerName<'static>,
        tcp: TcpStream,
        site: &str,
    ) -> Result<TlsStream<TcpStream>, FetchError> {
        let Some(connector) = self.0.get_or_init(|| connector(system_roots())) else {
            return Err(FetchError::NoAuthorities {
                site: site.to_owned(),
            });
        };
        connector
            .connect(name, tcp)
            .await
            .map_err(|error| FetchError::Tls {
                site: site.to_owned(),
                reason: reason(&error),
            })
    }
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Returns the connector; `None` if there are no authorities, because then no server could be verified.
fn connector(roots: RootCertStore) -> Option<TlsConnector> {
    if roots.is_empty() {
        return None;
    }
    // Name the crypto provider explicitly: if another crate of the plugin adds a second one, rustls does not choose
    // between them.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots);
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(TlsConnector::from(Arc::new(config)))
}

/// Describes why a TLS handshake failed, and what to do.
fn reason(error: &io::Error) -> String {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref()) else {
        return format!(
            "the connection broke during the TLS handshake ({}); try again later",
            error.kind()
        );
    };
    let known = match error {
        Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => {
                "its certificate is not signed by a trusted authority (it is self-signed, or a company's own); the operator can name a bundle that has it in SSL_CERT_FILE"
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired; only the site's operator can renew it"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not valid yet"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another name; check the host in the URL"
            }
            _ => return format!("its certificate is not valid ({error})"),
        },
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server does not speak TLS; try an `http:` URL"
        }
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            "it does not know this name; check the host in the URL"
        }
        _ => return format!("the TLS handshake failed ({error})"),
    };
    known.to_owned()
}
