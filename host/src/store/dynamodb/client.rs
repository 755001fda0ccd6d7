//! The client of DynamoDB.

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

/// How long a connection may take. Source: ours. Within a region it takes milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long one attempt may take. Source: ours. DynamoDB answers within some ten milliseconds, or is not well.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long an operation may take, all its attempts together. Source: ours: well below the 29 s of a gateway.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(8);

/// How often an operation is tried, the first time counted. Source: ours.
const ATTEMPTS: u32 = 5;

/// How long the first pause between two attempts is at most; then it doubles.
/// Source: the SDKs' own for DynamoDB, which answers faster than other services.
const BACKOFF: Duration = Duration::from_millis(50);

/// The roots under which Amazon's services have their certificates. Source: amazontrust.com, "Root CAs", as Mozilla's list
/// has them. (Reading all 144 of that list costs more than half of building a client.)
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
    // Not from the instance that this runs on, as the SDK would: where there is none, that costs seconds for each request.
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new());
    let unknown = || StoreError("no AWS region is known: set AWS_REGION".to_owned());
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

/// Whom to trust: who the environment names, else Amazon, else, for another endpoint, whom this machine trusts.
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

/// How many certificates of authorities are in a text, if that is all that it has.
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
