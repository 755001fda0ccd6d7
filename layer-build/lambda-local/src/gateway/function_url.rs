//! A Function URL. Its events and responses are those of HTTP APIs, except for the domain name.
//!
//! Sources: "Invoking Lambda function URLs", request and response payloads; "Invoking a response streaming enabled function
//! using Lambda function URLs" for the invoke mode.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::Full;
use serde_json::{Value, json};

use super::{
    headers,
    http_api::{self, DEFAULT_STAGE},
    integration::MalformedAnswer,
    request::{API_ID, ClientRequest},
    streaming::StreamHead,
};
use crate::invocation::Invocation;

/// Returns the event for a request.
pub(super) fn event(request: &ClientRequest, region: &str) -> Value {
    let mut event = http_api::event(request, DEFAULT_STAGE);
    // The domain name is the only difference between events of a Function URL and of an HTTP API.
    event["requestContext"]["domainName"] =
        Value::from(format!("{API_ID}.lambda-url.{region}.on.aws"));
    event["requestContext"]["accountId"] = json!("anonymous");
    event
}

/// Returns the function's response as HTTP.
pub(super) fn response(invocation: &Invocation) -> Result<Response<Full<Bytes>>, MalformedAnswer> {
    http_api::response(invocation, &headers::FUNCTION_URL)
}

/// Returns the response that begins with this head, in the invoke mode `RESPONSE_STREAM`. Without a head, the payload
/// is used as the body unchanged. In this mode "Lambda streams all response payloads", also those of functions that do
/// not stream.
pub(super) fn streamed_response(
    stream_head: &StreamHead,
) -> Result<Response<Full<Bytes>>, MalformedAnswer> {
    if let Some(head) = &stream_head.head {
        return http_api::response_from_head(head, Bytes::new(), &headers::FUNCTION_URL);
    }
    let content_type = stream_head.content_type.as_deref();
    let content_type = content_type.and_then(|text| HeaderValue::from_str(text).ok());
    let mut response = Response::new(Full::default());
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    Ok(response)
}
