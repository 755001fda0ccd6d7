//! Tokens in configurations of clients. The configuration only refers to the place of the token, because configurations
//! are often committed to a repository.
//!
//! Source: the documentation of each client: Claude Code, "Environment variable expansion in .mcp.json"; VS Code, "MCP
//! configuration reference", input variables; Cursor, "Config interpolation"; Codex, `bearer_token_env_var`; Gemini
//! CLI, "Environment variables in settings". Claude Desktop does not support such references.

use serde_json::{Value, json};

use crate::mcp::client_kind::ClientKind;

/// The placeholder that a user must replace by the token.
const PLACEHOLDER: &str = "WRITE-THE-TOKEN-HERE";

/// Returns the value of `Authorization` in a client's configuration, for a token in this environment variable. `None`
/// means that the client has a separate setting for the token.
pub(super) fn authorization(client: ClientKind, name: &str, variable: &str) -> Option<String> {
    let reference = match client {
        ClientKind::ClaudeCode | ClientKind::GeminiCli => format!("${{{variable}}}"),
        ClientKind::ClaudeDesktop => PLACEHOLDER.to_owned(),
        ClientKind::VsCode => format!("${{input:{}}}", input_id(name)),
        ClientKind::Cursor => format!("${{env:{variable}}}"),
        ClientKind::Codex | ClientKind::Inspector => return None,
    };
    Some(format!("Bearer {reference}"))
}

/// Returns the JSON that makes VS Code ask its user for the token once and store it.
pub(super) fn input(name: &str) -> Value {
    json!({
        "type": "promptString",
        "id": input_id(name),
        "description": format!("Token for {name}"),
        "password": true,
    })
}

fn input_id(name: &str) -> String {
    format!("{name}-token")
}
