//! MCP clients.

pub(crate) mod client;
pub(crate) mod client_kind;
pub(crate) mod client_setup;
pub(crate) mod connection;
pub(crate) mod era;
pub(crate) mod headers;
pub(crate) mod messages;
pub(crate) mod tool;
