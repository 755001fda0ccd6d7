//! The names of MCP clients as values of `--client`.

use clap::{ValueEnum, builder::PossibleValue};

use crate::mcp::client_kind::ClientKind;

impl ValueEnum for ClientKind {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::ClaudeCode => ("claude-code", "Claude Code"),
            Self::ClaudeDesktop => ("claude-desktop", "Claude Desktop"),
            Self::VsCode => ("vscode", "Visual Studio Code"),
            Self::Cursor => ("cursor", "Cursor"),
            Self::Codex => ("codex", "OpenAI Codex"),
            Self::GeminiCli => ("gemini-cli", "Gemini CLI"),
            Self::Inspector => ("inspector", "MCP Inspector"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}
