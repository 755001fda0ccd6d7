//! An HTTP API: events and answers of payload format 2.0.
//!
//! Source: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway", also for answers without a
//! `statusCode`, which become the body itself. `rawPath` is decoded although it is called raw: captured events show it,
//! one of which is among the tests of lambda_http (`apigw_request_path_with_space.json`).

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

/// The stage that is not part of the URL, and the route that matches every request without another route.
pub(super) const DEFAULT_STAGE: &str = "$default";

/// Content types of bodies that stay text; all others arrive in base64.
/// Source: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway".
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
    // This format omits empty members.
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

/// Returns the function's answer as HTTP.
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

/// Returns the answer that begins with this head, and as much of its body as is known.
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

/// Builds the answer for JSON without a status: 200, and the whole of it is the body.
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

/// Reports whether the body of a request stays text in an event.
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

/// Returns values by name; values of the same name are joined by commas.
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
