//! A REST API, with events and responses in payload format 1.0.
//!
//! Sources: "Lambda proxy integrations in API Gateway" for both formats, "Amazon API Gateway
//! important notes" for queries and the method, "Binary media types for REST APIs in API Gateway" and "Return binary media from a
//! Lambda proxy integration in API Gateway" for bodies.

use bytes::Bytes;
use http::{HeaderName, Response, header};
use http_body_util::Full;
use serde_json::{Map, Value, json};

use super::{
    failure::GatewayFailure,
    headers,
    integration::{HttpAnswer, MalformedAnswer, parse_json, require_object},
    request::{API_ID, ClientRequest, lossy, multi_values},
    streaming::StreamHead,
};
use crate::{config::ACCOUNT, invocation::Invocation};

/// The header with which a client overrides the method of its request. The function does not get this header. Source:
/// "Amazon API Gateway important notes".
const METHOD_OVERRIDE: &str = "x-http-method-override";

/// The characters that a query may contain only in encoded form. Source: "Amazon API Gateway important notes".
const UNSUPPORTED_IN_QUERIES: [char; 3] = ['|', '{', '}'];

/// The media types that an API treats as binary (`binaryMediaTypes`).
pub(super) struct BinaryMediaTypes<'a>(pub(super) &'a [String]);

impl BinaryMediaTypes<'_> {
    /// Reports whether the first media type of a header is binary.
    fn matches(&self, media_types: Option<&str>) -> bool {
        let first = media_types.unwrap_or_default().split([',', ';']).next();
        let first = first.unwrap_or_default().trim();
        self.0
            .iter()
            .any(|binary| binary == "*/*" || binary.eq_ignore_ascii_case(first))
    }
}

/// Returns the event for a request.
///
/// # Errors
///
/// If the API does not accept the query.
pub(super) fn event(
    request: &ClientRequest,
    stage: &str,
    binary: &BinaryMediaTypes<'_>,
) -> Result<Value, GatewayFailure> {
    if request.raw_query.contains(UNSUPPORTED_IN_QUERIES) {
        return Err(GatewayFailure::BadRequest);
    }
    let (body, is_base64_encoded) = if binary.matches(request.header("content-type").as_deref()) {
        request.encoded_body(true)
    } else {
        (request.lossy_body(), false)
    };
    let mut headers = request.headers.clone();
    headers::drop_rest_request_headers(&mut headers);
    let method = headers.remove(METHOD_OVERRIDE);
    let method = method.map_or_else(
        || request.method.clone(),
        |method| lossy(&method).into_owned(),
    );
    let multi_value_headers = multi_values(
        headers
            .iter()
            .map(|(name, value)| (title_case(name), lossy(value).into_owned())),
    );
    // A semicolon separates parameters like an ampersand.
    let query = request.raw_query.replace(';', "&");
    let multi_value_query = multi_values(form_urlencoded::parse(query.as_bytes()).into_owned());
    let (resource, path_parameters) = match request.path.trim_start_matches('/') {
        "" => ("/", Value::Null),
        proxy => ("/{proxy+}", json!({ "proxy": proxy })),
    };
    Ok(json!({
        "resource": resource,
        "path": request.path,
        "httpMethod": method,
        "headers": last_values(&multi_value_headers),
        "multiValueHeaders": multi_value_headers,
        "queryStringParameters": last_values(&multi_value_query),
        "multiValueQueryStringParameters": multi_value_query,
        "pathParameters": path_parameters,
        "stageVariables": null,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": request.domain_name,
            "domainPrefix": API_ID,
            "extendedRequestId": request.short_id(),
            "httpMethod": method,
            "identity": {
                "accessKey": null,
                "accountId": null,
                "caller": null,
                "cognitoAuthenticationProvider": null,
                "cognitoAuthenticationType": null,
                "cognitoIdentityId": null,
                "cognitoIdentityPoolId": null,
                "principalOrgId": null,
                "sourceIp": request.source_ip,
                "user": null,
                "userAgent": request.header("user-agent"),
                "userArn": null,
            },
            "path": format!("/{stage}{}", request.path),
            "protocol": request.protocol,
            "requestId": request.request_id.to_string(),
            "requestTime": request.received.common_log(),
            "requestTimeEpoch": request.received.millis(),
            "resourceId": "local1",
            "resourcePath": resource,
            "stage": stage,
        },
        "body": body,
        "isBase64Encoded": is_base64_encoded,
    }))
}

/// Returns the function's response as HTTP. A body in base64 is decoded only if the client's `Accept` begins with a
/// binary media type.
pub(super) fn response(
    invocation: &Invocation,
    accept: Option<&str>,
    binary: &BinaryMediaTypes<'_>,
) -> Result<Response<Full<Bytes>>, MalformedAnswer> {
    if let Some((head, body)) = invocation.http_stream() {
        return response_from_head(&head, body);
    }
    let json = parse_json(invocation)?;
    let json = require_object(&json)?;
    let mut answer = if binary.matches(accept) {
        HttpAnswer::read(json)?
    } else {
        HttpAnswer::read_undecoded(json)?
    };
    answer.add_headers(json.get("multiValueHeaders"))?;
    answer.add_headers(json.get("headers"))?;
    Ok(finish(answer))
}

/// Returns the response that begins with this head, for an API that streams. The head is required.
pub(super) fn streamed_response(
    stream_head: &StreamHead,
) -> Result<Response<Full<Bytes>>, MalformedAnswer> {
    match &stream_head.head {
        Some(head) => response_from_head(head, Bytes::new()),
        None => Err(MalformedAnswer(
            "the API streams, but the function does not".to_owned(),
        )),
    }
}

fn response_from_head(head: &Value, body: Bytes) -> Result<Response<Full<Bytes>>, MalformedAnswer> {
    Ok(finish(HttpAnswer::from_stream_head(
        require_object(head)?,
        body,
    )?))
}

fn finish(mut answer: HttpAnswer) -> Response<Full<Bytes>> {
    headers::REST_API.apply(&mut answer.headers);
    answer.default_header(header::CONTENT_TYPE, "application/json");
    answer.into_response()
}

/// Returns `Content-Type` for `content-type`: REST APIs keep the case of header names, and clients usually write them
/// like this. The HTTP server used here does not keep the case, and functions must not depend on it.
fn title_case(name: &HeaderName) -> String {
    let mut start = true;
    name.as_str()
        .chars()
        .map(|char| {
            let titled = if start {
                char.to_ascii_uppercase()
            } else {
                char
            };
            start = char == '-';
            titled
        })
        .collect()
}

/// Returns the last value of each name, for the members of an event that contain single values.
pub(super) fn last_values(multi_values: &Value) -> Value {
    let Value::Object(map) = multi_values else {
        return Value::Null;
    };
    map.iter()
        .map(|(name, values)| {
            (
                name.clone(),
                values
                    .as_array()
                    .and_then(|all| all.last())
                    .cloned()
                    .unwrap_or_default(),
            )
        })
        .collect::<Map<_, _>>()
        .into()
}
