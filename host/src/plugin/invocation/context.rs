//! What a plugin may know of the request behind a call.

use std::collections::BTreeMap;

use mcp_protocol::{LogLevel, Trace};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

/// Who called, as found out by whoever checked it before the host, or by a token that the host has asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The name by which it is known; `None`: nobody asked.
    pub principal: Option<String>,
    /// What else is known of it.
    pub claims: Map<String, Value>,
}

/// The facts of a request. Source: `plugin-abi/PAYLOADS.md`, "Context".
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallContext {
    /// Names the request in the operator's log.
    pub request_id: String,
    /// The revision in which the call is answered.
    pub protocol_version: &'static str,
    /// What the client says of itself.
    #[serde(skip_serializing_if = "is_unreadable")]
    pub client: Option<Box<RawValue>>,
    /// What the client can do; `None`: not known.
    #[serde(skip_serializing_if = "is_unreadable")]
    pub capabilities: Option<Box<RawValue>>,
    /// Who called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// What is known of the principal.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub claims: Map<String, Value>,
    /// The request's headers that plugins may see, by names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The trace that the call is part of.
    #[serde(skip_serializing_if = "Trace::is_empty")]
    pub trace: Trace,
    /// Does the client want to hear of progress?
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub progress: bool,
    /// The least important level of messages that the client wants; `None`: it wants none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
}

/// A client's JSON may hold what Rust's readers refuse: half of a surrogate pair, `1e400`, a hundred levels. The plugin
/// could then read nothing of its context, so that such a member is left out.
fn is_unreadable(raw: &Option<Box<RawValue>>) -> bool {
    raw.as_ref().is_none_or(|raw| {
        // As deep as it will stand in the context, and one level more for whoever wraps that.
        let nested = format!("[[{}]]", raw.get());
        serde_json::from_str::<Value>(&nested).is_err()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_make_the_context_unreadable() {
        let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for (client, kept) in [
            (r#"{"name":"x"}"#.to_owned(), true),
            (deep(100), true),
            (deep(126), false),
            (deep(1000), false),
            (r#"{"name":"\ud800"}"#.to_owned(), false),
            (r#"{"name":1e400}"#.to_owned(), false),
        ] {
            let context = CallContext {
                client: RawValue::from_string(client.clone()).ok(),
                ..CallContext::default()
            };
            assert!(context.client.is_some(), "client: {client}");
            let json = serde_json::to_string(&context).expect("JSON");
            let read: Value = serde_json::from_str(&json).expect("readable JSON");
            assert_eq!(read.get("client").is_some(), kept, "client: {client}");
        }
    }
}
