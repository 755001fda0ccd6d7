//! What a plugin declares of itself: its crate, its versions and its tools. `plugin-abi/PAYLOADS.md` describes the members.

use std::collections::BTreeMap;

use mcp_protocol::tools::Tool;
use serde::{Deserialize, Serialize};

/// What a plugin declares of itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Declaration {
    /// The payload version the plugin chose.
    pub payload: u32,
    /// The plugin's crate.
    #[serde(rename = "crate")]
    pub krate: Crate,
    /// Version of plugin-sdk.
    pub sdk: String,
    /// The oldest release of the host that can serve it.
    #[serde(default, rename = "minHost")]
    pub min_host: Option<String>,
    /// The panic strategy it was built with: `unwind` or `abort`.
    pub panic: String,
    /// Its tools, in its order.
    pub tools: Vec<DeclaredTool>,
}

/// A crate's name and version.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// One tool in a declaration.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredTool {
    /// The tool, as MCP describes it.
    pub tool: Tool,
    /// The Rust function's name.
    pub function: String,
    /// Must arguments be validated before the call?
    #[serde(default)]
    pub validate: bool,
    /// Are arguments never coerced?
    #[serde(default)]
    pub strict: bool,
    /// The tool's own time limit. Unit: milliseconds.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// The client capabilities without which it cannot work.
    #[serde(default)]
    pub requires: Vec<String>,
    /// Names of `x-mcp-header`, and JSON pointers to the arguments that they repeat.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}
