//! Speaks MCP as a client, and prints the configuration of other clients.
//!
//! Besides errors it imports `archive`, `aws`, `build` and `process`.

pub(crate) mod client;
pub(crate) mod client_kind;
pub(crate) mod client_setup;
pub(crate) mod connection;
pub(crate) mod era;
pub(crate) mod headers;
pub(crate) mod messages;
pub(crate) mod tool;
