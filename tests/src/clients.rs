//! Clients: handwritten ones, those of the official SDKs, and the conformance suite.

pub mod conformance;
pub(crate) mod http_client;
pub(crate) mod sdk_clients;
pub(crate) mod stdio_client;
