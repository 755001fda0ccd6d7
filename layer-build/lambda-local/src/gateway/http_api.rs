//! An HTTP API, with events and responses in payload format 2.0.
//!
//! Source: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway", also for responses without a
//! `statusCode`, which become the body of the HTTP response. Despite its name, `rawPath` is decoded. Captured events
//! show that, for example one in the tests of lambda_http (`apigw_request_path_with_space.json`).

use bytes::Bytes;
use http::{Response, header};
use http_body_util::Full;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::{
    headers::HeaderPolicy,
    integration::{HttpAnswer, MalformedAnswer, parse_json},
    request::{API_ID, ClientRequest, lossy},
};
use crate::{config::ACCOUNT, invocation::Invocation};

/// The name of the stage that is not part of the URL, and of the route for requests that match no other route.
pub(super) const DEFAULT_STAGE: &str = "$default";

/// The content types of bodies that an event contains as text. Bodies of other types are in base64. Source: "Create AWS
/// Lambda proxy integrations for HTTP APIs in API Gateway".
const TEXT_TYPES: [&str; 3] = [
    "application/json",
    "application/javascript",
    "application/xml",
];

/// Returns the event for a request.
pub(super) fn event(request: &ClientRequest, stage: &str) -> Value {
    let (body, is_base64_encoded) = request.encoded_body(!is_text(request));
    let path = percent_decode_str(&request.path).decode_utf8_lossy();
    let path = if stage == DEFAULT_STAGE {
        path.into_owned()
    } else {
        format!("/{stage}{path}")
    };
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.raw_query,
        "headers": joined(
            request
                .headers
                .iter()
                .filter(|(name, _)| *name != header::COOKIE)
                .map(|(name, value)| (name.as_str(), lossy(value).into_owned())),
        ),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": request.domain_name,
            "domainPrefix": API_ID,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": request.header("user-agent").unwrap_or_default(),
            },
            "requestId": request.short_id(),
            "routeKey": "$default",
            "stage": stage,
            "time": request.received.common_log(),
            "timeEpoch": request.received.millis(),
        },
        "isBase64Encoded": is_base64_encoded,
    });
    // In this format, empty members are omitted.
    let cookies: Vec<_> = request
        .headers
        .get_all(header::COOKIE)
        .iter()
        .flat_map(|value| {
            lossy(value)
                .split(';')
                .map(|cookie| cookie.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .filter(|cookie| !cookie.is_empty())
        .collect();
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !request.query.is_empty() {
        event["queryStringParameters"] = joined(
            request
                .query
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone())),
        );
    }
    if let Some(body) = body {
        event["body"] = Value::String(body);
    }
    event
}

/// Returns the function's response as HTTP.
pub(super) fn response(
    invocation: &Invocation,
    policy: &HeaderPolicy,
) -> Result<Response<Full<Bytes>>, MalformedAnswer> {
    if let Some((head, body)) = invocation.http_stream() {
        return response_from_head(&head, body, policy);
    }
    let json = parse_json(invocation)?;
    let mut answer = match json
        .as_object()
        .filter(|object| object.contains_key("statusCode"))
    {
        Some(object) => {
            let mut answer = HttpAnswer::read(object)?;
            answer.add_headers(object.get("headers"))?;
            answer.add_cookies(object.get("cookies"))?;
            answer
        }
        None => infer_answer(json),
    };
    if !answer.body.is_empty() {
        answer.default_header(header::CONTENT_TYPE, "text/plain;charset=UTF-8");
    }
    policy.apply(&mut answer.headers);
    Ok(answer.into_response())
}

/// Returns the HTTP response with this head and this body.
pub(super) fn response_from_head(
    head: &Value,
    body: Bytes,
    policy: &HeaderPolicy,
) -> Result<Response<Full<Bytes>>, MalformedAnswer> {
    let head = head
        .as_object()
        .ok_or_else(|| MalformedAnswer("the head of the stream must be an object".to_owned()))?;
    let mut answer = HttpAnswer::from_stream_head(head, body)?;
    policy.apply(&mut answer.headers);
    Ok(answer.into_response())
}

/// Builds the HTTP response for JSON without a `statusCode`: status 200, with all of the JSON as the body.
fn infer_answer(json: Value) -> HttpAnswer {
    let body = match json {
        Value::String(text) => text,
        json => json.to_string(),
    };
    let mut answer = HttpAnswer {
        body: body.into(),
        ..HttpAnswer::default()
    };
    answer.default_header(header::CONTENT_TYPE, "application/json");
    answer
}

/// Reports whether an event contains the body of a request as text.
pub(super) fn is_text(request: &ClientRequest) -> bool {
    request.header("content-type").is_some_and(|content_type| {
        let essence = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        essence.starts_with("text/") || TEXT_TYPES.contains(&essence.as_str())
    })
}

/// Returns an object of values by name. Values of the same name are joined by commas.
fn joined<'name>(pairs: impl Iterator<Item = (&'name str, String)>) -> Value {
    let mut map: Map<String, Value> = Map::new();
    for (name, value) in pairs {
        match map.get_mut(name) {
            Some(Value::String(values)) => {
                values.push(',');
                values.push_str(&value);
            }
            _ => {
                map.insert(name.to_owned(), Value::String(value));
            }
        }
    }
    Value::Object(map)
}
