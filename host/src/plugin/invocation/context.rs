//! The facts about a request that a plugin is allowed to know.

use std::collections::BTreeMap;

use mcp_protocol::{LogLevel, Trace};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

/// The caller, as identified by the front door or by a token that the host requires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The caller's name; `None` if callers are not authenticated.
    pub principal: Option<String>,
    /// Further facts about the caller, such as the claims of a JWT: `{"sub": "ada", "scope": "read"}`.
    pub claims: Map<String, Value>,
}

/// The facts about a request. Source: `plugin-abi/PAYLOADS.md`, "Context".
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallContext {
    /// The id of the request in the operator's log.
    pub request_id: String,
    /// The revision of the response.
    pub protocol_version: &'static str,
    /// The client's description of itself.
    #[serde(skip_serializing_if = "is_unreadable")]
    pub client: Option<Box<RawValue>>,
    /// The client's capabilities; `None` if they are unknown.
    #[serde(skip_serializing_if = "is_unreadable")]
    pub capabilities: Option<Box<RawValue>>,
    /// The caller's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Further facts about the caller.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub claims: Map<String, Value>,
    /// Those of the request's headers that plugins are allowed to see. The names are in lower case.
    pub headers: BTreeMap<String, String>,
    /// The trace to which the call belongs.
    #[serde(skip_serializing_if = "Trace::is_empty")]
    pub trace: Trace,
    /// Whether the client wants progress notifications.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub progress: bool,
    /// The minimum severity of log notifications that the client wants; `None`: it wants none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
}

/// Reports whether Rust's JSON parsers reject a JSON value from a client. Reasons are half of a surrogate pair,
/// `1e400`, or too many nested levels. With such a member, the plugin could read nothing of its context, so the member
/// is left out.
fn is_unreadable(raw: &Option<Box<RawValue>>) -> bool {
    raw.as_ref().is_none_or(|raw| {
        // One level of nesting for the context, and one more for an object that contains the context.
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
