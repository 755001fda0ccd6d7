//! What outlives a request: sessions, what tools keep, and the key that seals what clients carry.

pub mod dynamodb;
pub mod seal;
pub mod session;
pub mod timeouts;
pub mod tool_state;
