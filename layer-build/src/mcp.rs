//! An MCP client, and the configurations of other MCP clients.
//!
//! Besides the errors, this module imports only `archive`, `aws`, `build` and `process`.

pub(crate) mod client;
pub(crate) mod client_kind;
pub(crate) mod client_setup;
pub(crate) mod connection;
pub(crate) mod era;
pub(crate) mod headers;
pub(crate) mod messages;
pub(crate) mod tool;
