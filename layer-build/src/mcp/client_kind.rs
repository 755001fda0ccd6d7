//! The MCP clients that people use.

/// A program that speaks MCP to servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientKind {
    /// Claude Code
    ClaudeCode,
    /// Claude Desktop
    ClaudeDesktop,
    /// Visual Studio Code
    VsCode,
    /// Cursor
    Cursor,
    /// OpenAI Codex
    Codex,
    /// Gemini CLI
    GeminiCli,
    /// MCP Inspector
    Inspector,
}

impl ClientKind {
    /// All clients, in the order in which they are shown.
    pub(crate) const ALL: [Self; 7] = [
        Self::ClaudeCode,
        Self::ClaudeDesktop,
        Self::VsCode,
        Self::Cursor,
        Self::Codex,
        Self::GeminiCli,
        Self::Inspector,
    ];

    /// Reports whether it can use only servers that it starts itself, and servers on the public internet.
    pub(crate) fn starts_its_servers(self) -> bool {
        self == Self::ClaudeDesktop
    }
}
