//! Data that is kept longer than one request: sessions, the state of tools, and the key that encrypts the state of
//! unfinished calls.

pub mod dynamodb;
pub mod seal;
pub mod session;
pub mod timeouts;
pub mod tool_state;
