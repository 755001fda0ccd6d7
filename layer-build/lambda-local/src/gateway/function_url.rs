//! A Function URL: the events and answers of HTTP APIs, and words of its own for what fails.
//!
//! Source: "Invoking Lambda function URLs", request and response payloads. The status of a function that failed, 502, is what
//! the metric `Url5xxCount` is documented to count; the words are Lambda's own.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use super::{
    client::{API_ID, ClientRequest},
    http_api::{self, DEFAULT_STAGE},
    integration::{Failure, message},
};

/// The event for a request.
pub(super) fn event(request: &ClientRequest, region: &str) -> Value {
    let mut event = http_api::event(request, DEFAULT_STAGE);
    // By its name functions tell a URL from an API: nothing else in the event does.
    event["requestContext"]["domainName"] =
        Value::from(format!("{API_ID}.lambda-url.{region}.on.aws"));
    event["requestContext"]["accountId"] = json!("anonymous");
    event
}

/// Lambda's own answers.
pub(super) fn failure(failure: Failure) -> Response<Full<Bytes>> {
    let (status, text) = match failure {
        Failure::BadRequest => (StatusCode::BAD_REQUEST, "Bad Request"),
        Failure::NoSuchStage => (StatusCode::NOT_FOUND, "Not Found"),
        Failure::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
        Failure::Integration => (StatusCode::BAD_GATEWAY, "Internal Server Error"),
        Failure::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout"),
    };
    message(status, text)
}
