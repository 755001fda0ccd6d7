//! MCP clients.

pub(crate) mod client;
pub(crate) mod era;
