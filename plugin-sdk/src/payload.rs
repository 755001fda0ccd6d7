//! What a plugin writes and reads at the boundary: the plugin's half of `plugin-abi/PAYLOADS.md`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use crate::{
    content::Content,
    error::How,
    result::{Failed, IntoToolResult},
    tool::Icon,
};

/// Body of the operation `init`: the host's facts.
#[derive(Deserialize)]
pub(crate) struct Init {
    pub(crate) payloads: Vec<u32>,
    /// The least important level of lines that the host writes to its log.
    #[serde(default = "info")]
    pub(crate) log: String,
    /// Does the host ask which tools there are?
    #[serde(default = "yes")]
    pub(crate) tools: bool,
}

fn yes() -> bool {
    true
}

fn info() -> String {
    "info".to_owned()
}

/// Answer to the operation `init`.
#[derive(Serialize)]
pub(crate) struct Declaration {
    pub(crate) payload: u32,
    #[serde(rename = "crate")]
    pub(crate) krate: Crate,
    pub(crate) sdk: &'static str,
    #[serde(rename = "minHost")]
    pub(crate) min_host: &'static str,
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
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) strict: bool,
    #[serde(rename = "timeoutMs", skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) requires: &'static [&'static str],
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) headers: Map<String, Value>,
}

/// The Tool of MCP.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct McpTool {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<&'static str>,
    pub(crate) description: &'static str,
    pub(crate) input_schema: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) annotations: Option<Annotations>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) icons: &'static [Icon],
    #[serde(rename = "_meta", skip_serializing_if = "Option::is_none")]
    pub(crate) meta: Option<Map<String, Value>>,
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
    #[serde(rename = "_meta", skip_serializing_if = "Map::is_empty")]
    meta: Map<String, Value>,
}

/// The error payload.
#[derive(Debug, Serialize)]
pub struct Failure {
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

impl Failure {
    const fn of(kind: &'static str) -> Self {
        Self {
            kind,
            code: None,
            public: None,
            detail: None,
        }
    }

    fn with_detail(kind: &'static str, detail: String) -> Self {
        Self {
            detail: Some(detail),
            ..Self::of(kind)
        }
    }

    fn with_public(kind: &'static str, public: String) -> Self {
        Self {
            public: Some(public),
            ..Self::of(kind)
        }
    }

    pub(crate) fn unknown_op(op: u32) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let detail = format!("operation {op} is not known to plugin-sdk {version}");
        Self::with_detail("unknown_op", detail)
    }

    pub(crate) fn unavailable(detail: String) -> Self {
        Self::with_detail("unavailable", detail)
    }

    /// The same, said of this function.
    pub(crate) fn of_function(self, function: &str) -> Self {
        let detail = self.detail.map(|detail| format!("{function}: {detail}"));
        Self { detail, ..self }
    }

    pub(crate) fn panic(detail: String) -> Self {
        Self::with_detail("panic", detail)
    }

    pub(crate) fn invalid_arguments(words: String) -> Self {
        Self::with_public("invalid_arguments", words)
    }

    pub(crate) fn cancelled() -> Self {
        Self::of("cancelled")
    }

    fn protocol(code: i32, message: String) -> Self {
        Self {
            code: Some(code),
            ..Self::with_public("protocol", message)
        }
    }
}

/// Body of the operation `cancel`.
#[derive(Deserialize)]
pub(crate) struct Cancel {
    pub(crate) call: u64,
}

/// The answer to a call, from what the tool gave back.
///
/// # Errors
/// `protocol`, when the tool failed so; `unavailable`, when the result has no form in JSON.
pub fn reply<T: IntoToolResult>(outcome: T, how: How<T>) -> Result<Vec<u8>, Failure> {
    let result = match how(outcome) {
        Ok(outcome) => outcome.into_tool_result(),
        Err(error) => error.into_tool_result(),
    };
    match result.failed {
        None => {}
        Some(Failed::Protocol { code, message }) => return Err(Failure::protocol(code, message)),
        Some(Failed::NoForm(error)) => {
            let detail = format!("the result has no form in JSON: {error}");
            return Err(Failure::unavailable(detail));
        }
    }
    let complete = Complete {
        r#type: "complete",
        content: result.content,
        structured_content: result.structured,
        is_error: result.is_error,
        meta: result.meta,
    };
    serde_json::to_vec(&complete).map_err(|error| Failure::unavailable(error.to_string()))
}
