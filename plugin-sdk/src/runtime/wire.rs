//! Payloads that a plugin reads and writes around its calls: `init`, its declaration, `cancel`. See `plugin-abi/PAYLOADS.md`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::icon::Icon;

/// Body of the operation `init`: the host's facts.
#[derive(Deserialize)]
pub(crate) struct Init {
    pub(crate) payloads: Vec<u32>,
    /// The least important level of lines that the host writes to its log.
    #[serde(default = "default_log_level")]
    pub(crate) log: String,
    /// Does the host ask which tools there are?
    #[serde(default = "default_true")]
    pub(crate) tools: bool,
}

fn default_true() -> bool {
    true
}

fn default_log_level() -> String {
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

/// Body of the operation `cancel`.
#[derive(Deserialize)]
pub(crate) struct Cancel {
    pub(crate) call: u64,
}
