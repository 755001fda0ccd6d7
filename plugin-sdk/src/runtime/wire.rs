//! The payloads of operations other than calls: `init`, the declaration, and `cancel`. See `plugin-abi/PAYLOADS.md`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::icon::Icon;

/// The body of the operation `init`, with facts about the host: `{"payloads": [1], "log": "info", "tools": true}`.
#[derive(Deserialize)]
pub(crate) struct Init {
    pub(crate) payloads: Vec<u32>,
    /// The lowest level of lines that the host writes to its log.
    #[serde(default = "default_log_level")]
    pub(crate) log: String,
    /// Whether the host requests the declarations of the tools.
    #[serde(default = "default_true")]
    pub(crate) tools: bool,
}

fn default_true() -> bool {
    true
}

fn default_log_level() -> String {
    "info".to_owned()
}

/// The answer to the operation `init`: `{"payload": 1, "crate": {...}, "sdk": "0.1.0", "minHost": "0.1.0", "panic":
/// "unwind", "tools": [...]}`.
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

/// The name and the version of the crate.
#[derive(Serialize)]
pub(crate) struct Crate {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

/// A tool with the facts that the host needs to call it.
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

/// MCP's `Tool`.
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

/// The body of the operation `cancel`: `{"call": 5}`.
#[derive(Deserialize)]
pub(crate) struct Cancel {
    pub(crate) call: u64,
}
