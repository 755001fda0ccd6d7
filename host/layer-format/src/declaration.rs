//! A plugin's declaration: its crate, its versions and its tools. `plugin-abi/PAYLOADS.md` describes the members.

use std::collections::BTreeMap;

use mcp_protocol::tools::Tool;
use serde::{Deserialize, Serialize};

/// The declaration that a plugin's `init` returns.
#[derive(Clone, Debug, Deserialize)]
pub struct Declaration {
    /// The version of the payload format that the plugin chose.
    pub payload: u32,
    /// The plugin's crate.
    #[serde(rename = "crate")]
    pub krate: Crate,
    /// The version of plugin-sdk with which the plugin was built.
    pub sdk: String,
    /// The oldest host release that can serve the plugin.
    #[serde(default, rename = "minHost")]
    pub min_host: Option<String>,
    /// The panic strategy with which the plugin was built: `unwind` or `abort`.
    pub panic: String,
    /// The plugin's tools, in the order in which it declares them.
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
    /// The tool as MCP describes it.
    pub tool: Tool,
    /// The name of the Rust function that implements the tool.
    pub function: String,
    /// Whether the host must validate the arguments before each call.
    #[serde(default)]
    pub validate: bool,
    /// Whether the host must not coerce arguments to the types in the schema.
    #[serde(default)]
    pub strict: bool,
    /// The time limit that the tool sets for itself. Unit: milliseconds.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// The client capabilities that the tool requires.
    #[serde(default)]
    pub requires: Vec<String>,
    /// The names from the `x-mcp-header` members of the schema. Each has a JSON pointer to the argument that the header
    /// repeats.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}
