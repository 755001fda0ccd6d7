//! MCP clients.

pub(crate) mod client;
