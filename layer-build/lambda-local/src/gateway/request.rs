//! The parts of a client's request that both kinds of API read.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::clock::Timestamp;
use crate::{function::new_trace_root, server::PeerAddrs};

/// The id of the API in every event.
pub(super) const API_ID: &str = "lambdalocal";

/// Headers about one connection; no gateway forwards them.
/// Source: RFC 9110, section 7.6.1, and `Expect`, which the server has answered.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// A request as an API sees it before it builds the event.
pub(super) struct ClientRequest {
    pub(super) method: String,
    /// The path behind the stage, as the client encoded it.
    pub(super) path: String,
    /// The query as the client encoded it, without question mark.
    pub(super) raw_query: String,
    /// The query's names and values, decoded, in the order given.
    pub(super) query: Vec<(String, String)>,
    /// The client's headers that a gateway forwards, and those that gateways add.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) protocol: String,
    pub(super) source_ip: String,
    /// The address that the client connected to. Not the Host header: on AWS the operator has configured this name, and
    /// functions rely on it to distinguish their own site from others.
    pub(super) domain_name: String,
    pub(super) request_id: Uuid,
    pub(super) trace_id: String,
    pub(super) received: Timestamp,
}

impl ClientRequest {
    /// Reads a request; `path` has no stage any more.
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

    /// Returns the body as events carry it, and whether that is base64: it is when `binary` says so, or when it is not
    /// text.
    pub(super) fn encoded_body(&self, binary: bool) -> (Option<String>, bool) {
        if self.body.is_empty() {
            return (None, false);
        }
        match std::str::from_utf8(&self.body) {
            Ok(text) if !binary => (Some(text.to_owned()), false),
            _ => (Some(BASE64_STANDARD.encode(&self.body)), true),
        }
    }

    /// Returns the body as text, with replacement characters where it is not.
    pub(super) fn lossy_body(&self) -> Option<String> {
        (!self.body.is_empty()).then(|| String::from_utf8_lossy(&self.body).into_owned())
    }

    /// Returns an id in the style of the shorter ids of API Gateway, such as `JKJaXmPLvHcESHA=`.
    pub(super) fn short_id(&self) -> String {
        BASE64_STANDARD.encode(&self.request_id.as_bytes()[..11])
    }
}

/// Returns a header value as text. Bytes that are not text become replacement characters, since an event is JSON.
pub(super) fn lossy(value: &HeaderValue) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// Returns values by name in order of appearance, or JSON null when there are none.
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
