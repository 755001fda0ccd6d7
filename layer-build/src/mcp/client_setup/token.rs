//! Tokens in configurations of clients: by a reference to the place of the token, as printed configurations often end
//! up in a repository.
//!
//! Source: the documentation of each client: Claude Code, "Environment variable expansion in .mcp.json"; VS Code, "MCP
//! configuration reference", input variables; Cursor, "Config interpolation"; Codex, `bearer_token_env_var`; Gemini
//! CLI, "Environment variables in settings". Claude Desktop's configuration has no such thing.

use serde_json::{Value, json};

use crate::mcp::client_kind::ClientKind;

/// The placeholder that a user has to replace by the token.
const PLACEHOLDER: &str = "WRITE-THE-TOKEN-HERE";

/// Returns the value of `Authorization` in a client's configuration, for a token that is kept in this variable. `None`:
/// the client has another setting for it.
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

/// Returns the input that VS Code requests from its user once, and keeps.
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
