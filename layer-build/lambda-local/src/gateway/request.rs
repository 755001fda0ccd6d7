//! The parts of a client's request that the front doors need for their events.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::clock::Timestamp;
use crate::{function::new_trace_root, server::PeerAddrs};

/// The id of the API in every event.
pub(super) const API_ID: &str = "lambdalocal";

/// Headers about a single connection, which no gateway forwards. Source: RFC 9110, section 7.6.1, and `Expect`, to
/// which the server has already responded.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A client's request, from which a front door builds the event.
pub(super) struct ClientRequest {
    pub(super) method: String,
    /// The path after the stage, as the client encoded it.
    pub(super) path: String,
    /// The query as the client encoded it, without the question mark.
    pub(super) raw_query: String,
    /// The names and values in the query, decoded, in their order.
    pub(super) query: Vec<(String, String)>,
    /// The headers for the event: those of the client that a gateway forwards, and those that gateways add.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) protocol: String,
    pub(super) source_ip: String,
    /// The address that the client connected to. It is not taken from the Host header: on AWS this name is configured
    /// by the operator, and functions rely on it to tell their own site from others.
    pub(super) domain_name: String,
    pub(super) request_id: Uuid,
    pub(super) trace_id: String,
    pub(super) received: Timestamp,
}

impl ClientRequest {
    /// Reads a request. `path` is its path without the stage.
    pub(super) fn new(head: &Parts, path: &str, body: Bytes, addrs: PeerAddrs) -> Self {
        let raw_query = head.uri.query().unwrap_or_default();
        let domain_name = addrs.local.to_string();
        let source_ip = addrs.peer.ip().to_string();
        let mut headers = head.headers.clone();
        for name in &HOP_BY_HOP {
            headers.remove(name);
        }
        headers.remove("keep-alive");
        headers.remove("proxy-connection");
        let trace_id = text(&headers, "x-amzn-trace-id")
            .filter(|id| id.is_ascii())
            .map_or_else(new_trace_root, |id| id.into_owned());
        let forwarded_for = text(&headers, "x-forwarded-for").map_or_else(
            || source_ip.clone(),
            |others| format!("{others}, {source_ip}"),
        );
        for (name, value) in [
            ("x-amzn-trace-id", trace_id.clone()),
            ("x-forwarded-for", forwarded_for),
            ("x-forwarded-port", addrs.local.port().to_string()),
            ("x-forwarded-proto", "http".to_owned()),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        }
        if let (false, Ok(host)) = (
            headers.contains_key(header::HOST),
            HeaderValue::from_str(&domain_name),
        ) {
            headers.insert(header::HOST, host);
        }
        Self {
            method: head.method.to_string(),
            path: path.to_owned(),
            raw_query: raw_query.to_owned(),
            query: form_urlencoded::parse(raw_query.as_bytes())
                .into_owned()
                .collect(),
            headers,
            body,
            protocol: format!("{:?}", head.version),
            source_ip,
            domain_name,
            request_id: Uuid::new_v4(),
            trace_id,
            received: Timestamp::now(),
        }
    }

    /// Returns a header's first value.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        text(&self.headers, name).map(std::borrow::Cow::into_owned)
    }

    /// Returns the body as an event contains it, and whether that is base64. It is base64 if `binary` is true, or if
    /// the body is not UTF-8.
    pub(super) fn encoded_body(&self, binary: bool) -> (Option<String>, bool) {
        if self.body.is_empty() {
            return (None, false);
        }
        match std::str::from_utf8(&self.body) {
            Ok(text) if !binary => (Some(text.to_owned()), false),
            _ => (Some(BASE64_STANDARD.encode(&self.body)), true),
        }
    }

    /// Returns the body as text, with replacement characters for bytes that are not UTF-8.
    pub(super) fn lossy_body(&self) -> Option<String> {
        (!self.body.is_empty()).then(|| String::from_utf8_lossy(&self.body).into_owned())
    }

    /// Returns an id that looks like the shorter ids of API Gateway, such as `JKJaXmPLvHcESHA=`.
    pub(super) fn short_id(&self) -> String {
        BASE64_STANDARD.encode(&self.request_id.as_bytes()[..11])
    }
}

/// Returns a header value as text. Bytes that are not UTF-8 become replacement characters, because an event is JSON.
pub(super) fn lossy(value: &HeaderValue) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// Returns an object with the list of values of each name, in their order; JSON null if there are none.
pub(super) fn multi_values(pairs: impl IntoIterator<Item = (String, String)>) -> Value {
    let mut map = Map::new();
    for (name, value) in pairs {
        if let Value::Array(values) = map.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
            values.push(Value::String(value));
        }
    }
    if map.is_empty() {
        Value::Null
    } else {
        Value::Object(map)
    }
}

fn text<'headers>(
    headers: &'headers HeaderMap,
    name: &str,
) -> Option<std::borrow::Cow<'headers, str>> {
    headers.get(name).map(lossy)
}
