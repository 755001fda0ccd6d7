//! Data that outlives a request: sessions, the state of tools, and the key that seals the state of calls.

pub mod dynamodb;
pub mod seal;
pub mod session;
pub mod timeouts;
pub mod tool_state;
