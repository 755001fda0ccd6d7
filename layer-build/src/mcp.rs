//! MCP clients.

pub(crate) mod client;
pub(crate) mod client_kind;
pub(crate) mod client_setup;
pub(crate) mod era;
