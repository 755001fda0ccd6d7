//! What a plugin writes and reads at the boundary: the plugin's half of `plugin-abi/PAYLOADS.md`.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use crate::result::{Content, IntoToolResult};

/// Body of the operation `init`: the host's facts.
#[derive(Deserialize)]
pub(crate) struct Init {
    pub(crate) payloads: Vec<u32>,
}

/// Answer to the operation `init`.
#[derive(Serialize)]
pub(crate) struct Declaration {
    pub(crate) payload: u32,
    #[serde(rename = "crate")]
    pub(crate) krate: Crate,
    pub(crate) sdk: &'static str,
    pub(crate) panic: &'static str,
    pub(crate) tools: Vec<DeclaredTool>,
}

#[derive(Serialize)]
pub(crate) struct Crate {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

#[derive(Serialize)]
pub(crate) struct DeclaredTool {
    pub(crate) tool: McpTool,
    pub(crate) function: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) validate: bool,
}

/// The Tool of MCP.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct McpTool {
    pub(crate) name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<&'static str>,
    pub(crate) description: &'static str,
    pub(crate) input_schema: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) annotations: Option<Annotations>,
}

/// MCP's hints about a tool.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Annotations {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) read_only_hint: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destructive_hint: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) idempotent_hint: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) open_world_hint: Option<bool>,
}

/// Answer to the operation `call`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Complete {
    r#type: &'static str,
    content: Vec<Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_content: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_error: bool,
}

/// The error payload.
#[derive(Debug, Serialize)]
pub struct Failure {
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

impl Failure {
    pub(crate) fn unknown_op(op: u32) -> Self {
        let detail = format!(
            "operation {op} is not known to plugin-sdk {}",
            env!("CARGO_PKG_VERSION")
        );
        Self {
            kind: "unknown_op",
            public: None,
            detail: Some(detail),
        }
    }

    pub(crate) fn unavailable(detail: String) -> Self {
        Self {
            kind: "unavailable",
            public: None,
            detail: Some(detail),
        }
    }

    pub(crate) fn panic(detail: String) -> Self {
        Self {
            kind: "panic",
            public: None,
            detail: Some(detail),
        }
    }
}

/// The arguments of a call, from its body.
///
/// # Errors
/// `invalid_arguments`, with the decoder's words for the model.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Failure {
        kind: "invalid_arguments",
        public: Some(without_position(&error)),
        detail: None,
    })
}

/// The answer to a call, from what the tool gave back.
///
/// # Errors
/// `unavailable`, when the result has no form in JSON.
pub fn reply<T: IntoToolResult>(result: T) -> Result<Vec<u8>, Failure> {
    let result = result.into_tool_result();
    let complete = Complete {
        r#type: "complete",
        content: result.content,
        structured_content: result.structured,
        is_error: result.is_error,
    };
    serde_json::to_vec(&complete).map_err(|error| Failure::unavailable(error.to_string()))
}

/// serde_json's message without "at line 1 column 9": the model did not write lines.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((message, _)) => message.to_owned(),
        None => text,
    }
}
