//! Builds the client for DynamoDB.

use std::{env, path::Path, time::Duration};

use aws_config::{
    environment::EnvironmentVariableRegionProvider, meta::region::RegionProviderChain,
    profile::ProfileFileRegionProvider, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::store::session::StoreError;

/// The time limit for connecting. Source: ours. Within a region, connecting takes milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The time limit for one attempt. Source: ours. A healthy DynamoDB responds within some ten milliseconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// The time limit for an operation with all its attempts. Source: ours; it is well below the 29 s after which a gateway
/// times out.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(8);

/// The maximum number of attempts, including the first. Source: ours.
const ATTEMPTS: u32 = 5;

/// The maximum pause after the first attempt. It doubles with each further attempt.
/// Source: the default of the AWS SDKs for DynamoDB, which responds faster than other services.
const BACKOFF: Duration = Duration::from_millis(50);

/// The root certificates of Amazon's services. Source: amazontrust.com, "Root CAs". Mozilla's list contains the same
/// certificates. (Reading all 144 certificates of that list would take more than half of the time in which the client
/// is built.)
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

pub(super) async fn build() -> Result<Client, StoreError> {
    let trust = TlsContext::builder()
        .with_trust_store(trust_store()?)
        .build();
    let trust = trust.map_err(|error| StoreError(format!("TLS cannot be set up: {error}")))?;
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(trust)
        .build_https();
    // The SDK's default also asks the instance metadata service for the region. Where that does not exist, each of
    // these requests takes seconds.
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new());
    let unknown = || StoreError("no AWS region is configured; set AWS_REGION".to_owned());
    let region = region.region().await.ok_or_else(unknown)?;
    let config = aws_config::from_env()
        .http_client(http)
        .region(region)
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(ATTEMPTS)
                .with_initial_backoff(BACKOFF),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        )
        .load()
        .await;
    Ok(Client::new(&config))
}

/// Returns the trusted certificates. If an environment variable names a file, they are those in the file. Otherwise
/// they are those of this machine if another endpoint is configured, and Amazon's if not.
fn trust_store() -> Result<TrustStore, StoreError> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    for name in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        if let Some(path) = set(name) {
            let pem = fs_err::read(Path::new(&path)).map_err(|error| error.to_string());
            let pem = pem.and_then(|pem| match certificates(&pem) {
                Ok(0) => Err(format!("{} has no certificates", path.display())),
                Ok(_) => Ok(pem),
                Err(problem) => Err(format!("{}: {problem}", path.display())),
            });
            let pem = pem.map_err(|problem| StoreError(format!("{name}: {problem}")))?;
            return Ok(TrustStore::empty().with_pem_certificate(pem));
        }
    }
    let endpoint = set("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| set("AWS_ENDPOINT_URL"));
    if endpoint.is_some() {
        return Ok(TrustStore::empty().with_native_roots(true));
    }
    Ok(TrustStore::empty().with_pem_certificate(AMAZON_ROOTS))
}

/// Returns the number of certificates in a PEM text. Returns an error if one of them is invalid.
fn certificates(pem: &[u8]) -> Result<usize, String> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        store.add(certificate).map_err(|error| error.to_string())?;
    }
    Ok(store.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roots_are_the_five_of_amazon() {
        assert_eq!(certificates(AMAZON_ROOTS), Ok(5));
    }

    #[test]
    fn an_invalid_certificate_is_reported() {
        assert_eq!(certificates(b"nothing"), Ok(0));
        for pem in [
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n",
        ] {
            let told = certificates(pem.as_bytes());
            assert!(told.is_err(), "{pem}: {told:?}");
        }
    }
}
