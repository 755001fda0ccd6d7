//! How clients are told of a token: by a reference to where it is kept, as what is printed here often ends up in a repository.
//!
//! Source: the documentation of each client: Claude Code, "Environment variable expansion in .mcp.json"; VS Code, "MCP configuration
//! reference", input variables; Cursor, "Config interpolation"; Codex, `bearer_token_env_var`; Gemini CLI, "Environment variables
//! in settings". Claude Desktop's configuration has no such thing.

use serde_json::{Value, json};

use crate::mcp::client_kind::ClientKind;

/// What stands where a user has to write the token.
const PLACEHOLDER: &str = "WRITE-THE-TOKEN-HERE";

/// The value of `Authorization` in a client's configuration, by a token that is kept in this variable. `None`: the client is
/// told of it in another way.
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

/// What VS Code asks its user for, once, and keeps.
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
