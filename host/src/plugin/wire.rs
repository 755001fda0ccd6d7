//! The payloads that the host writes and reads. `plugin-abi/PAYLOADS.md` describes them.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, value::RawValue};

/// The body of the operation `init`.
#[derive(Serialize)]
pub(crate) struct InitRequest {
    pub(crate) payloads: [u32; 1],
    pub(crate) host: HostInfo,
    /// The minimum severity of lines in the operator's log.
    pub(crate) log: &'static str,
    /// Whether the plugin should return its tools. (Only `false` is sent, since the plugin returns them by default.)
    #[serde(skip_serializing_if = "is_set")]
    pub(crate) tools: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_set(flag: &bool) -> bool {
    *flag
}

#[derive(Serialize)]
pub(crate) struct HostInfo {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

/// The reply to a call. (It is a struct because serde cannot read raw JSON within a tagged enum.)
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallReply {
    pub(crate) r#type: String,
    pub(crate) content: Box<RawValue>,
    /// `Some("null")` if the tool returned null, which is a value like any other since MCP 2026-07-28.
    #[serde(default, deserialize_with = "present")]
    pub(crate) structured_content: Option<Box<RawValue>>,
    #[serde(default)]
    pub(crate) is_error: bool,
    #[serde(default, rename = "_meta")]
    pub(crate) meta: Option<Map<String, Value>>,
    /// The kind of the state error that makes the call fail.
    #[serde(default)]
    pub(crate) cause: Option<String>,
}

pub(crate) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<RawValue>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// The error payload.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct PluginFailure {
    pub(crate) kind: String,
    /// The code of the JSON-RPC error, if the kind is `protocol`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) public: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    /// The kind of the state error that makes the call fail.
    #[serde(default, skip_serializing)]
    pub(crate) cause: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structured_result_of_null_is_not_an_absent_one() {
        for (member, expected) in [
            ("", None),
            (r#","structuredContent":null"#, Some("null")),
            (r#","structuredContent":{"x": 1}"#, Some(r#"{"x": 1}"#)),
        ] {
            let text = format!(r#"{{"type":"complete","content":[]{member}}}"#);
            let reply: CallReply = serde_json::from_str(&text).unwrap();
            let structured = reply.structured_content.as_deref().map(RawValue::get);
            assert_eq!(structured, expected, "reply: {text}");
        }
    }
}
