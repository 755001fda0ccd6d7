//! Answers as HTTP responses.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use mcp_protocol::{Answer, event_stream, jsonrpc::INVALID_REQUEST};

use crate::server::outcome::McpReply;

/// When whoever met a server that cannot serve at the moment may try again. Unit: seconds.
/// Source: ours. Most calls take less.
const RETRY_AFTER_SECONDS: &str = "1";

/// The type of a body of events. Source: HTML Living Standard, section 9.2.
const EVENT_STREAM: &str = "text/event-stream";

/// In the extensions of a response: its body is a JSON-RPC error, or has one in a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonRpcErrorMarker;

/// A refusal before any message was read.
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

/// The outcome as one HTTP response: an event stream, written whole. Without notifications it is JSON.
pub(crate) fn into_response(outcome: McpReply) -> Response<Bytes> {
    let McpReply {
        notifications,
        answer,
        ..
    } = outcome;
    let mut response = respond(answer);
    // What the host writes is UTF-8.
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

/// The headers of a body of events.
pub(crate) fn to_event_stream(headers: &mut HeaderMap) {
    for (name, value) in [
        (CONTENT_TYPE, EVENT_STREAM),
        (CACHE_CONTROL, "no-cache"),
        // Some proxies else wait for more (M:http).
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
