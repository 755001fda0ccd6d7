//! Converts replies into HTTP responses.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use mcp_protocol::{Answer, event_stream, jsonrpc::INVALID_REQUEST};

use crate::server::outcome::McpReply;

/// How long a client should wait before it repeats a request that could not be served. Unit: seconds.
/// Source: ours. Most calls are shorter.
const RETRY_AFTER_SECONDS: &str = "1";

/// The content type of an event stream. Source: HTML Living Standard, section 9.2.
const EVENT_STREAM: &str = "text/event-stream";

/// An extension that marks an HTTP response whose body is a JSON-RPC error, or a batch that contains one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonRpcErrorMarker;

/// Returns the response that rejects a request before its message is parsed.
pub(crate) fn refusal(status: StatusCode, message: &str) -> Response<Bytes> {
    respond(Answer::error(
        status.as_u16(),
        None,
        INVALID_REQUEST,
        message,
    ))
}

pub(crate) fn respond(answer: Answer) -> Response<Bytes> {
    let mut response =
        empty(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    if let Some(body) = answer.body {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = body.into();
    }
    if answer.is_error {
        response.extensions_mut().insert(JsonRpcErrorMarker);
    }
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
    }
    response
}

/// Returns a reply as one HTTP response: a complete event stream if there are notifications, otherwise JSON.
pub(crate) fn into_response(outcome: McpReply) -> Response<Bytes> {
    let McpReply {
        notifications,
        answer,
        ..
    } = outcome;
    let mut response = respond(answer);
    // This never fails: the host writes only UTF-8.
    let Ok(text) = str::from_utf8(response.body()) else {
        return response;
    };
    if notifications.is_empty() {
        return response;
    }
    let notifications = notifications.iter().map(|notification| notification.get());
    let stream = event_stream(notifications.chain([text]));
    *response.body_mut() = stream.into();
    to_event_stream(response.headers_mut());
    response
}

/// Sets the headers of an event stream.
pub(crate) fn to_event_stream(headers: &mut HeaderMap) {
    for (name, value) in [
        (CONTENT_TYPE, EVENT_STREAM),
        (CACHE_CONTROL, "no-cache"),
        // Without this header, some proxies buffer the stream (M:http).
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == EVENT_STREAM)
}

pub(crate) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
