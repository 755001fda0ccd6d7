//! Signed requests for endpoints with IAM authentication: Function URLs and API Gateway.
//!
//! Source: AWS, "Signature Version 4"; AWS Lambda Developer Guide, "Control access to Lambda function URLs"; API
//! Gateway Developer Guide, "Control access with IAM".

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use serde_json::Value;
use ureq::http::{Request, Uri};

use crate::aws::{
    cli::{Aws, AwsOptions},
    error::DeployError,
};

/// The second label in the host names of Function URLs and of APIs. The region is the third.
const FUNCTION_URL_LABEL: &str = "lambda-url";
const API_LABEL: &str = "execute-api";

/// The target of signed requests, and their credentials.
#[derive(Clone, Debug)]
pub(crate) struct SigningOptions {
    /// The URL of the requests.
    pub(crate) url: String,
    /// The region, if it is not the one in the URL.
    pub(crate) region: Option<String>,
    /// The profile in the settings of the AWS CLI that has the credentials, if they are not in the environment of the
    /// shell.
    pub(crate) profile: Option<String>,
}

/// A signer of requests.
pub(crate) struct Signer {
    credentials: Credentials,
    region: String,
    /// The name of the service in signatures.
    service: &'static str,
}

impl Signer {
    pub(crate) fn new(options: SigningOptions) -> anyhow::Result<Self> {
        let (service, found) = service_and_region(&options.url);
        let region = options.region.or(found);
        let region = region.ok_or(DeployError::NoRegion(options.url))?;
        Ok(Self {
            credentials: credentials(options.profile)?,
            region,
            service,
        })
    }

    /// Returns the request with its signature.
    pub(crate) fn sign<B>(
        &self,
        mut request: Request<B>,
        body: &[u8],
    ) -> anyhow::Result<Request<B>> {
        let identity = self.credentials.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?;
        let headers = request.headers().iter();
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.uri().to_string(),
            headers,
            SignableBody::Bytes(body),
        )?;
        let (instructions, _) = sign(signable, &params.into())?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// Returns the service of a URL, and the region if the host name contains it.
fn service_and_region(url: &str) -> (&'static str, Option<String>) {
    let url = url.parse::<Uri>();
    let host = url.as_ref().ok().and_then(Uri::host).unwrap_or_default();
    let mut parts = host.split('.').skip(1);
    let (kind, region) = (parts.next(), parts.next().map(str::to_owned));
    match kind {
        Some(FUNCTION_URL_LABEL) => ("lambda", region),
        Some(API_LABEL) => (API_LABEL, region),
        _ => (API_LABEL, None),
    }
}

/// Returns the credentials in the environment of the shell; if there are none, those of the AWS CLI.
fn credentials(profile: Option<String>) -> anyhow::Result<Credentials> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let from_shell = (
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
    );
    if let ((Some(id), Some(secret)), None) = (from_shell, &profile) {
        let token = variable("AWS_SESSION_TOKEN");
        return Ok(Credentials::new(id, secret, token, None, "shell"));
    }
    let aws = Aws::new(AwsOptions {
        profile,
        ..AwsOptions::default()
    });
    let exported = aws.query(&["configure", "export-credentials", "--format", "process"])?;
    let text = |member: &str| exported[member].as_str().map(str::to_owned);
    let (Some(id), Some(secret)) = (text("AccessKeyId"), text("SecretAccessKey")) else {
        let what = match &exported {
            Value::Null => "the AWS CLI has none",
            _ => "the AWS CLI returns none",
        };
        return Err(DeployError::Credentials(what).into());
    };
    Ok(Credentials::new(
        id,
        secret,
        text("SessionToken"),
        None,
        "aws-cli",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_gives_the_service_and_the_region() {
        for (url, service, region) in [
            (
                "https://abc.lambda-url.eu-west-1.on.aws/mcp",
                "lambda",
                Some("eu-west-1"),
            ),
            (
                "https://abc.execute-api.us-east-1.amazonaws.com/prod/mcp",
                API_LABEL,
                Some("us-east-1"),
            ),
            ("https://tools.example.com/mcp", API_LABEL, None),
        ] {
            assert_eq!(
                service_and_region(url),
                (service, region.map(str::to_owned)),
                "{url}"
            );
        }
    }

    #[test]
    fn a_request_has_a_signature_over_its_headers_and_its_body() {
        let signer = Signer {
            credentials: Credentials::new(
                "AKID",
                "secret",
                Some("session".to_owned()),
                None,
                "test",
            ),
            region: "eu-west-1".to_owned(),
            service: "lambda",
        };
        let signed = |body: &'static str| {
            let request = Request::post("https://abc.lambda-url.eu-west-1.on.aws/mcp")
                .header("Content-Type", "application/json")
                .body(body)
                .expect("a request");
            let request = signer.sign(request, body.as_bytes()).expect("a signature");
            assert_eq!(request.headers()["x-amz-security-token"], "session");
            request.headers()["authorization"]
                .to_str()
                .expect("text")
                .to_owned()
        };
        let one = signed("{}");
        assert!(
            one.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"),
            "{one}"
        );
        assert!(one.contains("/eu-west-1/lambda/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="), "{one}");
        assert!(!one.contains("secret"), "{one}");
        assert_ne!(
            one.split("Signature=").last(),
            signed("[]").split("Signature=").last()
        );
    }
}
