//! A plugin's declaration: its crate, its versions and its tools. `plugin-abi/PAYLOADS.md` describes the members.

use std::collections::BTreeMap;

use mcp_protocol::tools::Tool;
use serde::{Deserialize, Serialize};

/// A plugin's declaration, as `init` returns it.
#[derive(Clone, Debug, Deserialize)]
pub struct Declaration {
    /// The payload version that the plugin chose.
    pub payload: u32,
    /// The plugin's crate.
    #[serde(rename = "crate")]
    pub krate: Crate,
    /// The version of plugin-sdk.
    pub sdk: String,
    /// The oldest release of the host that can serve the plugin.
    #[serde(default, rename = "minHost")]
    pub min_host: Option<String>,
    /// The panic strategy of the build: `unwind` or `abort`.
    pub panic: String,
    /// The plugin's tools, in its order.
    pub tools: Vec<DeclaredTool>,
}

/// A crate's name and version.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Crate {
    /// The crate's name.
    pub name: String,
    /// The crate's version.
    pub version: String,
}

/// One tool in a declaration.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeclaredTool {
    /// The tool, as MCP describes it.
    pub tool: Tool,
    /// The name of the Rust function.
    pub function: String,
    /// Whether arguments must be validated before the call.
    #[serde(default)]
    pub validate: bool,
    /// Whether arguments are never coerced.
    #[serde(default)]
    pub strict: bool,
    /// The tool's own time limit. Unit: milliseconds.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// The client capabilities without which the tool cannot work.
    #[serde(default)]
    pub requires: Vec<String>,
    /// Names of `x-mcp-header`, each with a JSON pointer to the argument that the header repeats.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}
