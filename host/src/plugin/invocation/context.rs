//! The facts about a request that a plugin may know.

use std::collections::BTreeMap;

use mcp_protocol::{LogLevel, Trace};
use serde::Serialize;
use serde_json::{Map, Value, value::RawValue};

/// The caller, as identified in front of the host, or by a token that the host requires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The caller's name; `None` without authentication.
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
    /// The client's capabilities; `None`: unknown.
    #[serde(skip_serializing_if = "is_unreadable")]
    pub capabilities: Option<Box<RawValue>>,
    /// The caller's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Further facts about the caller.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub claims: Map<String, Value>,
    /// The request's headers that plugins may see, by names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The trace that the call is part of.
    #[serde(skip_serializing_if = "Trace::is_empty")]
    pub trace: Trace,
    /// Whether the client wants progress notifications.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub progress: bool,
    /// The least important level of messages that the client wants; `None`: it wants none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<LogLevel>,
}

/// Reports whether Rust's readers refuse a client's JSON: half of a surrogate pair, `1e400`, a hundred levels. The
/// plugin could then read nothing of its context, so that such a member is left out.
fn is_unreadable(raw: &Option<Box<RawValue>>) -> bool {
    raw.as_ref().is_none_or(|raw| {
        // As deep as in the context, and one level more for an envelope around that.
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
